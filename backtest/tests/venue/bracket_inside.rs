//! Brackets in the entry's own bar: only what the path proves.

use qt_types::RejectReason;

use crate::bracket::bracket;
use crate::harness::Case;
use crate::outcome::{Outcome, cancelled, cash};
use crate::script::{BUY, SELL, limit, market, stop};

const QUIET: [i64; 4] = [100, 101, 99, 100];

fn run(entry: qt_types::Place, own: [i64; 4], next: [i64; 4]) -> Outcome {
    Case::new(&[QUIET, own, next]).margin(4).at(0, entry).run()
}

#[test]
fn an_entry_at_the_open_has_all_of_the_bar_behind_it() {
    let long = market(BUY, 10).bracket(bracket(95, 105));
    // Up to 106, not down to 95.
    let out = run(long, [100, 106, 96, 100], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (1, SELL, 105, 10)]);
    assert_eq!(out.fill_times(), [100, 200]);
    // Down to 94, not up to 105.
    let out = run(long, [100, 104, 94, 100], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (1, SELL, 95, 10)]);
    // Both: ambiguous, the stop; 10 x (105 - 95) = 100 foregone.
    let out = run(long, [100, 106, 94, 100], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (1, SELL, 95, 10)]);
    assert_eq!((out.counts.ambiguous_bars, out.counts.ambiguous_gain), (1, cash("100")));
    // The mirror.
    let short = market(SELL, 10).bracket(bracket(105, 95));
    let out = run(short, [100, 104, 94, 100], QUIET);
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (1, BUY, 95, 10)]);
    let out = run(short, [100, 106, 94, 100], QUIET);
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (1, BUY, 105, 10)]);
    assert_eq!(out.counts.ambiguous_bars, 1);
}

#[test]
fn an_entry_that_gaps_past_its_own_stop_is_stopped_at_once() {
    // Decided at 100 with a stop at 95; the next open is 93: bought at 93, and the stop is met
    // by that very price.
    let long = market(BUY, 10).bracket(bracket(95, 105));
    let out = run(long, [93, 106, 92, 100], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 93, 10), (1, SELL, 93, 10)]);
    assert_eq!(out.counts.ambiguous_bars, 0);
    // Past its own target: sold at the target, the open is there before the fall to 90.
    let out = run(long, [107, 108, 90, 100], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 107, 10), (1, SELL, 105, 10)]);
    assert_eq!(out.counts.ambiguous_bars, 0);
}

#[test]
fn an_entry_that_the_market_fell_to_proves_what_lies_below_it() {
    let long = limit(BUY, 10, 98).bracket(bracket(95, 105));
    // Fell through 98 and on to 94: the stop at 95 lies below the entry, so it came after it.
    let out = run(long, [100, 102, 94, 97], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 98, 10), (1, SELL, 95, 10)]);
    // The high of 106 may have come before the entry: the target rests, and fills in the next
    // bar.
    let out = run(long, [100, 106, 97, 100], [100, 107, 99, 104]);
    assert_eq!(out.fills(), [(1, BUY, 98, 10), (2, SELL, 105, 10)]);
    assert_eq!(out.counts.ambiguous_bars, 0);
    // The close of 106 came after everything: the target was hit on the way to it.
    let out = run(long, [100, 107, 97, 106], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 98, 10), (1, SELL, 105, 10)]);
    assert_eq!(out.end_of(2), cancelled(RejectReason::OcoFilled));
    // The stop is proven and the target possible: ambiguous.
    let out = run(long, [100, 106, 94, 97], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 98, 10), (1, SELL, 95, 10)]);
    assert_eq!((out.counts.ambiguous_bars, out.counts.ambiguous_gain), (1, cash("100")));
}

