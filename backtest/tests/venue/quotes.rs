//! Bid/ask bars: buys meet the ask, sales the bid, positions are marked at the mid.

use crate::harness::Case;
use crate::script::{BUY, SELL, limit, market, stop, take_profit};

/// Mids; the half spread is 2 throughout.
const BARS: [[i64; 4]; 4] =
    [[100, 101, 99, 100], [104, 106, 96, 103], [103, 108, 98, 105], [105; 4]];

fn quotes() -> Case {
    Case::new(&BARS).margin(2).half_spread(2)
}

#[test]
fn market_orders_pay_the_spread() {
    let out = quotes().at(0, market(BUY, 10)).at(1, market(SELL, 10)).run();
    // The ask of bar 1's open is 106, the bid of bar 2's open 101.
    assert_eq!(out.fills(), [(1, BUY, 106, 10), (2, SELL, 101, 10)]);
    // Marked at the mid of 103: 10 x (103 - 106) = -30; then 10 x (101 - 106) = -50.
    assert_eq!(out.equity(), [10_000, 9_970, 9_950, 9_950]);
}

#[test]
fn a_buy_limit_meets_the_ask_and_a_sell_limit_the_bid() {
    // The lowest ask of bar 1 is 98: a limit of 98 is touched, one of 99 is filled.
    assert!(quotes().at(0, limit(BUY, 10, 98)).run().fills().is_empty());
    assert_eq!(quotes().at(0, limit(BUY, 10, 99)).run().fills(), [(1, BUY, 99, 10)]);
    // The highest bid of bar 1 is 104, of bar 2 106.
    assert_eq!(quotes().at(0, limit(SELL, 10, 104)).run().fills(), [(2, SELL, 104, 10)]);
    assert_eq!(quotes().at(0, limit(SELL, 10, 103)).run().fills(), [(1, SELL, 103, 10)]);
}

#[test]
fn a_gap_is_seen_on_the_orders_own_side() {
    // The ask of bar 1's open is 106. A limit of 107 gets it at a session's open.
    let case = quotes().sessions(1);
    assert_eq!(case.clone().at(0, limit(BUY, 10, 107)).run().fills(), [(1, BUY, 106, 10)]);
    // The mid of 104 is below a limit of 105, the ask is not: it rests and fills inside.
    assert_eq!(case.at(0, limit(BUY, 10, 105)).run().fills(), [(1, BUY, 105, 10)]);
}

#[test]
fn a_buy_stop_meets_the_ask_and_a_sell_stop_the_bid() {
    // Asks of bar 1: open 106, high 108. The stop of 107 is hit inside, one of 105 at the open.
    assert_eq!(quotes().at(0, stop(BUY, 10, 107)).run().fills(), [(1, BUY, 107, 10)]);
    assert_eq!(quotes().at(0, stop(BUY, 10, 105)).run().fills(), [(1, BUY, 106, 10)]);
    // Bids of bar 1: open 102, low 94.
    assert_eq!(quotes().at(0, stop(SELL, 10, 95)).run().fills(), [(1, SELL, 95, 10)]);
    assert_eq!(quotes().at(0, stop(SELL, 10, 103)).run().fills(), [(1, SELL, 102, 10)]);
}

#[test]
fn a_take_profit_meets_its_own_side() {
    // The highest bid of bar 1 is 104.
    assert_eq!(quotes().at(0, take_profit(SELL, 10, 104)).run().fills(), [(1, SELL, 104, 10)]);
    assert_eq!(quotes().at(0, take_profit(SELL, 10, 105)).run().fills(), [(2, SELL, 105, 10)]);
}

#[test]
fn closes_pay_the_spread_too() {
    let case = quotes().with(|config| config.fill_at = qt_backtest::venue::FillAt::Close);
    let out = case.at(0, market(BUY, 10)).at(1, market(SELL, 10)).run();
    assert_eq!(out.fills(), [(0, BUY, 102, 10), (1, SELL, 101, 10)]);
    let out = quotes().with(|config| config.close_at_end = true).at(0, market(BUY, 10)).run();
    assert_eq!(out.fills(), [(1, BUY, 106, 10), (3, SELL, 103, 10)]);
    assert_eq!(out.equity(), [10_000, 9_970, 9_990, 9_970]);
}
