//! A folder with a market, in which sessions are held.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::channel::{Sender, bounded};
use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::TickStage;
use qt_data::ticks::{TickFile, Verify};
use qt_engine::Strategy;
use qt_journal::Durable;
use qt_ring::Seat;
use qt_runtime::keeper::Shown;
use qt_runtime::manifest::Manifest;
use qt_runtime::pace::Speed;
use qt_runtime::session::{self, Outside, Ran, SessionError, Settings, THREADS};
use qt_strategies::Registry;
use qt_types::{Control, E9};
use tempfile::TempDir;

use crate::common;

pub struct Hall {
    folder: TempDir,
    pub config: RunConfig,
}

impl Hall {
    /// With a market of so many changes.
    pub fn new(rows: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        common::write_market(&folder.path().join("market.qtt"), rows);
        Self { folder, config: common::config() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn files(&self) -> [TickFile; 1] {
        [TickFile::open(&self.path("market.qtt"), Verify::OnRead).unwrap()]
    }

    /// A session with its journal in `live.qtj`; `act` is called on its way with the number of
    /// events so far.
    pub fn hold(
        &self,
        strategy: Box<dyn Strategy>,
        speed: Speed,
        act: &mut dyn FnMut(u64, &Sender<Control>, &AtomicBool),
    ) -> (Result<Ran, SessionError>, Arc<Shown>) {
        let settings = Settings {
            journal: self.path("live.qtj"),
            durable: Durable::Memory,
            speed,
            manifest: Manifest { words: Vec::new(), data: Vec::new() },
            seats: THREADS.map(|thread| Seat { thread, core: None }),
            wait: None,
            journal_bytes: Some(1 << 17),
        };
        let shown = Arc::new(Shown::default());
        let interrupt = AtomicBool::new(false);
        let (to, controls) = bounded(8);
        let files = self.files();
        let stage = TickStage::new(&self.config, &files, E9, Pace::Naive).unwrap();
        let mut watch = |_: &[String]| act(shown.events.load(Ordering::Relaxed), &to, &interrupt);
        let outside = Outside { controls, shown: &shown, interrupt: &interrupt, watch: &mut watch };
        (session::run(&stage, strategy, &settings, outside), shown)
    }
}

/// Quotes so many ticks behind the best prices.
pub fn quoter(offset: u32) -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get("top_of_book_quoter").unwrap();
    let offset = offset.to_string();
    let params = [("interval_ms", "2000"), ("max_position", "20"), ("offset_ticks", &offset)];
    let params: Vec<_> = params.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    entry.make(&entry.resolve(&params).unwrap(), 1).unwrap()
}
