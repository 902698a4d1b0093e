//! Answers and reports in any order, doubled: the same comes of it as of a naive model.

use std::collections::BTreeSet;

use proptest::prelude::*;
use qt_engine::GatewayEvent;
use qt_types::ReportKind;
use serde_json::{Value, json};

use super::desk::*;

/// What came of an order, as whoever hears the reports sees it: executions counted once each by
/// their numbers, an end stays an end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    was_there: bool,
    execs: BTreeSet<(u64, i64)>,
    total: Option<i64>,
    is_ended: bool,
    others: usize,
}

fn see(desk: &mut Desk) -> Seen {
    let mut seen = Seen::default();
    for event in desk.events() {
        let GatewayEvent::Report(delivery) = event else { continue };
        let report = delivery.report;
        if report.order != id(1) {
            seen.others += 1;
            continue;
        }
        seen.was_there = true;
        match report.kind {
            ReportKind::Accepted => {}
            ReportKind::Filled => {
                assert!(seen.execs.insert((report.exec.0, report.qty.lots())), "told twice");
            }
            ReportKind::Replaced => seen.total = Some(report.qty.lots()),
            ReportKind::Cancelled => seen.is_ended = true,
            kind => panic!("{kind:?} was never said"),
        }
    }
    seen
}

/// The story of an order: taken, executed in parts, made smaller, cancelled. Each with the number
/// of the report.
fn story(fills: &[i64], is_amended: bool, is_cancelled: bool) -> (Vec<Value>, Seen) {
    let mut events = vec![Said::of(id(1), "NEW", "NEW").event(1)];
    let mut model = Seen { was_there: true, ..Seen::default() };
    let mut executed = 0;
    for (number, lots) in (10_u64..).zip(fills) {
        executed += lots;
        let part = Said::of(id(1), "TRADE", "PARTIALLY_FILLED");
        let part = part
            .with("z", json!(format!("{}.{:03}", executed / 1_000, executed % 1_000)))
            .with("l", json!(format!("0.{lots:03}")))
            .with("L", json!("2500.00"))
            .with("t", json!(number));
        events.push(part.event(number));
        model.execs.insert((number + 1, *lots));
    }
    if is_amended {
        events.push(Said { qty: "0.900", ..Said::of(id(1), "REPLACED", "NEW") }.event(30));
        model.total = Some(900);
    }
    if is_cancelled {
        let end = Said::named("someone", "CANCELED", "CANCELED");
        let original = "qt0003000000000001".to_owned();
        events.push(Said { original, ..end }.event(40));
        model.is_ended = true;
    }
    (events, model)
}

proptest! {
    #[test]
    fn any_order_of_the_news_comes_to_the_same(
        fills in prop::collection::vec(1_i64..100, 0..6),
        is_amended in any::<bool>(),
        is_cancelled in any::<bool>(),
        order in prop::collection::vec(any::<u32>(), 24),
        ack_at in 0_usize..24,
    ) {
        let (events, model) = story(&fills, is_amended, is_cancelled);
        // Each up to three times, in any order.
        let mut news: Vec<(u32, Option<&Value>)> = Vec::new();
        for (at, event) in events.iter().enumerate() {
            for copy in 0..1 + order[at] % 3 {
                let key = order[(at + copy as usize * 7) % order.len()];
                news.push((key, Some(event)));
            }
        }
        news.sort_by_key(|it| it.0);
        news.insert(ack_at.min(news.len()), (0, None));
        let desk = &mut Desk::up();
        desk.submit(&new(1, limit(250_000), 1_000));
        for (_, event) in news {
            match event {
                Some(event) => desk.event(event),
                None => desk.answer("order.place", json!({"orderId": 77})),
            }
        }
        prop_assert_eq!(see(desk), model);
    }
}
