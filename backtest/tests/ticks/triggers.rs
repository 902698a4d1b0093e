//! Orders that wait for a price, and protective ones that wait for their entry.

use qt_types::{Bracket, RejectReason, Tick};

use crate::harness::Case;
use crate::script::{BUY, SELL, limit, market, price, stop, stop_limit, take_profit, trailing};

/// Bid 99, ask 101, 10 lots each, with more behind.
fn book() -> Case<Tick> {
    Case::book(&[(99, 10), (98, 10), (95, 10)], &[(101, 10), (102, 10), (106, 10)])
}

#[test]
fn trades_trigger_where_there_are_trades() {
    let case = book().trade(1, BUY, 101, 1).place(10, stop(SELL, 2, 97));
    // The bid falls through 97: no trade says so, and quotes do not count.
    let fallen = case.level(20, BUY, 99, 0).level(20, BUY, 98, 0);
    assert_eq!(fallen.run().fills(), []);
    // A trade at 97: sold at the best bid.
    assert_eq!(fallen.trade(30, SELL, 97, 1).run().fills(), [(1, 95, 2, false)]);
}

#[test]
fn quotes_trigger_where_there_are_no_trades() {
    // A sale by the bid, a buy by the ask.
    let case = book().place(10, stop(SELL, 2, 97)).level(20, BUY, 99, 0).level(21, BUY, 98, 0);
    let done = case.run();
    assert_eq!((done.fills(), done.fill_times()), (vec![(1, 95, 2, false)], vec![21]));
    let case = book().place(10, stop(BUY, 2, 102)).level(20, SELL, 101, 0);
    assert_eq!(case.run().fills(), [(1, 102, 2, false)]);
}

#[test]
fn a_stop_that_comes_too_late_goes_at_once() {
    let done = book().trade(1, BUY, 101, 1).place(10, stop(BUY, 2, 101)).run();
    assert_eq!((done.fills(), done.fill_times()), (vec![(1, 101, 2, false)], vec![10]));
}

#[test]
fn a_stop_limit_takes_within_its_limit_and_rests() {
    // Triggered at 101 with the limit 101: 10 there, the other 2 rest at 101 with nobody ahead.
    let done = book()
        .trade(1, BUY, 100, 1)
        .place(10, stop_limit(BUY, 12, 101, 101))
        .trade(20, BUY, 101, 1)
        .trade(30, SELL, 101, 1)
        .run();
    assert_eq!(done.fills(), [(1, 101, 10, false), (1, 101, 1, true)]);
    // A limit below the trigger: it rests at 100 until sellers come.
    let done = book()
        .trade(1, BUY, 100, 1)
        .place(10, stop_limit(BUY, 2, 101, 100))
        .trade(20, BUY, 101, 1)
        .trade(30, SELL, 100, 1)
        .run();
    assert_eq!(done.fills(), [(1, 100, 1, true)]);
}

#[test]
fn a_take_profit_goes_on_the_winning_side() {
    let case = book().trade(1, BUY, 100, 1).place(10, take_profit(SELL, 2, 103));
    assert_eq!(case.clone().trade(20, BUY, 102, 1).run().fills(), []);
    assert_eq!(case.trade(20, BUY, 103, 1).run().fills(), [(1, 99, 2, false)]);
}

#[test]
fn a_trailing_stop_follows_trades() {
    // Starts at the last trade 100, 3 behind: 97. The best is 104: 101. The trade at 101 sells.
    let case = book().trade(1, BUY, 100, 1).place(10, trailing(SELL, 2, 3));
    let risen = case.trade(20, BUY, 104, 1).trade(30, SELL, 102, 1);
    assert_eq!(risen.run().fills(), []);
    let done = risen.trade(40, SELL, 101, 1).run();
    assert_eq!((done.fills(), done.fill_times()), (vec![(1, 99, 2, false)], vec![40]));
}

#[test]
fn a_trailing_stop_follows_quotes_where_there_are_no_trades() {
    // A sale follows the bid: 99, 3 behind: 96. The bid rises to 100: 97. It falls to 98, then
    // 95: sold there.
    let case = book().place(10, trailing(SELL, 2, 3)).level(20, BUY, 100, 1);
    let case = case.level(30, BUY, 100, 0).level(31, BUY, 99, 0);
    assert_eq!(case.run().fills(), []);
    assert_eq!(case.level(40, BUY, 98, 0).run().fills(), [(1, 95, 2, false)]);
}

#[test]
fn a_trailing_stop_does_not_start_from_an_older_fill() {
    // We bought when the middle was 100; now trades are at 90. A buy that trails by 3 starts at
    // 90 and waits for 93: not from a mark of long ago. A sale that trails starts at 90, waits
    // for 87: 88 is not enough.
    let case = book().place(5, market(BUY, 1)).trade(10, SELL, 90, 1);
    let case = case.place(15, trailing(SELL, 2, 3)).trade(20, SELL, 88, 1);
    assert_eq!(case.run().fills(), [(1, 101, 1, false)]);
    assert_eq!(case.trade(30, SELL, 87, 1).run().fills(), [(1, 101, 1, false), (2, 99, 2, false)]);
}

fn bracket(stop: i64, target: i64) -> Bracket {
    Bracket { stop: Some(price(stop)), target: Some(price(target)), trail_bps: None }
}

#[test]
fn protection_of_an_entry_that_fills_at_once_is_alive() {
    // The entry takes 101 on arrival. Its target sells at 104: rests. A buyer's trade at 105
    // goes through it; the stop ends with it.
    let case = book().place(10, market(BUY, 2).bracket(bracket(97, 104)));
    let done = case.clone().trade(20, BUY, 105, 5).run();
    assert_eq!(done.fills(), [(1, 101, 2, false), (3, 104, 2, true)]);
    assert_eq!(done.ends(), [(2, RejectReason::OcoFilled)]);
    // Or the stop is hit, and the target ends.
    let done = case.trade(20, SELL, 97, 5).run();
    assert_eq!(done.fills(), [(1, 101, 2, false), (2, 99, 2, false)]);
    assert_eq!(done.ends(), [(3, RejectReason::OcoFilled)]);
    assert_eq!(done.position, 0);
}

#[test]
fn protection_waits_for_its_entry_and_covers_what_it_filled() {
    // Nothing is for sale at 100 yet, so the target at 99 below the market does not sell.
    let case = book().level(0, BUY, 100, 4).place(10, limit(BUY, 5, 100).bracket(bracket(96, 103)));
    assert_eq!(case.clone().trade(20, BUY, 104, 3).run().fills(), []);
    // 4 ahead, 6 traded: 2 filled, 2 protected. A trade through 103 of 9 lots sells those 2; the
    // rest of the entry ends.
    let done = case.trade(20, SELL, 100, 6).trade(30, BUY, 104, 9).run();
    assert_eq!(done.fills(), [(1, 100, 2, true), (3, 103, 2, true)]);
    let ends = [(1, RejectReason::OcoFilled), (2, RejectReason::OcoFilled)];
    assert_eq!(done.ends(), ends);
    assert_eq!(done.position, 0);
}

#[test]
fn protection_ends_with_an_entry_that_never_filled() {
    let case = book().place(10, limit(BUY, 5, 98).bracket(bracket(96, 103)));
    let done = case.step(20, crate::script::Step::Cancel(1)).run();
    let reasons = [
        (1, RejectReason::Requested),
        (2, RejectReason::ParentEnded),
        (3, RejectReason::ParentEnded),
    ];
    assert_eq!(done.ends(), reasons);
}
