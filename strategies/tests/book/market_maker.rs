//! `market_maker`: quotes around the middle, leans, moves, and stays out of trouble.

use qt_strategies::prelude::*;
use qt_types::RejectReason;

use crate::stage::{AUTO_LOTS, SECOND_NS, Stage};

/// gamma = k makes the spread of arrivals 2 ln 2 / gamma = 13.86 bps at gamma 0.1.
const PARAMS: &str = "gamma=0.1 k=0.1 horizon_s=1 quantity=0.01 max_position=0.02 move_ticks=3";

/// A maker in a market that does not move: 100,000 ticks in the middle, so that a basis point is
/// ten ticks and half the spread 69.3 of them.
fn still() -> Stage {
    let mut stage = Stage::new("market_maker", PARAMS);
    stage.sides([(Some(99_999), 11), (Some(100_001), 10)]);
    stage.answer();
    assert_eq!(stage.resting(), [('B', 99_931, AUTO_LOTS), ('S', 100_069, AUTO_LOTS)]);
    stage
}

#[test]
fn it_quotes_at_the_distance_of_the_formula_and_moves_only_when_it_is_worth_it() {
    let mut stage = still();
    stage.book(100_001, 100_003);
    assert!(stage.sent.is_empty(), "two ticks are less than three");
    stage.book(100_003, 100_005);
    assert_eq!(stage.sent.len(), 2);
    stage.book(100_013, 100_015);
    assert_eq!(stage.sent.len(), 2, "no change on top of a change that is under way");
    stage.answer();
    assert_eq!(stage.resting(), [('B', 99_935, 10), ('S', 100_073, 10)]);
}

#[test]
fn a_quote_waits_for_one_of_ours_that_is_still_on_its_way() {
    let mut stage = still();
    stage.book(99_899, 99_901);
    let bid = stage.sent.remove(0);
    stage.answer_one(&bid);
    assert_eq!(stage.sent.len(), 1, "the ask is on its way to 99,969");
    // The bid is wanted at 100,031 now: the ask could be met there.
    stage.book(100_099, 100_101);
    assert_eq!(stage.sent.len(), 1);
    stage.answer();
    stage.book(100_100, 100_102);
    stage.answer();
    stage.book(100_099, 100_101);
    stage.answer();
    let (bid, ask) = (stage.resting()[0].1, stage.resting()[1].1);
    assert!((100_027..=100_033).contains(&bid) && (100_167..=100_173).contains(&ask));
}

#[test]
fn a_position_shifts_both_quotes_and_the_largest_one_ends_a_side() {
    let mut stage = still();
    // The market moves a little all the time, so that there is a variance to lean by.
    for at in 0..60 {
        stage.wait(SECOND_NS);
        let middle = 100_000 + 100 * (at % 2);
        stage.book(middle - 1, middle + 1);
        stage.answer();
    }
    let before = stage.resting();
    let bid = stage.order_at(before[0].1);
    stage.fill(&bid, AUTO_LOTS, before[0].1);
    stage.book(100_098, 100_102);
    stage.answer();
    let after = stage.resting();
    assert_eq!(after.len(), 2, "{after:?}");
    assert!(after[0].1 < before[0].1 && after[1].1 < before[1].1, "{before:?} {after:?}");
    // Twenty lots are the most: no bid any more, and what is left of it is taken back.
    let bid = stage.order_at(after[0].1);
    stage.fill(&bid, AUTO_LOTS, after[0].1);
    stage.book(100_099, 100_101);
    stage.answer();
    let sides: Vec<char> = stage.resting().iter().map(|(side, ..)| *side).collect();
    assert_eq!((stage.position(), sides), (20, vec!['S']));
}

#[test]
fn a_rest_of_a_partial_fill_beyond_the_largest_position_is_cancelled() {
    let mut stage = Stage::new("market_maker", "quantity=0.01 max_position=0.004 sample_ms=1");
    for at in 0..=10 {
        stage.wait(SECOND_NS);
        stage.sides([(Some(99_999), 10 + at), (Some(100_001), 10)]);
    }
    stage.answer();
    let bid = *stage.orders().iter().find(|order| order.side == Side::Buy).unwrap();
    stage.fill(&bid, 4, 99_000);
    stage.book(99_999, 100_001);
    stage.answer();
    assert!(stage.resting().iter().all(|(side, ..)| *side == 'S'), "{:?}", stage.resting());
}

