//! `sweep`: many parameters of one strategy, on all cores.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use qt_backtest::sweep::{
    Axis, Constraint, HeatMap, ParamRange, Search, SweepData, SweepOutcome, SweepSpec, sweep,
    warmup_max,
};
use qt_data::series::{BarSeries, TradeRecord};
use qt_strategies::nearest;
use qt_strategies::registry::StrategyEntry;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::backtest::execute_command;
use super::data::write_table;
use crate::app::Session;
use crate::args::SweepFlags;
use crate::dataset::{self, RunData};
use crate::failure::{Failure, Reason};
use crate::interrupt;
use crate::output::number;
use crate::runs::{self, RunId, RunRecord};
use crate::settings::{Layers, Role, RunPlan};
use crate::summary::METRIC_NAMES;

mod results;

use results::{Ranking, best_command, document, heat_text, ranked_table, trial_columns};

/// Try many parameters of a strategy on all cores.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade sweep --data sample:SP500 --strategy sma_cross --param fast=5:50:5 \\\n      \
    --param slow=20:200:20 --where \"fast < slow\"\n  \
    quanttrade sweep --data prices.csv --strategy rsi_reversion --param period=2:30 \\\n      \
    --param oversold=10,20,30 --random 500 --seed 7 --out trials.parquet\n  \
    quanttrade sweep --data prices.csv --strategy macd --param signal=9 --random 200\n\n\
    Ranges: NAME=FROM:TO:STEP, NAME=FROM:TO, NAME=A,B,C; NAME=VALUE fixes a parameter. Without a\n\
    STEP it is 1; --random draws floating-point numbers from all of FROM:TO then. A grid needs a\n\
    range. --random without any draws every parameter that no --param fixes from the range that\n\
    the strategy declares (quanttrade strategies show NAME), whole numbers of a wide range by\n\
    order of magnitude. The same --seed draws the same ones.\n\n\
    The best of many trials looks better than it is: the figures are not yet deflated.")]
