//! What the account allows: cash, short sales, margin.

use qt_backtest::simulator::Ended;
use qt_types::{DenyReason, RejectReason};

use crate::harness::Case;
use crate::outcome::{cash, filled, rejected};
use crate::script::{BUY, SELL, limit, market};

const FLAT: [i64; 4] = [100, 101, 99, 100];

#[test]
fn a_purchase_beyond_the_cash_is_refused_at_the_fill() {
    // 100 lots at the close of 100 are 10,000: exactly the cash. At the open of 101 they are
    // 10,100.
    let case = |open: i64| Case::new(&[FLAT, [open, 102, 99, 100], FLAT]).at(0, market(BUY, 100));
    let out = case(101).run();
    assert!(out.fills().is_empty());
    assert_eq!(out.end_of(1), rejected(RejectReason::InsufficientFunds));
    assert_eq!(out.counts.insufficient_funds, 1);
    let out = case(100).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 100)]);
    assert_eq!(out.cash, cash("0"));
}

#[test]
fn the_fee_must_be_covered_too() {
    // 99 x 100 = 9,900 and a fee of 1 %, 99: 9,999. With 100 lots nothing is left for the fee.
    let case = |lots: i64| {
        Case::new(&[FLAT; 3])
            .with(|config| config.fees.taker_e9 = 10_000_000)
            .at(0, market(BUY, lots))
            .run()
    };
    assert_eq!((case(99).fills(), case(99).cash), (vec![(1, BUY, 100, 99)], cash("1")));
    assert_eq!(case(100).end_of(1), rejected(RejectReason::InsufficientFunds));
}

#[test]
fn of_two_purchases_the_second_finds_the_cash_gone() {
    let out = Case::new(&[FLAT; 3]).at(0, market(BUY, 60)).at(0, market(BUY, 60)).run();
    assert_eq!(
        (out.end_of(1), out.end_of(2)),
        (filled(), rejected(RejectReason::InsufficientFunds))
    );
    // A sale before it frees cash at the same open.
    let out = Case::new(&[FLAT; 4])
        .at(0, market(BUY, 60))
        .at(1, market(SELL, 30))
        .at(1, market(BUY, 60))
        .run();
    assert_eq!(out.fills(), [(1, BUY, 100, 60), (2, SELL, 100, 30), (2, BUY, 100, 60)]);
    assert_eq!(out.cash, cash("1000"));
}

#[test]
fn a_sale_beyond_the_position_is_denied_before_it_leaves() {
    let out = Case::new(&[FLAT; 3]).at(0, market(SELL, 1)).run();
    assert_eq!(out.denied(), [DenyReason::ShortNotAllowed]);
    assert!(out.log.said.is_empty(), "the venue never saw it");
}

#[test]
fn a_sale_beyond_the_position_is_refused_at_the_fill() {
    // The purchase rests at 90 and does not come; the sale counted on it.
    let out = Case::new(&[FLAT; 3]).at(0, limit(BUY, 10, 90)).at(0, market(SELL, 10)).run();
    assert!(out.denied().is_empty() && out.fills().is_empty());
    assert_eq!(out.end_of(2), rejected(RejectReason::ShortNotAllowed));
    assert_eq!(out.counts.short_not_allowed, 1);
}

#[test]
fn a_margin_account_may_be_short() {
    let bars = [FLAT, [100, 101, 99, 100], [90, 91, 89, 90], [90; 4]];
    let out = Case::new(&bars).margin(2).at(0, market(SELL, 10)).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10)]);
    // The proceeds are cash: 10,000 + 1,000. 10 x (100 - 90) = 100.
    assert_eq!(out.cash, cash("11000"));
    assert_eq!(out.equity(), [10_000, 10_000, 10_100, 10_100]);
}

#[test]
fn positions_may_be_worth_leverage_times_the_equity() {
    // Equity 10,000, leverage 2: positions of 20,000 in all, 200 lots at 100.
    let out = Case::new(&[FLAT; 3]).margin(2).at(0, market(BUY, 200)).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 200)]);
    assert_eq!(out.cash, cash("-10000"));
    let out = Case::new(&[FLAT; 3]).margin(2).at(0, market(BUY, 201)).run();
    assert_eq!(out.denied(), [DenyReason::InsufficientFunds]);
    let out = Case::new(&[FLAT; 3]).margin(2).at(0, market(SELL, 201)).run();
    assert_eq!(out.denied(), [DenyReason::InsufficientFunds]);
}

