use qt_engine::{Leg, RateSource};
use qt_types::{E9, FxRate, InstrumentId, Nanos};

use super::*;

const DAY_NS: i64 = 86_400_000_000_000;

fn spec(symbol: &str, currency: &str, kind: InstrumentKind) -> InstrumentSpec {
    InstrumentSpec::new(symbol, currency, kind, E9 / 100, E9, E9).unwrap()
}

fn stocks() -> Vec<InstrumentSpec> {
    vec![
        spec("SPY", "USD", InstrumentKind::Equity),
        spec("DAX", "EUR", InstrumentKind::Equity),
        spec("N225", "JPY", InstrumentKind::Equity),
    ]
}

fn series(pair: &str, points: &[(i64, i64)]) -> FxSeries {
    let points = points.iter().map(|&(day, price_e9)| (day * DAY_NS, price_e9)).collect();
    FxSeries { pair: pair.to_owned(), points: FxPoints::Series(points) }
}

fn constant(pair: &str, price_e9: i64) -> FxSeries {
    FxSeries { pair: pair.to_owned(), points: FxPoints::Constant(price_e9) }
}

fn span() -> Span {
    Span { from_ns: 10 * DAY_NS, to_ns: 20 * DAY_NS }
}

fn in_dollars(rates: Vec<FxSeries>) -> CurrencyConfig {
    CurrencyConfig { account: Some("USD".to_owned()), rates, ..CurrencyConfig::default() }
}

fn plan(config: &CurrencyConfig) -> (Money, Vec<Planned>) {
    config.plan(&stocks(), span()).unwrap()
}

fn problem(config: &CurrencyConfig, specs: &[InstrumentSpec]) -> String {
    config.plan(specs, span()).unwrap_err()
}

#[test]
fn one_currency_needs_nothing() {
    let (money, planned) = CurrencyConfig::default().plan(&stocks()[..1], span()).unwrap();
    assert_eq!((money, planned), (Money::default(), Vec::new()));
}

#[test]
fn what_is_missing_is_named() {
    let text = problem(&CurrencyConfig::default(), &stocks());
    assert!(text.contains("USD, EUR, JPY") && text.contains("--account-currency USD"), "{text}");
    let text = problem(&in_dollars(vec![constant("EURUSD", E9)]), &stocks());
    assert!(text.contains("between JPY and USD") && text.contains("--fx JPYUSD=FILE"), "{text}");
    let late = in_dollars(vec![series("EURUSD", &[(25, E9)]), constant("USDJPY", 110 * E9)]);
    assert!(problem(&late, &stocks()).contains("no rate is known within the run"));
    let deposit = |name: &str, config: CurrencyConfig| CurrencyConfig {
        deposits: vec![(name.to_owned(), Cash::from_nano(5))],
        ..config
    };
    let begins = in_dollars(vec![series("EURUSD", &[(12, E9)]), constant("USDJPY", 110 * E9)]);
    let text = problem(&deposit("EUR", begins), &stocks());
    assert!(text.contains("no rate for it when the run begins: the first is of 1970"), "{text}");
    let text = problem(&deposit("USD", CurrencyConfig::default()), &stocks()[..1]);
    assert!(text.contains("set --capital"), "{text}");
    let token = FeesIn::Token { name: "BNB".to_owned(), discount_e9: 0, else_received: false };
    let text = problem(&CurrencyConfig { fees: token, ..Default::default() }, &stocks()[..1]);
    assert!(text.contains("--deposit BNB=AMOUNT"), "{text}");
    let fees = FeesIn::Received;
    let text = problem(&CurrencyConfig { fees, ..Default::default() }, &stocks()[..1]);
    assert!(text.contains("no instrument is of the kind spot"), "{text}");
}

#[test]
fn rates_are_those_known_at_the_start_and_change_within_the_run() {
    let points = [(8, E9), (9, 1_100_000_000), (15, 1_200_000_000), (20, E9), (21, 2 * E9)];
    let rates = vec![series("EUR/USD", &points), constant("USDJPY", 110 * E9)];
    let (money, planned) = plan(&in_dollars(rates));
    assert_eq!(money.names, ["USD", "EUR", "JPY"]);
    let ids = money.currencies.of.iter().map(|id| id.0);
    assert_eq!(ids.collect::<Vec<_>>(), [0, 1, 2]);
    let euro = FxRate::of_price(1_100_000_000).unwrap();
    let since = Nanos::new(9 * DAY_NS);
    assert_eq!(money.currencies.others[0].rate, RateSource::One(Leg::Told(Some((euro, since)))));
    let yen = FxRate::new(1, 110).unwrap();
    assert_eq!(money.currencies.others[1].rate, RateSource::One(Leg::Constant(yen)));
    let times: Vec<i64> = planned.iter().map(|planned| planned.time_ns / DAY_NS).collect();
    assert_eq!(times, [15, 20], "nothing of what comes after the run");
    assert!(money.notes.is_empty(), "{:?}", money.notes);
}

#[test]
fn rates_that_begin_late_or_stand_still_are_told() {
    let rates = vec![series("EURUSD", &[(12, E9)]), constant("USDJPY", 110 * E9)];
    let (money, _) = plan(&in_dollars(rates));
    assert_eq!(money.currencies.others[0].rate, RateSource::One(Leg::Told(None)));
    let [late, still] = money.notes.as_slice() else { panic!("{:?}", money.notes) };
    assert!(late.contains("EUR has no rate before 1970-01-13"), "{late}");
    assert!(still.contains("stood still from 1970-01-13"), "{still}");
}

