//! Changing, cancelling, reducing only, and the limits of how many.

use qt_types::{DenyReason, OrderKind, RejectReason, ReportKind};

use crate::harness::Case;
use crate::outcome::{cancelled, filled, rejected};
use crate::script::{BUY, On, SELL, Step, limit, market, price, stop, stop_limit};

const BARS: [[i64; 4]; 5] =
    [[100, 101, 99, 100], [100, 102, 97, 100], [100, 103, 95, 99], [99, 104, 93, 96], [96; 4]];

fn to_limit(ticks: i64) -> OrderKind {
    OrderKind::Limit { price: price(ticks) }
}

#[test]
fn a_replaced_limit_has_its_new_price() {
    // At 90 nothing comes; raised to 96 after bar 1, filled by bar 2 (low 95).
    let case = Case::new(&BARS).at(0, limit(BUY, 10, 90));
    let out = case.clone().on(On::Bar(0, 1), Step::Replace(1, to_limit(96), 10)).run();
    assert_eq!(out.fills(), [(2, BUY, 96, 10)]);
    let kinds: Vec<ReportKind> = out.said(1).iter().map(|said| said.0).collect();
    assert_eq!(kinds, [ReportKind::Accepted, ReportKind::Replaced, ReportKind::Filled]);
    // Lowered to 94: bar 3.
    let out = case.on(On::Bar(0, 1), Step::Replace(1, to_limit(94), 10)).run();
    assert_eq!(out.fills(), [(3, BUY, 94, 10)]);
}

#[test]
fn a_replaced_quantity_is_the_new_total() {
    // A cap of 4: bar 2 goes through 96 and fills 4 of 10. The total becomes 6: 2 are left.
    let out = Case::new(&BARS)
        .volumes(&[40; 5])
        .with(|config| config.participation_e9 = Some(100_000_000))
        .at(0, limit(BUY, 10, 96))
        .on(On::Bar(0, 2), Step::Replace(1, to_limit(96), 6))
        .run();
    assert_eq!(out.fills(), [(2, BUY, 96, 4), (3, BUY, 96, 2)]);
    assert_eq!(out.end_of(1), filled());
    // A total of 4 or less has nothing left to change: denied, and the order stands as it was.
    let out = Case::new(&BARS)
        .volumes(&[40; 5])
        .with(|config| config.participation_e9 = Some(100_000_000))
        .at(0, limit(BUY, 10, 96))
        .on(On::Bar(0, 2), Step::Replace(1, to_limit(96), 4))
        .run();
    assert_eq!(out.denied(), [DenyReason::SizeBelowLot]);
    assert_eq!(out.fills(), [(2, BUY, 96, 4), (3, BUY, 96, 4)]);
}

#[test]
fn a_replaced_stop_has_its_new_trigger() {
    let to = OrderKind::Stop { trigger: price(103) };
    let case = Case::new(&BARS).at(0, stop(BUY, 10, 110));
    let out = case.on(On::Bar(0, 1), Step::Replace(1, to, 10)).run();
    assert_eq!(out.fills(), [(2, BUY, 103, 10)]);
    let to = OrderKind::StopLimit { trigger: price(103), limit: price(104) };
    let case = Case::new(&BARS).at(0, stop_limit(BUY, 10, 110, 112));
    let out = case.on(On::Bar(0, 1), Step::Replace(1, to, 10)).run();
    assert_eq!(out.fills(), [(2, BUY, 103, 10)]);
}

#[test]
fn what_cannot_be_replaced_stays_as_it_was() {
    let case = Case::new(&BARS).at(0, limit(BUY, 10, 96));
    // A limit does not become a stop; a price is positive; an order must exist.
    let to_stop = OrderKind::Stop { trigger: price(103) };
    let out = case.clone().on(On::Bar(0, 1), Step::Replace(1, to_stop, 10)).run();
    assert_eq!(
        (out.denied(), out.fills()),
        (&[DenyReason::InvalidPrice][..], vec![(2, BUY, 96, 10)])
    );
    let out = case.clone().on(On::Bar(0, 1), Step::Replace(1, to_limit(0), 10)).run();
    assert_eq!(out.denied(), [DenyReason::InvalidPrice]);
    let out = case.clone().on(On::Bar(0, 1), Step::Replace(7, to_limit(96), 10)).run();
    assert_eq!(out.denied(), [DenyReason::UnknownOrder]);
    let out = case.on(On::Bar(0, 3), Step::Replace(1, to_limit(96), 10)).run();
    assert_eq!(out.denied(), [DenyReason::UnknownOrder], "it was filled before");
}

