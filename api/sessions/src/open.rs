//! The beginning of a session, the first time and every time after that.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam::channel::never;
use qt_backtest::venue::{Fees, LatencyModel, SimVenue, VenueConfig};
use qt_backtest::witness::Unkept;
use qt_engine::{BookKind, BookLimits, CrossPolicy, Ensemble, Exits, Halt, Manual, PipelineConfig};
use qt_journal::{Durable, Fingerprint, JournalError, Lsn, Options, prune};
use qt_ring::SetupError;
use qt_risk::{AccountGate, RiskGate, Setup};
use qt_runtime::keeper::{Keeper, Shown};
use qt_runtime::live::{
    FeedReader, LiveError, LiveJournal, epoch_of, fingerprint, open_under, words_of,
};
use qt_runtime::opening::{CONFIG, States};
use qt_runtime::paper::{PaperParts, PaperSession};
use qt_runtime::states::{Keeping, Kept, State, kept_in};
use qt_strategies::Registry;
use qt_types::{Cash, InstrumentSpec, Limits, Nanos};

use super::again::{Again, Makers, kept_by};
use super::lease::Held;
use super::limits;
use super::memory::Remembered;
use super::pending;
use super::renewal::{self, Carried};
use super::request::Requests;
use super::running::{Opened, Running};
use super::slots::SLOTS;
use super::stage::Stages;
use super::states::{States as OwnStates, written_by};
use super::view::Shared;
use super::words;

/// The journal's folder in that of a session.
pub const JOURNAL: &str = "journal.qtj";
/// Open orders of one session.
const ORDERS_MAX: usize = 512;
/// Market data that is taken in one turn.
const BATCH: usize = 256;
/// Events between two states that a session keeps.
const STATE_EVERY: u64 = 100_000;
/// Ticks around the price that a book finds at once.
const WINDOW_TICKS: usize = 4_096;

/// How sessions on paper are.
#[derive(Clone, Debug)]
pub struct PaperSettings {
    /// The way to the venue, and the way back (ns).
    pub latency_ns: i64,
    /// Fee rates.
    pub fees: Fees,
    /// The journal's memory: a power of two.
    pub memory_bytes: usize,
    /// Where the memory lies: a folder of a file system that is memory.
    pub memory_folder: PathBuf,
    /// A segment of the journal has at least so many bytes, and twice the memory's.
    pub segment_bytes: u64,
    /// After so many events, and at its end, a session keeps its state for its next start; never
    /// without it.
    pub state_every: Option<NonZeroU64>,
    /// Whether what no start needs any more is taken away from its journal: the segments behind
    /// the first that are in every state that the next start may begin with.
    pub prunes: bool,
    /// What states say of the program that wrote them.
    pub program: String,
}

impl Default for PaperSettings {
    fn default() -> Self {
        Self {
            latency_ns: 1_000_000,
            fees: Fees { maker_e9: 200_000, taker_e9: 500_000 },
            memory_bytes: 256 << 10,
            memory_folder: PathBuf::from("/dev/shm"),
            segment_bytes: 8 << 20,
            state_every: NonZeroU64::new(STATE_EVERY),
            prunes: false,
            program: concat!("qt-sessions ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why a session does not begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal.
    #[error("{0}")]
    Live(#[from] LiveError),
    /// What goes with it from the journal before this one.
    #[error("what it begins with cannot be read: {0}")]
    Carried(std::io::Error),
    /// Kills that came while it did not run.
    #[error("kills that are to be taken over cannot be read: {0}")]
    Kills(std::io::Error),
    /// A ring.
    #[error("{0}")]
    Ring(#[from] SetupError),
    /// It was begun with other instruments, fees or latencies.
    #[error(
        "its journal was begun with other settings: {0}. It begins no other one: {1}. Put them \
         back, close positions and orders with them, and start the service with the new ones \
         again: then the session goes on with its cash, limits, switches and strategies"
    )]
    Changed(String, String),
    /// What stands for the beginning of its journal cannot be used now.
    #[error(
        "the beginning of its journal was taken away (SESSION_PRUNE), and no state that stands for \
         it can be begun with yet: {0}"
    )]
    Unusable(String),
    /// There is no market data for another attempt.
    #[error("its market data is gone; start the service again")]
    NoFeed,
    /// What happened cannot happen again.
    #[error("{}", .1.as_deref().map_or_else(|| .0.to_string(), str::to_owned))]
    Halted(Halt, Option<String>),
}

impl OpenError {
    /// Why the journal in `path` is not opened for a session with the settings `words`.
    /// `refused` says what was wrong with its states.
    fn opening(why: LiveError, path: &Path, words: &[String], refused: &[String]) -> Self {
        match why {
            LiveError::Journal(JournalError::Pruned { .. }) if !refused.is_empty() => {
                Self::Unusable(refused.join("; "))
            }
            LiveError::Journal(JournalError::OtherConfiguration { .. }) => {
                let was = words_of(path).unwrap_or_default();
                Self::Changed(words::differences(&was, words), String::new())
            }
            why => Self::Live(why),
        }
    }
}

/// What a session begins with.
pub struct Beginning<'a> {
    pub folder: &'a Path,
    pub held: Arc<dyn Held>,
    pub registry: Arc<Registry>,
    pub specs: Vec<InstrumentSpec>,
    pub settings: &'a PaperSettings,
    pub feed: FeedReader,
    pub requests: Requests,
    pub shared: Arc<Shared>,
    pub remembered: Remembered,
    pub stages: Stages,
}

