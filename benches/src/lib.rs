//! What the benches share: seeded market data in memory.
//!
//! May import: everything. Must not contain: benches (they are the files beside this folder).

use qt_data::calendar::Calendar;
use qt_data::generate::Market;
use qt_data::series::{BarSeries, DataKind, Source, Stamps};

/// `rows` one-minute bars of the synthetic market, always the same ones.
///
/// # Panics
/// When the generator's own defaults do not fit its own checks: a defect.
#[must_use]
pub fn minute_bars(rows: usize) -> BarSeries {
    let market = Market { rows: rows as u64, calendar: Calendar::Always, ..Market::default() };
    let bars = market.bars().expect("the default market is sound").collect();
    BarSeries {
        spec: market.spec().expect("the default market has a sound spec"),
        kind: DataKind::Bars,
        bars,
        half_spreads: Vec::new(),
        stamps: Stamps::Iso,
        interval_ns: 60_000_000_000,
        calendar: Calendar::Always,
        source: Source::default(),
        quality: None,
        notes: Vec::new(),
    }
}
