//! Latencies: who knows what when, and which book an order meets.

use proptest::prelude::*;
use qt_backtest::feed::{FeedLatency, FeedStart};
use qt_backtest::replay::{Pace, ReplayError};
use qt_backtest::venue::LatencyModel;
use qt_engine::Halt;
use qt_types::{OrderTick, RejectReason, ReportKind, Tick};

use crate::harness::Case;
use crate::script::{BUY, SELL, Script, Step, at, limit, market, price};
use crate::stream::{Word, config, order_record, record, step};

fn book() -> Case<Tick> {
    Case::book(&[(99, 10)], &[(101, 10)])
}

#[test]
fn a_command_meets_the_book_of_its_arrival() {
    // Sent at 10, there at 17. The ask goes to 102 at 16, or at 17 (a record comes before a
    // command of the same time), or at 18: too late to matter.
    let late = |ns: i64| {
        let case = book().with(|config| config.order_latency = LatencyModel::constant(7));
        let case = case.place(10, market(BUY, 1));
        let moved = case.level(ns, SELL, 102, 5).level(ns, SELL, 101, 0);
        let done = moved.run();
        (done.fills()[0].1, done.fill_times()[0])
    };
    assert_eq!((late(16), late(17), late(18)), ((102, 17), (102, 17), (101, 17)));
}

#[test]
fn a_trade_from_before_the_arrival_fills_nothing() {
    // The trade at 16 is told at 16 + 20 = 36. An order sent at 10, there at 17, missed it; the
    // one of 18 hits it, although we hear of it later.
    let case = |ns: i64| {
        let mut case = book().with(|config| config.order_latency = LatencyModel::constant(7));
        case.latencies = vec![0, 0, 20];
        case.place(10, limit(BUY, 1, 100)).trade(ns, SELL, 99, 1).run()
    };
    assert_eq!(case(16).fills(), []);
    assert_eq!((case(18).fills(), case(18).fill_times()), (vec![(1, 100, 1, true)], vec![18]));
}

#[test]
fn reports_take_their_own_time() {
    let latencies = |config: &mut qt_backtest::venue::VenueConfig| {
        config.order_latency = LatencyModel::constant(7);
        config.response_latency = LatencyModel::constant(11);
    };
    let done = book().with(latencies).place(10, market(BUY, 1)).level(90, BUY, 98, 1).run();
    let filled = done.said.iter().find(|said| said.kind == ReportKind::Filled).unwrap();
    assert_eq!((filled.venue_ns, filled.recv_ns), (17, 28));
}

#[test]
fn each_kind_of_command_has_its_own_latency() {
    let latencies = |config: &mut qt_backtest::venue::VenueConfig| {
        config.order_latency = LatencyModel::Constant { new_ns: 10, replace_ns: 20, cancel_ns: 5 };
    };
    let case = book().with(latencies).place(10, limit(BUY, 1, 98));
    // New: there at 20. Changed at 30: there at 50. Cancelled at 60: there at 65.
    let case = case.step(30, Step::Replace(1, at(97), 1)).step(60, Step::Cancel(1));
    let done = case.level(90, BUY, 95, 1).run();
    let times: Vec<i64> = done.said.iter().map(|said| said.venue_ns).collect();
    assert_eq!(times, [20, 50, 65]);
}

#[test]
fn a_cancel_can_come_too_late() {
    // The trade of 15 fills the order before the cancel of 12 is there at 19.
    let case = book().with(|config| config.order_latency = LatencyModel::constant(7));
    let case = case.place(1, limit(BUY, 1, 100)).step(12, Step::Cancel(1));
    let mut late = case.trade(15, SELL, 100, 1).level(90, BUY, 98, 1);
    late.latencies = vec![0];
    late = late.with(|config| config.response_latency = LatencyModel::constant(9));
    let done = late.run();
    assert_eq!(done.fills(), [(1, 100, 1, true)]);
    assert!(done.ends().iter().all(|end| end.1 == RejectReason::UnknownOrder));
}

#[test]
fn an_answer_to_a_report_is_there_before_later_records() {
    // Bought at 17 with a target at 104, sold at 47: we hear at 58 that nothing is held and
    // cancel the target, there at 65. The trade of 100 is told at 600: the venue must not have
    // played it before our answer.
    let latencies = |config: &mut qt_backtest::venue::VenueConfig| {
        config.order_latency = LatencyModel::constant(7);
        config.response_latency = LatencyModel::constant(11);
    };
    let target = qt_types::Bracket { target: Some(price(104)), ..qt_types::Bracket::default() };
    let case = book().with(latencies).place(10, market(BUY, 1).bracket(target));
    let mut case = case.place(40, market(SELL, 1)).trade(100, BUY, 105, 9);
    case.latencies = vec![0, 0, 500];
    let done = case.run();
    assert_eq!(done.ends(), [(2, RejectReason::Requested)]);
    assert_eq!(done.said.last().map(|said| (said.venue_ns, said.recv_ns)), Some((65, 76)));
}