fn options(words: &[String], settings: &PaperSettings) -> Result<Options, LiveError> {
    Ok(Options {
        memory_bytes: settings.memory_bytes,
        memory_folder: settings.memory_folder.clone(),
        segment_bytes: (settings.memory_bytes as u64 * 2).max(settings.segment_bytes),
        reserve_bytes: settings.memory_bytes / 8,
        sync_every: Duration::from_secs(1),
        ..Options::new(fingerprint(words)?, Durable::Memory)
    })
}

/// Begins a session, and makes again what it was.
///
/// # Errors
/// When its journal does not fit.
pub fn open(beginning: Beginning<'_>) -> Result<Running, OpenError> {
    let Beginning { folder, held, registry, specs, settings, feed, requests, shared, .. } =
        beginning;
    shared.epoch.store(held.epoch(), Ordering::Relaxed);
    shared.log.begin_life(held.epoch());
    let path = folder.join(JOURNAL);
    let capital = renewal::capital(folder).map_err(OpenError::Carried)?;
    let carried = Carried::read(folder).map_err(OpenError::Carried)?;
    let words = words::of(shared.account, &specs, settings, capital);
    let options = options(&words, settings)?;
    let makers = Makers { specs: &specs, registry: &registry };
    let session = |epoch, feed| {
        let session = PaperSession::new(parts(settings, &specs, (epoch, capital), feed))?;
        let mut new = Again::new(session, &shared, &specs);
        if let Some(carried) = &carried {
            carried.put_into(&mut new.past);
        }
        Ok::<_, SetupError>(new)
    };
    let of = Of { path: &path, words: &words, options: &options, makers: &makers };
    let (mut journal, mut again) = of.open((&shared, settings), held.epoch(), feed, &session)?;
    let shown = Arc::new(Shown::default());
    let (events, config) = (journal.last, std::mem::take(&mut journal.config));
    let keeping = Keeping::new(
        (&path, options.fingerprint),
        settings.state_every,
        (events, again.after),
        shared.account.0.as_u64_pair().1,
    );
    let (begin, oldest) = (journal.begin, journal.oldest);
    let keeper = Keeper::new(begin, never(), Arc::clone(&shown)).without_state();
    again.session.keep_by(Box::new(keeper));
    let repeated = again.repeat((journal.events, journal.never_left, events), &shared, &makers);
    repeated.map_err(|(halt, why)| {
        OpenError::Halted(halt, why.or_else(|| shown.fault.get().cloned()))
    })?;
    let Again { session, mut past, lists, .. } = again;
    past.pending = pending::read(folder).map_err(OpenError::Kills)?;
    past.folder = folder.to_owned();
    match carried {
        Some(carried) => carried.remember(&specs, &mut past, beginning.remembered),
        None => past.remembered = beginning.remembered,
    }
    shared.shelf.set(lists);
    if settings.prunes {
        // This start has shown that it needs none of them.
        take_away(&path, oldest, &shared);
    }
    let states = OwnStates::new(keeping, config, settings.program.clone());
    let stages = beginning.stages;
    Ok(Running::new(Opened {
        session,
        past,
        shared,
        requests,
        held,
        shown,
        registry,
        states,
        stages,
    }))
}

/// A journal that is to be opened.
struct Of<'a> {
    path: &'a Path,
    words: &'a [String],
    options: &'a Options,
    makers: &'a Makers<'a>,
}

