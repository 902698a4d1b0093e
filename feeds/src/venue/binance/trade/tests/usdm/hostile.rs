//! Anything at any moment, over every link and in answers by HTTP.

use proptest::prelude::*;
use qt_engine::Question;
use qt_types::InstrumentId;
use serde_json::{Value, json};

use super::super::desk::*;
use super::*;
use crate::machine::{Call, Closed, Failure, Happened, Link};

const NAMES: [&str; 24] = [
    "e", "E", "T", "o", "a", "s", "c", "S", "f", "q", "p", "x", "X", "i", "l", "z", "L", "t", "n",
    "N", "B", "P", "m", "ps",
];

fn words() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("NEW")),
        Just(json!("TRADE")),
        Just(json!("AMENDMENT")),
        Just(json!("CALCULATED")),
        Just(json!("CANCELED")),
        Just(json!("FUNDING_FEE")),
        Just(json!("listenKeyExpired")),
        Just(json!("qt0003000000000001")),
        Just(json!("autoclose-1")),
        Just(json!("1.000")),
        Just(json!("-1")),
        Just(json!("99999999999999999999999")),
        Just(json!(null)),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(i64::MIN)),
        Just(json!([])),
        Just(json!({})),
        "\\PC{0,8}".prop_map(|text| json!(text)),
    ]
}

/// An event of the account, or something that looks like it.
fn events() -> impl Strategy<Value = Value> {
    let fields = prop::collection::vec((0_usize..NAMES.len(), words(), any::<bool>()), 0..6);
    (fields, 0_usize..3).prop_map(|(fields, shape)| {
        let mut event = match shape {
            0 => {
                let more = [("t", json!(5)), ("l", json!("0.1"))];
                update(id(1), "TRADE", "PARTIALLY_FILLED", &more)
            }
            1 => json!({"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": {"m": "ORDER",
                "B": [{"a": "USDT", "wb": "1"}],
                "P": [{"s": "ETHUSDT", "pa": "1", "ps": "BOTH"}]}}),
            _ => json!({"e": "MARGIN_CALL", "E": 1, "p": [{"s": "ETHUSDT", "pa": "1"}]}),
        };
        for (at, value, is_inside) in fields {
            match is_inside {
                true if event["o"].is_object() => event["o"][NAMES[at]] = value,
                true if event["a"].is_object() => event["a"][NAMES[at]] = value,
                _ => event[NAMES[at]] = value,
            }
        }
        event
    })
}

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Event(Value),
    Answer(u16, Value),
    Fail,
    Wait(i64),
    Close(u8),
    Connect,
    Submit(u8),
    Ask(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let statuses = prop::sample::select(vec![200_u16, 200, 400, 401, 429, 418, 503]);
    let one = prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Step::Bytes),
        6 => events().prop_map(Step::Event),
        6 => (statuses, events()).prop_map(|(status, body)| Step::Answer(status, body)),
        1 => Just(Step::Fail),
        2 => (0..40 * SECOND).prop_map(Step::Wait),
        1 => (0_u8..8).prop_map(Step::Close),
        2 => Just(Step::Connect),
        3 => any::<u8>().prop_map(Step::Submit),
        3 => any::<u8>().prop_map(Step::Ask),
    ];
    prop::collection::vec(one, 0..60)
}

fn play(desk: &mut Desk, step: &Step, number: u32) {
    match step {
        Step::Bytes(bytes) => {
            (0..8).for_each(|at| desk.happen(Happened::Frame(Link(at), bytes)));
            let call = desk.calls.first().map_or(Call(number), |it| it.0);
            desk.happen(Happened::Answered { call, status: 200, headers: &[], body: bytes });
        }
        Step::Event(event) => (0..8).for_each(|at| desk.frame(Link(at), event)),
        Step::Answer(status, body) => {
            let Some((call, _)) = desk.calls.pop() else { return };
            let headers = [("retry-after".to_owned(), "3".to_owned())];
            let body = json!([body.clone()]).to_string();
            let (status, body) = (*status, body.as_bytes());
            desk.happen(Happened::Answered { call, status, headers: &headers, body });
        }
        Step::Fail => {
            let call = desk.calls.pop().map_or(Call(number), |it| it.0);
            desk.happen(Happened::Failed(call, Failure::Unknown));
        }
        Step::Wait(ns) => desk.wait(*ns),
        Step::Close(link) => {
            desk.close_all();
            desk.happen(Happened::Closed(Link(*link), Closed::Broken));
        }
        Step::Connect => {
            desk.machine.connect(desk.now());
            desk.happen(Happened::Time);
            let open: Vec<Link> = desk.opened.iter().rev().take(2).map(|it| it.0).collect();
            open.into_iter().for_each(|link| desk.happen(Happened::Opened(link)));
        }
        Step::Submit(what) => {
            let lots = i64::from(what / 4);
            desk.submit(&match what % 3 {
                0 => new(u64::from(number) + 1, limit(25_000), lots),
                1 => replace(1, limit(25_000 + lots), 5),
                _ => cancel(1),
            });
        }
        Step::Ask(what) => desk.ask(
            number,
            match what % 4 {
                0 => Question::Open,
                1 => Question::Positions,
                2 => Question::Executions { since_ns: desk.now() },
                _ => Question::Order { instrument: InstrumentId(0), order: id(1) },
            },
        ),
    }
}

proptest! {
    /// Whatever comes: no panic, and a deadline that has passed is worked off.
    #[test]
    fn whatever_comes(steps in steps()) {
        let desk = &mut Desk::futures();
        for (number, step) in (0_u32..).zip(&steps) {
            play(desk, step, number);
            for _ in 0..3 {
                if desk.machine_is_due() {
                    desk.happen(Happened::Time);
                }
            }
            prop_assert!(!desk.machine_is_due(), "busy for nothing after {:?}", step);
        }
    }

    #[test]
    fn arbitrary_bytes_in_every_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        use super::super::super::usdm::*;
        let _ = serde_json::from_slice::<OrderUpdate<'_>>(&bytes).map(|it| it.report().is_some());
        let _ = serde_json::from_slice::<AccountUpdate<'_>>(&bytes);
        let _ = serde_json::from_slice::<Vec<PositionRisk<'_>>>(&bytes);
        let _ = serde_json::from_slice::<Vec<Income<'_>>>(&bytes);
        let _ = serde_json::from_slice::<Modified<'_>>(&bytes);
    }
}
