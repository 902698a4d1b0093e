//! `grid`: levels, refills, limits.

use qt_strategies::prelude::*;
use qt_types::RejectReason;

use crate::stage::{SECOND_NS, Stage};

/// Two levels each side, ten ticks apart, around 1,000.
fn two_levels(more: &str) -> Stage {
    let text = format!("levels=2 spacing=10 unit=ticks max_position=1 {more}");
    let mut stage = Stage::new("grid", &text);
    stage.book(999, 1_001);
    assert_eq!(stage.sent.len(), 2, "one a side with each change");
    stage.answer();
    settle(&mut stage, 999, 1_001);
    stage
}

/// Enough changes of a book with these best prices for all that is missing to be placed.
fn settle(stage: &mut Stage, bid: i64, ask: i64) {
    for lots in 1..=8 {
        stage.wait(SECOND_NS);
        stage.sides([(Some(bid), lots), (Some(ask), 10)]);
        stage.answer();
    }
}

#[test]
fn every_fill_is_followed_by_an_order_of_the_other_side_one_level_further() {
    let mut stage = two_levels("");
    let start = [('B', 980, 10), ('B', 990, 10), ('S', 1_010, 10), ('S', 1_020, 10)];
    assert_eq!(stage.resting(), start);
    let order = stage.order_at(990);
    stage.fill(&order, 4, 990);
    settle(&mut stage, 989, 991);
    assert_eq!(stage.resting()[1], ('B', 990, 6), "a part of it is no fill");
    let order = stage.order_at(990);
    stage.fill(&order, 6, 990);
    settle(&mut stage, 989, 991);
    let after = [('B', 980, 10), ('S', 1_000, 10), ('S', 1_010, 10), ('S', 1_020, 10)];
    assert_eq!(stage.resting(), after);
    let order = stage.order_at(1_000);
    stage.fill(&order, 10, 1_000);
    settle(&mut stage, 999, 1_001);
    assert_eq!(stage.resting(), start, "back again");
    assert_eq!(stage.position(), 0);
}

#[test]
fn several_levels_filled_at_once_are_all_refilled() {
    let mut stage = two_levels("");
    for ticks in [990, 980] {
        let order = stage.order_at(ticks);
        stage.fill(&order, 10, ticks);
    }
    settle(&mut stage, 969, 971);
    let sells = [('S', 990, 10), ('S', 1_000, 10), ('S', 1_010, 10), ('S', 1_020, 10)];
    assert_eq!(stage.resting(), sells);
}

#[test]
fn a_level_beyond_an_order_of_ours_of_the_other_side_waits() {
    let mut stage = Stage::new("grid", "levels=5 spacing=10 unit=ticks max_position=1");
    settle(&mut stage, 999, 1_001);
    // The venue tells of deeper fills first.
    for ticks in [980, 970, 960] {
        let order = stage.order_at(ticks);
        stage.fill(&order, 10, ticks);
    }
    settle(&mut stage, 955, 957);
    assert_eq!(stage.order_at(990).side, Side::Buy);
    assert!(stage.resting().iter().all(|(side, ticks, _)| *side == 'B' || *ticks > 990));
    let order = stage.order_at(990);
    stage.fill(&order, 10, 990);
    settle(&mut stage, 955, 957);
    assert_eq!(stage.order_at(980).side, Side::Sell);
}

#[test]
fn an_order_that_would_take_waits() {
    let mut stage = two_levels("");
    let order = stage.order_at(990);
    stage.fill(&order, 10, 990);
    // The market has gone back up before the sell at 1,000 could rest.
    settle(&mut stage, 1_005, 1_007);
    assert!(stage.resting().iter().all(|(_, ticks, _)| *ticks != 1_000));
    settle(&mut stage, 995, 997);
    assert_eq!(stage.order_at(1_000).side, Side::Sell);
}

#[test]
fn an_anchor_and_a_spacing_in_basis_points_are_taken_over() {
    let mut stage = Stage::new("grid", "levels=1 spacing=50 anchor=100.04 max_position=1");
    // 100.04 is 1,000 ticks, and half a per cent of it five.
    settle(&mut stage, 999, 1_001);
    assert_eq!(stage.resting(), [('B', 995, 10), ('S', 1_005, 10)]);
}

#[test]
fn what_rests_counts_as_position() {
    // Fifteen lots at most: the second buy is placed at ten, a third one never.
    let mut stage =
        Stage::new("grid", "levels=9 spacing=10 unit=ticks max_position=0.015 quantity=0.01");
    settle(&mut stage, 999, 1_001);
    let resting = stage.resting();
    assert_eq!(resting.iter().filter(|(side, ..)| *side == 'B').count(), 2, "{resting:?}");
    for ticks in [990, 980] {
        let order = stage.order_at(ticks);
        stage.fill(&order, 10, ticks);
    }
    settle(&mut stage, 969, 971);
    assert_eq!(stage.position(), 20);
    assert!(stage.resting().iter().all(|(side, ..)| *side == 'S'));
}

#[test]
fn a_cancelled_order_comes_back_and_an_unsound_book_is_left_alone() {
    let mut stage = two_levels("");
    let id = stage.order_at(990).id;
    stage.report(id, ReportKind::Cancelled, RejectReason::SessionEnd);
    stage.halt(true);
    stage.book(998, 1_002);
    stage.halt(false);
    assert!(stage.sent.is_empty());
    settle(&mut stage, 999, 1_001);
    assert_eq!(stage.order_at(990).side, Side::Buy);
    stage.gap();
    let id = stage.order_at(990).id;
    stage.report(id, ReportKind::Cancelled, RejectReason::SessionEnd);
    settle(&mut stage, 998, 1_001);
    assert!(stage.resting().iter().all(|(_, ticks, _)| *ticks != 990));
}
