//! Orders that meet the trades from which the bars were made.

use crate::harness::Case;
use crate::script::{BUY, On, SELL, Step, limit, market, stop};

/// Three bars and their trades, each large enough for the orders of these cases.
fn case() -> Case {
    let bars = [[100, 101, 99, 100], [104, 108, 97, 98], [99, 103, 96, 102]];
    Case::new(&bars).prints(&[
        (0, 100, 10),
        (30, 101, 10),
        (60, 99, 10),
        (90, 100, 10),
        (100, 104, 10),
        (120, 108, 10),
        (150, 97, 10),
        (190, 98, 10),
        (210, 99, 10),
        (230, 96, 10),
        (260, 103, 10),
        (290, 102, 10),
    ])
}

#[test]
fn a_market_order_takes_the_first_trade_at_or_after_its_arrival() {
    // Decided at the close at 100. Row 4 is the trade at 100, row 5 the one at 120.
    for (latency_ns, row, price) in [(0, 4, 104), (1, 5, 108), (20, 5, 108), (21, 6, 97)] {
        let out =
            case().with(|config| config.order_latency_ns = latency_ns).at(0, market(BUY, 10)).run();
        assert_eq!(out.fills(), [(row, BUY, price, 10)], "a latency of {latency_ns} ns");
    }
}

#[test]
fn an_order_does_not_meet_the_trade_that_completed_its_bar() {
    // As bars of ticks these end with the trades at 100, 200 and 300.
    let mut case = case().at(0, market(BUY, 10));
    case.series[0].interval_ns = 0;
    let out = case.run();
    assert_eq!(out.fills(), [(5, BUY, 108, 10)], "not at 104, which the decision was made on");
}

#[test]
fn a_late_trade_reaches_the_strategy_late() {
    // Told of bar 0 at 115, so the order meets the trade at 120.
    let out = case().with(|config| config.feed_latency_ns = 15).at(0, market(BUY, 10)).run();
    assert_eq!((out.fills(), out.fill_times()), (vec![(5, BUY, 108, 10)], vec![120]));
}

#[test]
fn the_order_of_trades_inside_a_bar_counts() {
    // Bar 1 goes up to 108 first and then down to 97: the purchase at 103 by a stop meets 104,
    // the sale at 107 by a limit meets 108, and the stop at 98 finds nothing left to protect.
    let entry = stop(BUY, 10, 103).bracket(crate::bracket::bracket(98, 107));
    let out = case().at(0, entry).run();
    assert_eq!(out.fills(), [(4, BUY, 104, 10), (5, SELL, 107, 10)]);
    assert_eq!(out.counts.ambiguous_bars, 0, "trades leave nothing open");
}

#[test]
fn a_limit_is_filled_by_a_trade_through_it() {
    // 97 touches the limit at 150; 96 goes through it at 230.
    let out = case().at(0, limit(BUY, 10, 97)).run();
    assert_eq!((out.fills(), out.fill_times()), (vec![(9, BUY, 97, 10)], vec![230]));
    let touching = case().with(|config| config.touch_fills = true).at(0, limit(BUY, 10, 97));
    assert_eq!(touching.run().fill_times(), [150]);
}

#[test]
fn the_equity_is_still_sampled_at_the_closes() {
    let out = case().at(0, market(BUY, 10)).at(1, market(SELL, 10)).run();
    // Bought at 104, sold at the first trade after 200: 99.
    assert_eq!(out.fills(), [(4, BUY, 104, 10), (8, SELL, 99, 10)]);
    let times: Vec<i64> = out.curve.iter().map(|&(ns, _)| ns).collect();
    assert_eq!(times, [100, 200, 300]);
    assert_eq!(out.equity(), [10_000, 9_940, 9_950]);
}

#[test]
fn an_answer_to_a_fill_meets_the_next_trade() {
    let answer = On::Report(1, qt_types::ReportKind::Filled);
    let out = case().at(0, market(BUY, 10)).on(answer, Step::Place(market(SELL, 10))).run();
    assert_eq!(out.fills(), [(4, BUY, 104, 10), (5, SELL, 108, 10)]);
}

#[test]
fn close_at_end_takes_the_last_trade() {
    let out = case().with(|config| config.close_at_end = true).at(0, market(BUY, 10)).run();
    assert_eq!(out.fills(), [(4, BUY, 104, 10), (11, SELL, 102, 10)]);
    assert_eq!(out.positions, [0]);
}

#[test]
fn a_share_of_each_trade_is_what_may_be_had() {
    let out = case()
        .with(|config| config.participation_e9 = Some(200_000_000))
        .at(0, market(BUY, 5))
        .run();
    assert_eq!(out.fills(), [(4, BUY, 104, 2), (5, BUY, 108, 2), (6, BUY, 97, 1)]);
}
