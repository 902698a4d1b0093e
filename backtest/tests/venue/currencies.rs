//! Several currencies, fees in what was bought or in a token, and futures that expire, in whole
//! runs worked out by hand. At their end the venue's books are held against ours in every
//! currency, and each booking checks the identity of its own.

use std::sync::atomic::AtomicBool;

use qt_backtest::conditions::Expiry;
use qt_backtest::currency::{FeesIn, FxPoints, FxSeries};
use qt_backtest::run::{RunError, RunOutcome, run};
use qt_types::{Cash, E9, FeeIn, InstrumentId, InstrumentKind, InstrumentSpec, Place, Qty};

use crate::harness::Case;
use crate::outcome::cash;
use crate::script::{BUY, On, SELL, Script, Step, limit, market};

/// Bar i from 100 i to 100 (i + 1); each opens where the last one closed.
const BARS: [[i64; 4]; 6] = [
    [100; 4],
    [100, 102, 99, 101],
    [101, 106, 100, 105],
    [105, 111, 104, 110],
    [110, 110, 108, 108],
    [108; 4],
];

fn spec(symbol: &str, currency: &str, kind: InstrumentKind) -> InstrumentSpec {
    InstrumentSpec::new(symbol, currency, kind, E9, E9, E9).unwrap()
}

/// Two shares, in euros and in pounds, for an account in dollars with 10,000 of them.
fn shares(rates: &[(&str, &[(i64, i64)])]) -> Case {
    let mut case = Case::new(&BARS).and(&BARS).with(|config| {
        config.currencies.account = Some("USD".to_owned());
        config.currencies.rates =
            rates.iter().map(|&(pair, points)| series(pair, points)).collect();
    });
    case.series[0].spec = spec("DAX", "EUR", InstrumentKind::Equity);
    case.series[1].spec = spec("FTSE", "GBP", InstrumentKind::Equity);
    case
}

fn series(pair: &str, points: &[(i64, i64)]) -> FxSeries {
    let points = match points {
        [(i64::MIN, price_e9)] => FxPoints::Constant(*price_e9),
        points => FxPoints::Series(points.to_vec()),
    };
    FxSeries { pair: pair.to_owned(), points }
}

const fn always(price_e9: i64) -> [(i64, i64); 1] {
    [(i64::MIN, price_e9)]
}

fn try_run(case: &Case) -> Result<RunOutcome, RunError> {
    let series: Vec<_> = case.series.iter().collect();
    let script = Box::new(Script::new(&case.steps, 0));
    run(&case.config, &series, script, &AtomicBool::new(false), &mut |_, _| {})
}

fn played(case: &Case) -> RunOutcome {
    try_run(case).unwrap()
}

fn of(place: Place, instrument: u16) -> Place {
    Place { instrument: InstrumentId(instrument), ..place }
}

/// The money in each currency at the end.
fn money(out: &RunOutcome) -> Vec<(String, String)> {
    let all = &out.currencies.as_ref().unwrap().all;
    all.iter().map(|of| (of.name.clone(), of.balance.cash().to_string())).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|&(name, amount)| (name.to_owned(), amount.to_owned())).collect()
}

#[test]
fn what_is_missing_is_exchanged_and_what_is_received_stays() {
    let rates = [("EURUSD", &always(1_100_000_000)[..]), ("GBPUSD", &always(1_300_000_000))];
    let case = shares(&rates).with(|config| config.fees.taker_e9 = 1_000_000);
    // 20 at 100 EUR and 2 EUR fee: 2,002 EUR for 2,202.20 USD. Sold at 110 less 2.20: 2,197.80 EUR.
    let case = case.at(0, market(BUY, 20)).at(3, market(SELL, 20));
    let out = played(&case);
    assert_eq!(money(&out), pairs(&[("USD", "7797.8"), ("EUR", "2197.8"), ("GBP", "0")]));
    // 7,797.80 + 2,197.80 x 1.1.
    assert_eq!(out.final_equity, cash("10215.38"));
    assert_eq!((out.total_fees, out.realised), (cash("4.62"), cash("220")));
    let of = out.currencies.unwrap();
    assert_eq!((of.exchanges, of.exchange_result), (1, Cash::ZERO), "the rate never moved");
    // 198 - 2.20 - ... in euros: 2,200 - 2,000 - 2 - 2.20.
    assert_eq!(out.trips[0].profit, cash("195.8"));
}