#[test]
fn the_feed_latency_delays_what_we_see_and_nothing_else() {
    // Decided at 10 by the book of 0; the venue's book is the one of its own time.
    let mut case = book().level(5, SELL, 103, 1).level(5, SELL, 101, 0);
    case.feed = FeedLatency::constant(8);
    case.looks = vec![10, 20];
    let done = case.place(10, market(BUY, 1)).level(50, BUY, 98, 1).run();
    assert_eq!((done.seen[0].ask, done.seen[1].ask), (101, 103));
    assert_eq!(done.fills(), [(1, 103, 1, false)]);
}

#[test]
fn what_was_sent_before_the_end_of_the_data_still_arrives() {
    let case = book().with(|config| config.order_latency = LatencyModel::constant(5_000));
    let done = case.place(10, market(BUY, 1)).level(20, BUY, 98, 1).run();
    assert_eq!((done.fills(), done.fill_times()), (vec![(1, 101, 1, false)], vec![5_010]));
}

#[test]
fn a_strategy_that_says_it_rests_and_does_not_ends_the_run() {
    let mut case = book().with(|config| config.order_latency = LatencyModel::constant(7));
    for ns in 1..20 {
        case = case.level(ns, BUY, 98, ns);
    }
    let script = || Script::new(&[], &[]).breaking_its_word();
    assert!(case.play(Pace::Ahead, 1, script()).is_ok(), "it may, if it does not say so");
    let ended = case.play(Pace::Ahead, 1, script().at_rest(true));
    assert!(matches!(ended, Err(ReplayError::Halt(Halt::NotAtRest))), "{ended:?}");
}

/// Latencies of every kind.
pub fn latency(word: &mut Word) -> LatencyModel {
    let ns = word.below(12);
    match word.below(4) {
        0 => LatencyModel::constant(ns),
        1 => LatencyModel::Constant { new_ns: ns, replace_ns: word.below(12), cancel_ns: 3 },
        2 => LatencyModel::Recorded(vec![(5, ns), (20, word.below(12)), (40, word.below(30))]),
        _ => LatencyModel::Jittered { base_ns: ns, spread_ns: word.below(20), seed: 7 },
    }
}

/// Feeds of every kind.
fn feed(word: &mut Word) -> FeedLatency {
    let start = if word.below(3) == 0 { FeedStart::Venue } else { FeedStart::Receipt };
    let model =
        if word.below(3) == 0 { LatencyModel::constant(word.below(5)) } else { latency(word) };
    FeedLatency { start, model }
}

pub fn any_case<R: crate::harness::Told>(
    venue: u64,
    words: &[u64],
    told: impl Fn(&mut Word, i64) -> R,
) -> Case<R> {
    let mut case = Case::<R>::new().with(|to| *to = config(venue));
    let mut latencies = Word::new(venue.rotate_left(20));
    case.venue.order_latency = latency(&mut latencies);
    case.venue.response_latency = latency(&mut latencies);
    case.feed = feed(&mut latencies);
    case.latencies.clear();
    let mut now_ns = 0;
    for &word in words {
        let mut word = Word::new(word);
        now_ns += word.below(5);
        if word.below(3) == 0 {
            case.steps.push((now_ns + 1, step(&mut word)));
        } else {
            case.latencies.push(word.below(9));
            case.ticks.push(told(&mut word, now_ns));
        }
    }
    case
}

fn check<R: crate::harness::Told>(case: &Case<R>) -> Result<(), TestCaseError> {
    if case.ticks.is_empty() {
        return Ok(());
    }
    for files in 1..=2 {
        let (ahead, naive) =
            (case.run_split(Pace::Ahead, files), case.run_split(Pace::Naive, files));
        prop_assert_eq!(&ahead.said, &naive.said);
        prop_assert_eq!(&ahead, &naive);
        prop_assert_eq!(ahead, case.run_at_rest(files));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_pace_does_not_matter_on_books_by_price(
        venue in any::<u64>(),
        words in prop::collection::vec(any::<u64>(), 1..40),
    ) {
        check::<Tick>(&any_case(venue, &words, |word, ns| record(word, ns, false)))?;
    }

    #[test]
    fn the_pace_does_not_matter_on_books_by_order(
        venue in any::<u64>(),
        words in prop::collection::vec(any::<u64>(), 1..40),
    ) {
        check::<OrderTick>(&any_case(venue, &words, order_record))?;
    }
}
