//! `--account-currency`, `--fx`, `--deposit`, `--fee-asset` and what belongs to them.

use qt_backtest::currency::{CurrencyConfig, FeesIn, FxPoints, FxSeries, RATE_AGE_MAX_NS};
use qt_data::load::{LoadOptions, Loaded};
use qt_types::{Cash, E9, round_half_even};

use crate::dataset;
use crate::failure::Failure;
use crate::settings::{DataPlan, Layers, number};

pub(super) fn of(layers: &Layers) -> Result<CurrencyConfig, Failure> {
    let rates = layers.many("fx").iter().map(|given| series(layers, given));
    let config = CurrencyConfig {
        account: layers.one("account-currency").map(name_of),
        rates: rates.collect::<Result<_, _>>()?,
        deposits: deposits(layers)?,
        spread_e9: spread(layers)?,
        age_max_ns: match layers.one("fx-max-age") {
            None => RATE_AGE_MAX_NS,
            Some(text) => {
                number::duration_ns(text).map_err(|what| wrong(layers, "fx-max-age", &what))?
            }
        },
        fees: fees(layers)?,
    };
    for (at, series) in config.rates.iter().enumerate() {
        if config.rates[..at].iter().any(|other| other.pair == series.pair) {
            return Err(wrong(layers, "fx", &format!("{} is given twice", series.pair)));
        }
    }
    Ok(config)
}

fn wrong(layers: &Layers, name: &str, what: &str) -> Failure {
    Failure::usage(format!("{}: {what}", layers.place(name)))
}

fn name_of(text: &str) -> String {
    text.trim().to_uppercase()
}

/// `NAME=VALUE` with the name in capitals.
fn named<'a>(layers: &Layers, key: &str, given: &'a str) -> Result<(String, &'a str), Failure> {
    match given.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            Ok((name_of(name), value.trim()))
        }
        _ => Err(wrong(layers, key, &format!("'{given}' is not of the form NAME=VALUE"))),
    }
}

fn deposits(layers: &Layers) -> Result<Vec<(String, Cash)>, Failure> {
    let all = layers.many("deposit").iter().map(|given| {
        let (name, text) = named(layers, "deposit", given)?;
        let amount: Cash = text.parse().map_err(|what: String| wrong(layers, "deposit", &what))?;
        // As much as the capital may be.
        let most = Cash::from_nano(1_000_000_000_000_000_000_000_000_000);
        if amount <= Cash::ZERO || amount > most {
            let what = format!("'{text}' is not above zero and at most 1e18");
            return Err(wrong(layers, "deposit", &what));
        }
        Ok((name, amount))
    });
    all.collect()
}

fn spread(layers: &Layers) -> Result<i64, Failure> {
    let Some(text) = layers.one("fx-spread-bps") else { return Ok(0) };
    let bps_e9 = number::e9(text).map_err(|what| wrong(layers, "fx-spread-bps", &what))?;
    if !(0..10_000 * E9).contains(&bps_e9) {
        let what = format!("'{text}' is not from 0 to below 10000");
        return Err(wrong(layers, "fx-spread-bps", &what));
    }
    Ok(bps_e9 / 10_000)
}

fn fees(layers: &Layers) -> Result<FeesIn, Failure> {
    let discount = layers.one("fee-token-discount").unwrap_or("0");
    let discount_e9 = number::share_e9(discount)
        .ok()
        .filter(|share| (0..=E9).contains(share))
        .ok_or_else(|| {
            let what = format!("'{discount}' is not from 0 to 1 (0.25 is a quarter less)");
            wrong(layers, "fee-token-discount", &what)
        })?;
    let given = layers.one("fee-asset").unwrap_or("quote").trim().to_owned();
    let made = match given.as_str() {
        "quote" => FeesIn::Quote,
        "base" => FeesIn::Received,
        text => {
            let (name, rest) = text.split_once(',').unwrap_or((text, "quote"));
            let else_received = match rest.trim() {
                "quote" => false,
                "base" => true,
                other => {
                    let what = format!("'{other}': where the token runs out it is quote or base");
                    return Err(wrong(layers, "fee-asset", &what));
                }
            };
            FeesIn::Token { name: name_of(name), discount_e9, else_received }
        }
    };
    if discount_e9 > 0 && !matches!(made, FeesIn::Token { .. }) {
        return Err(wrong(layers, "fee-token-discount", "it is for fees in a token alone")
            .hint("name the token, as in --fee-asset BNB --deposit BNB=1"));
    }
    Ok(made)
}

/// `PAIR=NUMBER` or `PAIR=FILE`.
fn series(layers: &Layers, given: &str) -> Result<FxSeries, Failure> {
    let (pair, value) = named(layers, "fx", given)?;
    if let Ok(price_e9) = number::e9(value) {
        if price_e9 <= 0 {
            return Err(wrong(layers, "fx", &format!("{pair}: '{value}' is not above zero")));
        }
        return Ok(FxSeries { pair, points: FxPoints::Constant(price_e9) });
    }
    let load = LoadOptions {
        tz: layers.given("tz").map(str::to_owned),
        check: !layers.is_on("no-check"),
        ..LoadOptions::default()
    };
    let plan = DataPlan { load, ..DataPlan::default() };
    let loaded = dataset::open(value, &plan)
        .map_err(|failure| failure.hint(format!("or give a number: --fx {pair}=1.08")))?;
    let [one] = loaded.as_slice() else {
        let what = format!("{value} holds {} instruments, not the one pair {pair}", loaded.len());
        return Err(wrong(layers, "fx", &what));
    };
    let mut points = points(one).ok_or_else(|| {
        Failure::data(format!("{value}: a rate of {pair} is too large or not above zero"))
    })?;
    points.sort_by_key(|&(ns, _)| ns);
    if points.is_empty() {
        return Err(Failure::data(format!("{value}: there is no rate of {pair} in it")));
    }
    Ok(FxSeries { pair, points: FxPoints::Series(points) })
}

/// When each rate was known: bars at their end, trades and quotes when they happened.
fn points(loaded: &Loaded) -> Option<Vec<(i64, i64)>> {
    let scaled = |(ns, price): (i64, i64), tick_e9: i64| {
        let price_e9 = price.checked_mul(tick_e9).filter(|price| *price > 0)?;
        Some((ns, price_e9))
    };
    match loaded {
        Loaded::Bars(series) => {
            let bars = series.bars.iter().map(|bar| (bar.close_ns, bar.close));
            bars.map(|point| scaled(point, series.spec.tick_e9())).collect()
        }
        Loaded::Trades(series) => {
            let trades = series.trades.iter();
            let known = trades.map(|trade| (trade.venue_ns.max(trade.recv_ns), trade.price));
            known.map(|point| scaled(point, series.spec.tick_e9())).collect()
        }
        Loaded::Quotes(series) => {
            let tick = i128::from(series.spec.tick_e9());
            let of = |quote: &qt_data::series::QuoteRecord| {
                let twice = (i128::from(quote.bid) + i128::from(quote.ask)) * tick;
                let middle = i64::try_from(round_half_even(twice, 2)).ok()?;
                (middle > 0).then_some((quote.venue_ns, middle))
            };
            series.quotes.iter().map(of).collect()
        }
        Loaded::Values(series) => {
            let unit = 10_i64.checked_pow(9_u32.checked_sub(series.decimals)?)?;
            let values = series.times_ns.iter().zip(&series.values);
            values.map(|(&ns, &value)| scaled((ns, value), unit)).collect()
        }
    }
}
