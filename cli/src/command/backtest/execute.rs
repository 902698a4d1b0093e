//! From settings to a finished run in the ledger.

use std::time::Instant;

use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::report::bands::BandsEntry;
use qt_backtest::report::result::{FileEntry, ResultDocument, ResultHead};
use qt_backtest::run::{RunOutcome, run_on_trades};
use qt_backtest::run_ticks::{self, TickRun};
use qt_backtest::simulator::Ended;
use qt_data::series::{BarSeries, TradeRecord};
use qt_data::ticks::TickFile;
use qt_engine::Strategy;
use qt_strategies::registry::{Hears, StrategyEntry};
use qt_strategies::{ParamValue, Params};
use qt_types::Cash;
use serde_json::{Value, json};

use super::bands;
use crate::app::Session;
use crate::dataset::ticks::TickData;
use crate::dataset::{self, RunData, ticks};
use crate::failure::{Failure, Reason};
use crate::interrupt;
use crate::output::number;
use crate::runs::{self, RunId, RunRecord};
use crate::settings::{Layers, RunPlan};
use crate::summary::warnings;
use crate::version;

/// A run and all that is known about it.
#[derive(Debug)]
pub struct Finished {
    /// Its name in the ledger.
    pub id: RunId,
    /// Which command made it.
    pub kind: &'static str,
    /// When the command began (UTC ns).
    pub started_ns: i64,
    /// What was asked for.
    pub plan: RunPlan,
    /// Its data.
    pub series: Vec<BarSeries>,
    /// What it brought.
    pub outcome: RunOutcome,
    /// The result document.
    pub document: ResultDocument,
    /// The command that makes the run again.
    pub command: String,
    /// Settings that nobody set and that matter for the result.
    pub defaults: Vec<&'static str>,
    /// Bars before the first decision.
    pub warmup: usize,
    /// From the start of the command to the result, in seconds.
    pub total_seconds: f64,
}

/// The strategy that `plan` names, and its checked parameters.
///
/// # Errors
/// When there is no such strategy or a parameter is wrong.
pub fn strategy_of<'a>(
    plan: &RunPlan,
    session: &'a Session,
) -> Result<(&'a StrategyEntry, Params), Failure> {
    let entry = session.registry.get(&plan.strategy)?;
    let params = entry.resolve(&plan.params).map_err(|error| {
        Failure::from(error).hint(format!("{} strategies show {}", version::program(), entry.name))
    })?;
    Ok((entry, params))
}

/// Makes the run that `layers` ask for, for the command `kind`. [`keep`] puts it into the ledger
/// once it is known how the command ends.
///
/// # Errors
/// When settings or data are wrong.
pub fn execute(
    kind: &'static str,
    layers: &Layers,
    session: &Session,
) -> Result<Finished, Failure> {
    let begun = Begun::now();
    let mut plan = RunPlan::new(layers)?;
    let (entry, params) = strategy_of(&plan, session)?;
    plan.reading.load.threads = session.threads;
    plan.config.look_back = true;
    let made = match entry.hears {
        Hears::Bars => on_bars(&mut plan, entry, &params, layers, session)?,
        Hears::Book => on_ticks(&mut plan, entry, &params, layers, session)?,
    };
    Ok(finish(kind, begun, plan, &params, made, layers))
}

/// When a command began.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    clock: Instant,
    started_ns: i64,
}

impl Begun {
    /// Now.
    pub fn now() -> Self {
        Self { clock: Instant::now(), started_ns: runs::now_ns() }
    }
}

/// What is known of a run that was made, for the command `kind`.
pub fn finish(
    kind: &'static str,
    begun: Begun,
    plan: RunPlan,
    params: &Params,
    made: Made,
    layers: &Layers,
) -> Finished {
    let Begun { clock, started_ns } = begun;
    let Made { series, outcome, warmup, warnings, files, bands } = made;
    let id = RunId::new(started_ns);
    let command = execute_command("backtest", layers, &[]);
    let references: Vec<&BarSeries> = series.iter().collect();
    let head = ResultHead {
        run_id: id.text().to_owned(),
        strategy: plan.strategy.clone(),
        params: params.iter().map(|(name, value)| (name.to_owned(), json_of(value))).collect(),
        capital: outcome.initial_equity.to_string(),
        full_curve: plan.full_curve,
        warnings,
        files,
        bands,
    };
    let document = ResultDocument::new(head, &outcome, &references);
    let defaults = ["weight", "fee-rate", "fill", "queue-model", "risk-profile"];
    let defaults = defaults.into_iter().filter(|name| layers.given(name).is_none()).collect();
    let total_seconds = clock.elapsed().as_secs_f64();
    Finished {
        id,
        kind,
        started_ns,
        plan,
        series,
        outcome,
        document,
        command,
        defaults,
        warmup,
        total_seconds,
    }
}

