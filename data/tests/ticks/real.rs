//! Every real file of the formats imports, with the rows that its provenance says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use qt_data::import::{ImportOptions, dbn, import};
use qt_data::load::{self, LoadOptions, Loaded};
use qt_data::series::BarSeries;
use qt_data::ticks::{TickFile, Verify};
use qt_types::InstrumentKind;

use crate::support::market_data;

// The rows of each file, as the table of provenance says; files without a number are left out.
fn provenance(folder: &Path) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(folder.join("PROVENANCE.md")).unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?.to_owned(), cells.next()?.trim().parse().ok()?))
    };
    text.lines().filter_map(row).collect()
}

// Which files are ticks, by what they are called.
fn is_ticks(name: &str) -> bool {
    let dbn = name.starts_with("dbn/") && !name.contains("/databento_dbn_testdata/");
    let ticks = ["/tick/", "_trades_derived/", "_bookTicker_derived/", "futures_um_depth/"];
    let folder = ["kraken_trades_csv/", "tardis_csv/"].iter().any(|start| name.starts_with(start));
    let lobster = name.starts_with("lobster/") && name.contains("_message_");
    let bars = name.contains("ohlcv") || name.contains("definition") || name.contains("ticksample");
    let ticks = ticks.iter().any(|part| name.contains(part));
    (ticks || folder || lobster || dbn) && !bars
}

