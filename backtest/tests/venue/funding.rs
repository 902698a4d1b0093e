//! Funding: position x mark x rate at set times, as an event of its own. The harness checks at
//! every event that equity + fees + carry + funding = initial + realised + unrealised.

use std::sync::atomic::AtomicBool;

use qt_backtest::conditions::{Funding, FundingRate, FundingRates, Span};
use qt_backtest::report::result::{ResultDocument, ResultHead};
use qt_backtest::run::run;
use qt_types::{InstrumentKind, InstrumentSpec};

use crate::harness::Case;
use crate::outcome::cash;
use crate::script::{BUY, SELL, Script, market};

const BARS: [[i64; 4]; 5] =
    [[100; 4], [100, 112, 99, 110], [110, 111, 88, 90], [95, 96, 94, 95], [95; 4]];

/// Bar i from 100 i to 100 (i + 1).
fn case(rates: FundingRates) -> Case {
    Case::new(&BARS)
        .kind(InstrumentKind::Perpetual)
        .margin(2)
        .with(|config| config.conditions.funding = vec![Funding { symbol: None, rates }])
}

fn listed(rates: &[(i64, i64, Option<&str>)]) -> FundingRates {
    let rate = |&(time_ns, rate_e9, mark): &(i64, i64, Option<&str>)| {
        let mark_e9 = mark.map(|mark| cash(mark).nano() as i64);
        FundingRate { time_ns, rate_e9, mark_e9 }
    };
    FundingRates::Listed(rates.iter().map(rate).collect())
}

#[test]
fn longs_pay_shorts_when_the_rate_is_positive() {
    // Bought 10 at 100 when bar 1 opens, at 100. At 200 it closes at 110: 10 x 110 x 0.0001 =
    // 0.11. At 350 the venue's mark is 120.5 and the rate -0.0002: 0.241 are received.
    let rates =
        listed(&[(50, 900_000, None), (200, 100_000, None), (350, -200_000, Some("120.5"))]);
    let out = case(rates.clone()).at(0, market(BUY, 10)).run();
    assert_eq!(out.funding, cash("0.11") - cash("0.241"));
    // Nothing is paid for the position itself: 10 x (95 - 100) is open.
    assert_eq!((out.cash, out.counts.fundings), (cash("10000.131"), 2));
    assert_eq!(out.curve.last().unwrap().1, cash("9950.131"));
    let out = case(rates).at(0, market(SELL, 10)).run();
    assert_eq!(out.funding, cash("0.131"));
    assert_eq!(out.fills().len(), 1, "funding is no fill");
}

#[test]
fn a_rate_without_a_list_holds_at_every_interval() {
    // At 200, 300 and 400: closes of 110, 90 and 95, and at the end of the data, 500, 95. At 100
    // nothing is held yet: the order fills after what happens at that time.
    let every = FundingRates::Every { rate_e9: 100_000, interval_ns: 100 };
    let out = case(every).at(0, market(BUY, 10)).run();
    assert_eq!(out.counts.fundings, 4);
    assert_eq!(out.funding, cash("0.11") + cash("0.09") + cash("0.095") + cash("0.095"));
}

#[test]
fn a_report_of_funding_is_under_way_as_any_other() {
    let rates = listed(&[(200, 100_000, None)]);
    let late = case(rates).with(|config| config.response_latency_ns = 150).at(0, market(BUY, 10));
    let out = late.run();
    let equity: Vec<String> = out.curve.iter().map(|(_, cash)| cash.to_string()).collect();
    assert_eq!(equity, ["10000", "10000", "9900", "9949.89", "9949.89"]);
}

#[test]
fn only_perpetuals_have_funding() {
    let funding = |symbol: Option<&str>| {
        let mut case = case(listed(&[]));
        case.config.conditions.funding[0].symbol = symbol.map(str::to_owned);
        case.config.conditions
    };
    let span = Span { from_ns: 0, to_ns: 500 };
    let spec = |kind| InstrumentSpec::new("X", "USD", kind, 1, 1, 1).unwrap();
    let of = |symbol, kind| funding(symbol).scene(&[spec(kind)], span).map(|scene| scene.agenda);
    assert!(of(None, InstrumentKind::Future).unwrap_err().contains("--kind perpetual"));
    assert!(of(Some("Y"), InstrumentKind::Perpetual).unwrap_err().contains("Y is no instrument"));
    assert!(of(Some("X"), InstrumentKind::Spot).unwrap_err().contains("kind spot"));
    assert_eq!(of(Some("X"), InstrumentKind::InversePerpetual), Ok(Vec::new()));
}

#[test]
fn an_inverse_perpetual_through_a_whole_run() {
    // 10,000 contracts of 100 dollars sold at 100: worth 10,000 coins, half of the capital and
    // leverage allows 2. At 200 the mark is 110: 1,000,000 / 110 = 9,090.909090909 x -0.0001.
    let mut case = case(listed(&[(200, 100_000, None)])).at(0, market(SELL, 10_000));
    let kind = InstrumentKind::InversePerpetual;
    let e9 = qt_types::E9;
    case.series[0].spec = InstrumentSpec::new("X", "COIN", kind, e9, e9, 100 * e9).unwrap();
    let series: Vec<_> = case.series.iter().collect();
    let script = Box::new(Script::new(&case.steps, 0));
    let out = run(&case.config, &series, script, &AtomicBool::new(false), &mut |_, _| {}).unwrap();
    assert_eq!(out.funding_paid, cash("-0.909090909"));
    // Short: -1,000,000 x (1/100 - 1/95) = 526.315789474.
    assert_eq!(out.final_equity, cash("10000") + cash("0.909090909") + cash("526.315789474"));
    let document = ResultDocument::new(ResultHead::default(), &out, &series);
    let json = serde_json::to_value(&document).unwrap();
    assert_eq!(
        (&json["funding_paid"], &json["borrow_paid"]),
        (&"-0.909090909".into(), &"0".into())
    );
}

#[test]
fn the_profit_of_an_inverse_trade() {
    // 100 contracts of 100 dollars: bought at 100, sold at 110 when bar 2 opens: 10,000 x
    // (1/100 - 1/110) = 9.090909091; less fees of 0.1 % of 100 and of 90.909090909 coins.
    let mut case = case(listed(&[])).at(0, market(BUY, 100)).at(1, market(SELL, 100));
    case.config.fees.taker_e9 = 1_000_000;
    let (kind, e9) = (InstrumentKind::InversePerpetual, qt_types::E9);
    case.series[0].spec = InstrumentSpec::new("X", "COIN", kind, e9, e9, 100 * e9).unwrap();
    let series: Vec<_> = case.series.iter().collect();
    let script = Box::new(Script::new(&case.steps, 0));
    let out = run(&case.config, &series, script, &AtomicBool::new(false), &mut |_, _| {}).unwrap();
    assert_eq!(out.total_fees, cash("0.1") + cash("0.090909091"));
    assert_eq!(out.trips[0].profit, cash("9.090909091") - out.total_fees);
    assert_eq!(out.final_equity, cash("10000") + out.trips[0].profit);
}
