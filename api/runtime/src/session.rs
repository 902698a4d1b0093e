//! A session on paper: a player hands over a recording at its pace, the pipeline and the simulated
//! venue run on a thread of their own, and everything is in a journal before it is acted on.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam::channel::Receiver;
use qt_backtest::replay::{Player, PlayerError, Pushed, PutClock, Replayed};
use qt_backtest::run::RunError;
use qt_backtest::run_ticks::{TickRun, TickStage};
use qt_data::error::DataError;
use qt_data::ticks::RecordKind;
use qt_engine::Strategy;
use qt_journal::{Durable, JournalError, Options};
use qt_ring::{Cores, Placement, PlacementError, Seat, Wait};
use qt_types::{Control, OrderTick, Tick};

use crate::black_box::BlackBox;
use crate::figures::{FeedFigures, JournalFigures, SessionFigures, SnapshotFigures};
use crate::keeper::{Begin, Keeper, Shown};
use crate::manifest::Manifest;
use crate::opening::{self, States};
use crate::pace::{Pace, Speed};
use crate::stages::{Clock, FULL_SPEED_EVERY, Timing, is_turn};

/// What a session needs beside its stage and strategy.
#[derive(Debug)]
pub struct Settings {
    /// The folder of its journal.
    pub journal: PathBuf,
    /// What durable means.
    pub durable: Durable,
    /// How fast the recording is played.
    pub speed: Speed,
    /// What the run is made of.
    pub manifest: Manifest,
    /// The cores of the threads, where they are to have certain ones.
    pub seats: [Seat; 2],
    /// How threads wait for each other; by the number of cores without it.
    pub wait: Option<Wait>,
    /// How much memory the journal has, a power of two, with files in proportion; its own choice
    /// without it.
    pub journal_bytes: Option<usize>,
}

impl Settings {
    /// Of how many records one is timed.
    #[must_use]
    pub fn timed_every(&self) -> u32 {
        if self.speed == Speed::Max { FULL_SPEED_EVERY } else { 1 }
    }
}

/// The names of a session's threads: the one that plays, the one of the pipeline.
pub const THREADS: [&str; 2] = ["feed", "pipeline"];

/// A session that has ended.
#[derive(Debug)]
pub struct Ran {
    /// What it brought.
    pub run: TickRun,
    /// What is known of it.
    pub session: SessionFigures,
}

