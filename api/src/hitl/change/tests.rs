//! The rule against a naive statement of it: what may happen after the change could have happened
//! before it.

use proptest::prelude::*;
use qt_codec::signal::SignalObject;
use serde_json::json;

use super::{ModifiedAction, changed};

const BODY: &str = r#"{"schema_version": 1, "signal_id": "s-1", "symbol": "BTC-USD",
    "action": "buy", "confidence": 0.123456789, "quantity": 10.5, "limit_price": "100",
    "stop_loss": 90.000000001, "take_profit": "120", "horizon_seconds": 600,
    "issued_at": "2026-01-31T09:30:00Z", "expires_at": "2026-01-31T09:35:00Z",
    "features": {"x": 12345678901234567890.123456789}}"#;

fn change(value: serde_json::Value) -> ModifiedAction {
    serde_json::from_value(value).unwrap()
}

fn field(body: &str, value: serde_json::Value) -> Option<String> {
    changed(body, &change(value), Some(100_000_000_000)).err().map(|fault| fault.field)
}

#[test]
fn each_field_may_only_become_less() {
    let named = |name: &str| Some(format!("modified_action.{name}"));
    for (value, wanted) in [
        (json!({"quantity": "10.499999999"}), None),
        (json!({"quantity": "10.500000001"}), named("quantity")),
        (json!({"quantity": "0.000000001", "horizon_seconds": 1}), None),
        (json!({"target_position": "1"}), named("target_position")),
        (json!({"weight": 0.1}), named("weight")),
        (json!({"limit_price": "99.5"}), None),
        (json!({"limit_price": "100.5"}), named("limit_price")),
        (json!({"limit_price": "90"}), named("limit_price")),
        (json!({"stop_loss": "95"}), None),
        (json!({"stop_loss": "90"}), named("stop_loss")),
        (json!({"stop_loss": "100"}), named("stop_loss")),
        (json!({"horizon_seconds": 599}), None),
        (json!({"horizon_seconds": 601}), named("horizon_seconds")),
        (json!({}), Some("modified_action".to_owned())),
        (json!({"quantity": "10.5"}), Some("modified_action".to_owned())),
        (json!({"quantity": "0"}), Some("modified_action".to_owned())),
        (json!({"horizon_seconds": 0}), Some("modified_action".to_owned())),
        (json!({"quantity": "1.0000000001"}), Some("modified_action".to_owned())),
    ] {
        assert_eq!(field(BODY, value.clone()), wanted, "{value}");
    }
    for unknown in [json!({"action": "sell"}), json!({"take_profit": "130"}), json!({"x": 1})] {
        assert!(serde_json::from_value::<ModifiedAction>(unknown).is_err());
    }
}

#[test]
fn what_is_not_changed_stays_as_it_was_written() {
    let made = changed(BODY, &change(json!({"quantity": "3"})), None).unwrap();
    assert!(made.contains("12345678901234567890.123456789"), "{made}");
    assert!(made.contains("0.123456789") && made.contains("90.000000001"), "{made}");
    let (before, after) = (read(BODY), read(&made));
    assert_eq!(SignalObject { size: before.size, ..after }, before);
}

#[test]
fn a_signal_that_enters_nothing_has_no_prices_to_change() {
    let body = BODY.replace("\"buy\"", "\"close\"").replace("\"quantity\": 10.5,", "");
    let named = |name: &str| Some(format!("modified_action.{name}"));
    assert_eq!(field(&body, json!({"limit_price": "99"})), named("limit_price"));
    assert_eq!(field(&body, json!({"stop_loss": "99"})), named("stop_loss"));
    assert_eq!(field(&body, json!({"horizon_seconds": 5})), None);
}

fn read(body: &str) -> SignalObject {
    SignalObject::read(body.as_bytes()).unwrap()
}

/// A signal in small whole numbers: what may happen after it can be listed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Small {
    is_buy: bool,
    /// `quantity`, `target_position` or `weight`; the last in whole equities.
    kind: usize,
    size: i64,
    limit: Option<i64>,
    stop: Option<i64>,
    horizon: u32,
}

const KINDS: [&str; 3] = ["quantity", "target_position", "weight"];

impl Small {
    /// As written: a short position is below zero.
    fn signed(&self) -> i64 {
        if self.kind == 0 || self.is_buy { self.size } else { -self.size }
    }