/// A run that was made.
pub struct Made {
    series: Vec<BarSeries>,
    outcome: RunOutcome,
    warmup: usize,
    warnings: Vec<String>,
    files: Vec<Vec<FileEntry>>,
    bands: Option<BandsEntry>,
}

impl Made {
    /// A run on `data`, without bands around it.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn of_ticks(plan: &RunPlan, data: &TickData, run: TickRun) -> Result<Self, Failure> {
        let TickRun { outcome, mut series, trades_alone } = run;
        let files = data.name_sources(&mut series)?;
        let warnings = warnings::of_ticks(plan, data, &outcome, &trades_alone);
        Ok(Self { series, outcome, warmup: 0, warnings, files, bands: None })
    }
}

fn on_bars(
    plan: &mut RunPlan,
    entry: &StrategyEntry,
    params: &Params,
    layers: &Layers,
    session: &Session,
) -> Result<Made, Failure> {
    let warmup = |count| entry.make(params, count).ok().map(|strategy| strategy.warmup());
    let window = plan.window(&warmup);
    let data = dataset::open_run(&plan.data, &plan.reading, &window, &session.out)?;
    plan.share_default_weight(layers, data.series.len());
    let strategy = entry.make(params, data.series.len())?;
    let warmup = strategy.warmup();
    interrupt::keep_partial_results();
    let outcome = simulate(plan, &plan.config, &data, strategy, session)?;
    let bands = bands::around(plan, false, &outcome, |config| {
        simulate(plan, config, &data, entry.make(params, data.series.len())?, session)
    })?;
    let warnings = warnings::of(plan, &data.series, &data.prints, &outcome);
    let (series, files) = (data.series, Vec::new());
    Ok(Made { series, outcome, warmup, warnings, files, bands })
}

fn on_ticks(
    plan: &mut RunPlan,
    entry: &StrategyEntry,
    params: &Params,
    layers: &Layers,
    session: &Session,
) -> Result<Made, Failure> {
    if plan.reading.bars.is_some() {
        return Err(Failure::usage(format!("{} decides on order books, not on bars", entry.name))
            .hint("leave --bars away"));
    }
    let data = ticks::open(&plan.data, &plan.reading, &session.out)?;
    let instruments = run_ticks::instruments(&data.files)?;
    plan.share_default_weight(layers, instruments);
    interrupt::keep_partial_results();
    let replay = |config: &RunConfig| {
        replay(plan, config, &data.files, entry.make(params, instruments)?, session)
    };
    let made = Made::of_ticks(plan, &data, replay(&plan.config)?)?;
    let bands = bands::around(plan, true, &made.outcome, |config| Ok(replay(config)?.outcome))?;
    Ok(Made { bands, ..made })
}

fn replay(
    plan: &RunPlan,
    config: &RunConfig,
    files: &[TickFile],
    strategy: Box<dyn Strategy>,
    session: &Session,
) -> Result<TickRun, Failure> {
    let records: u64 = files.iter().map(TickFile::len).sum();
    let bar = session.out.progress(records, "events");
    let mut tell = |events: u64, equity: i128| {
        bar.set(events, || {
            let equity = Cash::from_nano(equity).to_string();
            format!("equity {}", number::amount(&equity, 0))
        });
    };
    let made = run_ticks::run_on_ticks(
        config,
        files,
        plan.sample_ns,
        Pace::Ahead,
        strategy,
        interrupt::flag(),
        &mut tell,
    );
    bar.finish();
    Ok(made?)
}