impl Of<'_> {
    /// It, under a lease of epoch `epoch`, and the session as it was at its newest state that can
    /// be used, or one that has not begun, by `session`.
    fn open(
        &self,
        (shared, settings): (&Shared, &PaperSettings),
        epoch: u64,
        feed: FeedReader,
        session: &dyn Fn(u16, FeedReader) -> Result<Again, SetupError>,
    ) -> Result<(LiveJournal, Again), OpenError> {
        let &Self { path, words, options, makers } = self;
        let (mut feed, mut again) = (Some(feed), None);
        let Found { kept, told, mut refused } = found(path, options.fingerprint, shared, settings);
        let accept = |state: &State| {
            let epoch = state.part(CONFIG).and_then(epoch_of);
            let Some((epoch, reader)) = epoch.zip(feed.take()) else { return false };
            let Ok(new) = session(epoch, reader) else { return false };
            match new.at(state, told, makers) {
                Ok(made) => again = Some(made),
                Err((why, reader)) => {
                    let (account, lsn) = (shared.account, state.lsn().get());
                    let by = written_by(state);
                    tracing::warn!(%account, lsn, by, why, "a session does not begin with a state");
                    refused.push(format!("the one after record {lsn}, written by {by}: {why}"));
                    feed = Some(reader);
                }
            }
            again.is_some()
        };
        let states = States { kept, accept: Box::new(accept) };
        let journal = open_under(path, options, makers.specs, words, epoch, states);
        let journal = journal.map_err(|why| OpenError::opening(why, path, words, &refused))?;
        let again = match (again, feed) {
            (Some(again), _) => again,
            (None, Some(feed)) => session(journal.epoch, feed)?,
            (None, None) => return Err(OpenError::NoFeed),
        };
        Ok((journal, again))
    }
}

/// Takes away the segments of the journal in `path` that hold nothing behind record `behind`.
fn take_away(path: &Path, behind: Lsn, shared: &Shared) {
    let account = shared.account;
    match prune(path, behind) {
        Ok(0) => {}
        Ok(count) => tracing::info!(%account, count, "segments of a journal were taken away"),
        Err(why) => tracing::warn!(%account, %why, "a journal keeps its old segments"),
    }
}

/// The states beside a journal.
#[derive(Default)]
struct Found {
    /// Those that can be read.
    kept: Vec<Kept>,
    /// Up to which number the session's listener has all that was told.
    told: u64,
    /// Why others are none.
    refused: Vec<String>,
}

fn found(
    path: &Path,
    fingerprint: Fingerprint,
    shared: &Shared,
    settings: &PaperSettings,
) -> Found {
    if settings.state_every.is_none() {
        let refused = vec!["SESSION_STATE_EVERY is 0: states are not looked at".to_owned()];
        return Found { refused, ..Found::default() };
    }
    let (kept, refused) = kept_in(path, fingerprint);
    let account = shared.account;
    for why in &refused {
        tracing::warn!(%account, why, "a state of a session cannot be read");
    }
    if kept.is_empty() {
        return Found { refused, ..Found::default() };
    }
    let Some(told) = kept_by(&*shared.listener) else {
        tracing::warn!(%account, "the store does not say what it has: all is made again");
        let refused = vec!["the store does not say which records it has".to_owned()];
        return Found { refused, ..Found::default() };
    };
    Found { kept, told, refused }
}

fn parts(
    settings: &PaperSettings,
    specs: &[InstrumentSpec],
    (epoch, capital): (u16, Cash),
    feed: FeedReader,
) -> PaperParts<RiskGate> {
    let limits =
        Limits { instruments_max: specs.len(), orders_open_max: ORDERS_MAX, ..Limits::default() };
    let crosses = CrossPolicy::Uncross;
    let book = BookLimits { window_ticks: WINDOW_TICKS, far_levels_max: 1_024, crosses };
    let books = vec![BookKind::Levels(book); specs.len()];
    let profile = limits::profile();
    let setup = Setup::single(&profile, specs, capital, ORDERS_MAX);
    let setup = setup.with_strategies(usize::from(SLOTS) + 1);
    let account = AccountGate::new(limits::ACCOUNT, limits::SIZING, None);
    let config = VenueConfig {
        account: limits::ACCOUNT,
        initial: capital,
        fees: settings.fees,
        order_latency: LatencyModel::constant(settings.latency_ns),
        response_latency: LatencyModel::constant(settings.latency_ns),
        limits,
        ..VenueConfig::default()
    };
    let all = || vec![true; specs.len()];
    let desk = Ensemble::new().with(Box::new(Manual), all());
    let strategies = (0..SLOTS).fold(desk, |all_of, _| all_of.with(Box::new(Manual), all()));
    PaperParts {
        pipeline: PipelineConfig {
            specs: specs.to_vec(),
            initial: capital,
            exits: Exits::default(),
            limits,
            epoch,
            books: books.clone(),
            active_from_ns: Nanos::MIN,
        },
        strategies,
        gate: RiskGate::new(&setup, account),
        witness: Box::new(Unkept),
        venue: SimVenue::new(config, specs.to_vec()).with_books(&books),
        round_trip_ns: settings.latency_ns * 2,
        feed,
        batch: BATCH,
    }
}
