//! `order_book_imbalance`: enters with the heavy side, leaves when it fades or by the clock.

use qt_engine::Command;
use qt_strategies::prelude::*;

use crate::stage::{MS_NS, SECOND_NS, Stage};

const TAKE: &str = "levels=1 entry=0.6 exit=0.2 hold_ms=3000";

/// A book around 1,000 ticks with so many lots on each side.
fn lean(stage: &mut Stage, bids: i64, asks: i64) {
    stage.sides([(Some(999), bids), (Some(1_001), asks)]);
}

#[test]
fn it_buys_with_the_heavy_side_and_leaves_when_it_fades() {
    let mut stage = Stage::new("order_book_imbalance", TAKE);
    lean(&mut stage, 79, 21);
    assert!(stage.sent.is_empty(), "0.58");
    lean(&mut stage, 80, 20);
    assert_eq!(stage.sent.len(), 1);
    lean(&mut stage, 90, 10);
    assert_eq!(stage.sent.len(), 1, "one entry is under way");
    stage.answer();
    assert_eq!(stage.position(), 10);
    lean(&mut stage, 60, 40);
    assert!(stage.sent.is_empty(), "0.2 is not below 0.2");
    lean(&mut stage, 59, 41);
    lean(&mut stage, 50, 50);
    assert_eq!(stage.sent.len(), 1, "it is closed once");
    stage.answer();
    assert_eq!(stage.position(), 0);
    lean(&mut stage, 10, 90);
    assert!(stage.sent.is_empty(), "long only");
}

#[test]
fn it_sells_short_only_where_it_may() {
    let mut stage = Stage::new("order_book_imbalance", &format!("{TAKE} short=true"));
    lean(&mut stage, 10, 90);
    stage.answer();
    assert_eq!(stage.position(), -10);
    lean(&mut stage, 50, 50);
    stage.answer();
    assert_eq!(stage.position(), 0);
}

#[test]
fn the_clock_ends_a_position_even_when_the_book_is_silent_or_halted() {
    let mut stage = Stage::new("order_book_imbalance", TAKE);
    for _ in 0..3 {
        lean(&mut stage, 90, 10);
        stage.answer();
        assert_eq!(stage.position(), 10);
        stage.halt(true);
        stage.wait(3 * SECOND_NS - MS_NS);
        assert!(stage.sent.is_empty());
        stage.wait(MS_NS);
        stage.answer();
        assert_eq!(stage.position(), 0);
        stage.halt(false);
        lean(&mut stage, 50, 50);
    }
}

#[test]
fn a_quote_follows_its_side_and_is_taken_back() {
    let text = "mode=quote levels=1 entry=0.6 exit=-0.5";
    let mut stage = Stage::new("order_book_imbalance", text);
    lean(&mut stage, 90, 10);
    stage.answer();
    assert_eq!(stage.resting(), [('B', 999, 10)]);
    stage.sides([(Some(1_000), 90), (Some(1_002), 10)]);
    stage.answer();
    assert_eq!(stage.resting(), [('B', 1_000, 10)]);
    lean(&mut stage, 50, 50);
    stage.answer();
    assert_eq!(stage.resting(), []);
    lean(&mut stage, 90, 10);
    stage.answer();
    // A part is filled: what is left of the entry is taken back, and the position held.
    let order = stage.order_at(999);
    stage.fill(&order, 3, 999);
    lean(&mut stage, 91, 10);
    stage.answer();
    assert_eq!((stage.position(), stage.resting().len()), (3, 0));
    lean(&mut stage, 10, 90);
    stage.answer();
    assert_eq!(stage.position(), 0);
}

#[test]
fn deeper_levels_count_and_an_unsound_book_does_not() {
    let mut stage = Stage::new("order_book_imbalance", "levels=5 entry=0.6");
    stage.book(None, 1_001);
    stage.book(999, None);
    assert!(stage.sent.is_empty(), "one side alone leans all the way");
    stage.book(999, 1_001);
    stage.halt(true);
    lean(&mut stage, 90, 10);
    assert!(stage.sent.is_empty());
    stage.halt(false);
    lean(&mut stage, 91, 10);
    let [Command::New(order)] = stage.sent[..] else { panic!("{:?}", stage.sent) };
    assert_eq!((order.side, order.kind), (Side::Buy, OrderKind::Market));
}

#[test]
fn a_denied_entry_is_asked_for_once_a_second() {
    let mut stage = Stage::denying("order_book_imbalance", TAKE, Some(Side::Buy));
    for lots in 0..40 {
        lean(&mut stage, 200 + lots, 10);
        stage.wait(SECOND_NS / 10);
    }
    assert_eq!(stage.denials, 4);
}