pub struct SweepArgs {
    /// The settings; a parameter is NAME=FROM:TO:STEP, NAME=A,B,C or NAME=VALUE.
    #[command(flatten)]
    pub flags: SweepFlags,
    /// Leave out combinations that do not meet this, such as "fast < slow"
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// Draw N combinations at random instead of trying all; needs no range
    #[arg(long, value_name = "N")]
    pub random: Option<usize>,
    /// The figure that ranks the trials
    #[arg(long, value_name = "FIGURE", default_value = "sharpe")]
    pub sort: String,
    /// How many of the best are listed
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub top: usize,
    /// The two parameters of the heat map; the first two with several values without it
    #[arg(long, value_name = "X,Y")]
    pub heat: Option<String>,
    /// Write all trials; the ending says how: .csv or .parquet
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// A sweep that has ended.
struct Done {
    id: RunId,
    outcome: SweepOutcome,
    ranges: Vec<ParamRange>,
    seconds: f64,
    bars: u64,
}

/// Runs the command.
///
/// # Errors
/// When a setting or the data is wrong, or a file cannot be written.
pub fn run(args: &SweepArgs, session: &Session) -> Result<(), Failure> {
    let started_ns = runs::now_ns();
    let layers = session.layers(&args.flags.0, None)?;
    let mut plan = RunPlan::new(&layers)?;
    let ranking = Ranking::parse(&args.sort)?;
    let role = only(&plan)?;
    let entry = session.registry.get(&role.strategy)?;
    let (spec, layers) = spec(args, &plan, entry, layers, session)?;
    let heat = heat_axes(args, &spec.ranges)?;
    plan.reading.load.threads = session.threads;
    let warmup = |count| warmup_max(entry, &spec, count);
    let window = plan.window(&warmup);
    let data = dataset::open_run(&plan.data, &plan.reading, &window, &session.out)?;
    plan.share_default_weight(&layers, data.series.len());
    let done = search(entry, &spec, &plan, &data, started_ns, session)?;
    let (verdict, state) = verdict(&done, &plan);
    let mut record = record(&done, &plan, &data.series, &ranking, started_ns, session);
    record.command = execute_command("sweep", &layers, &extra_words(args));
    state.clone_into(&mut record.state);
    let told = show(args, session, &done, &ranking, heat.as_ref(), &layers)
        .and_then(|()| write_trials(args, session, &done));
    let ended = told.and_then(|()| verdict.map_or(Ok(()), |failure| Err(failure.documented())));
    record.ended_with(&ended);
    runs::keep(&record, &session.out);
    ended
}

fn write_trials(args: &SweepArgs, session: &Session, done: &Done) -> Result<(), Failure> {
    let Some(path) = &args.out else { return Ok(()) };
    write_table(&trial_columns(&done.outcome, &done.ranges), path).map_err(Failure::documented)?;
    session.out.note(&format!("trials: {}", path.display()));
    Ok(())
}

/// The one strategy of a sweep.
fn only(plan: &RunPlan) -> Result<&Role, Failure> {
    match plan.roles.as_slice() {
        [only] if only.symbols.is_empty() => Ok(only),
        _ => Err(Failure::usage("a sweep tries the parameters of one strategy, on all its data")
            .hint("name one with --strategy NAME")),
    }
}

/// What is to be tried, and the settings of which it follows.
fn spec(
    args: &SweepArgs,
    plan: &RunPlan,
    entry: &StrategyEntry,
    layers: Layers,
    session: &Session,
) -> Result<(SweepSpec, Layers), Failure> {
    let conditions: Result<Vec<Constraint>, Failure> = args
        .conditions
        .iter()
        .map(|text| {
            Constraint::parse(text).map_err(|what| Failure::usage(format!("--where: {what}")))
        })
        .collect();
    let search = match args.random {
        Some(trials) => Search::Random { trials, seed: plan.seed },
        None => Search::Grid,
    };
    let (mut ranges, mut layers) = (ranges(&only(plan)?.params)?, layers);
    if args.random.is_some() && ranges.iter().all(ParamRange::is_single) {
        // What a file or the environment sets is for a single run: only flags fix a parameter.
        let name = |pair: &String| pair.split('=').next().unwrap_or_default().trim().to_owned();
        let flags = args.flags.0.get("param").map_or(&[][..], Vec::as_slice);
        let fixed: Vec<String> = flags.iter().map(name).collect();
        ranges.retain(|range| fixed.contains(&range.name));
        let kept: Vec<(String, String)> =
            only(plan)?.params.iter().filter(|(name, _)| fixed.contains(name)).cloned().collect();
        layers = layers.with_params(&kept);
        let free = entry.params.iter().filter(|param| !fixed.iter().any(|name| name == param.name));
        ranges.extend(free.map(ParamRange::declared));
    }
    if ranges.iter().all(ParamRange::is_single) {
        let forms = format!("{FORMS}; --random N needs no range");
        return Err(Failure::usage("no parameter has a range").hint(forms));
    }
    let spec = SweepSpec { ranges, constraints: conditions?, search, threads: session.threads };
    Ok((spec, layers))
}

/// How a parameter is given.
const FORMS: &str = "write --param fast=5:50:5, --param fast=5:50, --param fast=5,10,20 or \
                     --param fast=5";

fn ranges(params: &[(String, String)]) -> Result<Vec<ParamRange>, Failure> {
    let range = |(name, value): &(String, String)| {
        ParamRange::parse(&format!("{name}={value}"))
            .map_err(|what| Failure::usage(format!("--param: {what}")).hint(FORMS))
    };
    params.iter().map(range).collect()
}

fn heat_axes(args: &SweepArgs, ranges: &[ParamRange]) -> Result<Option<(String, String)>, Failure> {
    let names: Vec<&str> = ranges.iter().map(|range| range.name.as_str()).collect();
    if let Some(text) = &args.heat {
        let axes = text.split_once(',').map(|(x, y)| (x.trim(), y.trim()));
        return match axes {
            Some((x, y)) if x != y && names.contains(&x) && names.contains(&y) => {
                Ok(Some((x.to_owned(), y.to_owned())))
            }
            _ => Err(Failure::usage(format!("--heat: '{text}' does not name two parameters"))
                .hint(format!("write two of: {}", names.join(", ")))),
        };
    }
    let mut wide = ranges.iter().filter(|range| !range.is_single());
    Ok(wide.next().zip(wide.next()).map(|(x, y)| (x.name.clone(), y.name.clone())))
}

fn search(
    entry: &StrategyEntry,
    spec: &SweepSpec,
    plan: &RunPlan,
    data: &RunData,
    started_ns: i64,
    session: &Session,
) -> Result<Done, Failure> {
    let references: Vec<&BarSeries> = data.series.iter().collect();
    let prints: Vec<&[TradeRecord]> = data.prints.iter().map(Vec::as_slice).collect();
    let shared = SweepData { series: &references, prints: &prints };
    interrupt::keep_partial_results();
    let bar = session.out.progress(1, "trials");
    let clock = Instant::now();
    let outcome = sweep(entry, spec, &plan.config, shared, interrupt::flag(), &|done, all| {
        bar.set_of(done as u64, all as u64);
    });
    bar.finish();
    let seconds = clock.elapsed().as_secs_f64();
    let bars: usize = references.iter().map(|series| bars_traded(series, plan)).sum();
    let outcome = outcome?;
    let bars = bars as u64 * outcome.trials.len() as u64;
    Ok(Done { id: RunId::new(started_ns), outcome, ranges: spec.ranges.clone(), seconds, bars })
}

/// Bars of `series` that every trial trades; there may be more around them.
fn bars_traded(series: &BarSeries, plan: &RunPlan) -> usize {
    let (from_ns, to_ns) = (plan.config.from_ns, plan.config.to_ns);
    let start = series.bars.partition_point(|bar| bar.open_ns < from_ns.unwrap_or(i64::MIN));
    let end = series.bars.partition_point(|bar| bar.open_ns < to_ns.unwrap_or(i64::MAX));
    end.saturating_sub(start)
}

/// How the command ends, and the word for it in the ledger.
fn verdict(done: &Done, plan: &RunPlan) -> (Option<Failure>, &'static str) {
    let trials = done.outcome.trials.len();
    if done.outcome.interrupted {
        let message = format!("interrupted: {} are kept", number::plural(trials as u64, "trial"));
        return (Some(Failure::new(Reason::Interrupted, message)), "interrupted");
    }
    if done.outcome.trials.iter().all(|trial| trial.fills == 0) {
        let failure = Failure::nothing(format!("none of the {trials} trials has a fill"))
            .hint("choose other ranges, or accept it with --allow-no-trades");
        return ((!plan.allow_no_trades).then_some(failure), "empty");
    }
    (None, "done")
}

fn record(
    done: &Done,
    plan: &RunPlan,
    series: &[BarSeries],
    ranking: &Ranking,
    started_ns: i64,
    session: &Session,
) -> RunRecord {
    let mut record = RunRecord::new(&done.id, started_ns, "sweep", session.code);
    record.strategy = plan.strategies();
    record.params = done
        .ranges
        .iter()
        .map(|range| {
            let (first, last) = range.ends();
            let ends = if first == last { first } else { format!("{first}..{last}") };
            (range.name.clone(), json!(ends))
        })
        .collect();
    record.symbols = series.iter().map(|series| json!(series.spec.symbol())).collect();
    let data = |series: &BarSeries| {
        let (source, bars) = (&series.source, bars_traded(series, plan));
        json!({"path": source.path, "sha256": source.sha256, "bars": bars})
    };
    record.data = series.iter().map(data).collect();
    record.seed = plan.seed;
    let best = ranking.order(&done.outcome.trials).first().map(|at| &done.outcome.trials[*at]);
    record.metrics = json!({
        "trials": done.outcome.trials.len(),
        "skipped": done.outcome.skipped,
        "best_params": best.map(results::params_of),
        "total_return": best.and_then(|trial| trial.metrics.total_return),
        "sharpe": best.and_then(|trial| trial.metrics.sharpe),
        "max_drawdown": best.and_then(|trial| trial.metrics.max_drawdown),
        "final_equity": best.map(|trial| trial.final_equity.clone()),
        "fills": best.map(|trial| trial.fills),
    });
    record.determinism_hash = sweep_hash(&done.outcome);
    record.events = done.bars;
    record.wall_seconds = done.seconds;
    record
}

/// One hash over the hashes of all trials in order: the same for any number of threads.
fn sweep_hash(outcome: &SweepOutcome) -> String {
    let mut hash = Sha256::new();
    for trial in &outcome.trials {
        hash.update(trial.determinism_hash.to_le_bytes());
    }
    let digest = hash.finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The words of the command that are no settings.
fn extra_words(args: &SweepArgs) -> Vec<String> {
    let mut words = Vec::new();
    for condition in &args.conditions {
        words.extend(["--where".to_owned(), condition.clone()]);
    }
    if let Some(trials) = args.random {
        words.extend(["--random".to_owned(), trials.to_string()]);
    }
    words.extend(["--sort".to_owned(), args.sort.clone()]);
    words
}

fn show(
    args: &SweepArgs,
    session: &Session,
    done: &Done,
    ranking: &Ranking,
    heat: Option<&(String, String)>,
    layers: &Layers,
) -> Result<(), Failure> {
    let is_drawn = args.random.is_some();
    let map = heat.and_then(|(x, y)| {
        let axes = [x, y].map(|name| axis(name, session.out.json, is_drawn));
        HeatMap::of(&done.outcome.trials, axes[0], axes[1], |trial| ranking.figure(trial))
    });
    if session.out.json {
        let mut document = document(&done.outcome, ranking, map.as_ref());
        document["run_id"] = json!(done.id.text());
        document["strategy"] = json!(layers.one("strategy"));
        document["determinism_hash"] = json!(sweep_hash(&done.outcome));
        document["wall_seconds"] = json!(done.seconds);
        return session.out.document(&document);
    }
    let mut parts = vec![ranked_table(&done.outcome, ranking, args.top)];
    parts.extend(map.map(|map| heat_text(&map, ranking, is_drawn, &session.out)));
    let trials = number::plural(done.outcome.trials.len() as u64, "trial");
    let rate = number::rate(done.bars as f64 / done.seconds.max(1e-9));
    let mut last = format!(
        "{trials} in {} ({rate} bars/s on {}), {} left out\n\
         not yet deflated: the best of {trials} looks better than it is\n\
         run {}",
        number::seconds(done.seconds),
        number::plural(session.threads as u64, "thread"),
        number::count(done.outcome.skipped as u64),
        done.id
    );
    if let Some(command) = best_command(&done.outcome, ranking, layers) {
        last.push_str(&format!("\nthe best one: {command}"));
    }
    parts.push(last);
    session.out.line(&parts.join("\n\n"))
}

/// A side of the map: all values of a grid for programs, what fits for people. Draws hardly ever
/// share a value, and a map of each by each would be as large as their number squared.
fn axis(name: &str, is_json: bool, is_drawn: bool) -> Axis<'_> {
    match (is_json, is_drawn) {
        (true, false) => Axis::exact(name),
        (true, true) => Axis { name, values_max: 100, groups: 100 },
        (false, _) => Axis { name, values_max: 16, groups: 8 },
    }
}

impl Ranking {
    /// The ranking by the figure `name`.
    ///
    /// # Errors
    /// When there is no such figure.
    fn parse(name: &str) -> Result<Self, Failure> {
        let wanted = name.trim().replace('-', "_");
        let found = METRIC_NAMES.iter().find(|(known, _)| *known == wanted);
        found.map(|(name, figure)| Self::new(name, *figure)).ok_or_else(|| {
            let names: Vec<&str> = METRIC_NAMES.iter().map(|(name, _)| *name).collect();
            let near = nearest(&wanted, &names)
                .map_or_else(String::new, |near| format!("; did you mean {near}?"));
            Failure::usage(format!("--sort: there is no figure '{name}'{near}"))
                .hint(format!("use one of: {}", names.join(", ")))
        })
    }
}
