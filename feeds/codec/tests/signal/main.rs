//! Signals against the contract: what is read, and what is refused with which code.

use proptest::prelude::*;
use qt_codec::signal::{SIGNAL_BYTES_MAX, SignalObject, SizeObject};
use qt_types::{
    InstrumentKind, InstrumentSpec, Nanos, Price, Qty, SignalAction, SignalSize, SourceId,
};
use serde_json::{Value, json};

const ID: &str = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
const SECOND_NS: i64 = 1_000_000_000;

fn plain() -> Value {
    json!({
        "schema_version": 1,
        "signal_id": ID,
        "symbol": "BTC-USD",
        "action": "buy",
        "confidence": 0.85,
        "horizon_seconds": 3600,
        "issued_at": "2026-01-31T09:30:00.5Z",
        "expires_at": "2026-01-31T09:35:00+00:00",
    })
}

fn with(changes: &Value) -> Value {
    let mut all = plain();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

fn read(object: &Value) -> Result<SignalObject, &'static str> {
    SignalObject::read(object.to_string().as_bytes()).map_err(|fault| {
        assert!(!fault.to_string().is_empty());
        fault.code()
    })
}

fn spec(kind: InstrumentKind) -> InstrumentSpec {
    let (tick, lot) = (SECOND_NS / 4, SECOND_NS / 1_000);
    InstrumentSpec::new("BTC-USD", "USD", kind, tick, lot, SECOND_NS).unwrap()
}

#[test]
fn the_least_that_a_signal_has() {
    let signal = read(&plain()).unwrap();
    assert_eq!((signal.action, signal.confidence_e9), (SignalAction::Buy, 850_000_000));
    assert_eq!(signal.issued_ns.get() % SECOND_NS, SECOND_NS / 2);
    assert_eq!(signal.expires_ns.get() - signal.issued_ns.get(), 299_500_000_000);
    assert_eq!((signal.size, signal.features.clone()), (SizeObject::Open, None));
    let on = signal.on(&spec(InstrumentKind::Spot), SourceId(7)).unwrap();
    assert_eq!(u128::from_be_bytes(on.id), 0x0190_a1b2_c3d4_7e5f_8a9b_0c1d_2e3f_4a5b);
    assert_eq!(
        (on.source, on.strength_e9, on.size),
        (SourceId(7), 1_000_000_000, SignalSize::Open)
    );
    assert_eq!(on.limit.get(), None);
}

