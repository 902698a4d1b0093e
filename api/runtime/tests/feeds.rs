//! What the thread of the feed does to a session: it may fail, be far ahead, or begin long before
//! anything may be traded.

mod common;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;
use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::TickStage;
use qt_backtest::simulator::Ended;
use qt_data::ticks::{TickFile, Verify};
use qt_engine::Strategy;
use qt_journal::{Durable, JournalReader};
use qt_ring::Seat;
use qt_runtime::keeper::Shown;
use qt_runtime::manifest::Manifest;
use qt_runtime::pace::Speed;
use qt_runtime::session::{self, Outside, Ran, SessionError, Settings, THREADS};
use qt_strategies::Registry;
use qt_types::{Cash, E9};
use tempfile::TempDir;

use common::INTERVAL_NS;

struct Hall {
    folder: TempDir,
    config: RunConfig,
}

impl Hall {
    fn new(rows: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        common::write_market(&folder.path().join("market.qtt"), rows);
        Self { folder, config: common::config() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn files(&self) -> [TickFile; 1] {
        [TickFile::open(&self.path("market.qtt"), Verify::OnRead).unwrap()]
    }

    /// A session with its journal in `journal`.
    fn hold(&self, journal: &str, speed: Speed) -> (Result<Ran, SessionError>, Arc<Shown>) {
        let settings = Settings {
            journal: self.path(journal),
            durable: Durable::Memory,
            speed,
            manifest: Manifest { words: Vec::new(), data: Vec::new() },
            seats: THREADS.map(|thread| Seat { thread, core: None }),
            wait: None,
            journal_bytes: Some(1 << 17),
        };
        let shown = Arc::new(Shown::default());
        let interrupt = AtomicBool::new(false);
        let (_to, controls) = bounded(8);
        let files = self.files();
        let stage = TickStage::new(&self.config, &files, E9, Pace::Naive).unwrap();
        let watch = &mut |_: &[String]| {};
        let outside = Outside { controls, shown: &shown, interrupt: &interrupt, watch };
        (session::run(&stage, quoter(), &settings, outside), shown)
    }
}

fn quoter() -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get("top_of_book_quoter").unwrap();
    let params = [("interval_ms", "2000"), ("max_position", "20")];
    let params: Vec<_> = params.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    entry.make(&entry.resolve(&params).unwrap(), 1).unwrap()
}

/// It is no end of the data: the damage is named, the journal stays open, and once the file is
/// whole again the session goes on to where it would have come to.
#[test]
fn a_damaged_file_is_not_the_end_of_the_data() {
    let hall = Hall::new(20_000);
    let (undisturbed, _) = hall.hold("whole.qtj", Speed::Max);
    let undisturbed = undisturbed.unwrap().run.outcome;
    let whole = fs::read(hall.path("market.qtt")).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(hall.path("market.qtt"), &damaged).unwrap();
    let (ran, shown) = hall.hold("live.qtj", Speed::Max);
    let error = ran.expect_err("it cannot be read to its end");
    assert!(matches!(error, SessionError::Data(_)), "{error}");
    assert!(error.to_string().contains("market.qtt"), "{error}");
    assert!(!shown.is_closed.load(std::sync::atomic::Ordering::Relaxed));
    let mut reader = JournalReader::open(&hall.path("live.qtj"), None).unwrap();
    while reader.next_entry().unwrap().is_some() {}
    assert!(!reader.recovery().is_ended);
    fs::write(hall.path("market.qtt"), &whole).unwrap();
    let (ran, _) = hall.hold("live.qtj", Speed::Max);
    let ran = ran.unwrap();
    assert!(ran.session.repeated > 1_000, "{}", ran.session.repeated);
    let outcome = ran.run.outcome;
    assert_eq!(outcome.fills, undisturbed.fills);
    assert!(outcome.fills.len() > 10);
}

/// Our side then stands still while the venue's is played on, by more records than our ring holds.
#[test]
#[ignore = "now and then the two threads wait for each other for ever: docs/plan.md, issue 4"]
fn a_bankruptcy_far_behind_the_venue_ends_the_session() {
    let mut hall = Hall::new(60_000);
    hall.config.order_latency_ns = 18_000 * INTERVAL_NS;
    // The first fill leaves little, and the one that closes it costs more than that.
    hall.config.fees.maker_e9 = 2 * E9;
    hall.config.fees.taker_e9 = 2 * E9;
    hall.config.capital = Cash::from_nano(500 * i128::from(E9));
    let (ran, _) = hall.hold("live.qtj", Speed::Max);
    assert_eq!(ran.unwrap().run.outcome.ended, Ended::Bankrupt);
}

#[test]
fn a_warm_up_is_played_at_once() {
    let mut hall = Hall::new(20_000);
    let last_ns = hall.files()[0].times().venue_last;
    // Of a thousand seconds the last ten are traded, at five times their speed.
    hall.config.from_ns = Some(last_ns - 10 * E9);
    let begun = Instant::now();
    let (ran, _) = hall.hold("live.qtj", Speed::Times(5.0));
    assert!(!ran.unwrap().run.outcome.fills.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
}