#[test]
fn nothing_is_done_on_a_book_that_is_not_sound() {
    let mut stage = still();
    let resting = stage.resting();
    stage.book(None, 101_000);
    stage.book(101_000, None);
    stage.book(None, None);
    stage.halt(true);
    stage.book(101_000, 101_002);
    stage.halt(false);
    stage.gap();
    stage.book(101_010, 101_012);
    assert!(stage.sent.is_empty(), "{:?}", stage.sent);
    assert_eq!(stage.resting(), resting);
}

#[test]
fn a_refused_quote_is_asked_for_again_with_the_next_book_but_never_at_once() {
    let mut stage = still();
    let ask = stage.order_at(100_069).id;
    stage.report(ask, ReportKind::Cancelled, RejectReason::WouldTake);
    assert!(stage.sent.is_empty());
    stage.book(99_999, 100_001);
    assert_eq!(stage.sent.len(), 1);
    stage.answer();
    // Anything else that the venue has against it takes a second.
    let ask = stage.order_at(100_069).id;
    stage.report(ask, ReportKind::Cancelled, RejectReason::InsufficientFunds);
    stage.book(99_998, 100_002);
    assert!(stage.sent.is_empty());
    stage.wait(SECOND_NS);
    stage.book(99_999, 100_001);
    assert_eq!(stage.sent.len(), 1);
}

#[test]
fn a_side_that_is_denied_leaves_the_other_one_alone() {
    let mut stage = Stage::denying("market_maker", "sample_ms=1", Some(Side::Sell));
    for at in 0..40 {
        stage.wait(SECOND_NS / 4);
        stage.sides([(Some(99_999), 10 + at), (Some(100_001), 10)]);
        stage.answer();
    }
    assert!(stage.resting().iter().all(|(side, ..)| *side == 'B'));
    assert_eq!(stage.resting().len(), 1);
    assert!((5..=10).contains(&stage.denials), "once a second: {}", stage.denials);
}

/// The sizing rule gives ten lots: a quote is a tenth of them, the largest position all.
#[test]
fn without_sizes_the_sizing_rule_says_how_large_the_position_may_be() {
    let mut stage = Stage::new("market_maker", "k=0.1 horizon_s=0.001");
    for held in 0..10 {
        stage.wait(SECOND_NS);
        stage.sides([(Some(99_999), 11 + held), (Some(100_001), 10)]);
        stage.answer();
        let [bid, ask] = stage.resting()[..] else { panic!("{:?}", stage.resting()) };
        assert_eq!((bid.2, ask.2), (1, 1));
        stage.fill(&stage.order_at(bid.1), 1, bid.1);
    }
    stage.wait(SECOND_NS);
    stage.sides([(Some(99_999), 5), (Some(100_001), 10)]);
    stage.answer();
    assert_eq!(stage.position(), AUTO_LOTS);
    assert!(stage.resting().iter().all(|(side, ..)| *side == 'S'), "{:?}", stage.resting());
}

/// A thirtieth of ten lots is no lot: the next book asks for all of them.
#[test]
fn where_a_part_is_less_than_a_lot_an_order_is_all() {
    let mut stage = Stage::new("market_maker", "k=0.1 steps=30");
    stage.book(99_999, 100_001);
    assert!(stage.sent.is_empty() && stage.denials > 0);
    stage.sides([(Some(99_999), 11), (Some(100_001), 10)]);
    stage.answer();
    let lots: Vec<i64> = stage.resting().iter().map(|(.., lots)| *lots).collect();
    assert_eq!(lots, [AUTO_LOTS, AUTO_LOTS]);
}

/// Buyers at 100,010, sellers at 99,990: trades print 1 bps from the middle, so 1 / k is that, and
/// with gamma 0.1 the quotes are ln(1.1) / 0.1 = 0.953 bps from it: 9.53 ticks, the tenth. A
/// horizon of a millisecond makes the risk nothing.
#[test]
fn trades_alone_stand_for_a_book_that_never_comes() {
    let mut stage = Stage::new("market_maker", "horizon_s=0.001 quantity=0.01");
    for at in 0..20 {
        assert!(stage.sent.is_empty(), "{at}");
        let (price, side) = if at % 2 == 0 { (100_010, Side::Buy) } else { (99_990, Side::Sell) };
        stage.trade(price, 5, side);
    }
    stage.answer();
    assert_eq!(stage.resting(), [('B', 99_990, 10), ('S', 100_010, 10)]);
    // A book has come: trades are not looked at for a price any more.
    stage.book(99_899, 99_901);
    stage.answer();
    let resting = stage.resting();
    stage.trade(100_010, 5, Side::Buy);
    assert!(stage.sent.is_empty());
    assert_eq!(stage.resting(), resting);
}
