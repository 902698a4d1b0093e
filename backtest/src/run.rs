//! One backtest, from checked series and a strategy to its outcome.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use qt_data::series::{BarSeries, TradeRecord};
use qt_engine::{Ensemble, Halt, ParentReport, PipelineConfig, Strategy};
use qt_risk::{Account, Prices};
use qt_types::{Cash, InstrumentId, InstrumentSpec, Nanos, Qty};

use crate::conditions::Span;
use crate::config::RunConfig;
use crate::currency_outcome::CurrencyOutcome;
use crate::curve::EquityCurve;
use crate::execution::{Execution, after_fills};
use crate::metrics::{Metrics, is_too_short};
use crate::periods::periods_per_year;
use crate::recorder::{Fill, Settled};
use crate::risk::RiskOutcome;
use crate::signals::SignalsOutcome;
use crate::simulator::{Backtest, Ended, Simulator, Tape};
use crate::spare::SpareList;
use crate::strategies::StrategyOutcome;
use crate::trades::RoundTrip;
use crate::venue::{FillAt, VenueCounts};

/// Why a run could not be made or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No bar lies in the range of time asked for.
    #[error("{symbol} has no bar in the range asked for: its data reaches from {from} to {to}")]
    NoData {
        /// The series.
        symbol: String,
        /// Its first bar.
        from: String,
        /// The end of its last bar.
        to: String,
    },
    /// Settings that do not go together.
    #[error("{0}")]
    Config(String),
    /// The data is damaged.
    #[error("{0}")]
    Data(#[from] qt_data::error::DataError),
    /// The loop could not go on: a ledger failed its check, or the strategy never came to rest.
    #[error("{0}; if it is not your strategy's doing, report it with the command and data hash")]
    Halt(#[from] Halt),
}

/// What a run brought.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// How it ended.
    pub ended: Ended,
    /// The units of every instrument.
    pub specs: Vec<InstrumentSpec>,
    /// The equity at each close.
    pub curve: EquityCurve,
    /// All fills in order.
    pub fills: SpareList<Fill>,
    /// All closed round trips.
    pub trips: Vec<RoundTrip>,
    /// The figures.
    pub metrics: Metrics,
    /// How many closes a year has.
    pub periods_per_year: f64,
    /// The equity at the start: the capital and what was deposited beside it.
    pub initial_equity: Cash,
    /// The equity at the end.
    pub final_equity: Cash,
    /// The currencies of the account; `None` where there is only one.
    pub currencies: Option<CurrencyOutcome>,
    /// What is held beyond whole lots: the instrument, and billionths of a unit.
    pub dust: Vec<(InstrumentId, i64)>,
    /// Positions that were settled because their instrument had expired.
    pub settlements: Vec<Settled>,
    /// All fees. This and the next three in the currency of the account, at the rates of the end.
    pub total_fees: Cash,
    /// What was paid for being short.
    pub borrow_paid: Cash,
    /// What was paid as funding, less what was received.
    pub funding_paid: Cash,
    /// Profit realised before fees.
    pub realised: Cash,
    /// Lots still held, by instrument.
    pub positions: Vec<Qty>,
    /// What each of several strategies brought; empty where the run has one.
    pub strategies: Vec<StrategyOutcome>,
    /// How often what was denied or refused, by code. Only codes that occurred, and
    /// `MAX_ORDER_QTY` always.
    pub denials: BTreeMap<&'static str, u64>,
    /// What the risk gate said.
    pub risk: RiskOutcome,
    /// What the venue counted.
    pub counts: VenueCounts,
    /// How often the account was closed out.
    pub margin_calls: u64,
    /// Intents dropped because one call asked for too many.
    pub intents_dropped: u64,
    /// The bars fed, by instrument: first, traded from, one past the last. On ticks the samples
    /// of the equity.
    pub ranges: Vec<BarRange>,
    /// The records of ticks that we were told of, by instrument; none in a run on bars.
    pub records: Option<Vec<u64>>,
    /// How the orders were executed.
    pub execution: Execution,
    /// Parent orders of execution algorithms that were in work when it ended, oldest first.
    pub parents: Vec<ParentReport>,
    /// What became of the signals of the run, where there were any and the data was looked through
    /// again.
    pub signals: Option<SignalsOutcome>,
    /// Events that went through the sequencer.
    pub events: u64,
    /// Time of the loop in seconds.
    pub wall_seconds: f64,
    /// The hash over everything that went in and came out.
    pub determinism_hash: u64,
}

