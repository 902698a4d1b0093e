//! What is exported as text comes back record for record.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use qt_data::export::{Packed, Speaker, Spoken, TRADE_COLUMNS};
use qt_data::import::{ImportFormat, ImportOptions, import, import_bytes};
use qt_data::ticks::{Description, RecordKind, TickFile, TickWriter, Verify};
use qt_types::{E9, InstrumentKind, InstrumentSpec, OrderTick, Tick};

use crate::support::{imported, market_data, read_all, spec};

/// All of `file` as text.
fn text<R: Spoken>(file: &TickFile) -> String {
    let specs = file.description().unwrap().instruments;
    let speaker = Speaker::new(&specs).unwrap();
    let mut text = speaker.head::<R>();
    for index in 0..file.blocks() {
        let block = file.block::<R>(index).unwrap();
        for record in block.iter() {
            speaker.write(&record, record.recv_ns(block.base_ns()), &mut text).unwrap();
        }
    }
    text
}

/// Exports `file`, imports that, and holds one against the other.
fn comes_back(file: &TickFile, folder: &Path) {
    let text = match file.kind() {
        RecordKind::Levels => text::<Tick>(file),
        RecordKind::Orders => text::<OrderTick>(file),
    };
    let (path, target) = (folder.join("again.csv"), folder.join("again.qtt"));
    std::fs::write(&path, &text).unwrap();
    let done = import(&path, &target, &ImportOptions::default())
        .unwrap_or_else(|error| panic!("{}: {error}", file.path()));
    assert_eq!(done.description.sources[0].importer, "exported");
    let again = TickFile::open(&target, Verify::Full).unwrap();
    assert_eq!((again.kind(), again.len()), (file.kind(), file.len()), "{}", file.path());
    assert_eq!((again.hash(), again.times()), (file.hash(), file.times()), "{}", file.path());
    let instruments = |file: &TickFile| file.description().unwrap().instruments;
    assert_eq!(instruments(&again), instruments(file), "{}", file.path());
    std::fs::remove_file(&target).unwrap();
}

/// Files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    all
}