#[test]
fn the_mirror_of_an_entry_that_the_market_rose_to_with_a_limit() {
    // Sells 10 at 102 with a stop at 105 and a target at 95.
    let short = limit(SELL, 10, 102).bracket(bracket(105, 95));
    let out = run(short, [100, 106, 98, 103], QUIET);
    assert_eq!(out.fills(), [(1, SELL, 102, 10), (1, BUY, 105, 10)]);
    let out = run(short, [100, 103, 94, 100], [100, 101, 93, 96]);
    assert_eq!(out.fills(), [(1, SELL, 102, 10), (2, BUY, 95, 10)]);
    let out = run(short, [100, 103, 93, 94], QUIET);
    assert_eq!(out.fills(), [(1, SELL, 102, 10), (1, BUY, 95, 10)]);
}

#[test]
fn an_entry_that_the_market_rose_to_proves_what_lies_above_it() {
    let long = stop(BUY, 10, 103).bracket(bracket(97, 108));
    // Rose through 103 and on to 109: the target lies above the entry.
    let out = run(long, [100, 109, 98, 104], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 103, 10), (1, SELL, 108, 10)]);
    // The low of 96 may have come before the entry: the stop rests.
    let out = run(long, [100, 105, 96, 104], [104, 105, 98, 100]);
    assert_eq!(out.fills(), [(1, BUY, 103, 10)]);
    assert_eq!(out.counts.ambiguous_bars, 0);
    // The close of 96 came after the entry: the stop was hit at 97 on the way.
    let out = run(long, [100, 105, 95, 96], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 103, 10), (1, SELL, 97, 10)]);
    // The target is proven and the stop possible: the worse of the two counts, 97; the target
    // would have brought 10 x (108 - 97) = 110 more.
    let out = run(long, [100, 109, 96, 104], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 103, 10), (1, SELL, 97, 10)]);
    assert_eq!((out.counts.ambiguous_bars, out.counts.ambiguous_gain), (1, cash("110")));
}

#[test]
fn the_mirror_of_an_entry_that_the_market_fell_to_with_a_stop() {
    // Sells 10 at 97 with a stop at 103 and a target at 92.
    let short = stop(SELL, 10, 97).bracket(bracket(103, 92));
    let out = run(short, [100, 102, 91, 96], QUIET);
    assert_eq!(out.fills(), [(1, SELL, 97, 10), (1, BUY, 92, 10)]);
    let out = run(short, [100, 104, 95, 96], [96, 97, 95, 96]);
    assert_eq!(out.fills(), [(1, SELL, 97, 10)]);
    let out = run(short, [100, 105, 95, 104], QUIET);
    assert_eq!(out.fills(), [(1, SELL, 97, 10), (1, BUY, 103, 10)]);
    let out = run(short, [100, 104, 91, 96], QUIET);
    assert_eq!(out.fills(), [(1, SELL, 97, 10), (1, BUY, 103, 10)]);
    assert_eq!((out.counts.ambiguous_bars, out.counts.ambiguous_gain), (1, cash("110")));
}

#[test]
fn a_limit_entry_that_the_open_fills_has_all_of_the_bar_behind_it() {
    let long = limit(BUY, 10, 98).bracket(bracket(95, 105));
    // A continuous session opens at 97, below 98: bought at once at 98; then up to 106.
    let out = run(long, [97, 106, 96, 100], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 98, 10), (1, SELL, 105, 10)]);
    // A session opens at 97: bought at 97.
    let out = Case::new(&[QUIET, [97, 106, 96, 100], QUIET]).sessions(1).at(0, long).run();
    assert_eq!(out.fills(), [(1, BUY, 97, 10), (1, SELL, 105, 10)]);
}

#[test]
fn a_stop_that_the_open_triggers_has_all_of_the_bar_behind_it() {
    let long = stop(BUY, 10, 103).bracket(bracket(97, 108));
    let out = run(long, [104, 107, 96, 100], QUIET);
    assert_eq!(out.fills(), [(1, BUY, 104, 10), (1, SELL, 97, 10)]);
    let out = run(long, [104, 109, 96, 100], QUIET);
    assert_eq!(out.counts.ambiguous_bars, 1);
}
