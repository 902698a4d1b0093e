//! The beginning of a session, the first time and every time after that.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam::channel::never;
use qt_backtest::venue::{Fees, LatencyModel, SimVenue, VenueConfig};
use qt_engine::{BookKind, BookLimits, CrossPolicy, Ensemble, Exits, Halt, Manual, PipelineConfig};
use qt_journal::{Durable, Options};
use qt_ring::SetupError;
use qt_risk::{AccountGate, RiskGate, Setup};
use qt_runtime::keeper::{Keeper, Shown};
use qt_runtime::live::{FeedReader, LiveError, fingerprint, open_under};
use qt_runtime::paper::{PaperParts, PaperSession, Recast};
use qt_strategies::Registry;
use qt_types::{InstrumentSpec, Limits, Nanos};

use super::lease::Held;
use super::limits;
use super::memory::Remembered;
use super::notes::SessionNote;
use super::past::Past;
use super::pending;
use super::request::Requests;
use super::running::Running;
use super::shelf::Lists;
use super::slots::{SLOTS, made_again, strategy_id};
use super::told::Told;
use super::view::Shared;
use qt_trading::time::Time;

/// The journal's folder in that of a session.
pub const JOURNAL: &str = "journal.qtj";
/// Open orders of one session.
const ORDERS_MAX: usize = 512;
/// Market data that is taken in one turn.
const BATCH: usize = 256;
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
}

impl Default for PaperSettings {
    fn default() -> Self {
        Self {
            latency_ns: 1_000_000,
            fees: Fees { maker_e9: 200_000, taker_e9: 500_000 },
            memory_bytes: 256 << 10,
            memory_folder: PathBuf::from("/dev/shm"),
        }
    }
}

/// Why a session does not begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal.
    #[error("{0}")]
    Live(#[from] LiveError),
    /// Kills that came while it did not run.
    #[error("kills that are to be taken over cannot be read: {0}")]
    Kills(std::io::Error),
    /// A ring.
    #[error("{0}")]
    Ring(#[from] SetupError),
    /// What happened cannot happen again.
    #[error("{}", .1.as_deref().map_or_else(|| .0.to_string(), str::to_owned))]
    Halted(Halt, Option<String>),
}

/// What a session begins with.
pub struct Beginning<'a> {
    pub folder: &'a Path,
    pub held: Box<dyn Held>,
    pub registry: Arc<Registry>,
    pub specs: Vec<InstrumentSpec>,
    pub settings: &'a PaperSettings,
    pub feed: FeedReader,
    pub requests: Requests,
    pub shared: Arc<Shared>,
    pub remembered: Remembered,
}

fn options(words: &[String], settings: &PaperSettings) -> Result<Options, LiveError> {
    Ok(Options {
        memory_bytes: settings.memory_bytes,
        memory_folder: settings.memory_folder.clone(),
        segment_bytes: (settings.memory_bytes as u64 * 2).max(8 << 20),
        reserve_bytes: settings.memory_bytes / 8,
        sync_every: Duration::from_secs(1),
        ..Options::new(fingerprint(words)?, Durable::Memory)
    })
}

