//! Latency of data, commands and reports.

use proptest::prelude::*;
use qt_backtest::feed::{FeedLatency, FeedStart};
use qt_backtest::venue::LatencyModel;
use qt_types::{OrderKind, RejectReason, ReportKind};

use crate::harness::Case;
use crate::outcome::cancelled;
use crate::script::{BUY, On, SELL, Step, limit, market, price, stop};

const BARS: [[i64; 4]; 5] =
    [[100, 101, 99, 100], [101, 104, 96, 102], [103, 108, 98, 105], [106, 107, 95, 104], [104; 4]];

/// Bars of 60 ns every 100 ns: 0 to 60, 100 to 160, 200 to 260 ...
fn gaps() -> Case {
    Case::new(&BARS).times(100, 60)
}

#[test]
fn an_order_that_arrives_after_an_open_takes_the_next_one() {
    // Decided at 60, the next open is at 100.
    for (latency_ns, bar) in [(0, 1), (39, 1), (40, 1), (41, 2), (140, 2), (141, 3)] {
        let case = gaps().with(|config| config.order_latency_ns = latency_ns);
        let out = case.at(0, market(BUY, 10)).run();
        let open = BARS[bar as usize][0];
        assert_eq!(out.fills(), [(bar, BUY, open, 10)], "a latency of {latency_ns} ns");
        assert_eq!(out.fill_times(), [i64::from(bar) * 100]);
        assert_eq!(out.told_ns(1, ReportKind::Accepted), Some(60 + latency_ns));
    }
}

#[test]
fn a_late_bar_means_a_late_order() {
    for (feed_ns, order_ns, bar) in [(40, 0, 1), (41, 0, 2), (20, 20, 1), (20, 21, 2), (200, 0, 3)]
    {
        let case = gaps().with(|config| {
            config.feed_latency_ns = feed_ns;
            config.order_latency_ns = order_ns;
        });
        let out = case.at(0, market(BUY, 10)).run();
        let open = BARS[bar as usize][0];
        assert_eq!(out.fills(), [(bar, BUY, open, 10)], "latencies of {feed_ns} and {order_ns}");
        assert_eq!(out.log.bars[0].0.get(), 60 + feed_ns, "the bar came late");
    }
}

/// The same with a feed of its own.
fn fed(case: Case, start: FeedStart, model: LatencyModel) -> Case {
    case.with(|config| config.conditions.feed_latency = Some(FeedLatency { start, model }))
}

fn bars_known(out: &crate::outcome::Outcome) -> Vec<i64> {
    out.log.bars.iter().map(|(ns, ..)| ns.get()).collect()
}

#[test]
fn bars_are_as_late_as_was_measured() {
    // Closes at 60, 160, 260, 360, 460. Measured: 10 until 100, 90 at 200, 20 from 300 on: at
    // 160 it is 58, at 260 it is 48.
    let model = LatencyModel::Recorded(vec![(100, 10), (200, 90), (300, 20)]);
    let case = fed(gaps(), FeedStart::Receipt, model).at(0, market(BUY, 10));
    let out = case.run();
    assert_eq!(bars_known(&out), [70, 218, 308, 380, 480]);
    assert_eq!(out.fills(), [(1, BUY, 101, 10)]);
    // What takes 200 at first cannot be overtaken by what takes nothing later.
    let model = LatencyModel::Recorded(vec![(60, 200), (61, 0)]);
    let out = fed(gaps(), FeedStart::Receipt, model).run();
    assert_eq!(bars_known(&out), [260, 260, 260, 360, 460]);
}

