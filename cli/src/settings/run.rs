//! The settings of a run.

use std::path::PathBuf;

use qt_backtest::config::RunConfig;
use qt_backtest::venue::{Fees, FillAt, QueueModel, SelfTrade};
use qt_engine::Exits;
use qt_risk::{Account, Sizing};
use qt_types::{Cash, E9, Lacks, format_scaled};

use super::plan::{decimal_e9, float, positive_e9, time_ns, wrong};
use super::{DataPlan, Layers, RunPlan, number};
use crate::conditions;
use crate::failure::Failure;

impl RunPlan {
    /// Without a sizing rule of the user's, all that may be entered at once shares the default
    /// weight evenly: each instrument of each strategy. Otherwise the first entry would take all
    /// the money.
    pub fn share_default_weight(&mut self, layers: &Layers, shares: usize) {
        let count = i64::try_from(shares).unwrap_or(1).max(1);
        if let (None, Sizing::Weight { weight_e9 }) =
            (layers.given("weight"), &mut self.config.sizing)
        {
            *weight_e9 /= count;
        }
    }

    /// Everything that `layers` say about a run.
    ///
    /// # Errors
    /// When something is missing or wrong.
    pub fn new(layers: &Layers) -> Result<Self, Failure> {
        let data = layers.many("data").to_vec();
        if data.is_empty() {
            return Err(Failure::usage("no data is given")
                .hint("add --data PATH, or try the bundled sample: --data sample:SP500"));
        }
        let roles = super::roles::roles(layers)?;
        let mut reading = DataPlan::new(layers)?;
        reading.load.qty_hint_e9 = check_lot(layers)?;
        let seed = layers.one("seed").unwrap_or("1");
        let seed: u64 = seed.parse().map_err(|_| wrong(layers, "seed", seed, "a whole number"))?;
        let mut config = shared(config(layers, seed)?, roles.len());
        config.conditions.defined_expiries.clone_from(&reading.expiries);
        Ok(Self {
            data,
            reading,
            config,
            roles,
            sample_ns: sample(layers)?,
            seed,
            allow_no_trades: layers.is_on("allow-no-trades"),
            bands: layers.is_on("bands"),
            report: layers.given("report").map(PathBuf::from),
            out: layers.given("out").map(PathBuf::from),
            full_curve: layers.is_on("full-curve"),
        })
    }
}

/// Several strategies have room for what each alone could ask for.
fn shared(mut config: RunConfig, strategies: usize) -> RunConfig {
    config.limits.intents_max *= strategies.max(1);
    config.limits.timers_max *= strategies.max(1);
    config
}

/// The quantity of `--qty`, which must be a multiple of a lot that was given.
fn check_lot(layers: &Layers) -> Result<Option<i64>, Failure> {
    let qty = positive_e9(layers, "qty")?;
    let lot = positive_e9(layers, "lot")?;
    if let (Some(qty), Some(lot)) = (qty, lot)
        && qty % lot != 0
    {
        let text = |value: i64| format_scaled(i128::from(value), 9);
        return Err(Failure::usage(format!(
            "{}: {} is not a multiple of the lot {}",
            layers.place("qty"),
            text(qty),
            text(lot)
        ))
        .hint("choose a multiple of the lot, or leave --lot away"));
    }
    Ok(qty)
}