#[test]
fn every_recording_comes_back_as_it_was() {
    let Some(folder) = market_data() else { return };
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join("x.qtt");
    let kinds = ["l2_stream", "recorded_ws", "lobster", "tardis_csv", "binance_public_data", "dbn"];
    let more = ["kraken_trades_csv", "fx/tick", "equity/tick"];
    let (mut count, mut formats) = (0, std::collections::BTreeSet::new());
    for path in kinds.iter().chain(&more).flat_map(|name| files(&folder.join(name))) {
        // What is no tick data, or needs to be told a day, is no subject here.
        let Ok(done) = import(&path, &target, &ImportOptions::default()) else { continue };
        formats.insert(done.description.sources[0].importer.clone());
        comes_back(&TickFile::open(&target, Verify::Full).unwrap(), out.path());
        std::fs::remove_file(&target).unwrap();
        count += 1;
    }
    println!("{count} files of {formats:?}");
    assert!(count >= 40, "{count}");
    let wanted = [
        "binance-depth",
        "dbn",
        "lobster",
        "quotes",
        "recording",
        "tardis-book",
        "tardis-snapshots",
        "trades",
    ];
    assert_eq!(formats.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}

/// Any record by price that an importer can give.
fn any_tick() -> impl Strategy<Value = Tick> {
    let parts = (0_u8..8, 0_u8..16, 1_i64..1_000_000, 0_i64..1_000_000, 0_u16..3);
    parts.prop_map(|(kind, flags, price, qty, instrument)| {
        let (price, qty) = match kind {
            3 | 4 => (0, 0),
            5 => (0, qty % 2),
            6 => (price, 0),
            7 => (price, qty - 500_000),
            _ => (price, qty),
        };
        Tick { venue_ns: 0, price, qty, latency_ns: 0, instrument, kind, flags }
    })
}

/// Any record by order.
fn any_order_tick() -> impl Strategy<Value = OrderTick> {
    let parts = (any::<u64>(), 0_u8..8, 0_u8..16, 1_i64..1_000_000, 0_i64..1_000_000, 0_u16..3);
    parts.prop_map(|(order, kind, flags, price, qty, instrument)| {
        let (price, qty) = match kind {
            6 => (0, 0),
            7 => (0, qty % 2),
            _ => (price, qty),
        };
        OrderTick { venue_ns: 0, order, price, qty, latency_ns: 0, instrument, kind, flags }
    })
}

fn instruments() -> Vec<InstrumentSpec> {
    let odd = |symbol: &str, kind, tick, lot, multiplier| {
        InstrumentSpec::new(symbol, "USDT", kind, tick, lot, multiplier).unwrap()
    };
    vec![
        spec("A"),
        odd("B C/d-e", InstrumentKind::InversePerpetual, 250_000_000, 3, 100 * E9),
        odd("Größe", InstrumentKind::Future, 7, 1_000 * E9, E9 / 10),
    ]
}

fn written<R: qt_data::ticks::Record>(path: &Path, records: &[(R, i64)]) -> TickFile {
    let mut writer = TickWriter::<R>::create(path).unwrap();
    for (record, recv_ns) in records {
        writer.push(*record, *recv_ns).unwrap();
    }
    let description = Description { instruments: instruments(), ..Description::default() };
    writer.finish(&description).unwrap();
    TickFile::open(path, Verify::Full).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_records_by_price_come_back(
        ticks in prop::collection::vec((any_tick(), 0_i64..9, 0_i64..5_000_000_000), 1..60),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut venue_ns, mut recv_ns) = (1_700_000_000 * E9, 0);
        let stamp = |(tick, step, latency): (Tick, i64, i64)| {
            venue_ns += step;
            recv_ns = recv_ns.max(venue_ns + latency);
            (Tick { venue_ns, ..tick }, recv_ns)
        };
        let all: Vec<(Tick, i64)> = ticks.into_iter().map(stamp).collect();
        comes_back(&written(&folder.path().join("x.qtt"), &all), folder.path());
    }

    #[test]
    fn any_records_by_order_come_back(
        ticks in prop::collection::vec((any_order_tick(), 0_i64..9, 0_i64..90), 1..60),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut venue_ns, mut recv_ns) = (1_700_000_000 * E9, 0);
        let stamp = |(tick, step, latency): (OrderTick, i64, i64)| {
            venue_ns += step;
            recv_ns = recv_ns.max(venue_ns + latency);
            (OrderTick { venue_ns, ..tick }, recv_ns)
        };
        let all: Vec<(OrderTick, i64)> = ticks.into_iter().map(stamp).collect();
        comes_back(&written(&folder.path().join("x.qtt"), &all), folder.path());
    }
}

#[test]
fn the_lines_are_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let tick = |kind, flags, price, qty| {
        let (venue_ns, instrument) = (1_700_000_000 * E9, 0);
        (Tick { venue_ns, price, qty, latency_ns: 0, instrument, kind, flags }, venue_ns + 5)
    };
    let all = [tick(0, 1 + 2, 10_050, 3), tick(2, 2 + 8, 10_049, 1), tick(7, 2, 9_999, -12_500)];
    let file = written(&folder.path().join("x.qtt"), &all);
    let text = text::<Tick>(&file);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "# quanttrade ticks 1 levels");
    assert_eq!(lines[1], "# instrument,A,USD,spot,0.01,1,1");
    assert_eq!(lines[4], "venue_ns,recv_ns,symbol,kind,side,price,qty,flags");
    assert_eq!(lines[5], "1700000000000000000,1700000000000000005,A,level,ask,100.5,3,L");
    assert_eq!(lines[6], "1700000000000000000,1700000000000000005,A,trade,bid,100.49,1,LN");
    let funding = "1700000000000000000,1700000000000000005,A,funding,bid,99.99,-0.0000125,L";
    assert_eq!(lines[7], funding);
}

