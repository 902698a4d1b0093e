//! Limit and take-profit orders.

use crate::harness::Case;
use crate::script::{BUY, SELL, limit, market, take_profit};

#[test]
fn a_limit_fills_at_its_price_when_a_later_bar_goes_through_it() {
    // The low of bar 0 (90) is below 97 too, but lies before the order. Bar 1 only comes to 98,
    // bar 2 goes through 97 to 96.
    let bars =
        [[100, 101, 90, 100], [100, 102, 98, 101], [101, 103, 96, 102], [102, 102, 102, 102]];
    let out = Case::new(&bars).at(0, limit(BUY, 10, 97)).run();
    assert_eq!(out.fills(), [(2, BUY, 97, 10)]);
    // It fills somewhere inside the bar, so it carries the time at which that is known.
    assert_eq!(out.fill_times(), [300]);
    // 10 x (102 - 97) = 50.
    assert_eq!(out.equity(), [10_000, 10_000, 10_050, 10_050]);
}

#[test]
fn a_sell_limit_mirrors_it() {
    let bars =
        [[100, 120, 99, 100], [100, 102, 98, 101], [101, 104, 96, 102], [102, 102, 102, 102]];
    let out = Case::new(&bars).margin(2).at(0, limit(SELL, 10, 103)).run();
    assert_eq!(out.fills(), [(2, SELL, 103, 10)]);
    // 10 x (103 - 102) = 10.
    assert_eq!(out.equity(), [10_000, 10_000, 10_010, 10_010]);
}

#[test]
fn a_touch_fills_only_where_that_is_asked_for() {
    let bars = [[100, 101, 99, 100], [100, 102, 97, 101], [101, 103, 98, 102]];
    let case = Case::new(&bars).margin(2).at(0, limit(BUY, 10, 97)).at(0, limit(SELL, 10, 103));
    assert!(case.run().fills().is_empty());
    let case = case.with(|config| config.touch_fills = true);
    assert_eq!(case.run().fills(), [(1, BUY, 97, 10), (2, SELL, 103, 10)]);
}

#[test]
fn a_gap_through_a_limit_at_a_session_open_fills_at_the_open() {
    let bars = [[100, 101, 99, 100], [94, 98, 93, 96], [96, 97, 95, 96]];
    let case = Case::new(&bars).at(0, limit(BUY, 10, 97));
    // A session opens at 94, below 97: the open is better and it is the first price there is.
    let out = case.clone().sessions(1).run();
    assert_eq!((out.fills(), out.fill_times()), (vec![(1, BUY, 94, 10)], vec![100]));
    // In a continuous session the price has come through 97 between the bars.
    let out = case.run();
    assert_eq!((out.fills(), out.fill_times()), (vec![(1, BUY, 97, 10)], vec![200]));
}

#[test]
fn a_gap_through_a_sell_limit_mirrors_it() {
    let bars = [[100, 101, 99, 100], [106, 108, 104, 105], [105, 105, 105, 105]];
    let case = Case::new(&bars).margin(2).at(0, limit(SELL, 10, 103));
    assert_eq!(case.clone().sessions(1).run().fills(), [(1, SELL, 106, 10)]);
    assert_eq!(case.run().fills(), [(1, SELL, 103, 10)]);
}

#[test]
fn a_session_that_opens_at_the_limit_only_touches_it() {
    // Opens at 97 = limit and rises: a touch.
    let bars = [[100, 101, 99, 100], [97, 99, 97, 98], [98, 98, 98, 98]];
    let case = Case::new(&bars).sessions(1).at(0, limit(BUY, 10, 97));
    assert!(case.run().fills().is_empty());
    let touching = case.with(|config| config.touch_fills = true).run();
    assert_eq!((touching.fills(), touching.fill_times()), (vec![(1, BUY, 97, 10)], vec![100]));
    // Opens at 97 and goes through it: at the limit, inside the bar.
    let bars = [[100, 101, 99, 100], [97, 99, 96, 98], [98, 98, 98, 98]];
    let out = Case::new(&bars).sessions(1).at(0, limit(BUY, 10, 97)).run();
    assert_eq!((out.fills(), out.fill_times()), (vec![(1, BUY, 97, 10)], vec![200]));
}

#[test]
fn a_take_profit_fills_as_a_market_order_at_its_price_or_a_better_open() {
    let bars =
        [[100, 101, 99, 100], [100, 109, 99, 105], [112, 115, 104, 106], [106, 106, 106, 106]];
    // Bar 1 comes to 109 (not to 110); bar 2 opens at 112, which is better than 110.
    let case = Case::new(&bars).at(0, market(BUY, 10)).at(0, take_profit(SELL, 10, 110));
    let out = case.run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 112, 10)]);
    assert_eq!(out.fill_times(), [100, 200]);
    // At 109 the price is met inside bar 1: a touch is enough, it waits for a price like a stop.
    let case = Case::new(&bars).at(0, market(BUY, 10)).at(0, take_profit(SELL, 10, 109));
    let out = case.run();
    assert_eq!((out.fills()[1], out.fill_times()[1]), ((1, SELL, 109, 10), 200));
}

#[test]
fn a_buying_take_profit_mirrors_it() {
    let bars = [[100, 101, 99, 100], [100, 101, 92, 95], [88, 96, 85, 90], [90, 90, 90, 90]];
    let short = Case::new(&bars).margin(2).at(0, market(SELL, 10));
    let out = short.clone().at(0, take_profit(BUY, 10, 90)).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (2, BUY, 88, 10)]);
    let out = short.at(0, take_profit(BUY, 10, 92)).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (1, BUY, 92, 10)]);
}