#[test]
fn all_of_them_have_the_rows_of_their_provenance() {
    let Some(folder) = market_data() else { return };
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join("x.qtt");
    let mut count = 0;
    for (name, rows) in provenance(&folder).iter().filter(|(name, _)| is_ticks(name)) {
        let done = import(&folder.join(name), &target, &ImportOptions::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        // Two files came from tables with a header, which were counted as rows in one of them.
        let header = u64::from(name.contains("spot_trades_derived") && done.rows == rows - 1);
        assert_eq!(done.rows + header, *rows, "{name}");
        assert!(done.records > 0 && done.description.shift_ns == 0, "{name}");
        let file = TickFile::open(&target, Verify::Full).unwrap();
        assert_eq!((file.len(), file.hash()), (done.records, done.hash), "{name}");
        count += 1;
    }
    assert_eq!(count, 25, "files of ticks in the table of provenance");
}

// Format, records, symbol, tick, lot, and what was noticed, of some of them.
#[test]
fn what_is_known_of_some_of_them() {
    let Some(folder) = market_data() else { return };
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join("x.qtt");
    let check = |name: &str, format: &str, records: u64, spec: (&str, i64, i64), fact| {
        let done = import(&folder.join(name), &target, &ImportOptions::default()).unwrap();
        let instrument = &done.description.instruments[0];
        let units = (instrument.symbol(), instrument.tick_e9(), instrument.lot_e9());
        assert_eq!((done.records, units), (records, spec), "{name}");
        assert_eq!(done.description.sources[0].importer, format, "{name}");
        let facts = done.description.facts.iter().map(|fact| (fact.name.as_str(), fact.count));
        assert_eq!(facts.collect::<Vec<_>>(), Vec::from_iter(fact), "{name}");
    };
    let cent = 10_000_000;
    check(
        "binance_public_data/futures_um_bookTicker_derived/BTCUSDT-bookTicker-2024-08-08.csv.gz",
        "quotes",
        2 * 66_089,
        ("BTCUSDT", 10 * cent, 1_000_000),
        None,
    );
    check(
        "fx/tick/EURUSD_fxcm_2014-05-01_2014-05-02_quote.csv.gz",
        "quotes",
        2 * 147_459,
        ("EURUSD", 10_000, 1_000_000_000),
        Some(("crossed quotes", 16_052)),
    );
    check(
        "equity/tick/IBM_2013-10-07_2013-10-08_quote.csv.gz",
        "quotes",
        234_817,
        ("IBM", cent, 100_000_000_000),
        Some(("one-sided quotes", 234_817)),
    );
    check("kraken_trades_csv/BCHEUR.csv", "trades", 148, ("BCHEUR", cent, 10), None);
    check(
        "lobster/GOOG_2012-06-21_34200000_45000000_message_1.csv",
        "lobster",
        23_708,
        ("GOOG", cent / 2, 1_000_000_000),
        None,
    );
    // 13,796 records: 5 trades and 2 cancels are told by 5 fills, one clear empties two sides.
    check(
        "dbn/orderbooks_mbo_2024-05-08.dbn.zst",
        "dbn",
        13_796 - 5 - 2 + 1,
        ("ESM4", 25 * cent, 1_000_000_000),
        None,
    );
    check(
        "dbn/futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst",
        "dbn",
        2 * 2_288 + 120,
        ("ESU4", 25 * cent, 1_000_000_000),
        None,
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn databentos_own_test_data_reads_the_same_in_every_version() {
    let Some(folder) = market_data() else { return };
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join("x.qtt");
    let own = files(&folder.join("dbn/databento_dbn_testdata"));
    let captured = files(&folder.join("captures/dbn"));
    let (mut hashes, mut imported, mut refused) = (BTreeMap::new(), 0, 0);
    for path in own.iter().chain(&captured) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // `test_data.mbo.v3.dbn.zst` is of the schema `mbo`.
        let schema = name.split('.').nth(1).unwrap().to_owned();
        match import(path, &target, &ImportOptions::default()) {
            Ok(done) => {
                let first = hashes.entry(schema).or_insert((done.rows, done.hash));
                // The recorded bytes differ in what no tick holds; statuses also in their head.
                assert_eq!(*first, (done.rows, done.hash), "{name}");
                imported += 1;
            }
            Err(error) => {
                let text = error.to_string();
                let why = match () {
                    () if name.contains(".dbz") => "DBZ",
                    () if name.contains(".frag") => "fragment",
                    () if schema.starts_with("ohlcv") => "bars",
                    () => "no ticks",
                };
                assert!(text.contains(why) && text.contains(&name), "{text}");
                refused += 1;
            }
        }
    }
    let schemas: Vec<&str> = hashes.keys().map(String::as_str).collect();
    let want = [
        "bbo-1m", "bbo-1s", "cbbo-1s", "cmbp-1", "mbo", "mbp-1", "mbp-10", "status", "tbbo",
        "trades",
    ];
    assert_eq!(schemas, want);
    assert_eq!(imported + refused, own.len() + captured.len());
    assert!(imported >= 40, "{imported}");
}

#[test]
fn bars_and_definitions_of_dbn() {
    let Some(folder) = market_data() else { return };
    let folder = folder.join("dbn");
    let path = folder.join("futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst");
    let series: Vec<BarSeries> = load::load(&path, &LoadOptions::default())
        .unwrap()
        .into_iter()
        .map(|loaded| match loaded {
            Loaded::Bars(series) => series,
            other => panic!("{:?}", other.kind()),
        })
        .collect();
    let count: usize = series.iter().map(|series| series.bars.len()).sum();
    assert_eq!((series.len(), count), (2, 60));
    for series in &series {
        assert_eq!(series.spec.tick_e9(), 250_000_000, "{}", series.spec.symbol());
        assert_eq!(series.interval_ns, 60_000_000_000);
        assert!(series.bars.iter().all(|bar| bar.low > 0 && bar.high >= bar.low));
        assert!(series.bars.is_sorted_by_key(|bar| bar.open_ns));
    }
    let defined = dbn::definitions(&folder.join("orderbooks_definition.dbn.zst")).unwrap();
    let spec = &defined[0].spec;
    assert_eq!((defined.len(), spec.symbol(), spec.kind()), (1, "ESM4", InstrumentKind::Future));
    assert_eq!((spec.tick_e9(), spec.multiplier_e9()), (250_000_000, 50_000_000_000));
    assert_eq!(defined[0].instrument_id, 5602);
    assert!(defined[0].expires_ns.is_some());
    let all = dbn::definitions(&folder.join("futures_definition.dbn.zst")).unwrap();
    assert_eq!(all.len(), 2);
    // Known instruments keep their units, whatever the data shows.
    let specs = defined.into_iter().map(|definition| definition.spec).collect();
    let options = ImportOptions { specs, ..ImportOptions::default() };
    let out = tempfile::tempdir().unwrap();
    let ticks = folder.join("orderbooks_mbo_2024-05-08.dbn.zst");
    let done = import(&ticks, &out.path().join("x.qtt"), &options).unwrap();
    assert_eq!(done.description.instruments[0].multiplier_e9(), 50_000_000_000);
    let error = dbn::bars(&ticks).unwrap_err();
    assert!(error.to_string().contains("no bars among 13796 records"), "{error}");
}