#[test]
fn the_margin_is_looked_at_again_at_the_fill() {
    // Approved at 100; at the open of 101 the 200 lots are worth 20,200: 10,100 of margin.
    let bars = [FLAT, [101, 102, 99, 100], FLAT];
    let out = Case::new(&bars).margin(2).at(0, market(BUY, 200)).run();
    assert_eq!(out.end_of(1), rejected(RejectReason::InsufficientFunds));
    assert_eq!(out.counts.insufficient_funds, 1);
    // 198 lots are worth 19,998: 9,999.
    let out = Case::new(&bars).margin(2).at(0, market(BUY, 198)).run();
    assert_eq!(out.fills(), [(1, BUY, 101, 198)]);
}

#[test]
fn turning_a_position_needs_margin_for_what_it_opens() {
    // Long 100; selling 300 closes 100 and opens 200: 20,000 of 2 x 10,000.
    let long = Case::new(&[FLAT; 4]).margin(2).at(0, market(BUY, 100));
    let out = long.clone().at(1, market(SELL, 300)).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 100), (2, SELL, 100, 300)]);
    let out = long.at(1, market(SELL, 301)).run();
    assert_eq!(out.denied(), [DenyReason::InsufficientFunds]);
}

#[test]
fn a_margin_call_closes_the_account_out() {
    // 190 lots at 100 with leverage 2. At 70: equity 10,000 - 190 x 30 = 4,300; the positions
    // are worth 13,300, half of their margin of 6,650 is 3,325: kept. At 60: 2,400 against
    // 11,400 / 2 / 2 = 2,850: called. Sold at the next open, 61.
    let bars =
        [FLAT, FLAT, [100, 100, 70, 70], [70, 70, 60, 60], [61, 62, 55, 58], [58; 4], [58; 4]];
    let out = Case::new(&bars)
        .margin(2)
        .at(0, market(BUY, 190))
        .at(1, limit(BUY, 1, 50))
        .at(3, market(BUY, 1))
        .run();
    assert_eq!(out.fills(), [(1, BUY, 100, 190), (4, SELL, 61, 190)]);
    assert_eq!(out.equity(), [10_000, 10_000, 4_300, 2_400, 2_590, 2_590, 2_590]);
    assert_eq!(out.margin_calls, 1);
    // The resting purchase is order 2. It is cancelled; what the strategy asked for on the bar
    // of the call is not even looked at.
    assert_eq!(out.end_of(2), crate::outcome::cancelled(RejectReason::Requested));
    assert_eq!(out.end_of(4), None);
    assert_eq!(out.ended, Ended::Data);
}

#[test]
fn after_a_margin_call_the_account_may_trade_again() {
    let bars = [FLAT, FLAT, [100, 100, 60, 60], [60; 4], [60; 4], [60; 4]];
    let out = Case::new(&bars).margin(2).at(0, market(BUY, 190)).at(3, market(BUY, 10)).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 190), (3, SELL, 60, 190), (4, BUY, 60, 10)]);
}

#[test]
fn an_equity_of_nothing_ends_the_run() {
    // Short 190 at 100. At 152.63.. the 10,000 are gone: at 153, 190 x 53 = 10,070.
    let bars = [FLAT, FLAT, [100, 153, 100, 153], [153; 4], [153; 4]];
    let out = Case::new(&bars).margin(2).at(0, market(SELL, 190)).run();
    assert_eq!(out.ended, Ended::Bankrupt);
    assert_eq!(out.equity(), [10_000, 10_000, -70]);
    assert_eq!(out.fills().len(), 1, "no bar after that is played");
    // At exactly nothing, too: 100 lots, 200.
    let bars = [FLAT, FLAT, [100, 200, 100, 200], [200; 4]];
    let out = Case::new(&bars).margin(2).at(0, market(SELL, 100)).run();
    assert_eq!((out.ended, out.equity()), (Ended::Bankrupt, vec![10_000, 10_000, 0]));
}