#[test]
fn trades_are_known_by_either_time() {
    let bars = [[100, 101, 99, 100], [104, 108, 97, 98]];
    let mut case = Case::new(&bars).prints(&[(10, 100, 5), (60, 99, 5), (110, 104, 5)]);
    for print in &mut case.prints {
        print.recv_ns = print.venue_ns + 70;
    }
    let known = |start, ns| bars_known(&fed(case.clone(), start, LatencyModel::constant(ns)).run());
    // The trade at 60 is received at 130, the one at 110 at 180.
    assert_eq!(known(FeedStart::Receipt, 3), [133, 203]);
    assert_eq!(known(FeedStart::Venue, 3), [103, 203]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    // The times that are worked out ahead against the sum that is made on the way.
    #[test]
    fn a_model_that_comes_to_a_constant_is_the_constant(
        (feed, order) in (0_i64..250, 0_i64..100),
        with_prints in any::<bool>(),
        delays in prop::array::uniform6(0_i64..60),
        seed in any::<u64>(),
    ) {
        let prints =
            [(10, 100, 5), (60, 99, 5), (90, 100, 5), (110, 104, 5), (150, 97, 5), (190, 98, 5)];
        let bars = [[100, 101, 99, 100], [104, 108, 97, 98], [98, 98, 98, 98]];
        let mut case = if with_prints { Case::new(&bars).prints(&prints) } else { gaps() };
        let mut last_ns = 0;
        for (print, delay) in case.prints.iter_mut().zip(delays) {
            last_ns = last_ns.max(print.venue_ns + delay);
            print.recv_ns = last_ns;
        }
        let case = case.with(|config| config.order_latency_ns = order);
        let case = case.at(0, market(BUY, 10)).at(1, limit(SELL, 5, 99));
        let constant = case.clone().with(|config| config.feed_latency_ns = feed).run();
        for model in [
            LatencyModel::Recorded(vec![(0, feed)]),
            LatencyModel::Jittered { base_ns: feed, spread_ns: 0, seed },
        ] {
            let out = fed(case.clone(), FeedStart::Receipt, model).run();
            prop_assert_eq!(out.hash, constant.hash);
            prop_assert_eq!(bars_known(&out), bars_known(&constant));
            prop_assert_eq!(out.fills(), constant.fills());
        }
    }

    #[test]
    fn jittered_bars_keep_their_order_and_their_bounds(seed in any::<u64>(), spread in 0_i64..500) {
        let model = LatencyModel::Jittered { base_ns: 5, spread_ns: spread, seed };
        let out = fed(gaps(), FeedStart::Receipt, model).run();
        let known = bars_known(&out);
        prop_assert!(known.is_sorted());
        let mut floor_ns = 0;
        for (at, known_ns) in known.iter().enumerate() {
            let close_ns = 60 + 100 * at as i64;
            prop_assert!(*known_ns >= close_ns + 5);
            floor_ns = floor_ns.max(close_ns + 5 + spread);
            prop_assert!(*known_ns <= floor_ns);
        }
    }
}

#[test]
fn an_order_that_arrives_inside_a_bar_does_not_meet_it() {
    // Arrives at 110, inside bar 1, whose low of 96 and high of 104 lie who knows where.
    let late = || gaps().margin(2).with(|config| config.order_latency_ns = 50);
    assert_eq!(late().at(0, limit(BUY, 10, 99)).run().fills(), [(2, BUY, 99, 10)]);
    assert_eq!(late().at(0, stop(BUY, 10, 104)).run().fills(), [(2, BUY, 104, 10)]);
    assert_eq!(late().at(0, stop(SELL, 10, 97)).run().fills(), [(3, SELL, 97, 10)]);
    // Without latency it meets it.
    assert_eq!(gaps().at(0, limit(BUY, 10, 99)).run().fills(), [(1, BUY, 99, 10)]);
}

#[test]
fn a_new_price_that_arrives_inside_a_bar_does_not_meet_it() {
    // Rests at 90 from 60 on. Raised to 97 at 160, arriving at 210, inside bar 2, whose low is
    // 98 (bar 1's was 96: too early). Bar 3 goes to 95.
    let out = gaps()
        .with(|config| config.order_latency_ns = 50)
        .at(0, limit(BUY, 10, 90))
        .on(On::Bar(0, 1), Step::Replace(1, OrderKind::Limit { price: price(99) }, 10))
        .run();
    // To 99: bar 2 falls to 98, but perhaps before 210. So bar 3.
    assert_eq!(out.told_ns(1, ReportKind::Replaced), Some(210));
    assert_eq!(out.fills(), [(3, BUY, 99, 10)]);
}

#[test]
fn a_cancel_that_arrives_too_late_cancels_nothing() {
    // Cancelled at 60 after bar 0, arriving at 60 + 41 = 101: the open at 100 came first.
    let out = gaps()
        .with(|config| config.order_latency_ns = 41)
        .at(0, limit(BUY, 10, 103))
        .on(On::Bar(0, 1), Step::Cancel(1))
        .run();
    // Arrives at 101, inside bar 1; the cancel arrives at 201: bar 2 has opened at 103, a touch,
    // and goes on without it.
    assert!(out.fills().is_empty());
    assert_eq!(out.end_of(1), cancelled(RejectReason::Requested));
    // A market order of the same time fills at the open at 200, the cancel finds nothing.
    let out = gaps()
        .with(|config| config.order_latency_ns = 41)
        .at(0, market(BUY, 10))
        .on(On::Bar(0, 1), Step::Cancel(1))
        .run();
    assert_eq!(out.fills(), [(2, BUY, 103, 10)]);
    assert_eq!(out.positions, [10]);
}

#[test]
fn a_report_reaches_us_later_than_it_happens() {
    let case = gaps().with(|config| config.response_latency_ns = 25).at(0, market(BUY, 10));
    let out = case.run();
    assert_eq!((out.fills(), out.fill_times()), (vec![(1, BUY, 101, 10)], vec![100]));
    assert_eq!(out.told_ns(1, ReportKind::Accepted), Some(85));
    assert_eq!(out.told_ns(1, ReportKind::Filled), Some(125));
    // Known at 125, before the close at 160: 10 x (102 - 101).
    assert_eq!(out.equity()[1], 10_010);
    // Known at 100 + 70, after the close at 160: the sample does not have it yet.
    let out = gaps().with(|config| config.response_latency_ns = 70).at(0, market(BUY, 10)).run();
    assert_eq!(out.told_ns(1, ReportKind::Filled), Some(170));
    assert_eq!(out.equity()[..3], [10_000, 10_000, 10_040]);
}

#[test]
fn an_answer_waits_for_the_report_and_then_for_its_own_way() {
    // Filled at 100, told at 130, answered: at the venue at 160; the next open is at 200.
    let answer = On::Report(1, ReportKind::Filled);
    let out = gaps()
        .with(|config| {
            config.order_latency_ns = 30;
            config.response_latency_ns = 30;
        })
        .at(0, market(BUY, 10))
        .on(answer, Step::Place(market(SELL, 10)))
        .run();
    assert_eq!(out.fill_times(), [100, 200]);
    assert_eq!(out.told_ns(2, ReportKind::Filled), Some(230));
    // Told at 140, at the venue at 210: the open at 200 is over.
    let out = gaps()
        .with(|config| {
            config.order_latency_ns = 40;
            config.response_latency_ns = 70;
        })
        .at(0, market(BUY, 10))
        .on(answer, Step::Place(market(SELL, 10)))
        .run();
    assert_eq!(out.fill_times(), [100, 300]);
}

#[test]
fn what_happened_at_the_end_is_in_the_books_though_told_later() {
    // Fills at the open of the last bar (400), told at 400 + 70, after its close at 460.
    let out = gaps()
        .with(|config| config.response_latency_ns = 70)
        .at(3, market(BUY, 10))
        .at(0, market(BUY, 10))
        .run();
    assert_eq!(out.fills(), [(1, BUY, 101, 10), (4, BUY, 104, 10)]);
    assert_eq!(out.positions, [20]);
    // 10 x (104 - 101) + 10 x (104 - 104).
    assert_eq!(out.equity()[4], 10_030);
}

#[test]
fn what_arrives_after_the_end_of_the_data_is_lost() {
    let out = gaps().with(|config| config.order_latency_ns = 100).at(4, market(BUY, 10)).run();
    assert!(out.fills().is_empty() && out.log.said.is_empty());
}

#[test]
fn protection_travels_with_its_entry() {
    // Entry and bracket arrive at 110; the entry fills at the open of bar 2 (103), which goes on
    // to 108: the target of 107.
    let entry = market(BUY, 10).bracket(crate::bracket::bracket(90, 107));
    let out = gaps().with(|config| config.order_latency_ns = 50).at(0, entry).run();
    assert_eq!(out.fills(), [(2, BUY, 103, 10), (2, SELL, 107, 10)]);
}

#[test]
fn a_trailing_stop_starts_from_the_last_price_at_its_arrival() {
    // Told of bar 0 at 60 + 150 = 210. Bar 1 has closed at 102 by then: 102 - 5 = 97, and bar 2
    // is not the order's own yet; its close of 105 moves the trigger to 100. Bar 3 falls to 95.
    let out = gaps()
        .margin(2)
        .with(|config| config.feed_latency_ns = 150)
        .at(0, crate::script::trailing(SELL, 10, qt_types::Distance::Ticks(5)))
        .run();
    assert_eq!(out.fills(), [(3, SELL, 100, 10)]);
}