#[test]
fn other_currencies_are_sold_where_the_account_has_too_little() {
    let rates = [("EURUSD", &always(1_250_000_000)[..]), ("GBPUSD", &always(1_500_000_000))];
    // 80 at 100 EUR cost all of the 10,000 USD; sold at 105 (bar 3 opens) they bring 8,400 EUR.
    // 20 at 108 GBP then cost 2,160 GBP, 3,240 USD, 2,592 EUR.
    let case =
        shares(&rates).at(0, market(BUY, 80)).at(2, market(SELL, 80)).at(4, of(market(BUY, 20), 1));
    let out = played(&case);
    assert_eq!(money(&out), pairs(&[("USD", "0"), ("EUR", "5808"), ("GBP", "0")]));
    assert_eq!(out.final_equity, cash("7260") + cash("3240"));
    assert_eq!(out.currencies.unwrap().exchanges, 3);
    // The 8,400 EUR are 7,000 GBP: enough for 64 of them and not for 65.
    let most = |lots: i64| {
        let mut case = case.clone();
        case.steps.pop();
        played(&case.at(4, of(market(BUY, lots), 1)))
    };
    assert_eq!(most(65).denials.get("INSUFFICIENT_FUNDS"), Some(&1));
    assert_eq!(most(64).denials.get("INSUFFICIENT_FUNDS"), None);
}

#[test]
fn a_spread_makes_every_exchange_dearer() {
    let rates = [("EURUSD", &always(E9)[..]), ("GBPUSD", &always(E9))];
    let case = shares(&rates).with(|config| config.currencies.spread_e9 = 1_000_000);
    // 2,000 EUR at 1.001.
    let out = played(&case.at(0, market(BUY, 20)));
    assert_eq!(money(&out)[0].1, "7998");
    assert_eq!(out.currencies.unwrap().exchange_result, cash("-2"));
}

#[test]
fn the_equity_follows_rates_of_their_own_time() {
    // Another rate from 250 and from 390 on; bars end at 100, 200 ... The last rate is never seen.
    let euro = [(-5, E9), (250, 1_200_000_000), (390, 1_100_000_000), (900, 9 * E9)];
    let rates = [("EURUSD", &euro[..]), ("GBPUSD", &always(E9))];
    let out = played(&shares(&rates).at(0, market(BUY, 50)));
    // 5,000 EUR for 5,000 USD; then 5,000 USD + 50 x close x rate.
    let curve: Vec<String> = out.curve.iter().map(|(_, cash)| cash.to_string()).collect();
    assert_eq!(curve, ["10000", "10050", "11300", "11050", "10940", "10940"]);
    let result = out.currencies.unwrap().exchange_result;
    assert_eq!(result, cash("500"), "5,000 EUR at 1.1 less 5,000 USD");
}

#[test]
fn no_rate_or_an_old_one_denies_new_risk_alone() {
    let late = [(250, E9)];
    let rates = [("EURUSD", &late[..]), ("GBPUSD", &always(E9))];
    let case = shares(&rates).at(0, market(BUY, 5)).at(2, market(BUY, 7));
    let out = played(&case);
    assert_eq!(out.denials.get("NO_RATE"), Some(&1));
    assert_eq!(out.positions[0], Qty::from_lots(7));
    assert!(out.currencies.unwrap().notes[0].contains("EUR has no rate before"));
    // Old from 160 on: the second order opens and is denied, the third closes and is not.
    let early = [(-10, E9), (10, E9)];
    let rates = [("EURUSD", &early[..]), ("GBPUSD", &always(E9))];
    let case = shares(&rates).with(|config| config.currencies.age_max_ns = 150);
    let case = case.at(0, market(BUY, 5)).at(1, market(BUY, 7)).at(2, market(SELL, 5));
    let out = played(&case);
    assert_eq!((out.denials.get("NO_RATE"), out.positions[0]), (Some(&1), Qty::ZERO));
    assert!(out.currencies.unwrap().notes[0].contains("stood still"));
}

#[test]
fn a_size_is_a_share_of_the_equity_in_the_currency_of_the_account() {
    let rates = [("EURUSD", &always(2 * E9)[..]), ("USDGBP", &always(2 * E9))];
    let auto = |instrument: u16| {
        let place = of(market(BUY, 1), instrument).size(qt_types::Size::Auto);
        let case = shares(&rates).with(|config| {
            config.sizing = qt_risk::Sizing::Weight { weight_e9: E9 / 2 };
        });
        let mut case = case;
        case.steps = vec![(On::Bar(instrument, 0), Step::Place(place))];
        played(&case).positions[usize::from(instrument)].lots()
    };
    // 5,000 USD are 2,500 EUR, or 10,000 GBP; a share is 100.
    assert_eq!((auto(0), auto(1)), (25, 100));
}

