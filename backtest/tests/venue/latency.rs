//! Latency of data, commands and reports.

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
