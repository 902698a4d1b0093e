//! A market that follows from a seed, and a run in it that is kept in a journal.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use qt_backtest::config::RunConfig;
use qt_backtest::feed::FeedLatency;
use qt_backtest::recorder::Fill;
use qt_backtest::replay::{Film, Pace, Replay, ReplayConfig};
use qt_backtest::run_ticks::TickStage;
use qt_backtest::venue::Fees;
use qt_data::calendar::Calendar;
use qt_data::generate::Market;
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_journal::{Durable, Fingerprint, Journal, Lsn, Options, Stamp};
use qt_risk::{Account, Key, Level, Limit, Profile, ProfileName, Sizing};
use qt_types::{Cash, E9, InstrumentId, InstrumentKind, InstrumentSpec, Seq, Tick};
use tempfile::TempDir;

use crate::Bug;
use crate::checks;
use crate::disk::{self, Disk, Platter};
use crate::gate::Loose;
use crate::scribe::Scribe;
use crate::trader::Trader;

/// Changes of the market.
const ROWS: u64 = 4_000;
/// The largest order (lots).
pub const LOTS_MAX: i64 = 4;

pub struct World {
    pub seed: u64,
    folder: TempDir,
    pub config: RunConfig,
    pub files: [TickFile; 1],
}

/// What came of a run: what was found wrong with it, and how much happened.
#[derive(Debug, Default)]
pub struct Ran {
    pub alarms: Vec<String>,
    pub fills: usize,
    pub commands: u64,
}

/// What a run left behind, for the checks.
pub struct Left {
    pub journal: PathBuf,
    /// What the disk had confirmed when the last order left.
    pub confirmed: Lsn,
    pub fills: Vec<Fill>,
    pub position: i64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let folder = tempfile::Builder::new().prefix("qt-planted").tempdir_in("/dev/shm");
        let folder = folder.or_else(|_| tempfile::tempdir()).unwrap();
        let path = folder.path().join("market.qtt");
        let market = Market {
            seed,
            rows: ROWS,
            interval_ns: 50_000_000,
            calendar: Calendar::Always,
            volatility: 0.8,
            ..Market::default()
        };
        let (tick, lot, kind) = (market.tick_e9, market.lot_e9, InstrumentKind::Perpetual);
        let spec = InstrumentSpec::new("SYN", "USD", kind, tick, lot, E9).unwrap();
        let mut writer = TickWriter::<Tick>::create(&path).unwrap();
        for row in market.book().unwrap() {
            writer.push(row.tick(), row.venue_ns + 2_000_000).unwrap();
        }
        writer.finish(&Description { instruments: vec![spec], ..Default::default() }).unwrap();
        let files = [TickFile::open(&path, Verify::OnRead).unwrap()];
        let mut config = RunConfig {
            account: Account::Margin { leverage_e9: 2 * E9 },
            capital: Cash::from_nano(800 * i128::from(E9)),
            sizing: Sizing::Fixed { qty_e9: lot },
            order_qty_max_e9: Some(LOTS_MAX * lot),
            fees: Fees { maker_e9: 100_000, taker_e9: 500_000 },
            order_latency_ns: 20_000_000,
            response_latency_ns: 20_000_000,
            ..RunConfig::default()
        };
        // Fewer orders than the strategy would have open.
        let mut profile = Profile::new(ProfileName::Research);
        profile.level_mut(Level::Account).set(Key::OpenOrders, Limit::hard(5));
        config.risk.profile = Arc::new(profile);
        Self { seed, folder, config, files }
    }

    pub fn stage(&self) -> TickStage<'_> {
        TickStage::new(&self.config, &self.files, E9, Pace::Naive).unwrap()
    }

    /// The strategy as it should be.
    pub fn trader(&self) -> Box<Trader> {
        Box::new(Trader::new(self.seed, None))
    }

    /// A run with `bug` in it, and what the checks say of what it leaves.
    pub fn run(&self, bug: Bug) -> Ran {
        let (journal, memory) = (self.folder.path().join("run.qtj"), self.folder.path().join("m"));
        std::fs::create_dir_all(&memory).unwrap();
        let platter = Arc::new(Mutex::new(Platter::default()));
        let left = match self.record(bug, (&journal, &memory), &platter) {
            Ok(left) => left,
            Err(alarm) => return Ran { alarms: vec![alarm], ..Ran::default() },
        };
        let mut ran = checks::check(self, &left);
        disk::lose_power(&journal, &memory, &platter.lock().unwrap());
        ran.alarms.extend(checks::after_the_loss(&left));
        ran
    }

    fn record(
        &self,
        bug: Bug,
        (path, memory): (&Path, &Path),
        platter: &Arc<Mutex<Platter>>,
    ) -> Result<Left, String> {
        let of_disk = if let Bug::Disk(bug) = bug { Some(bug) } else { None };
        let options = Options {
            memory_folder: memory.to_owned(),
            memory_bytes: 1 << 18,
            segment_bytes: 1 << 21,
            reserve_bytes: 1 << 12,
            ..Options::new(Fingerprint([7; 32]), Durable::Disk)
        };
        let disk = Box::new(Disk::new(path, platter, of_disk));
        let (journal, _) = Journal::open_on(path, &options, disk, |_| {}).unwrap();
        let journal = Arc::new(Mutex::new(Some(journal)));
        let of_journal = if let Bug::Journal(bug) = bug { Some(bug) } else { None };
        let scribe = Box::new(Scribe::new(Arc::clone(&journal), of_journal));
        let of_trader = if let Bug::Trader(bug) = bug { Some(bug) } else { None };
        let of_gate = if let Bug::Gate(bug) = bug { Some(bug) } else { None };
        let stage = self.stage();
        let desk = stage.replica(Box::new(Trader::new(self.seed, of_trader)), |inner| Loose {
            inner,
            bug: of_gate,
            checked: 0,
        });
        let desk = desk.unwrap().with_witness(scribe);
        let settings = ReplayConfig {
            from_ns: i64::MIN,
            to_ns: i64::MAX,
            feed: FeedLatency::default(),
            sample_ns: E9,
            pace: Pace::Naive,
        };
        let instruments = [InstrumentId(0)];
        let films = [Film { file: &self.files[0], instruments: &instruments }];
        let mut replay: Replay<'_, Tick, _, _> = Replay::new(&films, settings, desk).unwrap();
        let ran = replay.run(&AtomicBool::new(false), |_, _| {});
        let exposure = replay.pipeline().exposure();
        let position = exposure.position(InstrumentId(0)).lots();
        let fills = replay.recorder().fills().to_vec();
        let mut journal = journal.lock().unwrap().take().unwrap();
        let confirmed = journal.durability().synced();
        let last = Stamp { seq: Seq::new(0), at_ns: qt_types::Nanos::MIN };
        let closed = journal.append(&qt_journal::Record::End(last));
        drop(journal);
        ran.map_err(|error| format!("the run itself: {error}"))?;
        closed.map_err(|error| format!("the journal itself: {error}"))?;
        Ok(Left { journal: path.to_owned(), confirmed, fills, position })
    }
}