/// The rows of a series that a run used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarRange {
    /// The first bar that warmed the strategy up.
    pub warmup_from: usize,
    /// The first bar that was traded.
    pub start: usize,
    /// One past the last bar.
    pub end: usize,
}

/// Runs `strategy` over `series`, one per instrument. `interrupt` ends the run early with what
/// it has; `progress` is called now and then with the number of events and the equity in
/// nano-units.
///
/// # Errors
/// When a series has no bar in range, settings contradict each other, or the ledger fails.
pub fn run(
    config: &RunConfig,
    series: &[&BarSeries],
    strategy: Box<dyn Strategy>,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(u64, i128),
) -> Result<RunOutcome, RunError> {
    run_on_trades(config, series, &[], strategy, interrupt, progress)
}

/// The same where some of the series were built from trades: `prints[i]` are those of series i
/// (none: fewer entries or an empty one). Orders meet the trades; the strategy is told of both.
///
/// # Errors
/// As [`run`].
pub fn run_on_trades(
    config: &RunConfig,
    series: &[&BarSeries],
    prints: &[&[TradeRecord]],
    strategy: Box<dyn Strategy>,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(u64, i128),
) -> Result<RunOutcome, RunError> {
    check(config, series)?;
    let warmup = strategy.warmup();
    let ranges = ranges(config, series, warmup)?;
    let tapes: Vec<Tape<'_>> = series
        .iter()
        .zip(&ranges)
        .enumerate()
        .map(|(at, (series, range))| {
            let tape = Tape::of_bars(series, range.warmup_from, range.start, range.end);
            tape.with_prints(prints.get(at).copied().unwrap_or_default())
        })
        .collect();
    let specs: Vec<InstrumentSpec> = series.iter().map(|series| series.spec.clone()).collect();
    let pipeline = PipelineConfig {
        specs: specs.clone(),
        initial: config.capital,
        exits: config.exits,
        limits: config.limits,
        epoch: 0,
        books: Vec::new(),
        // Timers before the first bar that is traded only warm the strategy up, as bars do.
        active_from_ns: active_from(series, &ranges),
    };
    let span = span(series, &ranges);
    let venue = config.venue_of(&specs, span).map_err(RunError::Config)?;
    let periods = config.periods_per_year.unwrap_or_else(|| periods_per_year(series, &ranges));
    let prices = Prices { interval_ns: 0, periods_e3: (periods * 1e3).round() as i64 };
    let initial = venue.scene.money.initial_equity(config.capital);
    let count = strategy.ensemble().map_or(1, Ensemble::len);
    let gate = config.gate_for(&specs, prices, initial, count);
    let signals = config.signals.arriving(&specs).map_err(RunError::Config)?;
    let backtest: Backtest<'_> =
        Simulator::new(&tapes, pipeline, venue, &config.feed(), strategy, gate);
    let mut backtest = backtest.with_signals(signals);
    let clock = Instant::now();
    let ended = backtest.run_boxed(interrupt, progress)?;
    if config.close_at_end && ended == Ended::Data {
        backtest.close_positions()?;
    }
    let wall_seconds = clock.elapsed().as_secs_f64();
    let desk = backtest.into_desk();
    let mut outcome = RunOutcome::new(config, series, ranges, desk, ended, wall_seconds);
    if config.look_back {
        let markouts = after_fills(&outcome.fills, series, &outcome.ranges);
        outcome.execution.markouts = Some(markouts);
        outcome.look_back_at_signals(config, series)?;
    }
    Ok(outcome)
}

/// What must hold whatever the data is.
pub(crate) fn check_config(config: &RunConfig) -> Result<(), RunError> {
    let fail = |text: &str| Err(RunError::Config(text.to_owned()));
    if config.capital <= Cash::ZERO {
        return fail("the capital must be above zero");
    }
    if matches!(config.account, Account::Margin { leverage_e9 } if leverage_e9 <= 0) {
        return fail("the leverage must be above zero");
    }
    if config.borrow_rate_e9 < 0 {
        return fail("the borrow rate cannot be negative");
    }
    let latency = config.feed_latency_ns | config.order_latency_ns | config.response_latency_ns;
    if latency < 0 {
        return fail("a latency cannot be negative");
    }
    if config.exits.stop_bps.is_some() && config.exits.trail_bps.is_some() {
        return fail("a stop and a trailing stop: only one of them can protect an entry");
    }
    let conditions = &config.conditions;
    let has_model = conditions.order_latency.is_some() || conditions.feed_latency.is_some();
    if has_model && config.fill_at == FillAt::Close {
        return fail("--fill close fills at the time of the decision: it allows no latency");
    }
    if config.fill_at == FillAt::Close && config.feed_latency_ns + config.order_latency_ns > 0 {
        return fail("--fill close fills at the time of the decision: it allows no latency");
    }
    Ok(())
}