/// What a journal is the journal of.
fn words(shared: &Shared, specs: &[InstrumentSpec], settings: &PaperSettings) -> Vec<String> {
    let of_spec = |spec: &InstrumentSpec| {
        let (tick, lot, multiplier) = (spec.tick_e9(), spec.lot_e9(), spec.multiplier_e9());
        let (symbol, currency) = (spec.symbol(), spec.currency());
        format!("{symbol} {currency} {} {tick} {lot} {multiplier}", spec.kind().text())
    };
    let fees = settings.fees;
    let mut words = vec![
        "paper session, version 1".to_owned(),
        format!("account {}", shared.account),
        format!("latency {} fees {} {}", settings.latency_ns, fees.maker_e9, fees.taker_e9),
    ];
    words.extend(specs.iter().map(of_spec));
    words
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
    let words = words(&shared, &specs, settings);
    let path = folder.join(JOURNAL);
    let options = options(&words, settings)?;
    let journal = open_under(&path, &options, &specs, &words, held.epoch())?;
    let kept = Arc::new(Shown::default());
    let keeper = Keeper::new(journal.begin, never(), Arc::clone(&kept));
    let parts = parts(settings, &specs, journal.epoch, Box::new(keeper), feed);
    let mut session = PaperSession::new(parts)?;
    let mut past = Past::new(shared.tenant, shared.account, specs.clone());
    past.pending = pending::read(folder).map_err(OpenError::Kills)?;
    (past.folder, past.remembered) = (folder.to_owned(), beginning.remembered);
    let mut recasts = Vec::new();
    let mut notes = Vec::new();
    for note in &journal.notes {
        let after = note.stamp.seq.get();
        match SessionNote::read(note) {
            Ok(Some(read)) => {
                if let SessionNote::Cast(cast) = &read {
                    let (strategy, trades) = made_again(cast, &specs, &registry);
                    recasts.push(Recast { after, of: strategy_id(cast.slot), strategy, trades });
                }
                notes.push((after, read));
            }
            Ok(None) => {}
            Err(why) => {
                let account = shared.account;
                tracing::error!(%account, after, %why, "a note in a journal cannot be read");
            }
        }
    }
    // Each takes effect where it stands among the events.
    let mut notes = notes.into_iter().peekable();
    let mut lists = Lists::default();
    let listener = Arc::clone(&shared.listener);
    listener.begins();
    let last = journal.events.last().map_or(0, |event| event.seq.get());
    let told = session.repeat(journal.events, recasts, &mut |driver, happened| {
        for each in happened {
            let seq = each.event.seq.get();
            while let Some((after, note)) = notes.next_if(|(after, _)| *after < seq) {
                past.recall(after, note);
            }
            let at = Time(each.event.recv_ns.get());
            for change in &past.take(each, driver) {
                lists.apply(change);
                if let Some(told) = Told::of(change) {
                    listener.hear(seq, at, told);
                }
            }
        }
        past.look(driver);
    });
    told.map_err(|halt| OpenError::Halted(halt, kept.fault.get().cloned()))?;
    listener.caught_up(last);
    notes.for_each(|(after, note)| past.recall(after, note));
    past.look(session.driver());
    shared.shelf.set(lists);
    Ok(Running::new(session, past, shared, requests, held, kept, registry))
}

fn parts(
    settings: &PaperSettings,
    specs: &[InstrumentSpec],
    epoch: u16,
    witness: Box<Keeper>,
    feed: FeedReader,
) -> PaperParts<RiskGate> {
    let limits =
        Limits { instruments_max: specs.len(), orders_open_max: ORDERS_MAX, ..Limits::default() };
    let crosses = CrossPolicy::Uncross;
    let book = BookLimits { window_ticks: WINDOW_TICKS, far_levels_max: 1_024, crosses };
    let books = vec![BookKind::Levels(book); specs.len()];
    let profile = limits::profile();
    let setup = Setup::single(&profile, specs, limits::CAPITAL, ORDERS_MAX);
    let setup = setup.with_strategies(usize::from(SLOTS) + 1);
    let account = AccountGate::new(limits::ACCOUNT, limits::SIZING, None);
    let config = VenueConfig {
        account: limits::ACCOUNT,
        initial: limits::CAPITAL,
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
            initial: limits::CAPITAL,
            exits: Exits::default(),
            limits,
            epoch,
            books: books.clone(),
            active_from_ns: Nanos::MIN,
        },
        strategies,
        gate: RiskGate::new(&setup, account),
        witness,
        venue: SimVenue::new(config, specs.to_vec()).with_books(&books),
        round_trip_ns: settings.latency_ns * 2,
        feed,
        batch: BATCH,
    }
}
