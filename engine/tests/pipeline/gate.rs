//! Nothing leaves without approval.

use qt_engine::Command;
use qt_types::{
    BarFlags, Cancel, DenyReason, Intent, Limits, OrderKind, Price, Qty, Replace, Side, Size,
};

use crate::support::{Bench, Switch, buy, buy_limit, id, order};

#[test]
fn what_the_gate_denies_does_not_leave() {
    let gate = Switch { denies: Some(DenyReason::MaxOrderQty), ..Switch::default() };
    let script = vec![vec![buy(1), buy_limit(2, 99)]];
    let mut bench = Bench::new(1, Limits::default(), gate, script);
    assert!(bench.bar(0, 100).is_empty());
    assert!(bench.pipeline.exposure().orders.is_empty());
    let denials = bench.out.denials.as_slice();
    assert_eq!(denials.len(), 2);
    assert!(denials.iter().all(|denial| denial.denied.reason == DenyReason::MaxOrderQty));
    assert!(denials.iter().all(|denial| denial.denied.side == Some(Side::Buy)));
}

#[test]
fn some_things_no_gate_is_asked_about() {
    let reason = |intent: Intent| {
        let mut bench = Bench::open(vec![vec![intent]]);
        assert!(bench.bar(0, 100).is_empty());
        bench.out.denials.get(0).map(|denial| denial.denied.reason)
    };
    assert_eq!(reason(buy(0)), Some(DenyReason::SizeBelowLot));
    assert_eq!(reason(buy(-5)), Some(DenyReason::SizeBelowLot));
    assert_eq!(reason(buy_limit(1, 0)), Some(DenyReason::InvalidPrice));
    assert_eq!(reason(Intent::Cancel(Cancel { order: id(1) })), Some(DenyReason::UnknownOrder));
    let kind = OrderKind::Limit { price: Price::from_ticks(1) };
    let change = Replace { order: id(1), kind, qty: Qty::from_lots(1) };
    assert_eq!(reason(Intent::Replace(change)), Some(DenyReason::UnknownOrder));
    let close = order(Side::Sell, 1, OrderKind::Market).size(Size::Position);
    assert_eq!(reason(Intent::Place(close)), Some(DenyReason::NothingToClose));
}

#[test]
fn an_instrument_without_a_price_is_not_traded() {
    let mut place = order(Side::Buy, 1, OrderKind::Market);
    place.instrument = qt_types::InstrumentId(1);
    let mut bench =
        Bench::new(2, Limits::default(), Switch::default(), vec![vec![Intent::Place(place)]]);
    assert!(bench.bar(0, 100).is_empty());
    assert_eq!(bench.out.denials.as_slice()[0].denied.reason, DenyReason::NoPrice);
    // Nor is one that does not exist.
    place.instrument = qt_types::InstrumentId(9);
    let mut bench = Bench::open(vec![vec![Intent::Place(place)]]);
    assert!(bench.bar(0, 100).is_empty());
    assert_eq!(bench.out.denials.as_slice()[0].denied.reason, DenyReason::NoPrice);
}

#[test]
fn the_gates_size_is_the_size() {
    let auto = order(Side::Buy, 1, OrderKind::Market).size(Size::Auto);
    let mut bench = Bench::open(vec![vec![Intent::Place(auto)]]);
    let commands = bench.bar(0, 100);
    let Command::New(new) = commands[0] else { panic!("a new order") };
    assert_eq!(new.qty, Qty::from_lots(7));
}

#[test]
fn nothing_is_asked_for_during_the_warm_up() {
    let mut bench = Bench::open(vec![vec![buy(1)], vec![buy(2)]]);
    assert!(bench.flagged_bar(0, 100, BarFlags::WARMUP).is_empty());
    assert_eq!(bench.bar(0, 100).len(), 1);
}

#[test]
fn a_cancel_leaves_once_approved_and_the_order_stays_until_the_venue_says_so() {
    let cancel = Intent::Cancel(Cancel { order: id(1) });
    let mut bench = Bench::open(vec![vec![buy_limit(5, 90)], vec![cancel]]);
    bench.bar(0, 100);
    assert!(matches!(bench.bar(0, 100)[..], [Command::Cancel(_)]));
    // The fill was faster.
    bench.fill(1, 1, 5, 0);
    assert_eq!(bench.position(0), 5);
}