#[test]
fn a_margin_account_owes_in_the_currency() {
    let rates = [("EURUSD", &always(E9)[..]), ("GBPUSD", &always(E9))];
    let out = played(&shares(&rates).margin(2).at(0, market(BUY, 150)));
    assert_eq!(money(&out)[..2], pairs(&[("USD", "10000"), ("EUR", "-15000")])[..]);
    assert_eq!(out.final_equity, cash("10000") + cash("1200"));
    let out = played(&shares(&rates).margin(2).at(0, market(BUY, 201)));
    assert_eq!(out.denials.get("INSUFFICIENT_FUNDS"), Some(&1));
}

#[test]
fn an_instrument_of_the_run_can_be_the_rate() {
    // The pair itself, at prices of 100 to 110 yen; the account is in yen.
    let mut case = Case::new(&BARS).and(&BARS).with(|config| {
        config.currencies.account = Some("JPY".to_owned());
        config.capital = cash("1000000");
    });
    case.series[0].spec = spec("SPY", "USD", InstrumentKind::Equity);
    case.series[1].spec = spec("USDJPY", "JPY", InstrumentKind::Fx);
    // The first bars end at one time, that of the share before that of the pair: no rate yet.
    let out = played(&case.clone().at(0, market(BUY, 10)));
    assert_eq!(out.denials.get("NO_RATE"), Some(&1));
    // 10 at 101 USD when bar 2 opens, by the close of bar 1: 1,010 x 101 = 102,010 JPY.
    let out = played(&case.at(1, market(BUY, 10)));
    assert_eq!(money(&out), pairs(&[("JPY", "897990"), ("USD", "0")]));
    // 10 x 108 x 108.
    assert_eq!(out.final_equity, cash("897990") + cash("116640"));
}

/// A coin in dollars with a lot of a thousandth.
fn coin(fees: FeesIn) -> Case {
    let mut case = Case::new(&BARS).with(|config| {
        (config.fees.taker_e9, config.fees.maker_e9) = (1_000_000, 1_000_000);
        config.currencies.fees = fees;
    });
    let kind = InstrumentKind::Spot;
    case.series[0].spec = InstrumentSpec::new("BTCUSD", "USD", kind, E9, E9 / 1_000, E9).unwrap();
    case
}

#[test]
fn a_fee_in_kind_makes_the_position_smaller_and_leaves_dust() {
    let sell_all = market(SELL, 1).size(qt_types::Size::Position);
    let case = coin(FeesIn::Received).at(0, market(BUY, 12_345)).at(3, sell_all);
    let out = played(&case);
    // 12.345 at 100 less 0.012345: 12.332655. 12.332 are sold at 110 less 1.35652 USD.
    let fill = &out.fills[0];
    assert_eq!((fill.fee_amount, fill.fee_in), (cash("0.012345"), FeeIn::Base));
    assert_eq!(fill.fee, cash("1.2345"));
    assert_eq!(out.fills[1].qty, Qty::from_lots(12_332));
    assert_eq!(out.dust, [(InstrumentId(0), 655_000)]);
    assert_eq!(out.positions[0], Qty::ZERO);
    // 10,000 - 1,234.5 + 1,356.52 - 1.35652 and 0.000655 x 108.
    assert_eq!(out.final_equity, cash("10120.66348") + cash("0.07074"));
    assert_eq!(out.total_fees, cash("1.2345") + cash("1.35652"));
    // The trip is closed: what was sold cost 12.332 x 100.
    let [trip] = out.trips.as_slice() else { panic!("{:?}", out.trips) };
    assert_eq!(trip.profit, cash("123.32") - cash("1.2345") - cash("1.35652"));
    assert_eq!(trip.qty, Qty::from_lots(12_332));
    // More than there is of it cannot be sold.
    let case = coin(FeesIn::Received).at(0, market(BUY, 12_345)).at(3, market(SELL, 12_345));
    assert_eq!(played(&case).denials.get("SHORT_NOT_ALLOWED"), Some(&1));
}