/// Puts the run into the ledger, with how its command has ended.
///
/// # Errors
/// What it was given.
pub fn keep(
    finished: &Finished,
    ended: Result<(), Failure>,
    session: &Session,
) -> Result<(), Failure> {
    let mut record = finished.record(session);
    record.ended_with(&ended);
    runs::keep(&record, &session.out);
    ended
}

/// The command `name` with the settings of `layers` as flags, and `more` words: it makes the same
/// run without files and environment.
pub fn execute_command(name: &str, layers: &Layers, more: &[String]) -> String {
    let mut text = format!("{} {name}", version::program());
    for word in layers.arguments().iter().chain(more) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
        let is_plain = !word.is_empty() && word.chars().all(plain);
        text.push(' ');
        text.push_str(&if is_plain { word.clone() } else { quoted(word) });
    }
    text
}

/// `word` in single quotes, as a shell wants it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn json_of(value: ParamValue) -> Value {
    match value {
        ParamValue::Int(value) => json!(value),
        ParamValue::Float(value) => json!(value),
        ParamValue::Flag(value) => json!(value),
        ParamValue::Choice(value) => json!(value),
    }
}

fn simulate(
    plan: &RunPlan,
    config: &RunConfig,
    data: &RunData,
    strategy: Box<dyn Strategy>,
    session: &Session,
) -> Result<RunOutcome, Failure> {
    let references: Vec<&BarSeries> = data.series.iter().collect();
    let prints: Vec<&[TradeRecord]> = data.prints.iter().map(Vec::as_slice).collect();
    let bar = session.out.progress(events_ahead(plan, data), "events");
    let mut tell = |events: u64, equity: i128| {
        bar.set(events, || {
            let equity = Cash::from_nano(equity).to_string();
            format!("equity {}", number::amount(&equity, 0))
        });
    };
    let stop = interrupt::flag();
    let outcome = run_on_trades(config, &references, &prints, strategy, stop, &mut tell);
    bar.finish();
    Ok(outcome?)
}

/// How many bars and trades the run will be fed: about as many events as it has, since reports on
/// orders are few.
fn events_ahead(plan: &RunPlan, data: &RunData) -> u64 {
    let from_ns = plan.config.from_ns.unwrap_or(i64::MIN);
    let to_ns = plan.config.to_ns.unwrap_or(i64::MAX);
    let ahead = data.series.iter().zip(&data.prints).map(|(series, prints)| {
        let bars = &series.bars;
        let start = bars.partition_point(|bar| bar.open_ns < from_ns);
        let end = bars.partition_point(|bar| bar.open_ns < to_ns).max(start);
        let bars = &bars[start..end];
        let span = bars.first().zip(bars.last()).map(|(first, last)| {
            let begin = prints.partition_point(|print| print.venue_ns < first.open_ns);
            let end = prints.partition_point(|print| print.venue_ns < last.close_ns);
            end.saturating_sub(begin)
        });
        (bars.len() + span.unwrap_or(0)) as u64
    });
    ahead.sum()
}

impl Finished {
    /// The series by reference, as the report takes them.
    pub fn references(&self) -> Vec<&BarSeries> {
        self.series.iter().collect()
    }

    /// Bars that were traded, of all instruments.
    pub fn bars(&self) -> u64 {
        self.outcome.ranges.iter().map(|range| (range.end - range.start) as u64).sum()
    }

    /// The records of ticks that were played, of all instruments; none in a run on bars.
    pub fn records(&self) -> Option<u64> {
        self.outcome.records.as_ref().map(|records| records.iter().sum())
    }

    /// Why the command does not end with success, if so.
    pub fn verdict(&self) -> Option<Failure> {
        if self.outcome.ended == Ended::Interrupted {
            let covered = self.document.equity_curve.last().map_or("nothing", |(time, _)| time);
            return Some(Failure::new(
                Reason::Interrupted,
                format!("interrupted: the result reaches to {covered} and is kept as {}", self.id),
            ));
        }
        if self.outcome.fills.is_empty() && !self.plan.allow_no_trades {
            let failure = Failure::nothing(format!("the run has no fills: {}", self.idleness()));
            if self.outcome.denials.get("SIZE_BELOW_LOT").is_some_and(|count| *count > 0) {
                let lots: Vec<String> = self
                    .series
                    .iter()
                    .map(|s| s.spec.qty_text(qt_types::Qty::from_lots(1)))
                    .collect();
                return Some(failure.hint(format!(
                    "the lot is {} here; set a smaller one with --lot, or more --capital",
                    lots.join(", ")
                )));
            }
            return Some(failure.hint(format!(
                "change the parameters or the period ({} strategies show {}), or accept it with \
                 --allow-no-trades",
                version::program(),
                self.plan.strategy
            )));
        }
        None
    }

