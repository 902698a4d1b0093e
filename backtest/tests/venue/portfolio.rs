//! Several instruments at once.

use qt_types::RejectReason;

use crate::harness::Case;
use crate::outcome::rejected;
use crate::script::{BUY, On, SELL, Step, for_instrument, limit, market};

const A: [[i64; 4]; 4] =
    [[100, 101, 99, 100], [102, 103, 101, 102], [104, 105, 103, 104], [104; 4]];
const B: [[i64; 4]; 4] = [[50, 51, 49, 50], [52, 53, 51, 52], [54, 55, 53, 54], [54; 4]];

fn two() -> Case {
    Case::new(&A).and(&B)
}

#[test]
fn every_instrument_fills_at_its_own_prices() {
    let out = two().at(0, market(BUY, 10)).at(1, for_instrument(1, market(BUY, 20))).run();
    assert_eq!(out.fills(), [(1, BUY, 102, 10), (2, BUY, 54, 20)]);
    assert_eq!(out.positions, [10, 20]);
    // One sample per time: 10,000; 10 x 0; 10 x 2 + 20 x 0; the same.
    assert_eq!(out.equity(), [10_000, 10_000, 10_020, 10_020]);
    assert_eq!(out.held_closes, 3);
}

#[test]
fn at_one_open_a_sale_pays_for_a_purchase_that_was_placed_after_it() {
    // All of the cash is in B (190 x 52 = 9,880). At the close of bar 1 B is sold and A bought;
    // A comes first among the instruments, but the sale was placed first.
    let buy_b = for_instrument(1, market(BUY, 190));
    let (sell_b, buy_a) = (for_instrument(1, market(SELL, 190)), market(BUY, 90));
    let start = two().at(0, buy_b);
    let swap = On::Bar(1, 1);
    let out = start.clone().on(swap, Step::Place(sell_b)).on(swap, Step::Place(buy_a)).run();
    assert_eq!(out.fills(), [(1, BUY, 52, 190), (2, SELL, 54, 190), (2, BUY, 104, 90)]);
    // 190 x 2 = 380 of profit.
    assert_eq!(out.equity()[2], 10_380);
    // Placed the other way round the purchase finds no cash.
    let out = start.on(swap, Step::Place(buy_a)).on(swap, Step::Place(sell_b)).run();
    assert_eq!(out.fills(), [(1, BUY, 52, 190), (2, SELL, 54, 190)]);
    assert_eq!(out.end_of(2), rejected(RejectReason::InsufficientFunds));
}

#[test]
fn the_equity_is_sampled_once_per_time() {
    // B's bars are twice as long: closes of A at 100, 200, 300, 400, of B at 200 and 400.
    let mut case = Case::new(&A).and(&B[..2]);
    for (at, bar) in case.series[1].bars.iter_mut().enumerate() {
        (bar.open_ns, bar.close_ns) = (at as i64 * 200, at as i64 * 200 + 200);
    }
    let out = case
        .at(0, market(BUY, 10))
        .on(On::Bar(1, 0), Step::Place(for_instrument(1, market(BUY, 20))))
        .run();
    // A at the open of its bar 1 (100), B at the open of its bar 1 (200).
    assert_eq!(out.fills(), [(1, BUY, 102, 10), (1, BUY, 52, 20)]);
    assert_eq!(out.fill_times(), [100, 200]);
    let times: Vec<i64> = out.curve.iter().map(|&(ns, _)| ns).collect();
    assert_eq!(times, [100, 200, 300, 400]);
    // At 300 B is worth its last close of 50: 20 x (50 - 52) = -40; A 10 x (104 - 102) = 20. At
    // 400 B closes at 52.
    assert_eq!(out.equity(), [10_000, 10_000, 9_980, 10_020]);
}

#[test]
fn a_resting_order_of_one_instrument_is_not_met_by_another() {
    // 51 is far below A's prices and gone through by nothing of B after bar 0.
    let out = two().at(0, limit(BUY, 10, 51)).run();
    assert!(out.fills().is_empty());
    let out = two().at(0, for_instrument(1, limit(BUY, 10, 52))).run();
    assert_eq!(out.fills(), [(1, BUY, 52, 10)]);
}

#[test]
fn margin_is_shared_by_all_instruments() {
    // Leverage 1: 100 lots of A use all of the equity.
    let out = two()
        .margin(1)
        .at(0, for_instrument(1, market(SELL, 100)))
        .on(On::Bar(1, 1), Step::Place(market(BUY, 60)))
        .run();
    // 100 x 52 = 5,200 of B short. 60 x 102 = 6,120 more would be 11,320 of 10,000.
    assert_eq!(out.fills(), [(1, SELL, 52, 100)]);
    assert_eq!(out.denied(), [qt_types::DenyReason::InsufficientFunds]);
}

#[test]
fn close_at_end_closes_every_instrument() {
    let out = two()
        .margin(2)
        .with(|config| config.close_at_end = true)
        .at(0, market(BUY, 10))
        .at(0, for_instrument(1, market(SELL, 20)))
        .run();
    assert_eq!(out.positions, [0, 0]);
    assert_eq!(out.fills()[2..], [(3, SELL, 104, 10), (3, BUY, 54, 20)]);
    // 10 x 2 - 20 x 2.
    assert_eq!(*out.equity().last().unwrap(), 9_980);
}
