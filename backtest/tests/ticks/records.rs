//! How many records of each instrument a run was told of.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::run_on_ticks;
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_types::{E9, InstrumentKind, InstrumentSpec, Tick, TickKind};

use crate::harness::tick;
use crate::script::{BUY, SELL, Script};

fn spec(symbol: &str) -> InstrumentSpec {
    InstrumentSpec::new(symbol, "USD", InstrumentKind::Equity, E9, E9, E9).unwrap()
}

/// A file of `symbols` with a record a second, of the instruments `of` in turn.
fn file(path: &Path, symbols: &[&str], of: &[u16], count: i64) -> TickFile {
    let mut writer = TickWriter::<Tick>::create(path).unwrap();
    for at in 0..count {
        let instrument = of[at as usize % of.len()];
        let (side, price) = if at % 2 == 0 { (BUY, 99) } else { (SELL, 101) };
        let record = tick((1 + at) * E9, TickKind::Level, side, price, 1 + at % 5);
        writer.push(Tick { instrument, ..record }, record.venue_ns + 7).unwrap();
    }
    let instruments = symbols.iter().map(|symbol| spec(symbol)).collect();
    writer.finish(&Description { instruments, ..Description::default() }).unwrap();
    TickFile::open(path, Verify::Full).unwrap()
}

#[test]
fn each_instrument_has_its_own_of_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // More than a block of two instruments, Y again in a file of its own, and one without records.
    let both = file(&at("both.qtt"), &["X", "Y"], &[0, 1, 1], 9_000);
    let alone = file(&at("alone.qtt"), &["Y", "Z"], &[0], 500);
    assert!(both.blocks() > 2);
    let files = [both, alone];
    let records = |to_ns: Option<i64>| {
        let config = RunConfig { to_ns, ..RunConfig::default() };
        let (script, never) = (Box::new(Script::default()), AtomicBool::new(false));
        let run =
            run_on_ticks(&config, &files, E9, Pace::Ahead, script, &never, &mut |_, _| {}).unwrap();
        run.outcome.records.unwrap()
    };
    assert_eq!(records(None), [3_000, 6_500, 0]);
    // What happens at 301 s and later is left out: 100 and 200 of the first file.
    assert_eq!(records(Some(301 * E9)), [100, 500, 0]);
    assert_eq!(records(Some(6_001 * E9)), [2_000, 4_500, 0]);
}