    fn body(&self) -> String {
        let mut body = json!({
            "schema_version": 1, "signal_id": "s", "symbol": "A",
            "action": if self.is_buy { "buy" } else { "sell" }, "confidence": 0.5,
            "horizon_seconds": self.horizon, "issued_at": "2026-01-31T09:30:00Z",
            "expires_at": "2026-01-31T09:35:00Z",
        });
        body[KINDS[self.kind]] = json!(self.signed());
        for (name, price) in [("limit_price", self.limit), ("stop_loss", self.stop)] {
            if let Some(price) = price {
                body[name] = json!(price.to_string());
            }
        }
        body.to_string()
    }

    /// Exposures that it may lead to.
    fn exposures(&self) -> Vec<i64> {
        (0..=self.size).collect()
    }

    /// Prices, of 1 to 20, at which it may be done.
    fn done_at(&self) -> Vec<i64> {
        let may = |price: &i64| match self.limit {
            None => true,
            Some(limit) if self.is_buy => *price <= limit,
            Some(limit) => *price >= limit,
        };
        (1..=20).filter(may).collect()
    }

    /// Prices at which what was done is still held.
    fn held_at(&self) -> Vec<i64> {
        let may = |price: &i64| match self.stop {
            None => true,
            Some(stop) if self.is_buy => *price > stop,
            Some(stop) => *price < stop,
        };
        (1..=20).filter(may).collect()
    }

    /// Seconds for which it may be held.
    fn seconds(&self) -> Vec<u32> {
        (1..=self.horizon).collect()
    }
}

fn within<T: PartialEq>(after: &[T], before: &[T]) -> bool {
    after.iter().all(|one| before.contains(one))
}

/// Everything that may happen after it might have happened before it, and it can still be held
/// where it is entered.
fn is_less(before: &Small, after: &Small, price: i64) -> bool {
    let has_size = after.size > 0;
    let entry = after.limit.unwrap_or(price);
    let has_moved = after.stop != before.stop || after.limit != before.limit;
    has_size
        && after != before
        && within(&after.exposures(), &before.exposures())
        && within(&after.done_at(), &before.done_at())
        && within(&after.held_at(), &before.held_at())
        && within(&after.seconds(), &before.seconds())
        && (!has_moved || after.held_at().contains(&entry))
}

fn small() -> impl Strategy<Value = Small> {
    let price = || prop::option::of(2_i64..19);
    (any::<bool>(), 0..3_usize, 1..6_i64, price(), price(), 1..5_u32).prop_map(
        |(is_buy, kind, size, limit, stop, horizon)| Small {
            is_buy,
            kind,
            size,
            limit,
            stop,
            horizon,
        },
    )
}

proptest! {
    #[test]
    fn a_change_is_let_through_exactly_where_it_is_less(
        before in small(),
        size in prop::option::of(1_i64..6),
        limit in prop::option::of(2_i64..19),
        stop in prop::option::of(2_i64..19),
        horizon in prop::option::of(1_u32..5),
        price in 2_i64..19,
    ) {
        let after = Small {
            size: size.unwrap_or(before.size),
            limit: limit.or(before.limit),
            stop: stop.or(before.stop),
            horizon: horizon.unwrap_or(before.horizon),
            ..before
        };
        let mut value = json!({});
        if size.is_some() {
            value[KINDS[before.kind]] = json!(after.signed());
        }
        if let Some(limit) = limit {
            value["limit_price"] = json!(limit.to_string());
        }
        if let Some(stop) = stop {
            value["stop_loss"] = json!(stop.to_string());
        }
        if let Some(horizon) = horizon {
            value["horizon_seconds"] = json!(horizon);
        }
        let done = changed(&before.body(), &change(value), Some(price * 1_000_000_000));
        prop_assert_eq!(done.is_ok(), is_less(&before, &after, price), "{:?}", done);
        if let Ok(made) = done {
            prop_assert_eq!(read(&made), read(&after.body()));
        }
    }

    #[test]
    fn no_body_and_no_change_makes_it_panic(body in ".{0,200}", weight in any::<f64>()) {
        let change = ModifiedAction { weight: Some(weight), ..ModifiedAction::default() };
        let _ = changed(&body, &change, None);
    }
}