fn config(layers: &Layers, seed: u64) -> Result<RunConfig, Failure> {
    let (conditions, latencies) = conditions::of(layers, seed)?;
    Ok(RunConfig {
        capital: capital(layers)?,
        account: account(layers)?,
        sizing: sizing(layers)?,
        risk: super::risk::limits(layers)?,
        exits: Exits {
            stop_bps: percent(layers, "stop-loss")?,
            target_bps: percent(layers, "take-profit")?,
            trail_bps: percent(layers, "trailing-stop")?,
        },
        fees: fees(layers)?,
        borrow_rate_e9: borrow_rate(layers)?,
        slippage_e9: slippage(layers)?,
        fill_at: match layers.one("fill") {
            None | Some("next-open") => FillAt::NextOpen,
            Some("close") => FillAt::Close,
            Some(other) => return Err(wrong(layers, "fill", other, "next-open or close")),
        },
        touch_fills: layers.is_on("touch-fills"),
        participation_e9: positive_e9(layers, "max-participation")?,
        whole_fills: layers.is_on("whole-fills"),
        queue_model: match layers.one("queue-model") {
            None => QueueModel::default(),
            Some(text) => QueueModel::parse(text).map_err(|what| {
                Failure::usage(format!("{}: {what}", layers.place("queue-model")))
            })?,
        },
        no_impact: layers.is_on("no-impact"),
        self_trade: match layers.one("self-trade") {
            None | Some("expire-taker") => SelfTrade::ExpireTaker,
            Some("expire-maker") => SelfTrade::ExpireMaker,
            Some("expire-both") => SelfTrade::ExpireBoth,
            Some(other) => {
                let wanted = "one of expire-taker, expire-maker, expire-both";
                return Err(wrong(layers, "self-trade", other, wanted));
            }
        },
        venue_lacks: match layers.one("venue-lacks") {
            None => Lacks::NOTHING,
            Some(text) => text.parse().map_err(|what: String| {
                Failure::usage(format!("{}: {what}", layers.place("venue-lacks")))
            })?,
        },
        order_qty_max_e9: positive_e9(layers, "max-order-qty")?,
        close_at_end: layers.is_on("close-at-end"),
        feed_latency_ns: latencies.feed_ns,
        order_latency_ns: latencies.order_ns,
        response_latency_ns: latencies.response_ns,
        conditions,
        currencies: conditions::currencies(layers)?,
        signals: conditions::signals(layers, seed.wrapping_add(3))?,
        from_ns: time_ns(layers, "from")?,
        to_ns: time_ns(layers, "to")?,
        risk_free_rate: float(layers, "risk-free-rate")?.unwrap_or(0.0),
        periods_per_year: periods(layers)?,
        ..RunConfig::default()
    })
    .and_then(|config| check_range(layers, config))
}

fn check_range(layers: &Layers, config: RunConfig) -> Result<RunConfig, Failure> {
    match (config.from_ns, config.to_ns) {
        (Some(from), Some(to)) if from >= to => {
            let text = |name: &str| layers.one(name).unwrap_or_default().to_owned();
            let (from, to) = (text("from"), text("to"));
            Err(Failure::usage(format!("--from {from} is not before --to {to}")))
        }
        _ => Ok(config),
    }
}

fn capital(layers: &Layers) -> Result<Cash, Failure> {
    let text = layers.one("capital").unwrap_or("100000");
    let capital: Cash = text
        .trim()
        .parse()
        .map_err(|what: String| Failure::usage(format!("{}: {what}", layers.place("capital"))))?;
    if capital <= Cash::ZERO {
        return Err(wrong(layers, "capital", text, "above zero"));
    }
    // Far more money than there is, and still far from the end of the ledger's integers.
    if capital > Cash::from_nano(1_000_000_000_000_000_000_000_000_000) {
        return Err(wrong(layers, "capital", text, "at most 1e18"));
    }
    Ok(capital)
}

fn account(layers: &Layers) -> Result<Account, Failure> {
    match layers.one("account") {
        None | Some("cash") if layers.given("leverage").is_some() => {
            Err(Failure::usage("--leverage means nothing in a cash account")
                .hint("add --account margin, or leave --leverage away"))
        }
        None | Some("cash") => Ok(Account::Cash),
        Some("margin") => {
            let leverage_e9 = positive_e9(layers, "leverage")?.unwrap_or(E9);
            Ok(Account::Margin { leverage_e9 })
        }
        Some(other) => Err(wrong(layers, "account", other, "cash or margin")),
    }
}