#[test]
fn a_fee_in_a_token_is_cheaper_as_long_as_there_is_one() {
    let token = |else_received| FeesIn::Token {
        name: "BNB".to_owned(),
        discount_e9: 250_000_000,
        else_received,
    };
    let case = |else_received| {
        coin(token(else_received)).with(|config| {
            config.currencies.rates = vec![series("BNBUSD", &always(300 * E9))];
            config.currencies.deposits = vec![("BNB".to_owned(), cash("0.004"))];
        })
    };
    // 10 at 100: a fee of 1 USD, 0.75 with the discount, 0.0025 BNB. The next one, 0.7575 at 101,
    // is 0.002525, more than the 0.0015 that are left: 1.01 USD are paid.
    let script =
        |else_received| case(else_received).at(0, market(BUY, 10_000)).at(1, market(BUY, 10_000));
    let out = played(&script(false));
    let fees: Vec<(String, String)> =
        out.fills.iter().map(|fill| (fill.fee.to_string(), fill.fee_amount.to_string())).collect();
    assert_eq!(fees, pairs(&[("0.75", "0.0025"), ("1.01", "1.01")]));
    assert_eq!(money(&out), pairs(&[("USD", "7988.99"), ("BNB", "0.0015")]));
    assert_eq!(out.initial_equity, cash("10001.2"));
    assert_eq!(out.final_equity, cash("7988.99") + cash("0.45") + cash("2160"));
    // Or the second one in what was bought: 0.01 of the coin.
    let out = played(&script(true));
    assert_eq!(out.fills[1].fee_in, FeeIn::Base);
    assert_eq!(out.positions[0], Qty::from_lots(19_990));
    // The token is never sold to pay for anything else.
    // 9,980 + 9.98 leave 10.02 USD; 10.5 are needed.
    let out = played(&case(false).at(0, market(BUY, 99_800)).at(2, market(BUY, 100)));
    assert_eq!(out.denials.get("INSUFFICIENT_FUNDS"), Some(&1));
}

/// A future in dollars that ends at 350, in bar 3.
fn future(kind: InstrumentKind, price: Option<&str>) -> Case {
    let price_e9 = price.map(|price| cash(price).nano() as i64);
    let expiry = Expiry { time_ns: 350, price_e9 };
    Case::new(&BARS)
        .kind(kind)
        .margin(10)
        .with(|config| config.conditions.expiries = vec![(None, expiry)])
}

#[test]
fn a_future_is_settled_at_the_last_price_before_its_end() {
    // Bought 10 at 100. The close of bar 2 is 105: 50.
    let case = future(InstrumentKind::Future, None).at(0, market(BUY, 10));
    let case = case.at(1, limit(SELL, 10, 120)).at(4, market(BUY, 3));
    let out = played(&case);
    assert_eq!((out.final_equity, out.fills.len()), (cash("10050"), 1));
    let [end] = out.settlements.as_slice() else { panic!("{:?}", out.settlements) };
    assert_eq!((end.venue_ns.get(), end.price.ticks(), end.qty.lots()), (350, 105, 10));
    assert_eq!((end.profit, out.counts.settlements), (cash("50"), 1));
    // The resting order ended, the later one was denied (C04), and the trip is closed.
    assert_eq!(out.denials.get("SESSION_NOT_OPEN"), Some(&1));
    assert_eq!(out.trips.len(), 1);
    assert_eq!((out.trips[0].profit, out.trips[0].exit_price.ticks()), (cash("50"), 105));
    assert_eq!(out.positions[0], Qty::ZERO);
    // Through the harness, which checks the books at every event and hears what orders are told.
    let heard = case.run();
    let mut ended = heard.log.said.iter().filter(|said| said.order == 2);
    let last = ended.next_back().map(|said| said.reason);
    assert_eq!(last, Some(qt_types::RejectReason::InstrumentExpired));
    assert_eq!(heard.counts.refused[qt_types::RejectReason::InstrumentExpired as usize], 1);
}

#[test]
fn a_settlement_price_can_be_given_and_shorts_pay() {
    let case = future(InstrumentKind::Future, Some("107")).at(0, market(SELL, 10));
    let out = played(&case);
    assert_eq!((out.final_equity, out.realised), (cash("9930"), cash("-70")));
    // Without a position there is nothing to settle, and the instrument ends all the same.
    let out = played(&future(InstrumentKind::Future, None).at(4, market(BUY, 1)));
    assert_eq!((out.settlements.len(), out.counts.settlements), (0, 0));
    assert_eq!(out.denials.get("SESSION_NOT_OPEN"), Some(&1));
}

