//! Stop-limit orders: the three ways in which one can be triggered.

use crate::harness::Case;
use crate::script::{BUY, SELL, stop_limit};

fn buy(bars: &[[i64; 4]], trigger: i64, limit: i64) -> Vec<(u32, qt_types::Side, i64, i64)> {
    Case::new(bars).at(0, stop_limit(BUY, 10, trigger, limit)).run().fills()
}

fn sell(bars: &[[i64; 4]], trigger: i64, limit: i64) -> Vec<(u32, qt_types::Side, i64, i64)> {
    Case::new(bars).margin(2).at(0, stop_limit(SELL, 10, trigger, limit)).run().fills()
}

#[test]
fn triggered_at_an_open_that_the_limit_allows_it_fills_there() {
    let bars = [[100, 101, 99, 100], [106, 109, 103, 104], [104; 4]];
    assert_eq!(buy(&bars, 105, 107), [(1, BUY, 106, 10)]);
    let bars = [[100, 101, 99, 100], [94, 97, 91, 96], [96; 4]];
    assert_eq!(sell(&bars, 95, 93), [(1, SELL, 94, 10)]);
}

#[test]
fn triggered_at_a_worse_open_it_fills_at_its_limit_when_the_bar_comes_back() {
    // Opens at 110: triggered, but above 107. All of the bar comes after: its low is 106.
    let bars = [[100, 101, 99, 100], [110, 112, 106, 109], [109; 4]];
    assert_eq!(buy(&bars, 105, 107), [(1, BUY, 107, 10)]);
    // The low is 107: a touch. It rests as a limit order and meets bar 2.
    let bars = [[100, 101, 99, 100], [110, 112, 107, 109], [109, 110, 106, 108], [108; 4]];
    assert_eq!(buy(&bars, 105, 107), [(2, BUY, 107, 10)]);
    let bars = [[100, 101, 99, 100], [90, 94, 88, 91], [91; 4]];
    assert_eq!(sell(&bars, 95, 93), [(1, SELL, 93, 10)]);
}

#[test]
fn triggered_inside_with_room_it_fills_at_the_trigger() {
    let bars = [[100, 101, 99, 100], [100, 106, 98, 104], [104; 4]];
    assert_eq!(buy(&bars, 105, 107), [(1, BUY, 105, 10)]);
    let bars = [[100, 101, 99, 100], [100, 102, 94, 97], [97; 4]];
    assert_eq!(sell(&bars, 95, 93), [(1, SELL, 95, 10)]);
}

#[test]
fn triggered_inside_with_a_better_limit_only_the_close_proves_a_fill() {
    // Trigger 105, limit 103. The low, 98, may have come before the trigger; the close, 102,
    // came after it.
    let bars = [[100, 101, 99, 100], [100, 106, 98, 102], [102; 4]];
    assert_eq!(buy(&bars, 105, 103), [(1, BUY, 103, 10)]);
    // The close is 104: nothing proves that the price came back to 103. It rests as a limit
    // order; bar 2 does not reach it, bar 3 goes through.
    let bars =
        [[100, 101, 99, 100], [100, 106, 98, 104], [104, 108, 103, 104], [104, 105, 102, 104]];
    assert_eq!(buy(&bars, 105, 103), [(3, BUY, 103, 10)]);
    let bars = [[100, 101, 99, 100], [100, 102, 94, 98], [98; 4]];
    assert_eq!(sell(&bars, 95, 97), [(1, SELL, 97, 10)]);
    let bars = [[100, 101, 99, 100], [100, 102, 94, 96], [96, 98, 92, 97], [97; 4]];
    assert_eq!(sell(&bars, 95, 97), [(2, SELL, 97, 10)]);
}

#[test]
fn a_limit_at_the_trigger_is_only_touched_by_it() {
    // Trigger and limit 105; after the trigger the price is at 105: a touch.
    let bars = [[100, 101, 99, 100], [100, 106, 98, 106], [106, 107, 104, 106]];
    assert_eq!(buy(&bars, 105, 105), [(2, BUY, 105, 10)]);
    let touching = Case::new(&bars).with(|config| config.touch_fills = true);
    let out = touching.at(0, stop_limit(BUY, 10, 105, 105)).run();
    assert_eq!(out.fills(), [(1, BUY, 105, 10)]);
}

#[test]
fn once_triggered_it_is_a_limit_order_at_a_session_open() {
    // Triggered in bar 1 (a session's last) without a fill; the next session opens at 101,
    // below the limit 103: at the open.
    let bars = [[100, 101, 99, 100], [100, 106, 98, 104], [101, 108, 100, 104], [104; 4]];
    let out = Case::new(&bars).sessions(2).at(0, stop_limit(BUY, 10, 105, 103)).run();
    assert_eq!((out.fills(), out.fill_times()), (vec![(2, BUY, 101, 10)], vec![200]));
}

#[test]
fn without_its_trigger_it_does_nothing() {
    // The limit alone would have been met: 107 is above every price.
    let bars = [[100, 101, 99, 100], [100, 104, 98, 102], [102, 104, 90, 95]];
    assert!(buy(&bars, 105, 107).is_empty());
}