fn sizing(layers: &Layers) -> Result<Sizing, Failure> {
    if let Some(qty_e9) = layers.given("qty").and(positive_e9(layers, "qty")?) {
        return Ok(Sizing::Fixed { qty_e9 });
    }
    let share = |name: &str| {
        let text = layers.one(name).unwrap_or_default();
        let value = number::share_e9(text)
            .map_err(|what| Failure::usage(format!("{}: {what}", layers.place(name))))?;
        if value <= 0 { Err(wrong(layers, name, text, "above zero")) } else { Ok(value) }
    };
    if layers.given("risk-per-trade").is_some() {
        let risk_e9 = share("risk-per-trade")?;
        if risk_e9 > E9 {
            let text = layers.one("risk-per-trade").unwrap_or_default();
            return Err(wrong(layers, "risk-per-trade", text, "at most 1 (all of the equity)"));
        }
        return Ok(Sizing::RiskPerTrade { risk_e9 });
    }
    if layers.given("target-volatility").is_some() || layers.given("kelly").is_some() {
        return super::sizing::by_market_or_trades(layers);
    }
    let alone = ["size-cap", "volatility-window", "kelly-fraction", "kelly-start"];
    if let Some(name) = alone.into_iter().find(|name| layers.given(name).is_some()) {
        return Err(Failure::usage(format!(
            "{} means nothing without --target-volatility or --kelly",
            layers.place(name)
        )));
    }
    Ok(Sizing::Weight { weight_e9: share("weight")? })
}

fn fees(layers: &Layers) -> Result<Fees, Failure> {
    let rate = |name: &str| {
        let rate = decimal_e9(layers, name)?;
        match rate {
            Some(rate) if rate.abs() >= E9 => {
                let text = layers.one(name).unwrap_or_default();
                Err(wrong(layers, name, text, "a rate below 1 (0.001 is a tenth of a per cent)"))
            }
            other => Ok(other),
        }
    };
    let both = rate("fee-rate")?.unwrap_or(0);
    let (maker, taker) = (rate("maker-rate")?, rate("taker-rate")?);
    Ok(Fees { maker_e9: maker.unwrap_or(both), taker_e9: taker.unwrap_or(both) })
}

/// The yearly rate on short positions.
fn borrow_rate(layers: &Layers) -> Result<i64, Failure> {
    let Some(rate_e9) = decimal_e9(layers, "borrow-rate")? else { return Ok(0) };
    // Far above what any lender asks for; a per cent sign that was left away is more likely.
    if !(0..=100 * E9).contains(&rate_e9) {
        let text = layers.one("borrow-rate").unwrap_or_default();
        return Err(wrong(layers, "borrow-rate", text, "from 0 to 100 (0.02 is two per cent)"));
    }
    if rate_e9 > 0 && layers.one("account") != Some("margin") {
        return Err(Failure::usage("--borrow-rate means nothing in a cash account")
            .hint("add --account margin, or leave --borrow-rate away"));
    }
    Ok(rate_e9)
}

fn slippage(layers: &Layers) -> Result<i64, Failure> {
    let bps_e9 = decimal_e9(layers, "slippage-bps")?.unwrap_or(0);
    if !(0..10_000 * E9).contains(&bps_e9) {
        let text = layers.one("slippage-bps").unwrap_or_default();
        return Err(wrong(layers, "slippage-bps", text, "from 0 to below 10000"));
    }
    Ok(bps_e9 / 10_000)
}

fn percent(layers: &Layers, name: &str) -> Result<Option<u32>, Failure> {
    let Some(text) = layers.one(name) else { return Ok(None) };
    let bps = number::bps_of_percent(text)
        .map_err(|what| Failure::usage(format!("{}: {what}", layers.place(name))))?;
    if bps >= 10_000 && name != "take-profit" {
        return Err(wrong(layers, name, text, "below 100 per cent"));
    }
    Ok(Some(bps))
}

fn latency(layers: &Layers, name: &str) -> Result<Option<i64>, Failure> {
    let read = |text: &str| {
        number::duration_ns(text)
            .map_err(|what| Failure::usage(format!("{}: {what}", layers.place(name))))
    };
    layers.one(name).map(read).transpose()
}

/// Time between two samples of the equity.
fn sample(layers: &Layers) -> Result<i64, Failure> {
    match latency(layers, "sample")? {
        None => Ok(1_000_000_000),
        Some(ns) if ns > 0 => Ok(ns),
        Some(_) => {
            let text = layers.one("sample").unwrap_or_default();
            Err(wrong(layers, "sample", text, "above zero"))
        }
    }
}

