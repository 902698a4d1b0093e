//! A synthetic market in a folder, and the stage of runs on it.

use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::TickStage;
use qt_data::ticks::{TickFile, Verify};
use qt_types::E9;
use tempfile::TempDir;

use crate::common;

pub struct Market {
    pub folder: TempDir,
    pub files: [TickFile; 1],
    pub config: RunConfig,
}

impl Market {
    /// Of so many changes.
    pub fn new(rows: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("market.qtt");
        common::write_market(&path, rows);
        let files = [TickFile::open(&path, Verify::OnRead).unwrap()];
        Self { folder, files, config: common::config() }
    }

    pub fn stage(&self) -> TickStage<'_> {
        TickStage::new(&self.config, &self.files, E9, Pace::Naive).unwrap()
    }
}
