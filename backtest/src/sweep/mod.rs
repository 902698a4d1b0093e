//! Parameter sweeps: many runs of one strategy over one shared data set, on all cores.

mod choose;
mod constraint;
mod heat;
mod range;

pub use constraint::Constraint;
pub use heat::{Axis, HeatMap};
pub use range::{ParamRange, Values};

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use qt_data::series::{BarSeries, TradeRecord};
use qt_strategies::registry::StrategyEntry;

use choose::choose;

use crate::config::RunConfig;
use crate::metrics::Metrics;
use crate::run::{RunError, run_on_trades};

/// How the combinations are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Every combination.
    Grid,
    /// So many that fit, drawn at random; the same seed draws the same ones.
    Random {
        /// How many.
        trials: usize,
        /// What the draws follow from.
        seed: u64,
    },
}

/// What to try.
#[derive(Clone, Debug)]
pub struct SweepSpec {
    /// The values of each parameter.
    pub ranges: Vec<ParamRange>,
    /// Combinations that do not meet all of these are left out.
    pub constraints: Vec<Constraint>,
    /// Which combinations.
    pub search: Search,
    /// How many threads; the result does not depend on it.
    pub threads: usize,
}

/// The data that every trial runs over.
#[derive(Clone, Copy, Debug)]
pub struct SweepData<'a> {
    /// The bars of each instrument.
    pub series: &'a [&'a BarSeries],
    /// The trades that they were built from, as [`run_on_trades`] takes them.
    pub prints: &'a [&'a [TradeRecord]],
}

/// The most trials that one sweep may have.
pub const TRIALS_MAX: usize = 5_000_000;

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Its number, from 0, in the order of the combinations.
    pub index: usize,
    /// The parameters, by name, in the order of the ranges.
    pub params: Vec<(String, String)>,
    /// The figures.
    pub metrics: Metrics,
    /// Fills.
    pub fills: usize,
    /// The equity at the end, as decimal text.
    pub final_equity: String,
    /// All fees, as decimal text.
    pub total_fees: String,
    /// The run's determinism hash.
    pub determinism_hash: u64,
}

/// What a sweep brought.
#[derive(Clone, Debug)]
pub struct SweepOutcome {
    /// The trials in order of their number; all of them unless interrupted.
    pub trials: Vec<Trial>,
    /// Combinations of the grid, or draws, that the constraints or the strategy's own rules left
    /// out.
    pub skipped: usize,
    /// Whether the sweep was interrupted.
    pub interrupted: bool,
}

/// Why a sweep could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A range, a constraint or a parameter is wrong.
    #[error("{0}")]
    Spec(String),
    /// A run failed.
    #[error("with {params}: {source}")]
    Run {
        /// The parameters of that run.
        params: String,
        /// What went wrong.
        source: RunError,
    },
}

/// Runs `entry` over `data` with every combination that `spec` asks for. `progress` is called
/// from several threads with the number of trials done and of all trials.
///
/// # Errors
/// When the spec is wrong or a run fails.
pub fn sweep(
    entry: &StrategyEntry,
    spec: &SweepSpec,
    config: &RunConfig,
    data: SweepData<'_>,
    interrupt: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<SweepOutcome, SweepError> {
    let choose::Chosen { combinations, skipped } = choose(entry, spec)?;
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let (sender, receiver) = crossbeam::channel::unbounded();
    let work = || {
        while !interrupt.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(params) = combinations.get(index) else { break };
            let result = trial(entry, index, params, config, data, interrupt);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            // The receiver outlives the threads, so this cannot fail.
            let _ = sender.send(result);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, combinations.len());
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..spec.threads.max(1).min(combinations.len().max(1)) {
            scope.spawn(work);
        }
    });
    drop(sender);
    let done = receiver.into_iter().filter_map(Result::transpose);
    let mut trials: Vec<Trial> = done.collect::<Result<_, _>>()?;
    trials.sort_by_key(|trial| trial.index);
    let interrupted = trials.len() < combinations.len();
    Ok(SweepOutcome { trials, skipped, interrupted })
}

/// The most bars that a trial of `spec` wants before the first one that it trades, with so many
/// instruments; `None` where that cannot be told, because the spec is wrong.
#[must_use]
pub fn warmup_max(entry: &StrategyEntry, spec: &SweepSpec, instruments: usize) -> Option<usize> {
    let warmup = |given: &choose::Combination| {
        let params = entry.resolve(given).ok()?;
        Some(entry.make(&params, instruments).ok()?.warmup())
    };
    let chosen = choose(entry, spec).ok()?;
    chosen.combinations.iter().try_fold(0, |most, given| Some(warmup(given)?.max(most)))
}

/// One run; `None` when it was interrupted in the middle: half a trial says nothing.
fn trial(
    entry: &StrategyEntry,
    index: usize,
    given: &[(String, String)],
    config: &RunConfig,
    data: SweepData<'_>,
    interrupt: &AtomicBool,
) -> Result<Option<Trial>, SweepError> {
    let spec_error = |error: qt_strategies::param::ParamError| SweepError::Spec(error.0);
    let params = entry.resolve(given).map_err(spec_error)?;
    let strategy = entry.make(&params, data.series.len()).map_err(spec_error)?;
    let quiet = &mut |_, _| {};
    let outcome = run_on_trades(config, data.series, data.prints, strategy, interrupt, quiet)
        .map_err(|source| SweepError::Run { params: text_of(given), source })?;
    if outcome.ended == crate::simulator::Ended::Interrupted {
        return Ok(None);
    }
    Ok(Some(Trial {
        index,
        params: given.to_vec(),
        fills: outcome.fills.len(),
        final_equity: outcome.final_equity.to_string(),
        total_fees: outcome.total_fees.to_string(),
        determinism_hash: outcome.determinism_hash,
        metrics: outcome.metrics,
    }))
}

fn text_of(params: &[(String, String)]) -> String {
    let pairs: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}