fn periods(layers: &Layers) -> Result<Option<f64>, Failure> {
    let periods = float(layers, "periods-per-year")?;
    if periods.is_some_and(|periods| periods <= 0.0) {
        let text = layers.one("periods-per-year").unwrap_or_default();
        return Err(wrong(layers, "periods-per-year", text, "above zero"));
    }
    Ok(periods)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Sources;
    use super::*;

    fn plan(flags: &[(&'static str, &str)]) -> Result<RunPlan, Failure> {
        let mut all: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        all.insert("data", vec!["x.csv".to_owned()]);
        all.insert("strategy", vec!["sma_cross".to_owned()]);
        for (name, value) in flags {
            all.entry(name).or_default().push((*value).to_owned());
        }
        let layers = Layers::gather(&Sources { flags: Some(&all), ..Sources::default() })?;
        RunPlan::new(&layers)
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let plan = plan(&[]).unwrap();
        assert_eq!(plan.config.capital, "100000".parse().unwrap());
        assert_eq!(plan.config.sizing, Sizing::Weight { weight_e9: 950_000_000 });
        assert_eq!(plan.config.fees, Fees { maker_e9: 1_000_000, taker_e9: 1_000_000 });
        assert_eq!(plan.config.account, Account::Cash);
        assert_eq!((plan.config.borrow_rate_e9, plan.config.whole_fills), (0, false));
        assert!(plan.config.fill_at == FillAt::NextOpen && !plan.config.touch_fills);
    }

    #[test]
    fn values_reach_the_run() {
        let flags = [
            ("qty", "2.5"),
            ("maker-rate", "-0.0001"),
            ("slippage-bps", "1.5"),
            ("stop-loss", "5"),
            ("order-latency", "10ms"),
            ("from", "2020-01-01"),
            ("param", "fast=5"),
            ("account", "margin"),
            ("borrow-rate", "0.035"),
            ("whole-fills", "true"),
        ];
        let plan = plan(&flags).unwrap();
        assert_eq!((plan.config.borrow_rate_e9, plan.config.whole_fills), (35_000_000, true));
        assert_eq!(plan.config.sizing, Sizing::Fixed { qty_e9: 2_500_000_000 });
        assert_eq!(plan.config.fees, Fees { maker_e9: -100_000, taker_e9: 1_000_000 });
        assert_eq!(plan.config.slippage_e9, 150_000);
        assert_eq!(plan.config.exits.stop_bps, Some(500));
        assert_eq!(plan.config.response_latency_ns, 10_000_000);
        assert_eq!(plan.config.from_ns, Some(1_577_836_800_000_000_000));
        assert_eq!(plan.roles[0].params, [("fast".to_owned(), "5".to_owned())]);
    }

    #[test]
    fn wrong_values_are_refused() {
        for (name, value) in [
            ("capital", "0"),
            ("capital", "-5"),
            ("capital", "ten"),
            ("qty", "0"),
            ("weight", "-1"),
            ("risk-per-trade", "2"),
            ("fee-rate", "2"),
            ("slippage-bps", "-1"),
            ("fill", "open"),
            ("account", "loan"),
            ("leverage", "2"),
            ("from", "yesterday"),
            ("periods-per-year", "0"),
            ("param", "fast"),
            ("stop-loss", "100"),
            ("seed", "-1"),
            ("price", "dirty"),
            ("calendar", "moon"),
        ] {
            let failure = plan(&[(name, value)]).expect_err(name);
            assert_eq!(failure.reason.code(), 2, "{name}: {failure}");
        }
        let failure = plan(&[("qty", "15"), ("lot", "10")]).unwrap_err();
        assert!(failure.message.contains("not a multiple of the lot 10"), "{failure}");
        assert!(plan(&[("from", "2020-01-02"), ("to", "2020-01-02")]).is_err());
        let failure = plan(&[("stop-loss", "5"), ("trailing-stop", "3")]).unwrap_err();
        assert_eq!(failure.reason.code(), 2);
        assert!(failure.message.contains("do not go together"), "{failure}");
        assert!(plan(&[("borrow-rate", "0.02")]).is_err(), "a cash account borrows nothing");
        for rate in ["-0.01", "101", "much"] {
            assert!(plan(&[("account", "margin"), ("borrow-rate", rate)]).is_err(), "{rate}");
        }
    }
}
