//! Changes of orders: what was asked for holds once the venue has said yes, and not before.

use qt_engine::Order;
use qt_types::{
    Cancel, Distance, Intent, OrderKind, Price, Qty, RejectReason, Replace, Report, ReportKind,
    Side,
};

use crate::support::{Bench, id, order, plain};

fn stop_limit(trigger: i64, limit: i64) -> OrderKind {
    let (trigger, limit) = (Price::from_ticks(trigger), Price::from_ticks(limit));
    OrderKind::StopLimit { trigger, limit }
}

fn trailing(ticks: i64) -> OrderKind {
    OrderKind::TrailingStop { distance: Distance::Ticks(ticks) }
}

fn to(kind: OrderKind, lots: i64) -> Intent {
    Intent::Replace(Replace { order: id(1), kind, qty: Qty::from_lots(lots) })
}

/// An order of 10 lots of type `kind`, and `then` at the bars after it.
fn bench(kind: OrderKind, then: &[Intent]) -> Bench {
    let entry = Intent::Place(order(Side::Buy, 10, kind));
    let rest = then.iter().map(|intent| vec![*intent]);
    let mut bench = Bench::open([vec![entry]].into_iter().chain(rest).collect());
    bench.bar(0, 100);
    for _ in then {
        assert_eq!(bench.bar(0, 100).len(), 1, "one command each");
    }
    bench
}

/// The venue says yes; `price` is the limit or trigger, as far as the report has room for it.
fn replaced(bench: &mut Bench, price: i64, lots: i64) {
    let report = Report {
        price: Price::from_ticks(price),
        qty: Qty::from_lots(lots),
        ..plain(1, ReportKind::Replaced, RejectReason::None)
    };
    bench.report(0, report);
}

fn held(bench: &Bench) -> Order {
    *bench.pipeline.exposure().orders.get(id(1)).unwrap()
}

#[test]
fn the_trigger_of_a_stop_limit_changes_with_its_limit() {
    let mut bench = bench(stop_limit(105, 107), &[to(stop_limit(110, 112), 8)]);
    assert_eq!(held(&bench).kind, stop_limit(105, 107), "asked for is not yet done");
    replaced(&mut bench, 112, 8);
    assert_eq!((held(&bench).kind, held(&bench).qty), (stop_limit(110, 112), Qty::from_lots(8)));
}

#[test]
fn the_distance_of_a_trailing_stop_changes() {
    let mut bench = bench(trailing(5), &[to(trailing(9), 10)]);
    replaced(&mut bench, 0, 10);
    assert_eq!(held(&bench).kind, trailing(9));
}

#[test]
fn what_the_venue_refuses_is_forgotten() {
    let mut bench = bench(stop_limit(105, 107), &[to(stop_limit(110, 112), 8)]);
    bench.report(0, plain(1, ReportKind::RequestRejected, RejectReason::InvalidReplace));
    assert_eq!((held(&bench).kind, held(&bench).qty), (stop_limit(105, 107), Qty::from_lots(10)));
    // A change that the venue makes by itself has only what its report says.
    replaced(&mut bench, 106, 9);
    assert_eq!((held(&bench).kind, held(&bench).qty), (stop_limit(105, 106), Qty::from_lots(9)));
}

#[test]
fn changes_are_answered_in_the_order_in_which_they_were_sent() {
    let then = [1, 2, 3].map(|n| to(stop_limit(110 + n, 120 + n), 10));
    let mut bench = bench(stop_limit(105, 107), &then);
    replaced(&mut bench, 121, 10);
    assert_eq!(held(&bench).kind, stop_limit(111, 121));
    bench.report(0, plain(1, ReportKind::RequestRejected, RejectReason::InvalidReplace));
    assert_eq!(held(&bench).kind, stop_limit(111, 121));
    replaced(&mut bench, 123, 10);
    assert_eq!(held(&bench).kind, stop_limit(113, 123));
}

#[test]
fn a_refused_change_leaves_a_cancel_under_way() {
    use qt_engine::oms::OrderStatus;
    let then = [to(stop_limit(110, 112), 10), Intent::Cancel(Cancel { order: id(1) })];
    let mut bench = bench(stop_limit(105, 107), &then);
    bench.report(0, plain(1, ReportKind::RequestRejected, RejectReason::InvalidReplace));
    assert_eq!(held(&bench).status(), OrderStatus::PendingCancel);
    bench.report(0, plain(1, ReportKind::RequestRejected, RejectReason::UnknownOrder));
    assert_ne!(held(&bench).status(), OrderStatus::PendingCancel);
}

#[test]
fn a_change_that_crosses_the_end_is_not_for_the_next_order() {
    let mut bench = bench(trailing(5), &[to(trailing(9), 10)]);
    bench.report(0, plain(1, ReportKind::Cancelled, RejectReason::Requested));
    replaced(&mut bench, 0, 10);
    assert!(bench.pipeline.exposure().orders.is_empty());
}
