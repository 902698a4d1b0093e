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
use qt_strategies::registry::Hears;
use qt_types::Cash;

use super::bands;
use crate::app::Session;
use crate::cast::Cast;
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
    let cast = Cast::new(&plan, session)?;
    plan.reading.load.threads = session.threads;
    plan.config.look_back = true;
    let on_books = match cast.hears() {
        Hears::Bars => false,
        Hears::Book => true,
        Hears::Signals => {
            let is_ticks = |given: &String| ticks::is_ticks(given, &plan.reading);
            plan.reading.bars.is_none() && plan.data.iter().any(is_ticks)
        }
    };
    let made = if on_books {
        on_ticks(&mut plan, &cast, layers, session)?
    } else {
        on_bars(&mut plan, &cast, layers, session)?
    };
    Ok(finish(kind, begun, plan, &cast, made, layers))
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
    cast: &Cast<'_>,
    made: Made,
    layers: &Layers,
) -> Finished {
    let Begun { clock, started_ns } = begun;
    let Made { series, outcome, warmup, warnings, files, bands } = made;
    let id = RunId::new(started_ns);
    let command = execute_command("backtest", layers, &[]);
    let references: Vec<&BarSeries> = series.iter().collect();
    let symbols: Vec<&str> = series.iter().map(|series| series.spec.symbol()).collect();
    let head = ResultHead {
        run_id: id.text().to_owned(),
        strategy: cast.name(),
        params: cast.params(),
        strategies: cast.heads(&symbols),
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
    cast: &Cast<'_>,
    layers: &Layers,
    session: &Session,
) -> Result<Made, Failure> {
    let warmup = |count| cast.warmup(count);
    let window = plan.window(&warmup);
    let data = dataset::open_run(&plan.data, &plan.reading, &window, &session.out)?;
    let symbols: Vec<&str> = data.series.iter().map(|series| series.spec.symbol()).collect();
    plan.share_default_weight(layers, cast.shares(&symbols));
    let strategy = cast.make(&symbols)?;
    let warmup = strategy.warmup();
    interrupt::keep_partial_results();
    let outcome = simulate(plan, &plan.config, &data, strategy, session)?;
    let bands = bands::around(plan, false, &outcome, |config| {
        simulate(plan, config, &data, cast.make(&symbols)?, session)
    })?;
    let warnings = warnings::of(plan, &data.series, &data.prints, &outcome);
    let (series, files) = (data.series, Vec::new());
    Ok(Made { series, outcome, warmup, warnings, files, bands })
}

fn on_ticks(
    plan: &mut RunPlan,
    cast: &Cast<'_>,
    layers: &Layers,
    session: &Session,
) -> Result<Made, Failure> {
    if plan.reading.bars.is_some() {
        return Err(Failure::usage(format!("{} decides on order books, not on bars", cast.name()))
            .hint("leave --bars away"));
    }
    let data = ticks::open(&plan.data, &plan.reading, &session.out)?;
    let symbols = run_ticks::symbols(&data.files)?;
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    plan.share_default_weight(layers, cast.shares(&symbols));
    interrupt::keep_partial_results();
    let replay =
        |config: &RunConfig| replay(plan, config, &data.files, cast.make(&symbols)?, session);
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
            let was_sent = self.document.execution.orders.sent > 0;
            if !was_sent
                && self.outcome.denials.get("SIZE_BELOW_LOT").is_some_and(|count| *count > 0)
            {
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
                self.plan.roles.first().map_or("", |role| role.strategy.as_str())
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
        let sent = self.document.execution.orders.sent;
        if sent == 0 && !denied.is_empty() {
            return format!("every order was denied ({})", denied.join(", "));
        }
        if sent > 0 {
            return format!("nobody met {}", number::plural(sent, "order"));
        }
        if let Some(records) = self.records() {
            let records = number::plural(records, "record");
            return format!("{} sent no order in {records}", self.plan.strategies());
        }
        let bars = number::plural(self.bars(), "bar");
        let first = self.outcome.ranges.iter().map(|range| range.warmup_from).min().unwrap_or(0);
        let last = self.outcome.ranges.iter().map(|range| range.end).max().unwrap_or(0);
        if last - first <= self.warmup {
            return format!(
                "{} needs {} before its first decision, and there are {bars}",
                self.plan.strategies(),
                number::plural(self.warmup as u64, "bar")
            );
        }
        format!("{} gave no signal in {bars}", self.plan.strategies())
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
        let strategy = Cast::new(&plan, &session).unwrap().make(&["t"]).unwrap();
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
