//! The borrow fee: short lots x price x time, charged at the end of each bar. The harness checks
//! at every event that equity + fees + carry = initial + realised + unrealised.

use std::sync::atomic::AtomicBool;

use qt_backtest::report::result::{ResultDocument, ResultHead};
use qt_backtest::run::run;

use crate::harness::Case;
use crate::outcome::{Outcome, cash};
use crate::script::{BUY, SELL, Script, for_instrument, market};

const DAY: i64 = 86_400_000_000_000;

const BARS: [[i64; 4]; 5] =
    [[100; 4], [100, 112, 99, 110], [110, 111, 88, 90], [95, 96, 94, 95], [95; 4]];

/// Bars of a day every `step` days, a margin account, 3.65 % a year: 0.01 % a day.
fn case(step: i64) -> Case {
    Case::new(&BARS)
        .margin(2)
        .times(step * DAY, DAY)
        .with(|config| config.borrow_rate_e9 = 36_500_000)
}

fn equity(out: &Outcome) -> Vec<String> {
    out.curve.iter().map(|(_, equity)| equity.to_string()).collect()
}

#[test]
fn a_short_position_pays_at_each_close() {
    // Sold at 100 at the start of day 1. Its close is 110: 10 x 110 x 0.0001 = 0.11. Day 2: 90,
    // 0.09. Bought back at 95 at the start of day 3, at the very end of day 2: no more.
    let out = case(1).at(0, market(SELL, 10)).at(2, market(BUY, 10)).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (3, BUY, 95, 10)]);
    assert_eq!(out.carry, cash("0.2"));
    // 11,000 - 1,100 - 0.11; 11,000 - 900 - 0.2; 10,050 - 0.2.
    assert_eq!(equity(&out), ["10000", "9899.89", "10099.8", "10049.8", "10049.8"]);
    assert_eq!((out.cash, out.fees), (cash("10049.8"), cash("0")));
    // Five bars, two orders accepted and filled, two charges.
    assert_eq!(out.events, 5 + 4 + 2);
}

#[test]
fn time_without_bars_costs_too() {
    // A day of trading, a day without, and so on: day 2 (110), 4 (90), 6 (95). Sold at the start
    // of day 2: a day at 110, 0.11. Two days at 90, 0.18. Bought back at the start of day 6: the
    // day before it at the last price, 90, is charged at the end of day 6: 0.09.
    let out = case(2).at(0, market(SELL, 10)).at(2, market(BUY, 10)).run();
    assert_eq!(out.carry, cash("0.38"));
    assert_eq!(equity(&out), ["10000", "9899.89", "10099.71", "10049.62", "10049.62"]);
}

#[test]
fn each_stretch_of_time_counts_with_its_own_lots() {
    // As before, but 4 of 10 are bought back at the start of day 4: 10 lots at 110 for the day
    // before it (0.11), 6 at 90 for the day itself (0.054). Then 6 at 95 for two days (0.114),
    // twice.
    let out = case(2).at(0, market(SELL, 10)).at(1, market(BUY, 4)).run();
    assert_eq!(out.carry, cash("0.11") + cash("0.164") + cash("0.114") + cash("0.114"));
}

#[test]
fn a_fill_through_zero_begins_to_cost() {
    // Long 5 in day 1, short 5 from the start of day 2 on: 5 x 90, 5 x 95, 5 x 95.
    let out = case(1).at(0, market(BUY, 5)).at(1, market(SELL, 10)).run();
    assert_eq!(out.carry, cash("0.045") + cash("0.0475") + cash("0.0475"));
}

#[test]
fn what_is_not_borrowed_costs_nothing() {
    assert_eq!(case(1).at(0, market(BUY, 150)).run().carry, cash("0"), "money is free here");
    let free = case(1).with(|config| config.borrow_rate_e9 = 0).at(0, market(SELL, 10)).run();
    assert_eq!((free.carry, free.events), (cash("0"), 5 + 2));
    let mut own = case(1).at(0, market(BUY, 10)).at(1, market(SELL, 10));
    own.config.account = qt_risk::Account::Cash;
    assert_eq!(own.run().carry, cash("0"));
}

#[test]
fn every_instrument_pays_for_itself() {
    // The other one is always at 50: 20 x 50 x 0.0001 = 0.1 a day from day 2 to 4.
    let mut case = case(1).and(&[[50; 4]; 5]);
    for (at, bar) in case.series[1].bars.iter_mut().enumerate() {
        (bar.open_ns, bar.close_ns) = (at as i64 * DAY, (at as i64 + 1) * DAY);
    }
    let out = case
        .at(0, market(SELL, 10))
        .at(1, for_instrument(1, market(SELL, 20)))
        .at(2, market(BUY, 10))
        .run();
    assert_eq!(out.carry, cash("0.2") + cash("0.3"));
}

#[test]
fn a_charge_is_told_as_late_as_any_report() {
    // Half a day of latency: the charges of days 1 to 3 are in the samples one day later; that
    // of the last day reaches us after the end, and the last sample takes it in.
    let late = case(1).with(|config| config.response_latency_ns = DAY / 2);
    let out = late.at(0, market(SELL, 10)).run();
    assert_eq!(out.carry, cash("0.11") + cash("0.09") + cash("0.095") + cash("0.095"));
    assert_eq!(equity(&out), ["10000", "9900", "10099.89", "10049.8", "10049.61"]);
}

#[test]
fn on_trades_the_bars_still_charge() {
    // Sold to the first trade of day 1; the last trade of the day is at 110, the day after's at
    // 90. The trades between charge nothing.
    let hour = DAY / 24;
    let prints = [
        (0, 100, 50),
        (DAY, 100, 50),
        (DAY + hour, 112, 50),
        (2 * DAY - 1, 110, 50),
        (2 * DAY + hour, 88, 50),
        (3 * DAY - hour, 90, 50),
    ];
    let mut case = case(1).prints(&prints).at(0, market(SELL, 10));
    case.series[0].bars.truncate(3);
    let out = case.run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10)]);
    assert_eq!(out.carry, cash("0.2"));
    // Closed by the trade an hour into day 2 at 88: that hour at the last price before it, 110,
    // is charged at the end of the day: 10 x 110 x 0.0001 / 24 = 0.004583333...
    let out = case.at(1, crate::script::limit(BUY, 10, 100)).run();
    assert_eq!(out.fills()[1], (4, BUY, 100, 10));
    assert_eq!(out.carry, cash("0.11") + cash("0.004583333"));
}

#[test]
fn the_result_says_what_was_paid() {
    let case = case(1);
    let steps = case.clone().at(0, market(SELL, 10)).at(2, market(BUY, 10)).steps;
    let script = Box::new(Script::new(&steps, 0));
    let series: Vec<_> = case.series.iter().collect();
    let out = run(&case.config, &series, script, &AtomicBool::new(false), &mut |_, _| {}).unwrap();
    assert_eq!((out.borrow_paid, out.final_equity), (cash("0.2"), cash("10049.8")));
    // The trade itself: 10 x (100 - 95), before what holding it cost.
    assert_eq!(out.trips[0].profit, cash("50"));
    let document = ResultDocument::new(ResultHead::default(), &out, &series);
    let json = serde_json::to_value(&document).unwrap();
    assert_eq!(json["borrow_paid"], "0.2");
}
