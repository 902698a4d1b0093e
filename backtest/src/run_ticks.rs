//! One backtest over tick files, from their instruments to its outcome.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use qt_data::calendar::Calendar;
use qt_data::series::{BarRecord, BarSeries, DataKind, Source, Stamps};
use qt_data::ticks::{RecordKind, TickFile};
use qt_engine::{
    BookKind, BookLimits, CrossPolicy, Ensemble, Gate, OrderBookLimits, PipelineConfig, Strategy,
};
use qt_ring::Wait;
use qt_risk::{Prices, RiskGate};
use qt_types::{BarFlags, InstrumentId, InstrumentSpec, Limits, Nanos, OrderTick, Price, Tick};

use crate::conditions::Span;
use crate::config::RunConfig;
use crate::desk::Desk;
use crate::execution::look_back;
use crate::outcome::RunDesk;
use crate::replay::{
    Feeds, Film, Pace, Player, PlayerError, Replay, ReplayConfig, ReplayError, Replayed,
};
use crate::run::{BarRange, RunError, RunOutcome, check_config};
use crate::simulator::Ended;
use crate::tape::id_of;
use crate::venue::SimVenue;
use crate::witness::Witness;

/// A year of markets that never close, in seconds.
const YEAR_S: i64 = 31_557_600;

/// A run over ticks and the samples of its prices, as bars: reports and benchmarks read these.
#[derive(Debug)]
pub struct TickRun {
    /// What the run brought.
    pub outcome: RunOutcome,
    /// The price of each instrument between two samples of the equity.
    pub series: Vec<BarSeries>,
    /// The instruments of which no price that anybody wanted to trade at was ever told: their
    /// data are trades alone.
    pub trades_alone: Vec<InstrumentId>,
}

/// Runs `strategy` over `files`, all of which hold the same kind of records. The equity is
/// sampled every `sample_ns`; `pace` does not change the result.
///
/// # Errors
/// When the files do not go together or are damaged, settings contradict each other, or a ledger
/// fails its check.
pub fn run_on_ticks(
    config: &RunConfig,
    files: &[TickFile],
    sample_ns: i64,
    pace: Pace,
    strategy: Box<dyn Strategy>,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(u64, i128),
) -> Result<TickRun, RunError> {
    let stage = TickStage::new(config, files, sample_ns, pace)?;
    match stage.kind() {
        RecordKind::Orders => stage.run::<OrderTick>(strategy, interrupt, progress),
        RecordKind::Levels => stage.run::<Tick>(strategy, interrupt, progress),
    }
}

/// The symbols of the instruments that a run over `files` has.
///
/// # Errors
/// When the files do not go together or are damaged.
pub fn symbols(files: &[TickFile]) -> Result<Vec<String>, RunError> {
    let specs = Cast::of(&RunConfig::default(), files)?.specs;
    Ok(specs.iter().map(|spec| spec.symbol().to_owned()).collect())
}

/// The instruments of a run.
struct Cast {
    specs: Vec<InstrumentSpec>,
    /// The run's instruments, by file and the file's.
    ids: Vec<Vec<InstrumentId>>,
    calendars: Calendar,
}

impl Cast {
    /// One instrument for each symbol; a symbol of several files is the same instrument.
    fn of(config: &RunConfig, files: &[TickFile]) -> Result<Self, RunError> {
        let fail = |text: String| Err(RunError::Config(text));
        let Some(first) = files.first() else { return fail("a run needs data".to_owned()) };
        let mut specs: Vec<InstrumentSpec> = Vec::new();
        let mut ids = Vec::new();
        for file in files {
            if file.kind() != first.kind() {
                return fail(format!(
                    "{} holds {}, but {} holds {}: run them apart",
                    file.path(),
                    file.kind().text(),
                    first.path(),
                    first.kind().text(),
                ));
            }
            let mut of_file = Vec::new();
            for spec in file.description()?.instruments {
                let known = specs.iter().position(|other| other.symbol() == spec.symbol());
                match known {
                    Some(at) if specs[at] != spec => {
                        return fail(format!(
                            "{}: {} has other units than in the files before (set --tick and \
                             --lot, or import the files together)",
                            file.path(),
                            spec.symbol(),
                        ));
                    }
                    Some(at) => of_file.push(id_of(at)),
                    None => {
                        of_file.push(id_of(specs.len()));
                        specs.push(spec);
                    }
                }
            }
            ids.push(of_file);
        }
        if specs.len() > config.limits.instruments_max {
            return fail("more instruments than a run may have".to_owned());
        }
        Ok(Self { specs, ids, calendars: Calendar::Always })
    }

