//! `twap_execute`: equal orders in time, patience, an end.

use qt_engine::Command;
use qt_strategies::prelude::*;
use qt_types::RejectReason;

use crate::stage::{MS_NS, SECOND_NS, Stage};

/// Forty lots in four orders, one every ten seconds; two seconds of patience.
const PARAMS: &str = "quantity=0.04 duration_s=40 orders=4 patience_ms=2000";

#[test]
fn each_order_waits_at_the_touch_and_then_crosses() {
    let mut stage = Stage::new("twap_execute", PARAMS);
    stage.book(999, 1_001);
    for number in 1..=4 {
        stage.answer();
        assert_eq!(stage.resting(), [('B', 999, 10)], "order {number}");
        assert_eq!(stage.position(), 10 * (number - 1));
        stage.wait(2 * SECOND_NS - MS_NS);
        assert!(stage.sent.is_empty(), "it has patience");
        stage.wait(2 * SECOND_NS);
        let [Command::Replace(change)] = stage.sent[..] else { panic!("{:?}", stage.sent) };
        assert_eq!(change.replace.kind, OrderKind::Limit { price: Price::from_ticks(1_001) });
        stage.answer();
        assert_eq!(stage.position(), 10 * number);
        stage.wait(6 * SECOND_NS + MS_NS);
    }
    stage.wait(1_000 * SECOND_NS);
    stage.book(998, 1_000);
    assert!(stage.sent.is_empty(), "it is over");
    assert_eq!((stage.position(), stage.resting().len()), (40, 0));
}

#[test]
fn what_is_filled_at_the_touch_does_not_cross_and_the_orders_are_equal_within_a_lot() {
    let mut stage = Stage::new("twap_execute", "side=sell quantity=0.01 duration_s=3 orders=3");
    stage.book(999, 1_001);
    let mut orders = Vec::new();
    for _ in 0..4 {
        stage.answer();
        if let Some((side, ticks, lots)) = stage.resting().first().copied() {
            assert_eq!((side, ticks), ('S', 1_001));
            orders.push(lots);
            let order = stage.order_at(1_001);
            stage.fill(&order, lots, 1_001);
        }
        stage.wait(SECOND_NS);
    }
    assert_eq!(orders, [3, 3, 4]);
    assert_eq!(stage.position(), -10);
}

#[test]
fn partial_fills_and_rejects_are_made_up_for() {
    let mut stage = Stage::new("twap_execute", PARAMS);
    stage.book(999, 1_001);
    stage.answer();
    let order = stage.order_at(999);
    stage.fill(&order, 3, 999);
    stage.report(order.id, ReportKind::Cancelled, RejectReason::SessionEnd);
    stage.book(998, 1_001);
    assert!(stage.sent.is_empty(), "not at once");
    stage.wait(2 * SECOND_NS);
    stage.answer();
    assert_eq!(stage.resting(), [('B', 998, 7)], "what is missing to ten");
    // The market halts until the third order is due: it is for all that is missing by then.
    let order = stage.order_at(998);
    stage.report(order.id, ReportKind::Cancelled, RejectReason::SessionEnd);
    stage.halt(true);
    stage.wait(20 * SECOND_NS);
    assert!(stage.sent.is_empty());
    stage.halt(false);
    stage.wait(2 * SECOND_NS);
    stage.answer();
    assert_eq!(stage.resting(), [('B', 998, 27)]);
}

#[test]
fn a_quantity_below_a_lot_is_denied_and_said() {
    let mut stage = Stage::new("twap_execute", "quantity=0.0009");
    stage.book(999, 1_001);
    stage.wait(1_000 * SECOND_NS);
    stage.book(998, 1_001);
    assert_eq!((stage.denials, stage.sent.len()), (1, 0));
}
