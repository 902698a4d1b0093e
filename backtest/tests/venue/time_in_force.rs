//! GTC, DAY, IOC and FOK.

use qt_types::{RejectReason, TimeInForce};

use crate::harness::Case;
use crate::outcome::{cancelled, filled};
use crate::script::{BUY, SELL, limit, market, stop, take_profit};

/// Two sessions of two bars; the limit of 95 is met in the second one only.
const BARS: [[i64; 4]; 4] =
    [[100, 101, 99, 100], [100, 102, 97, 100], [100, 103, 94, 99], [99, 100, 93, 96]];

#[test]
fn a_day_order_ends_with_its_session() {
    let case = Case::new(&BARS).sessions(2);
    let day = case.clone().at(0, limit(BUY, 10, 95).tif(TimeInForce::Day)).run();
    assert!(day.fills().is_empty());
    assert_eq!(day.end_of(1), cancelled(RejectReason::SessionEnd));
    assert_eq!(day.told_ns(1, qt_types::ReportKind::Cancelled), Some(200), "the end of bar 1");
    let gtc = case.clone().at(0, limit(BUY, 10, 95)).run();
    assert_eq!(gtc.fills(), [(2, BUY, 95, 10)]);
    // Without sessions a DAY order has no end.
    let endless = Case::new(&BARS).at(0, limit(BUY, 10, 95).tif(TimeInForce::Day)).run();
    assert_eq!(endless.fills(), [(2, BUY, 95, 10)]);
}

#[test]
fn a_day_order_may_fill_in_the_last_bar_of_its_session() {
    let out = Case::new(&BARS).sessions(2).at(0, limit(BUY, 10, 98).tif(TimeInForce::Day)).run();
    assert_eq!(out.fills(), [(1, BUY, 98, 10)]);
}

#[test]
fn a_day_order_from_the_end_of_a_session_lives_in_the_next_one() {
    let out = Case::new(&BARS).sessions(2).at(1, limit(BUY, 10, 95).tif(TimeInForce::Day)).run();
    assert_eq!(out.fills(), [(2, BUY, 95, 10)]);
    let out = Case::new(&BARS).sessions(2).at(1, limit(BUY, 10, 90).tif(TimeInForce::Day)).run();
    assert_eq!(out.end_of(1), cancelled(RejectReason::SessionEnd));
    assert_eq!(out.told_ns(1, qt_types::ReportKind::Cancelled), Some(400), "the end of bar 3");
}

#[test]
fn day_stops_end_too() {
    for order in [stop(BUY, 10, 103), take_profit(BUY, 10, 95)] {
        let out = Case::new(&BARS).sessions(2).at(0, order.tif(TimeInForce::Day)).run();
        assert_eq!(out.end_of(1), cancelled(RejectReason::SessionEnd), "{order:?}");
    }
}

#[test]
fn ioc_and_fok_limits_take_the_next_open_or_end() {
    let bars = [[100, 101, 99, 100], [98, 102, 90, 100], [80, 103, 70, 99]];
    for tif in [TimeInForce::Ioc, TimeInForce::Fok] {
        // The open of 98 is below 99: at the open, though the session is a continuous one.
        let out = Case::new(&bars).at(0, limit(BUY, 10, 99).tif(tif)).run();
        assert_eq!((out.fills(), out.fill_times()), (vec![(1, BUY, 98, 10)], vec![100]));
        // The open of 98 is above 95: over, though the bar falls to 90 and the next to 70.
        let out = Case::new(&bars).at(0, limit(BUY, 10, 95).tif(tif)).run();
        assert!(out.fills().is_empty());
        assert_eq!(out.end_of(1), cancelled(RejectReason::NotImmediate));
        // An open at the limit is a touch.
        let out = Case::new(&bars).at(0, limit(BUY, 10, 98).tif(tif)).run();
        assert_eq!(out.end_of(1), cancelled(RejectReason::NotImmediate));
        // Sales mirrored.
        let out = Case::new(&bars).margin(2).at(0, limit(SELL, 10, 97).tif(tif)).run();
        assert_eq!(out.fills(), [(1, SELL, 98, 10)]);
        let out = Case::new(&bars).margin(2).at(0, limit(SELL, 10, 101).tif(tif)).run();
        assert_eq!(out.end_of(1), cancelled(RejectReason::NotImmediate));
    }
}

#[test]
fn an_ioc_stop_must_be_triggered_by_the_next_open() {
    let bars = [[100, 101, 99, 100], [104, 108, 103, 105], [105; 4]];
    let out = Case::new(&bars).at(0, stop(BUY, 10, 103).tif(TimeInForce::Ioc)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 10)]);
    let out = Case::new(&bars).at(0, stop(BUY, 10, 107).tif(TimeInForce::Ioc)).run();
    assert_eq!(out.end_of(1), cancelled(RejectReason::NotImmediate));
}

#[test]
fn a_cap_splits_an_ioc_and_refuses_a_fok() {
    // A tenth of 60 lots: 6 of 10 at the open.
    let case = Case::new(&BARS)
        .volumes(&[60; 4])
        .with(|config| config.participation_e9 = Some(100_000_000));
    let out = case.clone().at(0, market(BUY, 10).tif(TimeInForce::Ioc)).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 6)]);
    assert_eq!(out.end_of(1), cancelled(RejectReason::NotImmediate));
    let out = case.clone().at(0, market(BUY, 10).tif(TimeInForce::Fok)).run();
    assert!(out.fills().is_empty());
    assert_eq!(out.end_of(1), cancelled(RejectReason::NotImmediate));
    let out = case.at(0, market(BUY, 6).tif(TimeInForce::Fok)).run();
    assert_eq!((out.fills(), out.end_of(1)), (vec![(1, BUY, 100, 6)], filled()));
}
