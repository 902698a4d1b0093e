//! Our own orders never trade with each other.

use qt_backtest::venue::SelfTrade;
use qt_types::{RejectReason, Tick, TimeInForce};

use crate::harness::{Case, Outcome};
use crate::script::{BUY, SELL, limit, market};

const ENDED: RejectReason = RejectReason::SelfTrade;

/// Asks: 5 at 101, 5 at 103. We offer 4 at 102.
fn ours(mode: SelfTrade) -> Case<Tick> {
    let book = Case::book(&[(99, 10)], &[(101, 5), (103, 5)]);
    book.with(|config| config.self_trade = mode).place(10, limit(SELL, 4, 102))
}

#[test]
fn what_does_not_get_as_far_as_our_own_order_is_not_concerned() {
    for mode in [SelfTrade::ExpireTaker, SelfTrade::ExpireMaker, SelfTrade::ExpireBoth] {
        let done = ours(mode).place(20, market(BUY, 5)).run();
        assert_eq!((done.fills(), done.ends()), (vec![(2, 101, 5, false)], vec![]));
    }
}

#[test]
fn the_taker_ends_where_it_comes_to_our_own_order() {
    let done = ours(SelfTrade::ExpireTaker).place(20, market(BUY, 7)).run();
    assert_eq!((done.fills(), done.ends()), (vec![(2, 101, 5, false)], vec![(2, ENDED)]));
    // A limit order at our price: nothing to take before it.
    let done = ours(SelfTrade::ExpireTaker).level(15, SELL, 101, 0).place(20, limit(BUY, 1, 102));
    let done: Outcome = done.run();
    assert_eq!((done.fills(), done.ends()), (vec![], vec![(2, ENDED)]));
}

#[test]
fn the_maker_ends_and_the_taker_goes_on() {
    let done = ours(SelfTrade::ExpireMaker).place(20, market(BUY, 7)).run();
    assert_eq!(done.fills(), [(2, 101, 5, false), (2, 103, 2, false)]);
    assert_eq!(done.ends(), [(1, ENDED)]);
}

#[test]
fn both_end() {
    let done = ours(SelfTrade::ExpireBoth).place(20, market(BUY, 7)).run();
    assert_eq!(done.fills(), [(2, 101, 5, false)]);
    assert_eq!(done.ends(), [(1, ENDED), (2, ENDED)]);
}

#[test]
fn fill_or_kill_gets_nothing_when_our_own_order_is_in_the_way() {
    let fok = limit(BUY, 7, 103).tif(TimeInForce::Fok);
    let done = ours(SelfTrade::ExpireTaker).place(20, fok).run();
    assert_eq!((done.fills(), done.ends()), (vec![], vec![(2, ENDED)]));
    let done = ours(SelfTrade::ExpireMaker).place(20, fok).run();
    assert_eq!(done.fills(), [(2, 101, 5, false), (2, 103, 2, false)]);
}