#[test]
fn a_triggered_stop_limit_cannot_be_replaced_any_more() {
    // Triggered inside bar 2 (103) without a fill at 98; the venue refuses the change.
    let bars = [[100, 101, 99, 100], [100, 103, 99, 102], [102, 103, 99, 102], [102, 103, 97, 100]];
    let to = OrderKind::StopLimit { trigger: price(110), limit: price(112) };
    let out = Case::new(&bars)
        .at(0, stop_limit(BUY, 10, 103, 98))
        .on(On::Bar(0, 1), Step::Replace(1, to, 10))
        .run();
    let refused = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
    assert!(out.said(1).contains(&refused));
    assert_eq!(out.fills(), [(3, BUY, 98, 10)]);
}

#[test]
fn a_cancelled_order_is_not_filled() {
    let out = Case::new(&BARS)
        .at(0, limit(BUY, 10, 96))
        .on(On::Bar(0, 1), Step::Cancel(1))
        .on(On::Bar(0, 2), Step::Cancel(1))
        .run();
    assert!(out.fills().is_empty());
    assert_eq!(out.end_of(1), cancelled(RejectReason::Requested));
    assert_eq!(out.denied(), [DenyReason::UnknownOrder], "it cannot end twice");
}

#[test]
fn a_request_that_crosses_a_fill_is_refused_by_the_venue() {
    // Filled at the open at 100, reported at 200 + 50; the change sent at 200 finds nothing.
    let case =
        Case::new(&BARS).with(|config| config.response_latency_ns = 150).at(0, market(BUY, 10));
    let out = case.clone().on(On::Bar(0, 1), Step::Cancel(1)).run();
    assert_eq!((out.fills(), out.end_of(1)), (vec![(1, BUY, 100, 10)], filled()));
    let out = case.on(On::Bar(0, 1), Step::Replace(1, OrderKind::Market, 5)).run();
    assert_eq!((out.fills(), out.end_of(1)), (vec![(1, BUY, 100, 10)], filled()));
}

#[test]
fn reduce_only_never_goes_beyond_the_position() {
    let out = Case::new(&BARS)
        .margin(4)
        .at(0, market(BUY, 10))
        .at(1, market(SELL, 25).reduce_only())
        .run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 100, 10)]);
    assert_eq!(out.positions, [0]);
    // What is left of it ends: there is nothing to reduce any more.
    assert_eq!(out.end_of(2), cancelled(RejectReason::NothingToReduce));
    // Without a position it ends at the next open.
    let out = Case::new(&BARS).margin(4).at(0, market(SELL, 10).reduce_only()).run();
    assert!(out.fills().is_empty());
    assert_eq!(out.end_of(1), cancelled(RejectReason::NothingToReduce));
    // On the side of the position it cannot reduce.
    let out =
        Case::new(&BARS).margin(4).at(0, market(BUY, 10)).at(1, market(BUY, 5).reduce_only()).run();
    assert_eq!(out.positions, [10]);
    assert_eq!(out.end_of(2), cancelled(RejectReason::NothingToReduce));
}

#[test]
fn protection_that_is_larger_than_the_position_ends_with_it() {
    // Bought 10 with a bracket of 97 and 110, 4 sold by hand; the stop sells the other 6 in bar
    // 2. Neither its other 4 lots nor the target may meet the position that is opened next.
    let bars = [
        [100, 101, 99, 100],
        [100, 102, 98, 100],
        [100, 103, 95, 99],
        [99, 104, 98, 100],
        [100, 115, 98, 112],
        [112; 4],
    ];
    let out = Case::new(&bars)
        .at(0, market(BUY, 10).bracket(crate::bracket::bracket(97, 110)))
        .at(1, market(SELL, 4))
        .at(2, market(BUY, 10))
        .run();
    let expected = [(1, BUY, 100, 10), (2, SELL, 100, 4), (2, SELL, 97, 6), (3, BUY, 99, 10)];
    assert_eq!(out.fills(), expected);
    assert_eq!(out.end_of(2), cancelled(RejectReason::NothingToReduce));
    assert_eq!(out.end_of(3), cancelled(RejectReason::OcoFilled));
}