    /// The book of each instrument, its window around the first price.
    fn books<R: Replayed>(&self, files: &[TickFile]) -> Result<Vec<BookKind>, RunError> {
        let mut firsts = vec![None; self.specs.len()];
        for (file, ids) in files.iter().zip(&self.ids) {
            for index in 0..file.blocks().min(1) {
                for record in file.block::<R>(index)?.iter() {
                    let id = ids.get(usize::from(record.instrument()));
                    if let Some(first) = id.and_then(|id| firsts.get_mut(id.index())) {
                        let price = record.price_ticks();
                        *first = first.or((price > 0).then_some(Price::from_ticks(price)));
                    }
                }
            }
        }
        let kind = |first: Option<Price>| {
            // Recordings are never perfect: two streams of one venue can disagree for a moment.
            let around = first.map_or_else(BookLimits::default, BookLimits::around);
            let limits = around.with_crosses(CrossPolicy::Uncross);
            if R::KIND == RecordKind::Levels {
                return BookKind::Levels(limits);
            }
            BookKind::Orders(OrderBookLimits {
                window_ticks: limits.window_ticks,
                crosses: limits.crosses,
                ..OrderBookLimits::default()
            })
        };
        Ok(firsts.into_iter().map(kind).collect())
    }
}

/// Everything that a run over tick files is made from, but for the strategy.
pub struct TickStage<'a> {
    config: &'a RunConfig,
    files: &'a [TickFile],
    cast: Cast,
    settings: ReplayConfig,
}

impl<'a> TickStage<'a> {
    /// The stage of a run as of [`run_on_ticks`].
    ///
    /// # Errors
    /// When the files do not go together or settings contradict each other.
    pub fn new(
        config: &'a RunConfig,
        files: &'a [TickFile],
        sample_ns: i64,
        pace: Pace,
    ) -> Result<Self, RunError> {
        check_config(config)?;
        let cast = Cast::of(config, files)?;
        let settings = ReplayConfig {
            from_ns: config.from_ns.unwrap_or(i64::MIN),
            to_ns: config.to_ns.unwrap_or(i64::MAX),
            feed: config.feed(),
            sample_ns,
            pace,
        };
        Ok(Self { config, files, cast, settings })
    }

    /// What the records of its files are.
    #[must_use]
    pub fn kind(&self) -> RecordKind {
        self.files.first().map_or(RecordKind::Levels, TickFile::kind)
    }

    /// The instruments, by [`InstrumentId`].
    #[must_use]
    pub fn specs(&self) -> &[InstrumentSpec] {
        &self.cast.specs
    }

    /// From when on (UTC ns) the strategy may act; what is before that only warms it up.
    #[must_use]
    pub const fn from_ns(&self) -> i64 {
        self.settings.from_ns
    }

