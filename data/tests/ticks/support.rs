//! What several tests need.

use std::path::{Path, PathBuf};

use qt_data::error::DataError;
use qt_data::import::{ImportOptions, Imported, import, import_bytes};
use qt_data::ticks::{Description, Record, TickFile, TickWriter, Verify, Written};
use qt_types::{E9, InstrumentKind, InstrumentSpec, OrderTick, Tick};

/// The folder of market data that is not part of the repository; `None` where there is none.
pub fn market_data() -> Option<PathBuf> {
    let shared = std::env::var_os("QT_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let folder = shared.join("market-data");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no market data at {}", folder.display());
    None
}

/// An instrument of that name with a tick of a cent.
pub fn spec(symbol: &str) -> InstrumentSpec {
    InstrumentSpec::new(symbol, "USD", InstrumentKind::Spot, E9 / 100, E9, E9).unwrap()
}

/// A description of instruments of these names.
pub fn describe(symbols: &[&str]) -> Description {
    let instruments = symbols.iter().map(|symbol| spec(symbol)).collect();
    Description { instruments, ..Description::default() }
}

/// Writes `ticks`, each with the time at which we could know it, as a file of one instrument.
pub fn write(path: &Path, symbol: &str, ticks: &[(Tick, i64)]) -> Written {
    let mut writer = TickWriter::<Tick>::create(path).unwrap();
    for (tick, recv_ns) in ticks {
        writer.push(*tick, *recv_ns).unwrap();
    }
    writer.finish(&describe(&[symbol])).unwrap()
}

/// A level of instrument 0 at `venue_ns`.
pub fn level(venue_ns: i64, price: i64, qty: i64) -> Tick {
    Tick { venue_ns, price, qty, latency_ns: 0, instrument: 0, kind: 0, flags: 2 }
}

/// Imports `bytes` as a file called `name`; gives what the import says and all records, each with
/// the time at which we could know it.
pub fn imported<R: Record>(
    name: &str,
    bytes: &[u8],
    options: &ImportOptions,
) -> Result<(Imported, Vec<(R, i64)>), DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let target = folder.path().join("out.qtt");
    let done = import(&path, &target, options)?;
    let (file, records) = read_all::<R>(&target);
    assert_eq!(file.hash(), done.hash);
    assert_eq!(file.len(), done.records);
    assert_eq!(file.description().unwrap(), done.description);
    // Without a file the same comes out.
    let again = import_bytes(bytes, &path.display().to_string(), options).unwrap();
    assert_eq!(again, done);
    Ok((done, records))
}

/// Everything in the tick file at `path`, latencies taken out.
pub fn read_all<R: Record>(path: &Path) -> (TickFile, Vec<(R, i64)>) {
    let file = TickFile::open(path, Verify::Full).unwrap();
    let mut records = Vec::new();
    for index in 0..file.blocks() {
        let block = file.block::<R>(index).unwrap();
        let base_ns = block.base_ns();
        records
            .extend(block.iter().map(|record| (record.with_latency(0), record.recv_ns(base_ns))));
    }
    (file, records)
}

/// Ticks in short: kind, side, flags, price, quantity.
pub fn short(ticks: &[(Tick, i64)]) -> Vec<String> {
    let flags = |tick: &Tick| {
        let names = [(1, 'a'), (2, 'L'), (4, 's'), (8, 'n')];
        let set = names.iter().filter(|(bit, _)| tick.flags & bit != 0).map(|(_, name)| *name);
        set.collect::<String>()
    };
    let text = |(tick, _): &(Tick, i64)| {
        let kind = tick.kind().map_or("?".to_owned(), |kind| format!("{kind:?}").to_lowercase());
        format!("{kind} {} {} {}", flags(tick), tick.price, tick.qty).replace("  ", " ")
    };
    ticks.iter().map(text).collect()
}

/// Order ticks in short: kind, order, flags, price, quantity.
pub fn short_orders(ticks: &[(OrderTick, i64)]) -> Vec<String> {
    let flags = |tick: &OrderTick| {
        let names = [(1, 'a'), (2, 'L'), (4, 's'), (8, 'n')];
        let set = names.iter().filter(|(bit, _)| tick.flags & bit != 0).map(|(_, name)| *name);
        set.collect::<String>()
    };
    let text = |(tick, _): &(OrderTick, i64)| {
        let kind = tick.kind().map_or("?".to_owned(), |kind| format!("{kind:?}").to_lowercase());
        let (order, flags) = (tick.order, flags(tick));
        format!("{kind} {order} {flags} {} {}", tick.price, tick.qty).replace("  ", " ")
    };
    ticks.iter().map(text).collect()
}