/// Why a session could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The journal.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// What happened could not be kept.
    #[error("{0}")]
    NotKept(String),
    /// The recording.
    #[error("{0}")]
    Data(#[from] DataError),
    /// The rings between the threads.
    #[error("{0}")]
    Player(#[from] PlayerError),
    /// The cores.
    #[error("{0}")]
    Placement(#[from] PlacementError),
    /// The run itself.
    #[error("{0}")]
    Run(#[from] RunError),
    /// The settings cannot be written down.
    #[error("the settings cannot be kept: {0}")]
    Manifest(#[from] serde_json::Error),
    /// The system gives it no thread.
    #[error("a thread of the session could not be started; end other programs and try again")]
    Start,
    /// A thread ended in a way that is a fault of ours.
    #[error("thread {0} ended unexpectedly; report it with the journal")]
    Thread(&'static str),
}

/// What a session has to do with those outside of it.
pub struct Outside<'a> {
    /// Brings decisions.
    pub controls: Receiver<Control>,
    /// What others may see of it while it runs.
    pub shown: &'a Arc<Shown>,
    /// Ends it in order.
    pub interrupt: &'a AtomicBool,
    /// Called now and then, on the thread that began it, with notes about its threads.
    pub watch: &'a mut dyn FnMut(&[String]),
}

/// Runs `strategy` on `stage` until the recording ends or it is interrupted.
///
/// A journal that holds an earlier process's part of the same run is gone on with: what it holds
/// happens again first, as fast as it can, and is held against it.
///
/// # Errors
/// When the journal is of another run or damaged, or anything fails on the way.
pub fn run(
    stage: &TickStage<'_>,
    strategy: Box<dyn Strategy>,
    settings: &Settings,
    outside: Outside<'_>,
) -> Result<Ran, SessionError> {
    match stage.kind() {
        RecordKind::Levels => run_on::<Tick>(stage, strategy, settings, outside),
        RecordKind::Orders => run_on::<OrderTick>(stage, strategy, settings, outside),
    }
}

/// How often the caller is told.
const WATCH: Duration = Duration::from_millis(100);

fn run_on<R: Replayed>(
    stage: &TickStage<'_>,
    strategy: Box<dyn Strategy>,
    settings: &Settings,
    outside: Outside<'_>,
) -> Result<Ran, SessionError> {
    let Outside { controls, shown, interrupt, watch } = outside;
    let cores = Cores::allowed();
    let placement = Placement::new(&cores, &settings.seats, settings.wait)?;
    let (clock, every) = (Clock::start(), settings.timed_every());
    let Opened { begin, known_ns } = open(stage, settings, Timing::new(clock, every))?;
    let repeated = begin.script.left();
    let mut black_box = BlackBox::new(&settings.journal, shown, begin.describer.clone());
    let keeper = Keeper::new(begin, controls, Arc::clone(shown));
    let (player, feeds) = stage.player::<R>(placement.wait)?;
    let player = player.with_clock(stamps(clock, every));
    // What was played before, or only warms up, comes at once.
    let pace = Pace::new(settings.speed, known_ns.max(stage.from_ns().saturating_sub(1)));
    let mut notes = placement.notes.clone();
    let seat = |at: usize| placement.seats.get(at).and_then(|seat| seat.core);
    let is_over = AtomicBool::new(false);
    let made = thread::scope(|scope| {
        let (cores, is_over) = (&cores, &is_over);
        let feed = thread::Builder::new().name(THREADS[0].to_owned());
        let feed = feed.spawn_scoped(scope, move || {
            pin(cores, seat(0));
            play(player, pace, interrupt, shown)
        });
        let pipeline = thread::Builder::new().name(THREADS[1].to_owned());
        let pipeline = pipeline.spawn_scoped(scope, move || {
            pin(cores, seat(1));
            let made =
                stage.run_fed::<R>(feeds, strategy, Box::new(keeper), interrupt, &mut |_, _| {});
            is_over.store(true, Ordering::Release);
            made
        });
        let (Ok(feed), Ok(pipeline)) = (feed, pipeline) else {
            return Err(SessionError::Start);
        };
        while !is_over.load(Ordering::Acquire) && !pipeline.is_finished() {
            notes.extend(black_box.look());
            watch(&notes);
            notes.clear();
            thread::park_timeout(WATCH);
        }
        let made = pipeline.join().map_err(|_| SessionError::Thread(THREADS[1]));
        let fed = feed.join().map_err(|_| SessionError::Thread(THREADS[0]));
        Ok(made.and_then(|made| fed?.map_err(SessionError::from).map(|()| made)))
    });
    let made = made.and_then(|joined| joined).and_then(|made| match shown.fault.get() {
        Some(fault) => Err(SessionError::NotKept(fault.clone())),
        None => Ok(made?),
    });
    watch(&black_box.end(made.as_ref().err()));
    let measured = shown.measured.get().cloned().unwrap_or_default();
    let session = SessionFigures {
        repeated,
        is_closed: shown.is_closed.load(Ordering::Relaxed),
        timed_every: every,
        journal: JournalFigures::of(measured.journal.as_ref(), settings.durable.text()),
        feed: FeedFigures { waits: shown.feed_waits.load(Ordering::Relaxed) },
        snapshot: measured.snapshot.map(SnapshotFigures::from),
        stages: measured.stages,
        flights: black_box.files,
    };
    Ok(Ran { run: made?, session })
}

/// The clock of the feed: it looks at `clock` for one record in `every`.
fn stamps(clock: Clock, every: u32) -> PutClock<'static> {
    let mut left = 0_u32;
    Box::new(move || if is_turn(&mut left, every) { clock.now_ns() } else { 0 })
}

/// A thread that has no core of its own, or may not have it, runs all the same.
pub fn pin(cores: &Cores, core: Option<usize>) {
    if let Some(core) = core {
        let _ = cores.pin(core);
    }
}

/// Plays until the end, until nobody listens, or until it is to stop.
fn play<R: Replayed>(
    mut player: Player<'_, R>,
    mut pace: Pace,
    interrupt: &AtomicBool,
    shown: &Shown,
) -> Result<(), DataError> {
    while let Some(next_ns) = player.next_ns().filter(|_| !interrupt.load(Ordering::Relaxed)) {
        let until_ns = pace.until_ns(next_ns);
        let pushed = player.play_to(until_ns)?;
        shown.feed_waits.store(player.waits(), Ordering::Relaxed);
        if matches!(pushed, Pushed::End | Pushed::Nobody) {
            break;
        }
    }
    Ok(())
}

/// A journal and what it held.
struct Opened {
    begin: Begin,
    /// The time of its last event (UTC ns).
    known_ns: i64,
}

fn open(
    stage: &TickStage<'_>,
    settings: &Settings,
    timing: Timing,
) -> Result<Opened, SessionError> {
    let fingerprint = settings.manifest.fingerprint()?;
    let mut options = Options::new(fingerprint, settings.durable);
    if let Some(bytes) = settings.journal_bytes {
        (options.memory_bytes, options.reserve_bytes) = (bytes, bytes / 16);
        options.segment_bytes = (bytes as u64).saturating_mul(4);
    }
    let config = || -> Result<Vec<u8>, SessionError> { Ok(settings.manifest.bytes()?) };
    let opening::Opening { journal, script, describer, recovery, .. } =
        opening::open(&settings.journal, &options, stage.specs(), config, States::none())?;
    let known_ns = recovery.stamp.map_or(i64::MIN, |stamp| stamp.at_ns.get());
    Ok(Opened { begin: Begin { journal, script, describer, fingerprint, timing }, known_ns })
}