#[test]
fn trades_alone_are_a_table_of_trades() {
    let folder = tempfile::tempdir().unwrap();
    let trade = |ns: i64, flags, price, qty| {
        let (venue_ns, instrument) = (1_700_000_000 * E9 + ns, 0);
        (Tick { venue_ns, price, qty, latency_ns: 0, instrument, kind: 2, flags }, venue_ns + 7)
    };
    let all = [trade(0, 2, 10_050, 3), trade(1, 3, 10_049, 1), trade(2, 10, 10_051, 2)];
    let file = written(&folder.path().join("x.qtt"), &all);
    let specs = instruments();
    let speaker = Speaker::new(&specs).unwrap();
    let mut text = format!("{TRADE_COLUMNS}\n");
    for (record, recv_ns) in &all {
        speaker.write_trade(record, *recv_ns, &mut text).unwrap();
    }
    let options =
        ImportOptions { tick_e9: Some(E9 / 100), lot_e9: Some(E9), ..ImportOptions::default() };
    let (done, records) = imported::<Tick>("trades.csv", text.as_bytes(), &options).unwrap();
    assert_eq!(done.description.sources[0].importer, "trades");
    assert_eq!(records, read_all::<Tick>(Path::new(file.path())).1);
}

#[test]
fn packed_text_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder.path().join("x.qtt"), &[(crate::support::level(5, 100, 1), 9)]);
    let plain = text::<Tick>(&file);
    for name in ["a.csv", "a.csv.gz", "a.csv.zst"] {
        let path = folder.path().join(name);
        let mut out = Packed::new(&path, std::fs::File::create(&path).unwrap()).unwrap();
        out.write_all(plain.as_bytes()).unwrap();
        out.finish().unwrap();
        let target = folder.path().join("out.qtt");
        let done = import(&path, &target, &ImportOptions::default()).unwrap();
        assert_eq!(done.hash, file.hash(), "{name}");
    }
}

#[test]
fn what_cannot_be_read_names_its_line() {
    let head = "# quanttrade ticks 1 levels\n# instrument,A,USD,spot,0.01,1,1\n\
                venue_ns,recv_ns,symbol,kind,side,price,qty,flags\n";
    let why = |rest: &str| {
        let text = format!("{head}{rest}\n");
        let options = ImportOptions::default();
        import_bytes(text.as_bytes(), "x.csv", &options).unwrap_err().to_string()
    };
    let line = |kind: &str, side: &str, price: &str, flags: &str| {
        let mut text = String::new();
        write!(text, "1700000000000000000,1700000000000000000,A,{kind},{side},{price},1,{flags}")
            .unwrap();
        text
    };
    for (rest, what) in [
        (line("step", "bid", "1", "L"), "kind"),
        (line("level", "left", "1", "L"), "neither bid nor ask"),
        (line("level", "bid", "x", "L"), "price"),
        (line("level", "bid", "1.005", "L"), "multiple of the tick"),
        (line("level", "bid", "1", "Q"), "letters of L, S and N"),
        ("1,2,B,level,bid,1,1,L".to_owned(), "none of the instruments"),
        ("1,2,A,level".to_owned(), "4 cells"),
        ("soon,2,A,level,bid,1,1,L".to_owned(), "whole number"),
    ] {
        let error = why(&rest);
        assert!(error.contains(what) && error.contains("line 4"), "{error}");
    }
    let bad = "# quanttrade ticks 1 levels\n# instrument,A,USD,spot,0,1,1\n";
    let options = ImportOptions { format: Some(ImportFormat::Exported), ..Default::default() };
    let error = import_bytes(bad.as_bytes(), "x.csv", &options).unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
    let none = import_bytes(b"# quanttrade ticks 9\n", "x.csv", &options).unwrap_err();
    assert!(none.to_string().contains("not exported"), "{none}");
}

#[test]
fn a_name_that_a_line_cannot_hold_is_refused() {
    let specs = [spec("A,B")];
    let error = Speaker::new(&specs).unwrap_err().to_string();
    assert!(error.contains("\"A,B\"") && error.contains("comma"), "{error}");
}
