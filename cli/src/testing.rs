//! For the tests of a strategy: a few bars, and a run over them through the whole pipeline; for
//! fuzzing, the settings file.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use qt_backtest::config::RunConfig;
use qt_backtest::run::{RunOutcome, run};
use qt_data::calendar::Calendar;
use qt_data::series::{BarRecord, BarSeries, DataKind, Source, Stamps};
use qt_strategies::StrategyEntry;
use qt_types::{E9, InstrumentKind, InstrumentSpec};

use crate::settings::{Layers, RunPlan, Sources};

const DAY_NS: i64 = 86_400 * E9;
/// 2024-01-01 (UTC ns).
const START_NS: i64 = 1_704_067_200 * E9;

/// Daily bars with these closes, in cents: each opens at the close before it.
///
/// # Panics
/// When a close is not above zero.
#[must_use]
pub fn daily_bars(closes_cents: &[i64]) -> BarSeries {
    assert!(closes_cents.iter().all(|close| *close > 0), "prices are above zero");
    let spec = InstrumentSpec::new("TEST", "USD", InstrumentKind::Equity, E9 / 100, E9, E9);
    let mut before = closes_cents.first().copied().unwrap_or(1);
    let mut bars = Vec::with_capacity(closes_cents.len());
    for (row, &close) in closes_cents.iter().enumerate() {
        let open_ns = START_NS + row as i64 * DAY_NS;
        bars.push(BarRecord {
            open_ns,
            close_ns: open_ns + DAY_NS,
            open: before,
            high: before.max(close),
            low: before.min(close),
            close,
            volume: 1_000_000,
            row: u32::try_from(row).unwrap_or(u32::MAX),
            ..BarRecord::default()
        });
        before = close;
    }
    Calendar::Always.mark_sessions(&mut bars);
    BarSeries {
        spec: spec.expect("a cent and one share are units"),
        kind: DataKind::Bars,
        bars,
        half_spreads: Vec::new(),
        stamps: Stamps::Iso,
        interval_ns: DAY_NS,
        calendar: Calendar::Always,
        source: Source { path: "test".to_owned(), ..Source::default() },
        quality: None,
        notes: Vec::new(),
    }
}

/// Runs the strategy of `entry` with `params` over `series`: a cash account of 100,000, 95 % of
/// the equity an entry, no fees.
///
/// # Panics
/// When a parameter is wrong or the run cannot be made.
#[must_use]
pub fn backtest(entry: &StrategyEntry, params: &[(&str, &str)], series: &BarSeries) -> RunOutcome {
    let given: Vec<(String, String)> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let params = entry.resolve(&given).unwrap_or_else(|error| panic!("{error}"));
    let strategy = entry.make(&params, 1).unwrap_or_else(|error| panic!("{error}"));
    let never = AtomicBool::new(false);
    let config = RunConfig::default();
    let outcome = run(&config, &[series], strategy, &never, &mut |_, _| {});
    outcome.unwrap_or_else(|error| panic!("{error}"))
}

/// Reads the settings file at `path` as a run would, and gives up what it says: for fuzz targets.
///
/// # Errors
/// What is wrong with it.
pub fn read_settings(path: &Path) -> Result<(), String> {
    let none = std::collections::BTreeMap::new();
    let sources = Sources { config: Some(path), run_file: None, flags: Some(&none) };
    let layers = Layers::gather(&sources).map_err(|failure| failure.message)?;
    RunPlan::new(&layers).map(|_| ()).map_err(|failure| failure.message)
}

#[cfg(test)]
mod tests {
    use qt_strategies::Registry;

    use super::*;

    #[test]
    fn a_strategy_can_be_tried_on_a_few_bars() {
        let rise: Vec<i64> = (0..30).map(|day| 10_000 - (15 - day as i64).abs() * 100).collect();
        let registry = Registry::builtin();
        let entry = registry.get("sma_cross").unwrap();
        let outcome = backtest(entry, &[("fast", "2"), ("slow", "5")], &daily_bars(&rise));
        assert!(outcome.fills.is_empty() || outcome.fills[0].price.ticks() > 0);
        let valley: Vec<i64> = (0..30).map(|day| 9_000 + (10 - day as i64).abs() * 100).collect();
        let outcome = backtest(entry, &[("fast", "2"), ("slow", "5")], &daily_bars(&valley));
        assert_eq!(outcome.fills.len(), 1, "the turn upwards is bought and kept");
    }
}
