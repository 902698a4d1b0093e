//! Orders that hang on others, on bars. Each worked out by hand.

use qt_types::{OrderId, RejectReason, ReportKind};

use crate::harness::Case;
use crate::outcome::{cancelled, filled};
use crate::script::{BUY, On, SELL, Step, limit, market, stop};

const QUIET: [i64; 4] = [100, 101, 99, 100];

#[test]
fn one_cancels_the_other() {
    // Bar 1 falls through 97 (low 96), not through 95.
    let bars = [QUIET, [100, 101, 96, 99], [99, 100, 90, 95]];
    let pair = Step::Pair(limit(BUY, 10, 97), limit(BUY, 10, 95));
    let out = Case::new(&bars).on(On::Bar(0, 0), pair).run();
    assert_eq!(out.fills(), [(1, BUY, 97, 10)]);
    assert_eq!(out.end_of(2), cancelled(RejectReason::OcoFilled));
    // With a tenth of the volume of 40 at a time: 4 in bar 1, 4 more in bar 2, and the last 2 in
    // bar 3. The other one is for 6, for 2, and ends.
    let bars = [QUIET, [100, 101, 96, 99], [99, 100, 96, 98], [98, 99, 90, 95]];
    let capped =
        Case::new(&bars).volumes(&[40; 4]).with(|c| c.participation_e9 = Some(100_000_000));
    let out = capped.on(On::Bar(0, 0), pair).run();
    assert_eq!(out.fills(), [(1, BUY, 97, 4), (2, BUY, 97, 4), (3, BUY, 97, 2)]);
    assert_eq!(out.end_of(2), cancelled(RejectReason::OcoFilled));
    let shared = |said: &&crate::script::Said| said.kind == ReportKind::Replaced;
    assert_eq!(out.log.said.iter().filter(shared).count(), 2);
}

#[test]
fn a_stop_and_a_target_of_a_position_that_is_there() {
    let bars = [QUIET, QUIET, [100, 106, 99, 104], [104, 105, 90, 95]];
    let pair = Step::Pair(limit(SELL, 10, 105), stop(SELL, 10, 95));
    let case = Case::new(&bars).at(0, market(BUY, 10)).on(On::Bar(0, 1), pair);
    let out = case.run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 105, 10)]);
    assert_eq!(out.end_of(3), cancelled(RejectReason::OcoFilled));
}

#[test]
fn one_triggers_another() {
    // The entry fills at 97 inside bar 1. Its child sells at 103: not in bar 1, whose high may
    // have been before; in bar 2.
    let bars = [QUIET, [100, 104, 96, 99], [99, 104, 98, 100]];
    let chain = Step::Chain(limit(BUY, 10, 97), limit(SELL, 10, 103), stop(SELL, 10, 90));
    let out = Case::new(&bars).on(On::Bar(0, 0), chain).run();
    assert_eq!(out.fills(), [(1, BUY, 97, 10), (2, SELL, 103, 10)]);
    assert_eq!(out.end_of(3), cancelled(RejectReason::OcoFilled));
    // An entry that never fills keeps them asleep, and takes them with it.
    let out = Case::new(&[QUIET, [100, 106, 99, 100], [100, 110, 99, 100], QUIET])
        .on(On::Bar(0, 0), chain)
        .on(On::Bar(0, 2), Step::Cancel(1))
        .run();
    assert_eq!(out.fills(), []);
    assert_eq!(out.end_of(2), cancelled(RejectReason::ParentEnded));
    assert_eq!(out.end_of(3), cancelled(RejectReason::ParentEnded));
}

#[test]
fn a_child_waits_until_its_parent_is_filled_whole() {
    // 4 lots a bar: the parent of 6 is filled in bar 2, and its child, a market order, fills at
    // the open of bar 3.
    let bars = [QUIET, [100, 101, 96, 99], [99, 100, 96, 98], [98, 99, 97, 98]];
    let child = market(SELL, 4).triggered_by(qt_types::Link::Call(0));
    let out = Case::new(&bars)
        .volumes(&[40; 4])
        .with(|c| c.participation_e9 = Some(100_000_000))
        .at(0, limit(BUY, 6, 97))
        .at(0, child)
        .run();
    assert_eq!(out.fills(), [(1, BUY, 97, 4), (2, BUY, 97, 2), (3, SELL, 98, 4)]);
}

#[test]
fn a_child_of_an_order_that_is_open_waits_with_us() {
    // The entry of bar 0 fills in bar 2; the child, asked for at bar 1, leaves at the end of bar
    // 2 and fills at the open of bar 3.
    let bars = [QUIET, QUIET, [100, 101, 96, 99], [98, 99, 97, 98]];
    let child = market(SELL, 10).triggered_by(OrderId::new(0, 1));
    let out = Case::new(&bars).at(0, limit(BUY, 10, 97)).at(1, child).run();
    assert_eq!(out.fills(), [(2, BUY, 97, 10), (3, SELL, 98, 10)]);
    assert_eq!(out.end_of(2), filled());
}

#[test]
fn on_bars_an_emulated_stop_fills_at_the_open_of_the_next_bar() {
    // Bought at 100. Bar 2 falls to 94: a stop of 95 fills there at 95. Emulated, we know of it at
    // the end of bar 2, and it fills at the open of bar 3, 96.
    let bars = [QUIET, QUIET, [100, 101, 94, 97], [96, 97, 95, 96]];
    let case = Case::new(&bars).at(0, market(BUY, 10)).at(1, stop(SELL, 10, 95));
    assert_eq!(case.run().fills(), [(1, BUY, 100, 10), (2, SELL, 95, 10)]);
    let out = case.with(|config| config.venue_lacks = "stop".parse().unwrap()).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (3, SELL, 96, 10)]);
}