fn check(config: &RunConfig, series: &[&BarSeries]) -> Result<(), RunError> {
    check_config(config)?;
    let fail = |text: &str| Err(RunError::Config(text.to_owned()));
    if series.is_empty() {
        return fail("a run needs at least one series");
    }
    if series.len() > config.limits.instruments_max {
        return fail("more series than a run may have instruments");
    }
    Ok(())
}

/// When the first bar opens that is traded.
fn active_from(series: &[&BarSeries], ranges: &[BarRange]) -> Nanos {
    let opens = series.iter().zip(ranges).map(|(series, range)| &series.bars[range.start]);
    opens.map(|bar| Nanos::new(bar.open_ns)).min().unwrap_or(Nanos::MIN)
}

/// From the first bar to the end of the last one.
fn span(series: &[&BarSeries], ranges: &[BarRange]) -> Span {
    let of = |(series, range): (&&BarSeries, &BarRange)| {
        let bars = &series.bars[range.warmup_from..range.end];
        Some((bars.first()?.open_ns, bars.last()?.close_ns))
    };
    let all = series.iter().zip(ranges).filter_map(of);
    let (from_ns, to_ns) =
        all.fold((i64::MAX, i64::MIN), |(from, to), (first, last)| (from.min(first), to.max(last)));
    Span { from_ns, to_ns }
}

fn ranges(
    config: &RunConfig,
    series: &[&BarSeries],
    warmup: usize,
) -> Result<Vec<BarRange>, RunError> {
    let from_ns = config.from_ns.unwrap_or(i64::MIN);
    let to_ns = config.to_ns.unwrap_or(i64::MAX);
    let range_of = |series: &&BarSeries| {
        let bars = &series.bars;
        let start = bars.partition_point(|bar| bar.open_ns < from_ns);
        let end = bars.partition_point(|bar| bar.open_ns < to_ns);
        if start >= end {
            let text = |ns: Option<i64>| {
                ns.map_or_else(|| "(no bars)".to_owned(), qt_data::stamp::iso_text)
            };
            return Err(RunError::NoData {
                symbol: series.spec.symbol().to_owned(),
                from: text(bars.first().map(|bar| bar.open_ns)),
                to: text(bars.last().map(|bar| bar.close_ns)),
            });
        }
        Ok(BarRange { warmup_from: start.saturating_sub(warmup), start, end })
    };
    series.iter().map(range_of).collect()
}

impl RunOutcome {
    /// Whether the run is too short for figures per year.
    #[must_use]
    pub fn is_too_short(&self) -> bool {
        is_too_short(self.curve.len(), self.periods_per_year)
    }

    /// The figures that can be shown: those per year only where the run is long enough.
    #[must_use]
    pub fn shown_metrics(&self, of: &Metrics) -> Metrics {
        if self.is_too_short() { of.without_annual() } else { of.clone() }
    }

    /// Rows of instrument `at` that became events, warm-up included: bars, or records of ticks.
    #[must_use]
    pub fn events_of(&self, at: usize) -> u64 {
        match &self.records {
            Some(records) => records.get(at).copied().unwrap_or(0),
            None => self.ranges.get(at).map_or(0, |range| (range.end - range.warmup_from) as u64),
        }
    }

    /// Looks through `series` for what became of the signals of the run.
    pub(crate) fn look_back_at_signals(
        &mut self,
        config: &RunConfig,
        series: &[&BarSeries],
    ) -> Result<(), RunError> {
        let Some(end_ns) = self.end_ns() else { return Ok(()) };
        let signals = SignalsOutcome::of(&config.signals, series, &self.ranges, end_ns);
        self.signals = signals.map_err(RunError::Config)?;
        Ok(())
    }

    /// The last time of the run (UTC ns).
    #[must_use]
    pub fn end_ns(&self) -> Option<Nanos> {
        self.curve.get(self.curve.len().checked_sub(1)?).map(|(time_ns, _)| time_ns)
    }
}
