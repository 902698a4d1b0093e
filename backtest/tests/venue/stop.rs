//! Stop orders.

use crate::harness::Case;
use crate::script::{BUY, SELL, market, stop};

#[test]
fn a_buy_stop_fills_at_its_price_or_a_worse_open() {
    let bars = [[100, 120, 99, 100], [100, 104, 98, 103], [103, 107, 102, 106], [106; 4]];
    // The high of bar 0 (120) lies before the order. Bar 1 comes to 104, bar 2 to 107: at 105.
    let out = Case::new(&bars).at(0, stop(BUY, 10, 105)).run();
    assert_eq!((out.fills(), out.fill_times()), (vec![(2, BUY, 105, 10)], vec![300]));
    // 10 x (106 - 105) = 10.
    assert_eq!(out.equity(), [10_000, 10_000, 10_010, 10_010]);
    // Bar 2 opens at 108, through 105: max(105, 108) = 108, at the open.
    let bars = [[100, 120, 99, 100], [100, 104, 98, 103], [108, 109, 102, 106], [106; 4]];
    let out = Case::new(&bars).at(0, stop(BUY, 10, 105)).run();
    assert_eq!((out.fills(), out.fill_times()), (vec![(2, BUY, 108, 10)], vec![200]));
}

#[test]
fn a_sell_stop_fills_at_its_price_or_a_worse_open() {
    let bars = [[100, 101, 80, 100], [100, 104, 96, 98], [98, 99, 93, 94], [94; 4]];
    let long = Case::new(&bars).at(0, market(BUY, 10)).at(0, stop(SELL, 10, 95));
    let out = long.run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 95, 10)]);
    // min(95, 91) = 91.
    let bars = [[100, 101, 80, 100], [100, 104, 96, 98], [91, 99, 90, 94], [94; 4]];
    let out = Case::new(&bars).at(0, market(BUY, 10)).at(0, stop(SELL, 10, 95)).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 91, 10)]);
    // 10,000 - 10 x 9 at the end.
    assert_eq!(out.equity(), [10_000, 9_980, 9_910, 9_910]);
}

#[test]
fn a_touch_triggers_a_stop() {
    let bars = [[100, 101, 99, 100], [100, 105, 95, 100], [100; 4]];
    let out = Case::new(&bars).at(0, stop(BUY, 10, 105)).run();
    assert_eq!(out.fills(), [(1, BUY, 105, 10)]);
    let out = Case::new(&bars).margin(2).at(0, stop(SELL, 10, 95)).run();
    assert_eq!(out.fills(), [(1, SELL, 95, 10)]);
    // An open exactly at the trigger.
    let bars = [[100, 101, 99, 100], [105, 109, 104, 106], [106; 4]];
    let out = Case::new(&bars).at(0, stop(BUY, 10, 105)).run();
    assert_eq!((out.fills(), out.fill_times()), (vec![(1, BUY, 105, 10)], vec![100]));
}

#[test]
fn a_session_makes_no_difference_to_a_stop() {
    let bars = [[100, 101, 99, 100], [108, 109, 102, 106], [106; 4]];
    for length in [1, 2, 3] {
        let out = Case::new(&bars).sessions(length).at(0, stop(BUY, 10, 105)).run();
        assert_eq!(out.fills(), [(1, BUY, 108, 10)]);
    }
}

#[test]
fn of_a_stop_and_a_limit_in_one_bar_the_stop_comes_first() {
    // Not a bracket: a short position of 10, a stop to buy 10 at 105, a limit to buy 10 at 95.
    // Bar 2 reaches both. The stop first: flat; then the limit opens a long position.
    let bars = [[100, 101, 99, 100], [100, 102, 98, 100], [100, 106, 94, 100], [100; 4]];
    let out = Case::new(&bars)
        .margin(2)
        .at(0, market(SELL, 10))
        .at(1, crate::script::limit(BUY, 10, 95))
        .at(1, stop(BUY, 10, 105))
        .run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (2, BUY, 105, 10), (2, BUY, 95, 10)]);
    assert_eq!(out.positions, [10]);
    // Sold 10 at 100, bought 10 at 105: -50; bought 10 at 95, now at 100: +50.
    assert_eq!(out.equity(), [10_000, 10_000, 10_000, 10_000]);
}