#[test]
fn a_resting_reduce_only_limit_sells_what_is_there() {
    let out = Case::new(&BARS)
        .margin(4)
        .at(0, market(BUY, 10))
        .at(0, limit(SELL, 30, 102).reduce_only())
        .run();
    // Bar 1 touches 102, bar 2 goes through it.
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 102, 10)]);
    assert_eq!(out.positions, [0]);
}

#[test]
fn only_so_many_orders_may_be_open() {
    let case = Case::new(&BARS).with(|config| config.limits.orders_open_max = 2);
    let out = case.at(0, limit(BUY, 1, 90)).at(0, limit(BUY, 1, 91)).at(0, limit(BUY, 1, 92)).run();
    assert_eq!(out.denied(), [DenyReason::OrdersOpenMax]);
    assert_eq!((out.said(1).len(), out.said(2).len(), out.said(3).len()), (1, 1, 0));
}

#[test]
fn only_so_many_intents_may_be_asked_for_at_once() {
    let mut case = Case::new(&BARS).with(|config| config.limits.intents_max = 3);
    for _ in 0..5 {
        case = case.at(0, market(BUY, 1));
    }
    let out = case.run();
    assert_eq!(out.fills(), [(1, BUY, 100, 1); 3]);
}

#[test]
fn prices_that_cannot_be_are_denied() {
    for order in [limit(BUY, 1, 0), limit(BUY, 1, -5), stop(BUY, 1, 0), stop_limit(BUY, 1, 5, 0)] {
        let out = Case::new(&BARS).at(0, order).run();
        assert_eq!(out.denied(), [DenyReason::InvalidPrice], "{order:?}");
    }
    let on_the_wrong_side = [(101, 105), (95, 99)];
    for (stop, target) in on_the_wrong_side {
        let order = market(BUY, 1).bracket(crate::bracket::bracket(stop, target));
        assert_eq!(Case::new(&BARS).at(0, order).run().denied(), [DenyReason::InvalidPrice]);
    }
    let mut both = market(BUY, 1).bracket(crate::bracket::bracket(95, 105));
    both.bracket.trail_bps = Some(300);
    assert_eq!(Case::new(&BARS).at(0, both).run().denied(), [DenyReason::TwoStops]);
    let none = Case::new(&BARS).at(0, market(BUY, 0)).run();
    assert_eq!(none.denied(), [DenyReason::SizeBelowLot]);
}

#[test]
fn the_largest_order_is_meant_in_units_whatever_the_lot() {
    // At most 10 units: 10 lots of 1 unit, 40 lots of a quarter.
    let mut case = Case::new(&BARS).and(&BARS).with(|config| {
        config.order_qty_max_e9 = Some(10 * qt_types::E9);
    });
    case.series[1].spec = crate::harness::spec(qt_types::E9, qt_types::E9 / 4);
    let quarter = |lots| crate::script::for_instrument(1, market(BUY, lots));
    let out = case
        .at(0, market(BUY, 10))
        .at(0, market(BUY, 11))
        .at(0, quarter(40))
        .at(0, quarter(41))
        .run();
    assert_eq!(out.denied(), [DenyReason::MaxOrderQty; 2]);
    assert_eq!(out.positions, [10, 40]);
}

#[test]
fn an_ended_order_stays_ended() {
    // Refused for want of cash at bar 1; everything after that is about other orders.
    let bars = [[100, 101, 99, 100], [200, 201, 99, 100], [100; 4], [100; 4]];
    let out = Case::new(&bars)
        .at(0, market(BUY, 60))
        .on(On::Report(1, ReportKind::Rejected), Step::Place(market(BUY, 60)))
        .on(On::Report(1, ReportKind::Rejected), Step::Cancel(1))
        .run();
    assert_eq!(out.end_of(1), rejected(RejectReason::InsufficientFunds));
    assert_eq!(out.fills(), [(2, BUY, 100, 60)]);
    assert_eq!(out.denied(), [DenyReason::UnknownOrder]);
}
