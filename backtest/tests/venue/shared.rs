//! Several strategies that hold one instrument together or against each other: what the venue
//! settles, charges and closes by itself is in the books of each.

use std::sync::atomic::AtomicBool;

use qt_backtest::conditions::{Expiry, Funding, FundingRate, FundingRates, Margin};
use qt_backtest::currency::FeesIn;
use qt_backtest::run::{RunOutcome, run};
use qt_engine::Ensemble;
use qt_types::{Cash, E9, InstrumentKind, InstrumentSpec, Place};

use crate::harness::Case;
use crate::outcome::cash;
use crate::script::{BUY, On, SELL, Script, Step, market};

const DAY: i64 = 86_400_000_000_000;

const BARS: [[i64; 4]; 5] =
    [[100; 4], [100, 112, 99, 110], [110, 111, 88, 90], [95, 96, 94, 95], [95; 4]];

/// Runs strategies that each place what their list says, at the ends of bars; whatever happens,
/// their books add up to the account's.
fn together(case: &Case, strategies: &[&[(usize, Place)]]) -> RunOutcome {
    let mut all = Ensemble::new();
    for wishes in strategies {
        let step = |&(bar, place): &(usize, Place)| (On::Bar(0, bar), Step::Place(place));
        let steps: Vec<(On, Step)> = wishes.iter().map(step).collect();
        all = all.with(Box::new(Script::new(&steps, 0)), vec![true]);
    }
    let series: Vec<_> = case.series.iter().collect();
    let never = AtomicBool::new(false);
    let out = run(&case.config, &series, Box::new(all), &never, &mut |_, _| {}).unwrap();
    assert_eq!(out.strategies.len(), strategies.len());
    let sum = |part: fn(&qt_backtest::strategies::StrategyOutcome) -> Cash| {
        out.strategies.iter().fold(Cash::ZERO, |sum, of| sum + part(of))
    };
    assert_eq!(sum(|of| of.amounts.unwrap().fees), out.total_fees);
    assert_eq!(sum(|of| of.amounts.unwrap().borrow_paid), out.borrow_paid);
    assert_eq!(sum(|of| of.amounts.unwrap().funding_paid), out.funding_paid);
    assert_eq!(sum(|of| of.profit().unwrap()), out.final_equity - out.initial_equity);
    let lots: i64 = held(&out).iter().sum();
    assert_eq!(lots, out.positions[0].lots(), "{:?}", out.strategies);
    out
}

fn held(out: &RunOutcome) -> Vec<i64> {
    out.strategies.iter().map(|of| of.positions[0].lots()).collect()
}

#[test]
fn an_expiry_settles_what_is_held_against_each_other() {
    // Bought and sold at 100; it ends at 350 at a price of 105.
    let future = |price_e9| {
        let expiry = Expiry { time_ns: 350, price_e9 };
        Case::new(&BARS)
            .kind(InstrumentKind::Future)
            .margin(10)
            .with(|config| config.conditions.expiries = vec![(None, expiry)])
    };
    let out =
        together(&future(Some(105 * E9)), &[&[(0, market(BUY, 5))], &[(0, market(SELL, 5))], &[]]);
    assert_eq!(held(&out), [0, 0, 0]);
    let realised: Vec<String> =
        out.strategies.iter().map(|of| of.amounts.unwrap().realised.to_string()).collect();
    assert_eq!(realised, ["25", "-25", "0"]);
    // And where the account has some of it left: at the last price, 90.
    let out = together(&future(None), &[&[(0, market(BUY, 5))], &[(0, market(SELL, 2))]]);
    assert_eq!(held(&out), [0, 0]);
    let realised: Vec<String> =
        out.strategies.iter().map(|of| of.amounts.unwrap().realised.to_string()).collect();
    assert_eq!(realised, ["-50", "20"]);
}

/// Bars of a day every `step` days, a margin account, 3.65 % a year: 0.01 % a day.
fn borrowing(step: i64) -> Case {
    Case::new(&BARS)
        .margin(2)
        .times(step * DAY, DAY)
        .with(|config| config.borrow_rate_e9 = 36_500_000)
}

fn borrowed(out: &RunOutcome) -> Vec<String> {
    out.strategies.iter().map(|of| of.amounts.unwrap().borrow_paid.to_string()).collect()
}