    /// The bounds of its pipeline.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// The files as they are replayed.
    fn films(&self) -> Vec<Film<'_>> {
        let films = self.files.iter().zip(&self.cast.ids);
        films.map(|(file, instruments)| Film { file, instruments }).collect()
    }

    /// Runs `strategy` on it.
    fn run<R: Replayed>(
        &self,
        strategy: Box<dyn Strategy>,
        interrupt: &AtomicBool,
        progress: &mut dyn FnMut(u64, i128),
    ) -> Result<TickRun, RunError> {
        let books = self.cast.books::<R>(self.files)?;
        let desk = self.desk(&books, strategy)?;
        let films = self.films();
        let replay = Replay::new(&films, self.settings.clone(), desk)?;
        self.finish::<R>(replay, &books, interrupt, progress)
    }

    /// Runs `strategy` on it event by event with `witness` beside it, in the order of time.
    ///
    /// # Errors
    /// As [`run_on_ticks`], and when the witness cannot keep what happens.
    pub fn run_witnessed<R: Replayed>(
        &self,
        strategy: Box<dyn Strategy>,
        witness: Box<dyn Witness>,
        interrupt: &AtomicBool,
        progress: &mut dyn FnMut(u64, i128),
    ) -> Result<TickRun, RunError> {
        let books = self.cast.books::<R>(self.files)?;
        let desk = self.desk(&books, strategy)?.with_witness(witness);
        let films = self.films();
        let settings = ReplayConfig { pace: Pace::Naive, ..self.settings.clone() };
        let replay = Replay::new(&films, settings, desk)?;
        self.finish::<R>(replay, &books, interrupt, progress)
    }

    /// The same on what [`Self::player`] hands over from another thread.
    ///
    /// # Errors
    /// As [`Self::run_witnessed`].
    pub fn run_fed<R: Replayed>(
        &self,
        feeds: Feeds<R>,
        strategy: Box<dyn Strategy>,
        witness: Box<dyn Witness>,
        interrupt: &AtomicBool,
        progress: &mut dyn FnMut(u64, i128),
    ) -> Result<TickRun, RunError> {
        let books = self.cast.books::<R>(self.files)?;
        let desk = self.desk(&books, strategy)?.with_witness(witness);
        let replay = Replay::fed(feeds, &self.cast.ids, self.settings.clone(), desk)?;
        self.finish::<R>(replay, &books, interrupt, progress)
    }

    /// A player of its films, and what it plays to.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn player<R: Replayed>(
        &self,
        wait: Wait,
    ) -> Result<(Player<'_, R>, Feeds<R>), PlayerError> {
        Player::new(&self.films(), &self.settings, wait)
    }

    /// A desk for [`Desk::rehearse`].
    ///
    /// # Errors
    /// When settings contradict each other.
    pub fn rehearsal(&self, strategy: Box<dyn Strategy>) -> Result<RunDesk, RunError> {
        self.replica(strategy, |gate| gate)
    }

    /// The same with any strategy, and what `gate` makes of the run's gate.
    ///
    /// # Errors
    /// When settings contradict each other.
    pub fn replica<S: Strategy, G: Gate>(
        &self,
        strategy: S,
        gate: impl FnOnce(RiskGate) -> G,
    ) -> Result<Desk<S, G>, RunError> {
        let books = match self.kind() {
            RecordKind::Levels => self.cast.books::<Tick>(self.files)?,
            RecordKind::Orders => self.cast.books::<OrderTick>(self.files)?,
        };
        self.desk_with(&books, strategy, gate)
    }

    fn desk(&self, books: &[BookKind], strategy: Box<dyn Strategy>) -> Result<RunDesk, RunError> {
        self.desk_with(books, strategy, |gate| gate)
    }

    fn desk_with<S: Strategy, G: Gate>(
        &self,
        books: &[BookKind],
        strategy: S,
        gate: impl FnOnce(RiskGate) -> G,
    ) -> Result<Desk<S, G>, RunError> {
        let (config, cast, settings) = (self.config, &self.cast, &self.settings);
        let pipeline = PipelineConfig {
            specs: cast.specs.clone(),
            initial: config.capital,
            exits: config.exits,
            limits: config.limits,
            epoch: 0,
            books: books.to_vec(),
            active_from_ns: Nanos::new(settings.from_ns),
        };
        let span = span(self.files, settings);
        let venue = config.venue_of(&cast.specs, span).map_err(RunError::Config)?;
        let money = venue.scene.money.clone();
        let venue = SimVenue::new(venue, cast.specs.clone()).with_books(books);
        let periods = YEAR_S as f64 * 1e12 / settings.sample_ns.max(1) as f64;
        let periods_e3 = periods.round() as i64;
        let prices = Prices { interval_ns: settings.sample_ns, periods_e3 };
        let initial = money.initial_equity(config.capital);
        let count = strategy.ensemble().map_or(1, Ensemble::len);
        let gate = gate(config.gate_for(&cast.specs, prices, initial, count));
        let signals = config.signals.arriving(&cast.specs).map_err(RunError::Config)?;
        Ok(Desk::new(pipeline, venue, 4_096, strategy, gate).with_signals(signals))
    }

    /// Plays `replay` to its end, and looks at what it brought.
    fn finish<R: Replayed>(
        &self,
        mut replay: Replay<'_, R, Box<dyn Strategy>, RiskGate>,
        books: &[BookKind],
        interrupt: &AtomicBool,
        progress: &mut dyn FnMut(u64, i128),
    ) -> Result<TickRun, RunError> {
        let (config, files, cast) = (self.config, self.files, &self.cast);
        let clock = Instant::now();
        let ended = replay.run(interrupt, progress)?;
        if config.close_at_end && ended == Ended::Data {
            replay.close_positions()?;
        }
        replay.stop(ended);
        let wall_seconds = clock.elapsed().as_secs_f64();
        let records = replay.records()?;
        let (mut desk, marks) = replay.into_parts();
        let ids = (0..cast.specs.len()).map(id_of);
        let trades_alone = ids.filter(|&id| desk.venue.is_bookless(id)).collect();
        let sampled: Vec<i64> = desk.recorder.curve().iter().map(|(time, _)| time.get()).collect();
        if sampled.is_empty() {
            return Err(RunError::NoData {
                symbol: cast.specs[0].symbol().to_owned(),
                from: text(files.iter().map(|file| file.times().venue_first).min()),
                to: text(files.iter().map(|file| file.times().venue_last).max()),
            });
        }
        let series: Vec<BarSeries> = cast
            .specs
            .iter()
            .zip(&marks)
            .map(|(spec, marks)| {
                sampled_series(spec, &sampled, marks, self.settings.sample_ns, cast)
            })
            .collect();
        let references: Vec<&BarSeries> = series.iter().collect();
        let whole = BarRange { warmup_from: 0, start: 0, end: sampled.len() };
        let ranges = vec![whole; series.len()];
        desk.recorder.place_in(&sampled);
        let mut outcome = RunOutcome::new(config, &references, ranges, desk, ended, wall_seconds);
        outcome.records = Some(records);
        if config.look_back {
            // Of a run that was interrupted nobody knows what the market did afterwards.
            let over_ns = sampled.last().filter(|_| ended == Ended::Interrupted);
            let to_ns = over_ns.map_or(i64::MAX, |ns| ns.saturating_add(1));
            let range = (self.settings.from_ns, self.settings.to_ns.min(to_ns));
            look_back_at::<R>(&mut outcome, &self.films(), books, range)?;
            outcome.look_back_at_signals(config, &references)?;
        }
        Ok(TickRun { outcome, series, trades_alone })
    }
}

