//! Bytes of any kind at any moment.

use proptest::prelude::*;
use qt_engine::Question;
use qt_types::InstrumentId;
use serde_json::{Value, json};

use super::desk::*;
use crate::machine::{Closed, Happened, Link};

/// Names of fields that the venue's messages have.
const NAMES: [&str; 40] = [
    "E",
    "T",
    "s",
    "c",
    "C",
    "S",
    "o",
    "f",
    "q",
    "p",
    "x",
    "X",
    "r",
    "i",
    "l",
    "L",
    "z",
    "A",
    "n",
    "N",
    "t",
    "a",
    "I",
    "m",
    "eR",
    "e",
    "B",
    "u",
    "orderId",
    "status",
    "origQty",
    "executedQty",
    "serverTime",
    "balances",
    "code",
    "msg",
    "data",
    "clientOrderId",
    "id",
    "rateLimits",
];

/// A value as it stands in such fields, or another.
fn words() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("NEW")),
        Just(json!("TRADE")),
        Just(json!("CANCELED")),
        Just(json!("EXPIRED")),
        Just(json!("REPLACED")),
        Just(json!("qt0003000000000001")),
        Just(json!("ETHUSDT")),
        Just(json!("qt0003000000000001r0001")),
        Just(json!("1.00000000")),
        Just(json!("-1")),
        Just(json!("99999999999999999999999")),
        Just(json!("0.000000000000000001")),
        Just(json!(null)),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(i64::MIN)),
        Just(json!([])),
        Just(json!({})),
        "\\PC{0,8}".prop_map(|text| json!(text)),
    ]
}

/// A message of the venue's, or one that looks like it.
fn messages() -> impl Strategy<Value = Value> {
    let fields = prop::collection::vec((0_usize..NAMES.len(), words()), 0..6);
    (fields, 0_u64..40, 0_usize..4).prop_map(move |(fields, number, shape)| {
        let mut inner = Said::of(id(1), "NEW", "NEW").event(number);
        for (at, value) in fields {
            inner[NAMES[at]] = value;
        }
        let id = format!("{number:016x}");
        match shape {
            0 => json!({"subscriptionId": 0, "event": inner}),
            1 => json!({"id": id, "status": 200, "result": inner}),
            2 => json!({"id": id, "status": 400, "error": inner}),
            _ => json!({"id": id, "status": 200, "result": [inner.clone(), inner]}),
        }
    })
}

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Message(Value),
    Wait(i64),
    Close,
    Connect,
    Submit(u8),
    Ask(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Step::Bytes),
        8 => messages().prop_map(Step::Message),
        1 => (0..40 * SECOND).prop_map(Step::Wait),
        1 => Just(Step::Close),
        2 => Just(Step::Connect),
        3 => any::<u8>().prop_map(Step::Submit),
        2 => any::<u8>().prop_map(Step::Ask),
    ];
    prop::collection::vec(one, 0..60)
}

fn play(desk: &mut Desk, step: &Step, number: u32) {
    match step {
        Step::Bytes(bytes) => (0..4).for_each(|at| desk.happen(Happened::Frame(Link(at), bytes))),
        Step::Message(message) => (0..4).for_each(|at| desk.frame(Link(at), message)),
        Step::Wait(ns) => desk.wait(*ns),
        Step::Close => {
            desk.close_all();
            desk.happen(Happened::Closed(Link(1), Closed::Broken));
        }
        Step::Connect => {
            desk.machine.connect(desk.now());
            desk.happen(Happened::Time);
            if let Some((link, _)) = desk.opened.last() {
                let link = *link;
                desk.happen(Happened::Opened(link));
                desk.log_in(link);
            }
        }
        Step::Submit(what) => {
            let lots = i64::from(what / 4);
            desk.submit(&match what % 3 {
                0 => new(u64::from(number) + 1, limit(250_000), lots),
                1 => replace(1, limit(250_000 + lots), 5),
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
    /// Whatever comes: no panic, what waits is bounded, and a deadline that has passed is worked
    /// off and not told again and again.
    #[test]
    fn whatever_comes(steps in steps()) {
        let desk = &mut Desk::up();
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
        use super::super::wire::*;
        let _ = serde_json::from_slice::<Message<'_>>(&bytes);
        let _ = serde_json::from_slice::<ExecutionReport<'_>>(&bytes);
        let _ = serde_json::from_slice::<Vec<Order<'_>>>(&bytes);
        let _ = serde_json::from_slice::<Account<'_>>(&bytes);
    }
}
