//! Market orders: where they fill, and what they do to the equity.

use qt_backtest::venue::FillAt;
use qt_types::{ReportKind, TimeInForce};

use crate::harness::Case;
use crate::script::{BUY, On, SELL, Step, market};

const BARS: [[i64; 4]; 4] =
    [[100, 105, 95, 102], [104, 110, 103, 108], [107, 109, 101, 103], [99, 100, 90, 95]];

#[test]
fn next_open_is_the_open_of_the_next_bar() {
    let out = Case::new(&BARS).at(0, market(BUY, 10)).at(1, market(SELL, 10)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 10), (2, SELL, 107, 10)]);
    // The fill carries the bar's open time; the decisions were made at 100 and 200.
    assert_eq!(out.fill_times(), [100, 200]);
    // 10,000; then 10 x (108 - 104) = 40 more; sold at 107: 10 x (107 - 104) = 30 in all.
    assert_eq!(out.equity(), [10_000, 10_040, 10_030, 10_030]);
    assert_eq!(out.held_closes, 1);
}

#[test]
fn close_mode_is_the_close_of_the_same_bar() {
    let out = Case::new(&BARS)
        .with(|config| config.fill_at = FillAt::Close)
        .at(0, market(BUY, 10))
        .at(1, market(SELL, 10))
        .run();
    assert_eq!(out.fills(), [(0, BUY, 102, 10), (1, SELL, 108, 10)]);
    assert_eq!(out.fill_times(), [100, 200]);
    // Bought at the close that is sampled: no profit yet; then 10 x (108 - 102) = 60.
    assert_eq!(out.equity(), [10_000, 10_060, 10_060, 10_060]);
    // Held at the close of bar 0 only: the sale at the close of bar 1 comes before the sample.
    assert_eq!(out.held_closes, 1);
}

#[test]
fn a_short_sale_mirrors_a_purchase() {
    let out = Case::new(&BARS).margin(2).at(0, market(SELL, 10)).at(1, market(BUY, 10)).run();
    assert_eq!(out.fills(), [(1, SELL, 104, 10), (2, BUY, 107, 10)]);
    // Short at 104: 10 x (104 - 108) = -40 at the close; bought back at 107: -30.
    assert_eq!(out.equity(), [10_000, 9_960, 9_970, 9_970]);
}

#[test]
fn an_order_through_zero_turns_the_position() {
    let out = Case::new(&BARS).margin(2).at(0, market(BUY, 10)).at(1, market(SELL, 25)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 10), (2, SELL, 107, 25)]);
    // Realised 10 x 3 = 30; short 15 at 107: 15 x (107 - 103) = 60, then 15 x (107 - 95) = 180.
    assert_eq!(out.equity(), [10_000, 10_040, 10_090, 10_210]);
    assert_eq!(out.positions, [-15]);
}

#[test]
fn what_is_decided_on_the_last_bar_meets_no_open() {
    let out = Case::new(&BARS).at(3, market(BUY, 10)).run();
    assert!(out.fills().is_empty());
    assert_eq!(out.equity(), [10_000; 4]);
    // In the close mode it meets the close that it was decided on.
    let out =
        Case::new(&BARS).with(|config| config.fill_at = FillAt::Close).at(3, market(BUY, 10)).run();
    assert_eq!(out.fills(), [(3, BUY, 95, 10)]);
}

#[test]
fn ioc_and_fok_market_orders_take_the_next_open() {
    for tif in [TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Day] {
        let out = Case::new(&BARS).at(0, market(BUY, 10).tif(tif)).run();
        assert_eq!(out.fills(), [(1, BUY, 104, 10)], "{tif:?}");
        let out = Case::new(&BARS)
            .with(|config| config.fill_at = FillAt::Close)
            .at(0, market(BUY, 10).tif(tif))
            .run();
        assert_eq!(out.fills(), [(0, BUY, 102, 10)], "{tif:?} at the close");
    }
}

#[test]
fn an_answer_to_a_fill_at_an_open_waits_for_the_next_open() {
    // The fill of order 1 at the open of bar 1 is answered at once; that open is over.
    let answer = On::Report(1, ReportKind::Filled);
    let case = Case::new(&BARS).at(0, market(BUY, 10)).on(answer, Step::Place(market(SELL, 10)));
    assert_eq!(case.run().fills(), [(1, BUY, 104, 10), (2, SELL, 107, 10)]);
}

#[test]
fn in_the_close_mode_an_order_from_inside_a_bar_meets_its_close() {
    // The limit fills at the open of bar 1 (a session's first price, 104, is below 106); the
    // sale that answers it arrives inside bar 1 and meets its close, 108, not the next one.
    let answer = On::Report(1, ReportKind::Filled);
    let out = Case::new(&BARS)
        .sessions(1)
        .with(|config| config.fill_at = FillAt::Close)
        .at(0, crate::script::limit(BUY, 10, 106))
        .on(answer, Step::Place(market(SELL, 10)))
        .run();
    assert_eq!(out.fills(), [(1, BUY, 104, 10), (1, SELL, 108, 10)]);
    assert_eq!(out.fill_times(), [100, 200]);
}

#[test]
fn orders_of_one_open_fill_in_the_order_in_which_they_were_placed() {
    let out = Case::new(&BARS).at(0, market(BUY, 10)).at(0, market(SELL, 4)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 10), (1, SELL, 104, 4)]);
    assert_eq!(out.positions, [6]);
}
