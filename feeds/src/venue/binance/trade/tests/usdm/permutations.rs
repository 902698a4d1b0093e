//! Answers and reports in any order, doubled, over two links: the same comes of it as of a naive
//! model.

use std::collections::BTreeSet;

use proptest::prelude::*;
use qt_engine::GatewayEvent;
use qt_types::ReportKind;
use serde_json::{Value, json};

use super::super::desk::*;
use super::*;

/// What came of an order: executions by their numbers, the newest change, an end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    execs: BTreeSet<(u64, i64)>,
    /// Price and total.
    change: Option<(i64, i64)>,
    is_ended: bool,
}

fn see(desk: &mut Desk) -> Seen {
    let (mut seen, mut newest) = (Seen::default(), 0);
    for event in desk.events() {
        let GatewayEvent::Report(delivery) = event else { continue };
        let report = delivery.report;
        assert_eq!(report.order, id(1));
        match report.kind {
            ReportKind::Accepted => {}
            ReportKind::Filled => {
                assert!(seen.execs.insert((report.exec.0, report.qty.lots())), "told twice");
            }
            ReportKind::Replaced => {
                // Whoever hears it takes the one with the highest number for the newest.
                assert!(report.exec.0 > newest, "an older change, or one that was told before");
                newest = report.exec.0;
                seen.change = Some((report.price.ticks(), report.qty.lots()));
            }
            ReportKind::Cancelled => seen.is_ended = true,
            kind => panic!("{kind:?} was never said"),
        }
    }
    seen
}

/// News of an order: an event, or the answer to a change.
#[derive(Clone, Debug)]
enum News {
    Event(Value),
    Answer(Value),
}

/// The story of an order, and what is true at its end.
fn story(fills: &[i64], changes: &[i64], is_cancelled: bool) -> (Vec<News>, Seen) {
    let mut news = vec![News::Event(update(id(1), "NEW", "NEW", &[]))];
    let mut model = Seen::default();
    let mut executed = 0;
    for (number, lots) in (10_u64..).zip(fills) {
        executed += lots;
        let text = |lots: i64| format!("{}.{:03}", lots / 1_000, lots % 1_000);
        let event = fill(id(1), number, &text(*lots), &text(executed));
        news.push(News::Event(event));
        model.execs.insert((number + 1, *lots));
    }
    for (at, dimes) in changes.iter().enumerate() {
        let at_ms = START / MILLI + 10 * (at as i64 + 1);
        let price = format!("{}.{}0", 2_500 + dimes / 10, dimes % 10);
        let more = [("p", json!(price)), ("q", json!("0.900")), ("T", json!(at_ms))];
        news.push(News::Event(update(id(1), "AMENDMENT", "NEW", &more)));
        news.push(News::Answer(json!({"orderId": 77, "price": price, "origQty": "0.900",
            "updateTime": at_ms})));
        model.change = Some((25_000 + dimes, 900));
    }
    if is_cancelled {
        let more = [("z", json!(format!("0.{executed:03}")))];
        news.push(News::Event(update(id(1), "CANCELED", "CANCELED", &more)));
        model.is_ended = true;
    }
    (news, model)
}

proptest! {
    #[test]
    fn any_order_of_the_news_comes_to_the_same(
        fills in prop::collection::vec(1_i64..100, 0..5),
        changes in prop::collection::vec(1_i64..500, 0..4),
        is_cancelled in any::<bool>(),
        order in prop::collection::vec(any::<u32>(), 32),
    ) {
        let (news, model) = story(&fills, &changes, is_cancelled);
        // Events up to three times, answers once, in any order.
        let mut all: Vec<(u32, &News)> = Vec::new();
        for (at, one) in news.iter().enumerate() {
            let copies = if matches!(one, News::Event(_)) { 1 + order[at] % 3 } else { 1 };
            for copy in 0..copies {
                all.push((order[(at + copy as usize * 7 + 3) % order.len()], one));
            }
        }
        all.sort_by_key(|it| it.0);
        let desk = &mut Desk::futures();
        desk.submit(&new(1, limit(25_000), 1_000));
        desk.answer("order.place", json!({"orderId": 77}));
        desk.reports();
        for number in 0..changes.len() {
            desk.submit(&replace(1, limit(25_001 + number as i64), 900));
        }
        let mut requests: Vec<Value> = desk.sent.iter().map(|it| it.1.clone()).collect();
        requests.retain(|it| it["method"] == "order.modify");
        let link = Link(desk.ears().0 - 4);
        for (_, one) in all {
            match one {
                News::Event(event) => desk.tell(event),
                News::Answer(result) => {
                    let id = requests.pop().unwrap()["id"].clone();
                    desk.frame(link, &json!({"id": id, "status": 200, "result": result}));
                }
            }
        }
        prop_assert_eq!(see(desk), model);
    }
}