#[test]
fn an_inverse_future_is_settled_in_its_coin() {
    // 10 contracts of one dollar at 100: at 105 they are worth 10 x (1/100 - 1/105) more.
    let out = played(&future(InstrumentKind::InverseFuture, None).at(0, market(BUY, 10)));
    assert_eq!(out.realised, cash("0.004761905"));
    assert_eq!(out.final_equity, cash("10000.004761905"));
}

#[test]
fn only_futures_expire_and_only_within_their_data() {
    let problem = |case: &Case| try_run(case).unwrap_err().to_string();
    let share = future(InstrumentKind::Equity, None);
    assert!(problem(&share).contains("no instrument is a future"));
    let early = future(InstrumentKind::Future, None)
        .with(|config| config.conditions.expiries[0].1.time_ns = -1);
    assert!(problem(&early).contains("before its data begins"));
    let twice = future(InstrumentKind::Future, None).with(|config| {
        let again = config.conditions.expiries[0].clone();
        config.conditions.expiries.push(again);
    });
    assert!(problem(&twice).contains("two expiries"));
    let later = future(InstrumentKind::Future, None)
        .with(|config| config.conditions.expiries[0].1.time_ns = 9_999)
        .at(0, market(BUY, 1));
    assert!(played(&later).settlements.is_empty());
}

#[test]
fn definitions_end_futures_of_which_nothing_else_is_said() {
    let defined = |kind: InstrumentKind, times: &[(&str, i64)]| {
        let times = times.iter().map(|(name, ns)| ((*name).to_owned(), *ns)).collect();
        let case = future(kind, None).at(0, market(BUY, 10));
        case.with(|config| {
            config.conditions.expiries.clear();
            config.conditions.defined_expiries = times;
        })
    };
    // As above, but the time comes from the definition; other contracts are not of this run.
    let own = "X".to_owned();
    let out = played(&defined(InstrumentKind::Future, &[("OTHER", 150), (&own, 350)]));
    assert_eq!((out.final_equity, out.settlements.len()), (cash("10050"), 1));
    // What is given by hand wins; an end from before the data is of an earlier contract.
    let late = defined(InstrumentKind::Future, &[(&own, 350)]).with(|config| {
        let expiry = Expiry { time_ns: 9_999, price_e9: None };
        config.conditions.expiries = vec![(None, expiry)];
    });
    assert!(played(&late).settlements.is_empty());
    assert!(played(&defined(InstrumentKind::Future, &[(&own, -1)])).settlements.is_empty());
    assert!(played(&defined(InstrumentKind::Equity, &[(&own, 350)])).settlements.is_empty());
}

#[test]
fn limits_of_the_gate_are_in_the_currency_of_the_account() {
    let denied = |euro: i64| {
        let rates = [("EURUSD", &always(euro)[..]), ("GBPUSD", &always(E9))];
        let case = shares(&rates).margin(9).with(|config| {
            config.risk = qt_backtest::risk::RiskLimits::delivered(qt_risk::ProfileName::Paper);
        });
        played(&case.at(0, market(BUY, 95))).denials
    };
    // 9,500 EUR at the worst price 5 % above: more than the 20,000 USD of one order at 3, not at 1.
    assert_eq!(denied(3 * E9).get("MAX_ORDER_NOTIONAL"), Some(&1));
    assert_eq!(denied(E9).get("MAX_ORDER_NOTIONAL"), None);
}

#[test]
fn a_position_that_only_its_currency_moved_is_a_loss_to_the_gate() {
    // 40 at 100 EUR; the price stands, the euro falls by half: 2,000 of 10,000 USD are lost.
    let flat = [[100; 4]; 6];
    let euro = [(-1, E9), (250, E9 / 2)];
    let rates = [("EURUSD", &euro[..]), ("GBPUSD", &always(E9))];
    let mut case = shares(&rates).at(0, market(BUY, 40)).at(3, market(BUY, 1));
    for series in &mut case.series {
        series.bars = Case::new(&flat).series[0].bars.clone();
    }
    let mut profile = qt_risk::Profile::new(qt_risk::ProfileName::Research);
    let limit = qt_risk::Limit { soft: 1_900 * i128::from(E9), hard: 1_900 * i128::from(E9) };
    profile.level_mut(qt_risk::Level::Account).set(qt_risk::Key::DailyLoss, limit);
    case.config.risk.profile = std::sync::Arc::new(profile);
    let out = played(&case);
    assert_eq!(out.denials.get("DAILY_LOSS"), Some(&1), "{:?}", out.denials);
    assert_eq!(out.positions[0], Qty::from_lots(40));
}