    /// Why nothing was traded.
    fn idleness(&self) -> String {
        let denied: Vec<String> = self
            .outcome
            .denials
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(code, count)| format!("{code} {}", number::count(*count)))
            .collect();
        if !denied.is_empty() {
            return format!("every order was denied ({})", denied.join(", "));
        }
        if let Some(records) = self.records() {
            let records = number::plural(records, "record");
            return format!(
                "nobody met an order of {} in {records}, if it had any",
                self.plan.strategy
            );
        }
        let bars = number::plural(self.bars(), "bar");
        let first = self.outcome.ranges.iter().map(|range| range.warmup_from).min().unwrap_or(0);
        let last = self.outcome.ranges.iter().map(|range| range.end).max().unwrap_or(0);
        if last - first <= self.warmup {
            return format!(
                "{} needs {} before its first decision, and there are {bars}",
                self.plan.strategy,
                number::plural(self.warmup as u64, "bar")
            );
        }
        format!("{} gave no signal in {bars}", self.plan.strategy)
    }

    fn record(&self, session: &Session) -> RunRecord {
        let mut record = RunRecord::new(&self.id, self.started_ns, self.kind, session.code)
            .with_result(&self.document, self.outcome.events);
        record.command.clone_from(&self.command);
        record.seed = self.plan.seed;
        let state = match (self.outcome.ended, self.outcome.fills.is_empty()) {
            (Ended::Interrupted, _) => "interrupted",
            (Ended::Bankrupt, _) => "bankrupt",
            (Ended::Data, true) => "empty",
            (Ended::Data, false) => "done",
        };
        state.clone_into(&mut record.state);
        record
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::settings::Sources;

    fn ahead_and_events(more: &[(&'static str, &str)]) -> (u64, u64) {
        let folder = std::env::temp_dir().join(format!("qt-ahead-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("t.csv");
        let rows = (0..600).map(|at| format!("{},10.{:02},5\n", 1_700_000_040 + at * 7, at % 50));
        std::fs::write(&path, "time,price,size\n".to_owned() + &rows.collect::<String>()).unwrap();
        let mut flags: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        let data = path.to_string_lossy().into_owned();
        for (name, value) in
            [("data", data.as_str()), ("strategy", "buy_and_hold")].iter().chain(more)
        {
            flags.insert(name, vec![(*value).to_owned()]);
        }
        let layers = Layers::only(&Sources { flags: Some(&flags), ..Sources::default() }).unwrap();
        let session = Session::for_tests();
        let plan = RunPlan::new(&layers).unwrap();
        let data =
            dataset::open_run(&plan.data, &plan.reading, &dataset::Window::WHOLE, &session.out)
                .unwrap();
        let (entry, params) = strategy_of(&plan, &session).unwrap();
        let strategy = entry.make(&params, 1).unwrap();
        let outcome = simulate(&plan, &plan.config, &data, strategy, &session).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        (events_ahead(&plan, &data), outcome.events)
    }

    #[test]
    fn progress_counts_what_is_fed() {
        let all = [("bars", "1m"), ("qty", "1")];
        let part = [&all[..], &[("from", "2023-11-14T22:30:00Z"), ("to", "2023-11-14T23:00:00Z")]];
        let (ahead, events) = ahead_and_events(&all);
        assert_eq!(ahead, 600 + 70, "the trades and the minutes made of them");
        assert!((ahead..ahead + 10).contains(&events), "{events} events, {ahead} expected");
        let (ahead, events) = ahead_and_events(&part.concat());
        assert!((250..ahead + 10).contains(&events) && events >= ahead, "{events}, {ahead}");
    }
}
