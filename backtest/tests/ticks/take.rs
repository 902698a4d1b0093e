//! Orders that take what is there: market, limit, IOC, FOK, post-only.

use qt_types::{RejectReason, TimeInForce};

use crate::harness::Case;
use crate::script::{BUY, SELL, limit, market};

/// Asks: 5 at 101, 7 at 102, 20 at 105; bids: 4 at 99, 6 at 98.
fn book() -> Case<qt_types::Tick> {
    Case::book(&[(99, 4), (98, 6)], &[(101, 5), (102, 7), (105, 20)])
}

#[test]
fn a_market_order_sweeps_levels() {
    // 14 lots: all 5 at 101, all 7 at 102, the last 2 at 105.
    let done = book().place(10, market(BUY, 14)).run();
    let fills = vec![(1, 101, 5, false), (1, 102, 7, false), (1, 105, 2, false)];
    assert_eq!(done.fills(), fills);
    assert_eq!(done.position, 14);
    // A sale goes down: 4 at 99, 3 of the 6 at 98.
    let done = book().place(10, market(SELL, 7)).run();
    assert_eq!(done.fills(), [(1, 99, 4, false), (1, 98, 3, false)]);
}

#[test]
fn a_market_order_ends_where_the_book_does() {
    // 32 lots are there, 33 are wanted.
    let done = book().place(10, market(BUY, 33)).run();
    assert_eq!(done.position, 32);
    assert_eq!(done.ends(), [(1, RejectReason::NoLiquidity)]);
}

#[test]
fn the_fees_are_those_of_takers_and_makers() {
    let fees = |config: &mut qt_backtest::venue::VenueConfig| {
        config.fees = qt_backtest::venue::Fees { maker_e9: -100_000, taker_e9: 500_000 };
    };
    // Taker: 5 x 101 x 0.0005 = 0.2525. Maker: 2 x 101 x -0.0001 = -0.0202, filled by the trade
    // through 101. Together 0.2323.
    let done = book().with(fees).place(10, limit(BUY, 7, 101)).trade(20, SELL, 100, 2).run();
    assert_eq!(done.fills(), [(1, 101, 5, false), (1, 101, 2, true)]);
    assert_eq!(done.fees.nano(), 232_300_000);
}

#[test]
fn a_limit_order_takes_what_its_price_allows_and_rests() {
    // 5 at 101 and 7 at 102 are within 103; the other 8 of 20 rest at 103, where nobody is ahead:
    // the trade of 3 there is ours.
    let done = book().place(10, limit(BUY, 20, 103)).trade(20, SELL, 103, 3).run();
    assert_eq!(done.fills(), [(1, 101, 5, false), (1, 102, 7, false), (1, 103, 3, true)]);
}

#[test]
fn immediate_or_cancel_takes_and_ends() {
    let ioc = |lots, price| limit(BUY, lots, price).tif(TimeInForce::Ioc);
    let done = book().place(10, ioc(20, 102)).run();
    assert_eq!(done.fills(), [(1, 101, 5, false), (1, 102, 7, false)]);
    assert_eq!(done.ends(), [(1, RejectReason::NotImmediate)]);
    let done = book().place(10, ioc(20, 100)).run();
    assert_eq!((done.fills(), done.ends()), (vec![], vec![(1, RejectReason::NotImmediate)]));
}

#[test]
fn fill_or_kill_takes_all_or_nothing_over_several_levels() {
    let fok = |lots| limit(BUY, lots, 102).tif(TimeInForce::Fok);
    // 5 + 7 = 12 within 102.
    let done = book().place(10, fok(12)).run();
    assert_eq!(done.fills(), [(1, 101, 5, false), (1, 102, 7, false)]);
    assert_eq!(done.ends(), []);
    let done = book().place(10, fok(13)).run();
    assert_eq!((done.fills(), done.ends()), (vec![], vec![(1, RejectReason::NotImmediate)]));
}

#[test]
fn post_only_never_takes() {
    let done = book().place(10, limit(BUY, 1, 101).post_only()).run();
    assert_eq!((done.fills(), done.ends()), (vec![], vec![(1, RejectReason::WouldTake)]));
    // One tick lower it rests, and is a maker.
    let done = book().place(10, limit(BUY, 1, 100).post_only()).trade(20, SELL, 100, 1).run();
    assert_eq!((done.fills(), done.ends()), (vec![(1, 100, 1, true)], vec![]));
}

#[test]
fn what_we_took_is_gone_until_the_level_is_told_again() {
    let orders = |case: Case<qt_types::Tick>| {
        case.place(10, market(BUY, 3)).place(20, market(BUY, 4)).level(30, SELL, 101, 5)
    };
    // 3 of 5 at 101; then the other 2, and 2 of the 7 at 102. The level is told with 5 again:
    // 5 are there, and the last order finds 5 at 101 and 5 of the 7 - 2 at 102.
    let done = orders(book()).place(40, market(BUY, 10)).run();
    let fills = [
        (1, 101, 3, false),
        (2, 101, 2, false),
        (2, 102, 2, false),
        (3, 101, 5, false),
        (3, 102, 5, false),
    ];
    assert_eq!(done.fills(), fills);
    // Without impact every order finds the book as it is displayed.
    let done = orders(book()).with(|config| config.no_impact = true).run();
    assert_eq!(done.fills(), [(1, 101, 3, false), (2, 101, 4, false)]);
    // But one order cannot have the same lots twice.
    let done = book().with(|config| config.no_impact = true).place(10, market(BUY, 14)).run();
    let fills = vec![(1, 101, 5, false), (1, 102, 7, false), (1, 105, 2, false)];
    assert_eq!(done.fills(), fills);
}

#[test]
fn a_feed_of_best_prices_refreshes_what_we_took_while_no_order_lives() {
    let tops = Case::new().top(0, BUY, 99, 4).top(0, SELL, 101, 5);
    let done = tops.place(10, market(BUY, 5)).top(20, SELL, 101, 5).place(30, market(BUY, 5)).run();
    assert_eq!(done.fills(), [(1, 101, 5, false), (2, 101, 5, false)]);
}

#[test]
fn whole_fills_fill_whole_at_the_best_level() {
    let done = book().with(|config| config.whole_fills = true).place(10, market(BUY, 14)).run();
    assert_eq!(done.fills(), [(1, 101, 14, false)]);
}

#[test]
fn more_levels_than_are_remembered_are_taken_once_each() {
    // 300 asks of 1 lot from 101 on: 300 lots are there and not one more, with and without
    // impact.
    let asks: Vec<(i64, i64)> = (0..300).map(|at| (101 + at, 1)).collect();
    for no_impact in [false, true] {
        let case = Case::book(&[(99, 1)], &asks).with(|config| config.no_impact = no_impact);
        let done = case.place(10, market(BUY, 400)).place(20, market(BUY, 1)).run();
        assert_eq!(done.position, if no_impact { 301 } else { 300 });
        assert_eq!(done.fills()[299], (1, 400, 1, false));
    }
}