#[test]
fn a_cross_goes_by_a_third_currency_and_ends_with_either_of_its_legs() {
    let euros = |rates| CurrencyConfig { account: Some("EUR".to_owned()), ..in_dollars(rates) };
    let specs = [spec("N225", "JPY", InstrumentKind::Equity)];
    let rates = vec![
        series("EURUSD", &[(9, 1_250_000_000), (12, E9)]),
        series("USDJPY", &[(9, 100 * E9), (18, 50 * E9), (30, E9)]),
    ];
    let (money, planned) = euros(rates).plan(&specs, span()).unwrap();
    // A yen is 1/100 of a dollar, and a dollar 1/1.25 of a euro.
    let RateSource::One(Leg::Told(Some((rate, _)))) = money.currencies.others[0].rate else {
        panic!()
    };
    assert_eq!(rate, FxRate::new(1, 125).unwrap());
    let changes: Vec<(i64, Happening)> =
        planned.iter().map(|planned| (planned.time_ns / DAY_NS, planned.what)).collect();
    let to = |num, den| Happening::Rate {
        currency: CurrencyId(1),
        rate: FxRate::new(num, den).unwrap(),
    };
    assert_eq!(changes, [(12, to(1, 100)), (18, to(1, 50))]);
    // When one leg is old, the other cannot keep the cross alive.
    let rates = vec![
        series("EURUSD", &[(9, E9)]),
        series("USDJPY", &[(9, 100 * E9), (15, 100 * E9), (17, 50 * E9)]),
    ];
    let (_, planned) = euros(rates).plan(&specs, span()).unwrap();
    let days: Vec<i64> = planned.iter().map(|planned| planned.time_ns / DAY_NS).collect();
    assert_eq!(days, [15]);
}

#[test]
fn an_instrument_of_the_run_can_be_the_rate() {
    let specs =
        [spec("DAX", "EUR", InstrumentKind::Equity), spec("EURUSD", "USD", InstrumentKind::Fx)];
    let traded = |account: &str| {
        let config = CurrencyConfig { account: Some(account.to_owned()), ..Default::default() };
        let (money, planned) = config.plan(&specs, span()).unwrap();
        assert!(planned.is_empty());
        money.currencies.others[0].rate
    };
    let instrument = InstrumentId(1);
    let tick_e9 = E9 / 100;
    let is = |is_inverse| RateSource::One(Leg::Traded { instrument, tick_e9, is_inverse });
    assert_eq!(traded("USD"), is(false));
    assert_eq!(traded("EUR"), is(true));
}

#[test]
fn an_instrument_of_the_run_can_be_a_leg_of_a_cross() {
    let specs =
        [spec("DAX", "EUR", InstrumentKind::Equity), spec("EURUSD", "USD", InstrumentKind::Fx)];
    let in_yen = |rates| CurrencyConfig {
        account: Some("JPY".to_owned()),
        rates,
        ..CurrencyConfig::default()
    };
    let (instrument, tick_e9) = (InstrumentId(1), E9 / 100);
    let traded = Leg::Traded { instrument, tick_e9, is_inverse: false };
    let rate_of = |money: &Money, name: &str| {
        let at = money.names.iter().position(|known| known == name).unwrap();
        money.currencies.others[at - 1].rate
    };
    // A euro is as many yen as EURUSD says of dollars, and USDJPY of yen for each.
    let (money, planned) = in_yen(vec![constant("USDJPY", 150 * E9)]).plan(&specs, span()).unwrap();
    let yen = FxRate::of_price(150 * E9).unwrap();
    assert_eq!(rate_of(&money, "EUR"), RateSource::Two(Leg::Constant(yen), traded));
    assert_eq!(rate_of(&money, "USD"), RateSource::One(Leg::Constant(yen)));
    assert!(planned.is_empty());
    // A leg that events tell is told as itself.
    let rates = vec![series("USDJPY", &[(9, 100 * E9), (15, 200 * E9)])];
    let (money, planned) = in_yen(rates).plan(&specs, span()).unwrap();
    let told = Some((FxRate::of_price(100 * E9).unwrap(), Nanos::new(9 * DAY_NS)));
    assert_eq!(rate_of(&money, "EUR"), RateSource::Two(Leg::Told(told), traded));
    let euro = money.names.iter().position(|name| name == "EUR").unwrap() as u8;
    let rate = FxRate::of_price(200 * E9).unwrap();
    let change = Happening::Rate { currency: CurrencyId(euro), rate };
    assert!(planned.iter().any(|planned| planned.what == change), "{planned:?}");
    // Both legs are traded.
    let both = [&specs[..], &[spec("USDJPY", "JPY", InstrumentKind::Fx)]].concat();
    let (money, _) = in_yen(Vec::new()).plan(&both, span()).unwrap();
    let yen = Leg::Traded { instrument: InstrumentId(2), tick_e9, is_inverse: false };
    assert_eq!(rate_of(&money, "EUR"), RateSource::Two(traded, yen));
    // What is not known before the first price cannot be counted at the start.
    let mut config = in_yen(vec![constant("USDJPY", 150 * E9)]);
    config.deposits = vec![("EUR".to_owned(), "1000".parse().unwrap())];
    let error = config.plan(&specs, span()).unwrap_err();
    assert!(error.contains("no rate for it when the run begins"), "{error}");
    let error = in_yen(Vec::new()).plan(&specs, span()).unwrap_err();
    assert!(error.contains("no rate between"), "{error}");
}

#[test]
fn the_capital_counts_with_what_is_deposited() {
    let config = CurrencyConfig {
        deposits: vec![("EUR".to_owned(), "1000".parse().unwrap())],
        ..in_dollars(vec![constant("EURUSD", 1_100_000_000), constant("JPYUSD", E9 / 100)])
    };
    let (money, _) = plan(&config);
    let all = money.initial_equity("5000".parse().unwrap());
    assert_eq!(all, "6100".parse().unwrap());
}
