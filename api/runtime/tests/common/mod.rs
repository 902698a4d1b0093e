//! What the tests of sessions trade on.

use std::path::Path;

use qt_backtest::config::RunConfig;
use qt_data::calendar::Calendar;
use qt_data::generate::Market;
use qt_data::ticks::{Description, TickWriter};
use qt_risk::{Account, Sizing};
use qt_types::{Cash, E9, InstrumentKind, InstrumentSpec, Tick};

/// Average time between two changes of the market.
pub const INTERVAL_NS: i64 = 50_000_000;

/// Writes a synthetic market of so many changes, each known 2 ms after it happened.
pub fn write_market(path: &Path, rows: u64) {
    let market = Market {
        rows,
        interval_ns: INTERVAL_NS,
        calendar: Calendar::Always,
        volatility: 0.8,
        ..Market::default()
    };
    let kind = InstrumentKind::Perpetual;
    let (tick, lot) = (market.tick_e9, market.lot_e9);
    let spec = InstrumentSpec::new(&market.symbol, &market.currency, kind, tick, lot, E9).unwrap();
    let mut writer = TickWriter::<Tick>::create(path).unwrap();
    for row in market.book().unwrap() {
        writer.push(row.tick(), row.venue_ns + 2_000_000).unwrap();
    }
    writer.finish(&Description { instruments: vec![spec], ..Description::default() }).unwrap();
}

/// A margin account with room for orders of two, 20 ms from the venue.
pub fn config() -> RunConfig {
    RunConfig {
        account: Account::Margin { leverage_e9: 10 * E9 },
        capital: Cash::from_nano(100_000_000_000_000),
        sizing: Sizing::Fixed { qty_e9: 2 * E9 },
        order_latency_ns: 20_000_000,
        response_latency_ns: 20_000_000,
        ..RunConfig::default()
    }
}
