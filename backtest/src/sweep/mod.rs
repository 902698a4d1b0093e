//! Parameter sweeps: many runs of one strategy over one shared data set, on all cores.

mod constraint;
mod heat;
mod range;

pub use constraint::Constraint;
pub use heat::HeatMap;
pub use range::ParamRange;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use qt_data::series::BarSeries;
use qt_strategies::registry::StrategyEntry;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::config::RunConfig;
use crate::metrics::Metrics;
use crate::run::{RunError, run};

/// How the combinations are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Every combination.
    Grid,
    /// So many, drawn at random; the same seed draws the same ones.
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
    /// Combinations that the constraints or the strategy's own rules left out.
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

/// Runs `entry` over `series` with every combination that `spec` asks for. `progress` is called
/// from several threads with the number of trials done and of all trials.
///
/// # Errors
/// When the spec is wrong or a run fails.
pub fn sweep(
    entry: &StrategyEntry,
    spec: &SweepSpec,
    config: &RunConfig,
    series: &[&BarSeries],
    interrupt: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<SweepOutcome, SweepError> {
    let (combinations, skipped) = combinations(entry, spec)?;
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let (sender, receiver) = crossbeam::channel::unbounded();
    let work = || {
        while !interrupt.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(params) = combinations.get(index) else { break };
            let result = trial(entry, index, params, config, series, interrupt);
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

/// One run; `None` when it was interrupted in the middle: half a trial says nothing.
fn trial(
    entry: &StrategyEntry,
    index: usize,
    given: &[(String, String)],
    config: &RunConfig,
    series: &[&BarSeries],
    interrupt: &AtomicBool,
) -> Result<Option<Trial>, SweepError> {
    let spec_error = |error: qt_strategies::param::ParamError| SweepError::Spec(error.0);
    let params = entry.resolve(given).map_err(spec_error)?;
    let strategy = entry.make(&params, series.len()).map_err(spec_error)?;
    let outcome = run(config, series, strategy, interrupt, &mut |_, _| {})
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

type Combination = Vec<(String, String)>;

/// The combinations to be tried, and how many were left out.
fn combinations(
    entry: &StrategyEntry,
    spec: &SweepSpec,
) -> Result<(Vec<Combination>, usize), SweepError> {
    for range in &spec.ranges {
        // A wrong name or value is an error; only combinations are left out silently.
        let known = entry.params.iter().find(|param| param.name == range.name);
        let Some(param) = known else {
            let one = [(range.name.clone(), range.values[0].clone())];
            let error = entry.resolve(&one).err().map_or_else(String::new, |error| error.0);
            return Err(SweepError::Spec(error));
        };
        for value in &range.values {
            param.parse(value).map_err(|error| SweepError::Spec(error.0))?;
        }
    }
    let names: Vec<&str> = entry.params.iter().map(|param| param.name).collect();
    for constraint in &spec.constraints {
        constraint.check_names(&names).map_err(SweepError::Spec)?;
    }
    let all = match spec.search {
        Search::Grid => grid(&spec.ranges)?,
        Search::Random { trials, seed } => random(&spec.ranges, trials, seed)?,
    };
    let before = all.len();
    let kept: Vec<Combination> = all
        .into_iter()
        .filter(|combination| {
            entry.resolve(combination).is_ok_and(|params| {
                spec.constraints.iter().all(|constraint| constraint.holds(&params))
            })
        })
        .collect();
    if kept.is_empty() {
        return Err(SweepError::Spec(format!(
            "none of the {before} combinations meets the constraints and the strategy's own rules"
        )));
    }
    let skipped = before - kept.len();
    Ok((kept, skipped))
}

fn grid(ranges: &[ParamRange]) -> Result<Vec<Combination>, SweepError> {
    let count = ranges.iter().try_fold(1_usize, |n, range| n.checked_mul(range.values.len()));
    let count = count.filter(|&count| count <= TRIALS_MAX).ok_or_else(|| {
        SweepError::Spec(format!(
            "the grid has more than {TRIALS_MAX} combinations: use larger steps or --random N"
        ))
    })?;
    let at = |index: usize| {
        let mut rest = index;
        let mut picked: Combination = ranges
            .iter()
            .rev()
            .map(|range| {
                let value = range.values[rest % range.values.len()].clone();
                rest /= range.values.len();
                (range.name.clone(), value)
            })
            .collect();
        picked.reverse();
        picked
    };
    Ok((0..count).map(at).collect())
}

/// Draws without repetition; fewer than asked for when there are not more.
fn random(ranges: &[ParamRange], trials: usize, seed: u64) -> Result<Vec<Combination>, SweepError> {
    if trials == 0 || trials > TRIALS_MAX {
        return Err(SweepError::Spec(format!("--random takes 1 to {TRIALS_MAX} trials")));
    }
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut seen = std::collections::BTreeSet::new();
    let mut drawn = Vec::with_capacity(trials);
    // Small spaces are soon exhausted: after so many draws in vain there is nothing new.
    let draws_max = trials.saturating_mul(20).saturating_add(1_000);
    for _ in 0..draws_max {
        if drawn.len() == trials {
            break;
        }
        let pick = |range: &ParamRange, generator: &mut ChaCha8Rng| {
            let count = range.values.len() as u64;
            let at = (u128::from(generator.next_u64()) * u128::from(count)) >> 64;
            (range.name.clone(), range.values[at as usize].clone())
        };
        let combination: Combination =
            ranges.iter().map(|range| pick(range, &mut generator)).collect();
        if seen.insert(combination.clone()) {
            drawn.push(combination);
        }
    }
    Ok(drawn)
}
