//! Brackets in bars after the entry's own: one fills, the other ends; ambiguous bars.

use qt_types::{Bracket, Place, RejectReason};

use crate::harness::Case;
use crate::outcome::{cancelled, cash, filled};
use crate::script::{BUY, On, SELL, Step, limit, market, price, stop, take_profit};

/// A stop and a target.
pub fn bracket(stop: i64, target: i64) -> Bracket {
    Bracket { stop: Some(price(stop)), target: Some(price(target)), trail_bps: None }
}

/// Buys 10 at the open of bar 1 (100) with a stop at 95 and a target at 105.
fn long() -> Place {
    market(BUY, 10).bracket(bracket(95, 105))
}

/// The mirror: sells 10 with a stop at 105 and a target at 95.
fn short() -> Place {
    market(SELL, 10).bracket(bracket(105, 95))
}

const QUIET: [i64; 4] = [100, 101, 99, 100];

/// Two quiet bars, then `bar`, then one at `last`.
fn bars(bar: [i64; 4], last: i64) -> [[i64; 4]; 4] {
    [QUIET, QUIET, bar, [last; 4]]
}

#[test]
fn the_target_fills_and_ends_the_stop() {
    let out = Case::new(&bars([100, 106, 99, 104], 104)).at(0, long()).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 105, 10)]);
    // Orders: 1 the entry, 2 the stop, 3 the target.
    assert_eq!(out.end_of(2), cancelled(RejectReason::OcoFilled));
    assert_eq!(out.end_of(3), filled());
    assert_eq!(out.equity(), [10_000, 10_000, 10_050, 10_050]);
    assert_eq!(out.counts.ambiguous_bars, 0);
}

#[test]
fn the_stop_fills_and_ends_the_target() {
    let out = Case::new(&bars([100, 104, 94, 98], 98)).at(0, long()).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 95, 10)]);
    assert_eq!(out.end_of(3), cancelled(RejectReason::OcoFilled));
    assert_eq!(out.equity(), [10_000, 10_000, 9_950, 9_950]);
}

#[test]
fn the_mirror_of_both() {
    let out = Case::new(&bars([100, 104, 94, 98], 98)).margin(2).at(0, short()).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (2, BUY, 95, 10)]);
    let out = Case::new(&bars([100, 106, 96, 98], 98)).margin(2).at(0, short()).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (2, BUY, 105, 10)]);
    assert_eq!(out.end_of(3), cancelled(RejectReason::OcoFilled));
}

#[test]
fn in_an_ambiguous_bar_the_stop_counts_and_the_target_stands_beside_it() {
    // The bar reaches 106 and 94. The stop: 10 x (95 - 100) = -50. The target would have
    // brought 10 x (105 - 95) = 100 more.
    let case = |entry: Place| Case::new(&bars([100, 106, 94, 100], 100)).margin(2).at(0, entry);
    let out = case(long()).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 95, 10)]);
    assert_eq!(out.equity(), [10_000, 10_000, 9_950, 9_950]);
    assert_eq!((out.counts.ambiguous_bars, out.counts.ambiguous_gain), (1, cash("100")));
    let out = case(short()).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (2, BUY, 105, 10)]);
    assert_eq!((out.counts.ambiguous_bars, out.counts.ambiguous_gain), (1, cash("100")));
}

#[test]
fn a_take_profit_order_is_a_target_too() {
    // Long 10 from 100 with a stop at 95 and a take-profit at 105, both reached by bar 2: -50
    // from the stop, 10 x (105 - 95) = 100 more had the other one come first.
    let case = |side, other| {
        let (stop_at, target_at) = if side == BUY { (95, 105) } else { (105, 95) };
        Case::new(&bars([100, 106, 94, 100], 100))
            .margin(2)
            .at(0, market(side, 10))
            .at(1, stop(other, 10, stop_at).reduce_only())
            .at(1, take_profit(other, 10, target_at).reduce_only())
    };
    let out = case(BUY, SELL).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 95, 10)]);
    assert_eq!((out.counts.ambiguous_bars, out.counts.ambiguous_gain), (1, cash("100")));
    let out = case(SELL, BUY).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (2, BUY, 105, 10)]);
    assert_eq!((out.counts.ambiguous_bars, out.counts.ambiguous_gain), (1, cash("100")));
    // A take-profit is met by a touch of its trigger; one tick short of it nothing is open.
    let touched = Case::new(&bars([100, 105, 94, 100], 100)).at(0, market(BUY, 10));
    let touched = touched.at(1, stop(SELL, 10, 95).reduce_only());
    let run = |at| touched.clone().at(1, take_profit(SELL, 10, at).reduce_only()).run();
    assert_eq!((run(105).counts.ambiguous_bars, run(106).counts.ambiguous_bars), (1, 0));
}

#[test]
fn a_target_that_is_only_touched_is_not_ambiguous() {
    let case = Case::new(&bars([100, 105, 94, 100], 100)).at(0, long());
    assert_eq!(case.run().counts.ambiguous_bars, 0);
    let touching = case.with(|config| config.touch_fills = true).run();
    assert_eq!(touching.counts.ambiguous_bars, 1);
}

#[test]
fn two_brackets_in_one_ambiguous_bar_are_one_bar() {
    // 10 and 5 lots, both stopped at 95 with targets at 105: one bar, 15 x 10 = 150 foregone.
    let second = market(BUY, 5).bracket(bracket(95, 105));
    let out = Case::new(&bars([100, 106, 94, 100], 100)).at(0, long()).at(0, second).run();
    assert_eq!(out.fills()[2..], [(2, SELL, 95, 10), (2, SELL, 95, 5)]);
    assert_eq!((out.counts.ambiguous_bars, out.counts.ambiguous_gain), (1, cash("150")));
}

