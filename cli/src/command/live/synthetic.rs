//! The synthetic market as a recording: made once, the same bytes for everybody.

use std::path::PathBuf;

use qt_data::calendar::Calendar;
use qt_data::generate::Market;
use qt_data::ticks::{Description, TickWriter};
use qt_types::{InstrumentKind, InstrumentSpec, Tick};

use crate::failure::Failure;
use crate::output::Output;
use crate::place::{self, DataDir};

/// Changes of the book: at 20 a second more than five hours.
const ROWS: u64 = 400_000;
/// The average time between two of them (ns).
const INTERVAL_NS: i64 = 50_000_000;
/// What a change takes to reach us (ns).
const LATENCY_NS: i64 = 2_000_000;

/// The recording of the synthetic market with `seed`.
///
/// # Errors
/// When it cannot be written.
pub fn recording(seed: u64, out: &Output) -> Result<PathBuf, Failure> {
    let folder = DataDir::find().path.join("synthetic");
    place::make_folder(&folder)?;
    let path = folder.join(format!("SYN-{seed}.qtt"));
    if path.is_file() {
        return Ok(path);
    }
    out.note(&format!("making a synthetic market of {ROWS} changes from seed {seed}"));
    let market = Market {
        seed,
        rows: ROWS,
        interval_ns: INTERVAL_NS,
        calendar: Calendar::Always,
        volatility: 0.8,
        ..Market::default()
    };
    let spec = InstrumentSpec::new(
        &market.symbol,
        &market.currency,
        InstrumentKind::Perpetual,
        market.tick_e9,
        market.lot_e9,
        qt_types::E9,
    );
    let spec = spec.map_err(|error| Failure::failed(error.0))?;
    let mut writer = TickWriter::<Tick>::create(&path)?;
    for row in market.book()? {
        writer.push(row.tick(), row.venue_ns.saturating_add(LATENCY_NS))?;
    }
    writer.finish(&Description { instruments: vec![spec], ..Description::default() })?;
    Ok(path)
}