#[test]
fn who_was_short_pays_for_it_whoever_holds_what_when_it_is_charged() {
    // As in `borrow`: a day at 110, two days at 90, and the day before it is bought back at the
    // start of day 6 is charged at the end of that day, when nothing is held any more.
    let short = [(0, market(SELL, 10)), (2, market(BUY, 10))];
    let out = together(&borrowing(2), &[&[], &short]);
    assert_eq!(borrowed(&out), ["0", "0.38"]);
    // Another one begins as it ends: 10 lots for the day before, 10 for the day itself. Both are
    // charged at once: 0.09 and 0.095, half each. Two days at 95 follow: 0.19.
    let out = together(&borrowing(2), &[&[(2, market(SELL, 10))], &short]);
    assert_eq!(out.borrow_paid, cash("0.29") + cash("0.185") + cash("0.19"));
    assert_eq!(borrowed(&out), ["0.2825", "0.3825"]);
    // Reduced by one of two: 10 and 10 for the day at 110 (0.22); then the second one has 5 from
    // the start of day 4 on: 20 lots for a day at 110 (0.22), of which each has half, and 15 at 90
    // for a day (0.135). All of it at once: 20 to 15 lot days.
    let less = [(0, market(SELL, 10)), (1, market(BUY, 5))];
    let mut case = borrowing(2);
    case.series[0].bars.truncate(3);
    let out = together(&case, &[&[(0, market(SELL, 10))], &less]);
    assert_eq!(out.borrow_paid, cash("0.22") + cash("0.22") + cash("0.135"));
    assert_eq!(borrowed(&out), ["0.312857142", "0.262142858"]);
    // While the account as a whole is not short nobody pays anything, and then only for the time
    // since: the first one is flat from day 2 on.
    let out = together(
        &borrowing(1),
        &[&[(0, market(BUY, 10)), (1, market(SELL, 10))], &[(0, market(SELL, 10))]],
    );
    assert_eq!(out.borrow_paid, cash("0.09") + cash("0.095") + cash("0.095"));
    assert_eq!(borrowed(&out), ["0", "0.28"]);
}

#[test]
fn funding_is_shared_by_what_each_holds() {
    // 6 at 110 and 0.01 %: 0.066 are paid, by 10 and -4 lots.
    let rates =
        FundingRates::Listed(vec![FundingRate { time_ns: 200, rate_e9: 100_000, mark_e9: None }]);
    let case = Case::new(&BARS)
        .kind(InstrumentKind::Perpetual)
        .margin(2)
        .with(|config| config.conditions.funding = vec![Funding { symbol: None, rates }]);
    let out = together(&case, &[&[(0, market(BUY, 10))], &[(0, market(SELL, 4))]]);
    let paid: Vec<String> =
        out.strategies.iter().map(|of| of.amounts.unwrap().funding_paid.to_string()).collect();
    assert_eq!(paid, ["0.11", "-0.044"]);
}

#[test]
fn a_liquidation_takes_all_that_is_held() {
    // 120 long and 20 short are 100 at 100 with 1,000 of margin: closed at 90, as in
    // `liquidation`. What is held against each other changes hands there.
    let flat = [100, 101, 99, 100];
    let case = Case::new(&[flat, flat, [97, 98, 94, 96], [96; 4]])
        .kind(InstrumentKind::Perpetual)
        .margin(10)
        .with(|config| {
            config.fees.taker_e9 = 1_000_000;
            config.conditions.margin = Some(Margin::default());
        });
    let out = together(
        &case,
        &[&[(0, market(BUY, 80))], &[(0, market(SELL, 20))], &[(0, market(BUY, 40))]],
    );
    assert_eq!(held(&out), [0, 0, 0]);
    let ends = out.fills.iter().filter(|fill| fill.order.is_none());
    assert_eq!(
        ends.map(|fill| (fill.price.ticks(), fill.qty.lots())).collect::<Vec<_>>(),
        [(90, 100)]
    );
    let realised: Vec<String> =
        out.strategies.iter().map(|of| of.amounts.unwrap().realised.to_string()).collect();
    assert_eq!(realised, ["-800", "200", "-400"]);
    // 8 + 6, 2, 4 + 4 - and 9 of fees for the end, by the 60 and 40 lots that it took.
    let fees: Vec<String> =
        out.strategies.iter().map(|of| of.amounts.unwrap().fees.to_string()).collect();
    assert_eq!(fees, ["13.4", "2", "7.6"]);
}

#[test]
fn parts_of_lots_are_sold_together_where_everything_is_closed() {
    // Each buys 10 and has 9.6 of them: the account has 19.2.
    let kind = InstrumentKind::Spot;
    let mut case = Case::new(&BARS).with(|config| {
        config.fees.taker_e9 = 40_000_000;
        config.currencies.fees = FeesIn::Received;
        config.close_at_end = true;
    });
    case.series[0].spec = InstrumentSpec::new("BTCUSD", "USD", kind, E9, E9, E9).unwrap();
    let buy: &[(usize, Place)] = &[(0, market(BUY, 10))];
    let out = together(&case, &[buy, buy]);
    assert_eq!((held(&out), out.positions[0].lots()), (vec![0, 0], 0));
    let sold: i64 =
        out.fills.iter().filter(|fill| fill.side == SELL).map(|fill| fill.qty.lots()).sum();
    assert_eq!(sold, 19);
    assert_eq!(out.dust.iter().map(|(_, dust)| *dust).collect::<Vec<_>>(), [200_000_000]);
}