/// From the first record to the last one that is replayed.
fn span(files: &[TickFile], settings: &ReplayConfig) -> Span {
    let from_ns = files.iter().map(|file| file.times().venue_first).min().unwrap_or(0);
    let to_ns = files.iter().map(|file| file.times().venue_last).max().unwrap_or(0);
    Span { from_ns, to_ns: to_ns.min(settings.to_ns.saturating_sub(1)) }
}

/// What became of the fills, and samples of the books.
fn look_back_at<R: Replayed>(
    outcome: &mut RunOutcome,
    films: &[Film<'_>],
    books: &[BookKind],
    range: (i64, i64),
) -> Result<(), RunError> {
    let mut fills = Cow::Borrowed(outcome.fills.as_slice());
    if !fills.is_sorted_by_key(|fill| fill.venue_ns) {
        fills.to_mut().sort_by_key(|fill| fill.venue_ns);
    }
    let seen = look_back::<R>(films, books, range, &fills)?;
    outcome.execution.markouts = Some(seen.markouts);
    outcome.execution.books = seen.books;
    Ok(())
}

fn text(ns: Option<i64>) -> String {
    ns.map_or_else(|| "(no records)".to_owned(), qt_data::stamp::iso_text)
}

/// The marks at the samples as bars: each opens at the mark before it.
fn sampled_series(
    spec: &InstrumentSpec,
    times: &[i64],
    marks: &[Price],
    sample_ns: i64,
    cast: &Cast,
) -> BarSeries {
    // Before the first price the first one stands.
    let first = marks.iter().map(|mark| mark.ticks()).find(|&ticks| ticks > 0).unwrap_or(1);
    let mut open = first;
    let mut open_ns = times.first().map_or(0, |first_ns| first_ns.saturating_sub(sample_ns));
    let bar = |(row, (&close_ns, mark)): (usize, (&i64, &Price))| {
        let close = if mark.ticks() > 0 { mark.ticks() } else { open };
        let bar = BarRecord {
            open_ns,
            close_ns,
            open,
            high: open.max(close),
            low: open.min(close),
            close,
            volume: 0,
            row: u32::try_from(row).unwrap_or(u32::MAX),
            flags: BarFlags::NO_VOLUME,
        };
        (open, open_ns) = (close, close_ns);
        bar
    };
    BarSeries {
        spec: spec.clone(),
        kind: DataKind::Bars,
        bars: times.iter().zip(marks).enumerate().map(bar).collect(),
        half_spreads: Vec::new(),
        stamps: Stamps::Iso,
        interval_ns: sample_ns,
        calendar: cast.calendars.clone(),
        source: Source::default(),
        quality: None,
        notes: Vec::new(),
    }
}

impl From<ReplayError> for RunError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Halt(halt) => Self::Halt(halt),
            ReplayError::Data(error) => Self::Data(error),
        }
    }
}