#[test]
fn all_that_a_signal_can_have() {
    let object = with(&json!({
        "signal_id": "run-7:42", "action": "sell", "strength": 1, "target_position": "-0.5004",
        "limit_price": 100.1, "stop_loss": "101.13", "take_profit": 99, "model_id": "m",
        "model_version": "1.2", "agent_name": "Analyst \u{e9}", "reasoning": ["a", "b"],
        "features": {"rsi": 71.2, "deep": {"er": [1, null]}},
    }));
    let signal = read(&object).unwrap();
    assert_eq!(signal.reasoning, ["a", "b"]);
    assert_eq!(signal.features.as_deref(), Some(r#"{"deep":{"er":[1,null]},"rsi":71.2}"#));
    let on = signal.on(&spec(InstrumentKind::Spot), SourceId(1)).unwrap();
    let ticks = |ticks| Some(Price::from_ticks(ticks));
    // A seller's limit goes up to the tick, the rest to the nearest; sizes towards zero.
    assert_eq!(
        (on.limit.get(), on.stop.get(), on.target.get()),
        (ticks(401), ticks(405), ticks(396))
    );
    assert_eq!(on.size, SignalSize::Target(Qty::from_lots(-500)));
    assert_ne!(on.id, [0; 16]);
    assert_eq!(on.id, read(&with(&json!({"signal_id": "run-7:42"}))).unwrap().id_bytes());
}

#[test]
fn each_fault_has_its_code() {
    let table = [
        (json!({"schema_version": 2}), "SIGNAL_SCHEMA_VERSION"),
        (json!({"schema_version": "1"}), "SIGNAL_MALFORMED"),
        (json!({"signal_id": ""}), "SIGNAL_ID"),
        (json!({"signal_id": "a b"}), "SIGNAL_ID"),
        (json!({"signal_id": "a\u{0}"}), "SIGNAL_ID"),
        (json!({"signal_id": "x".repeat(65)}), "SIGNAL_ID"),
        (json!({"symbol": "../etc"}), "SIGNAL_UNKNOWN_SYMBOL"),
        (json!({"symbol": ""}), "SIGNAL_UNKNOWN_SYMBOL"),
        (json!({"action": "BUY"}), "SIGNAL_MALFORMED"),
        (json!({"action": "short"}), "SIGNAL_MALFORMED"),
        (json!({"confidence": 1.0001}), "SIGNAL_CONFIDENCE"),
        (json!({"confidence": -0.1}), "SIGNAL_CONFIDENCE"),
        (json!({"confidence": 85}), "SIGNAL_CONFIDENCE"),
        (json!({"confidence": "0.85"}), "SIGNAL_MALFORMED"),
        (json!({"strength": 2}), "SIGNAL_STRENGTH"),
        (json!({"quantity": 1, "weight": 0.1}), "SIGNAL_SIZE"),
        (json!({"quantity": 0}), "SIGNAL_SIZE"),
        (json!({"quantity": -1}), "SIGNAL_SIZE"),
        (json!({"quantity": "1e30"}), "SIGNAL_SIZE"),
        (json!({"quantity": [1]}), "SIGNAL_SIZE"),
        (json!({"weight": 11}), "SIGNAL_SIZE"),
        (json!({"weight": -0.5}), "SIGNAL_SIZE"),
        (json!({"target_position": -1}), "SIGNAL_SIZE"),
        (json!({"action": "hold", "quantity": 1}), "SIGNAL_SIZE"),
        (json!({"limit_price": "cheap"}), "SIGNAL_PRICE"),
        (json!({"stop_loss": {"at": 1}}), "SIGNAL_PRICE"),
        (json!({"take_profit": 1e30}), "SIGNAL_PRICE"),
        (json!({"horizon_seconds": 0}), "SIGNAL_HORIZON"),
        (json!({"horizon_seconds": 31_622_401}), "SIGNAL_HORIZON"),
        (json!({"horizon_seconds": -1}), "SIGNAL_MALFORMED"),
        (json!({"issued_at": "yesterday"}), "SIGNAL_TIME"),
        (json!({"issued_at": "2026-01-31T09:30:00+01:00"}), "SIGNAL_TIME"),
        (json!({"expires_at": "2026-01-31T09:30:00.5Z"}), "SIGNAL_TIME"),
        (json!({"tenant_id": "other"}), "SIGNAL_MALFORMED"),
        (json!({"agent_name": "a\nb"}), "SIGNAL_MALFORMED"),
        (json!({"reasoning": vec!["x"; 51]}), "SIGNAL_MALFORMED"),
        (json!({"features": [1]}), "SIGNAL_MALFORMED"),
        (json!({"features": "x".repeat(SIGNAL_BYTES_MAX)}), "SIGNAL_TOO_LARGE"),
    ];
    for (change, code) in table {
        assert_eq!(read(&with(&change)), Err(code), "{change}");
    }
    for name in ["signal_id", "symbol", "action", "confidence", "horizon_seconds", "issued_at"] {
        let mut object = plain();
        object.as_object_mut().unwrap().remove(name);
        assert_eq!(read(&object), Err("SIGNAL_MALFORMED"), "{name}");
    }
    for text in ["", "[]", "null", "NaN", "{", r#"{"schema_version":1,"schema_version":1}"#] {
        let fault = SignalObject::read(text.as_bytes()).unwrap_err();
        assert_eq!(fault.code(), "SIGNAL_MALFORMED", "{text}");
    }
    let text = plain().to_string().replace("0.85", "1e999");
    assert_eq!(SignalObject::read(text.as_bytes()).unwrap_err().code(), "SIGNAL_MALFORMED");
    let deep = format!(r#"{{"schema_version":1,"features":{}"#, "[".repeat(10_000));
    assert_eq!(SignalObject::read(deep.as_bytes()).unwrap_err().code(), "SIGNAL_MALFORMED");
}

#[test]
fn no_text_of_it_has_a_nul() {
    for change in [
        json!({"reasoning": ["a", "b\u{0}"]}),
        json!({"model_id": "\u{0}"}),
        json!({"features": {"deep": {"er": ["\u{0}"]}}}),
        json!({"features": {"a\u{0}": 1}}),
        json!({"features": {"text": "\\\u{0}"}}),
    ] {
        assert_eq!(read(&with(&change)), Err("SIGNAL_MALFORMED"), "{change}");
    }
    let raw = plain().to_string().replace("}", ",\"reasoning\":[\"\0\"]}");
    assert_eq!(SignalObject::read(raw.as_bytes()).unwrap_err().code(), "SIGNAL_MALFORMED");
    // A backslash and the digits are a text as any other.
    let plain = read(&with(&json!({"reasoning": ["\\u0000", "\\\\u0000", "\u{1}0000"]})));
    assert_eq!(plain.unwrap().reasoning.len(), 3);
}

#[test]
fn a_price_below_a_tick_is_only_for_contracts() {
    let signal = read(&with(&json!({"stop_loss": "-3"}))).unwrap();
    let fault = signal.on(&spec(InstrumentKind::Spot), SourceId(1)).unwrap_err();
    assert_eq!(fault.code(), "SIGNAL_PRICE");
    let on = signal.on(&spec(InstrumentKind::Future), SourceId(1)).unwrap();
    assert_eq!(on.stop.get(), Some(Price::from_ticks(-12)));
    let small = read(&with(&json!({"quantity": "0.0009"}))).unwrap();
    let fault = small.on(&spec(InstrumentKind::Spot), SourceId(1)).unwrap_err();
    assert_eq!(fault.code(), "SIGNAL_SIZE");
}

#[test]
fn times_are_held_against_now() {
    let signal = read(&plain()).unwrap();
    let (issued, expires) = (signal.issued_ns.get(), signal.expires_ns.get());
    let code = |now: i64| signal.check_time(Nanos::new(now), SECOND_NS).map_err(|it| it.code());
    assert_eq!(code(issued), Ok(()));
    assert_eq!(code(issued - SECOND_NS), Ok(()));
    assert_eq!(code(issued - SECOND_NS - 1), Err("SIGNAL_FROM_FUTURE"));
    assert_eq!(code(expires - 1), Ok(()));
    assert_eq!(code(expires), Err("SIGNAL_EXPIRED"));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SignalObject::read(&bytes);
    }

    #[test]
    fn no_change_of_one_byte_makes_it_panic(at in 0_usize..300, byte in any::<u8>()) {
        let mut bytes = plain().to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(signal) = SignalObject::read(&bytes) {
            let _ = signal.on(&spec(InstrumentKind::Perpetual), SourceId(1));
        }
    }

    #[test]
    fn what_is_rounded_is_never_more(quantity in 1_i64..1_000_000_000_000, sell in any::<bool>()) {
        let text = qt_types::format_scaled(quantity.into(), 9);
        let action = if sell { "sell" } else { "buy" };
        let object = with(&json!({"action": action, "quantity": text, "limit_price": text}));
        let signal = read(&object).unwrap();
        prop_assert_eq!(signal.size, SizeObject::QuantityE9(quantity));
        let spec = spec(InstrumentKind::Perpetual);
        if let Ok(on) = signal.on(&spec, SourceId(1)) {
            let SignalSize::Quantity(qty) = on.size else { panic!("{on:?}") };
            let left = quantity - qty.lots() * spec.lot_e9();
            prop_assert!((0..spec.lot_e9()).contains(&left));
            let off = on.limit.get().unwrap().ticks() * spec.tick_e9() - quantity;
            let off = if sell { off } else { -off };
            prop_assert!((0..spec.tick_e9()).contains(&off));
        }
    }
}