#[test]
fn a_gap_through_the_stop_is_not_ambiguous() {
    // The open of 93 is through the stop: min(95, 93). That the bar reaches 106 comes after.
    for length in [1, 4] {
        let case = Case::new(&bars([93, 106, 92, 100], 100)).sessions(length).at(0, long());
        let out = case.run();
        assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 93, 10)]);
        assert_eq!(out.fill_times()[1], 200);
        assert_eq!(out.counts.ambiguous_bars, 0);
    }
}

#[test]
fn a_gap_through_the_target_is_not_ambiguous() {
    // The first price of the bar is beyond the target: the target was hit before the bar fell
    // to 94. At a session's open it gets the open, in a continuous session its limit.
    let case = Case::new(&bars([107, 108, 94, 100], 100)).at(0, long());
    let out = case.clone().sessions(1).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 107, 10)]);
    assert_eq!(out.fill_times()[1], 200);
    assert_eq!(out.end_of(2), cancelled(RejectReason::OcoFilled));
    let out = case.run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 105, 10)]);
    assert_eq!(out.counts.ambiguous_bars, 0);
    // The mirror: a short position with its target at 95, the bar opens at 93.
    let out = Case::new(&bars([93, 106, 92, 100], 100)).margin(2).at(0, short()).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (2, BUY, 95, 10)]);
    assert_eq!(out.counts.ambiguous_bars, 0);
}

#[test]
fn protection_waits_for_its_entry() {
    // The limit at 97 is never met; the bar reaches both 106 and (through) 98.
    let entry = limit(BUY, 10, 97).bracket(bracket(95, 105));
    let case = Case::new(&bars([100, 106, 98, 100], 100)).at(0, entry);
    let out = case.clone().run();
    assert!(out.fills().is_empty());
    // When the entry is cancelled its protection ends with it.
    let out = case.on(On::Bar(0, 2), Step::Cancel(1)).run();
    assert_eq!(out.end_of(1), cancelled(RejectReason::Requested));
    assert_eq!(out.end_of(2), cancelled(RejectReason::ParentEnded));
    assert_eq!(out.end_of(3), cancelled(RejectReason::ParentEnded));
}

#[test]
fn a_refused_entry_takes_its_protection_along() {
    // 99 lots at the close 100 are covered by 10,000; at the open of 102 they are not.
    let entry = market(BUY, 99).bracket(bracket(95, 105));
    let out = Case::new(&[QUIET, [102, 106, 94, 100], QUIET]).at(0, entry).run();
    assert!(out.fills().is_empty());
    assert_eq!(out.end_of(2), cancelled(RejectReason::ParentEnded));
    assert_eq!(out.end_of(3), cancelled(RejectReason::ParentEnded));
}

#[test]
fn closing_the_position_ends_both() {
    let out =
        Case::new(&bars([100, 106, 94, 100], 100)).at(0, long()).at(1, market(SELL, 10)).run();
    // Sold at the open of bar 2, before the bar could hit anything.
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 100, 10)]);
    assert_eq!(out.end_of(2), cancelled(RejectReason::Requested));
    assert_eq!(out.end_of(3), cancelled(RejectReason::Requested));
    assert_eq!(out.counts.ambiguous_bars, 0);
}

#[test]
fn one_leg_alone_works_without_the_other() {
    let only = |stop: Option<i64>, target: Option<i64>| Bracket {
        stop: stop.map(price),
        target: target.map(price),
        trail_bps: None,
    };
    let run = |bracket: Bracket| {
        let bars = bars([100, 106, 94, 100], 100);
        Case::new(&bars).at(0, market(BUY, 10).bracket(bracket)).run()
    };
    assert_eq!(run(only(Some(95), None)).fills()[1], (2, SELL, 95, 10));
    assert_eq!(run(only(None, Some(105))).fills()[1], (2, SELL, 105, 10));
    assert_eq!(run(only(Some(95), None)).counts.ambiguous_bars, 0);
}

#[test]
fn a_part_of_an_entry_has_protection_for_that_part() {
    // A cap of 6 lots a bar: 6 of 10 bought at the open of bar 1, which falls to 94. The stop is
    // hit, but the cap is used up: it sells its 6 at the open of bar 2, and the entry's other 4
    // do not come in.
    let bars = [QUIET, [100, 101, 94, 97], [96, 101, 96, 100], QUIET];
    let out = Case::new(&bars)
        .volumes(&[60; 4])
        .with(|config| config.participation_e9 = Some(100_000_000))
        .at(0, long())
        .run();
    assert_eq!(out.fills(), [(1, BUY, 100, 6), (2, SELL, 96, 6)]);
    assert_eq!(out.end_of(1), cancelled(RejectReason::OcoFilled));
    assert_eq!(out.end_of(3), cancelled(RejectReason::OcoFilled));
}

#[test]
fn when_protection_is_done_the_rest_of_its_entry_ends() {
    // A limit entry of 10 at 98; bar 1 comes to 97 with a cap of 6: 6 bought. Bar 2 goes through
    // the target of 105 and not to 98: 6 sold. The other 4 lots of the entry end with it.
    let bars = [QUIET, [100, 101, 97, 100], [100, 106, 99, 104], [104, 105, 90, 100]];
    let entry = limit(BUY, 10, 98).bracket(bracket(95, 105));
    let out = Case::new(&bars)
        .volumes(&[60; 4])
        .with(|config| config.participation_e9 = Some(100_000_000))
        .at(0, entry)
        .run();
    assert_eq!(out.fills(), [(1, BUY, 98, 6), (2, SELL, 105, 6)]);
    assert_eq!(out.end_of(1), cancelled(RejectReason::OcoFilled));
    assert_eq!(out.positions, [0]);
}
