use std::fs;
use std::path::{Path, PathBuf};

use qt_data::error::DataError;
use qt_data::load::LoadOptions;
use qt_data::series::{BarSeries, DataKind};
use qt_data::source::Cells;
use qt_types::Price;

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

// A file of the shared market data, or `None` where that is absent.
fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("QT_SHARED").map(PathBuf::from);
    let root =
        root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let path = root.join("market-data/parquet").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: there is no shared market data (set QT_SHARED)");
    None
}

fn bars(path: &Path, options: &LoadOptions) -> BarSeries {
    match load(path, options).unwrap().remove(0) {
        Loaded::Bars(series) => series,
        other => panic!("{:?}", other.kind()),
    }
}

#[test]
fn every_type_has_its_cells() {
    let table = read_table(&fixture("types.parquet")).unwrap();
    let show = |name: &str| {
        let column = table.columns.iter().find(|column| column.name == name).unwrap();
        texts(column).join(" ")
    };
    assert_eq!(show("date32"), "2024-01-02 _ 1969-12-31 2024-01-05");
    assert!(show("date64").starts_with("2024-01-02T00:00:00Z "), "{}", show("date64"));
    assert_eq!(show("i8"), "-1 2 _ 4");
    assert_eq!(show("i16"), "-300 2 3 4");
    assert_eq!(show("i32"), "-70000 2 3 4");
    assert_eq!(show("u8"), "255 2 3 4");
    assert_eq!(show("u16"), "65535 2 3 4");
    assert_eq!(show("u32"), "4294967295 2 3 4");
    assert_eq!(show("u64"), "9223372036854775807 2 3 4");
    assert_eq!(show("f32"), "0.1 113.91 _ 0.00001");
    assert_eq!(show("dec"), "113.91 -0.05 _ 99999999.99");
    assert!(show("dec_wide").starts_with("1.000000000000000001 "));
    assert_eq!(show("dict"), "SPY QQQ _ SPY");
    assert_eq!(show("large"), "a b  d");
    assert_eq!(show("bin"), "x y z \u{fffd}");
    assert_eq!(show("bool"), "true false _ true");
    assert_eq!(show("t32"), "09:30:00 09:31:00.500 _ 00:00:00");
    assert!(show("t64").starts_with("09:30:00 09:31:00.123456 _ "));
    for name in ["ms", "us_utc", "ns_ny"] {
        let want = "2024-01-02T14:30:00Z 2024-01-02T14:31:00Z ";
        assert!(show(name).starts_with(want), "{name}: {}", show(name));
    }
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    for name in ["list", "struct", "fixed", "f16"] {
        assert!(!names.contains(&name), "{name} cannot be cells");
    }
}

#[test]
fn two_writers_give_the_same_bars() {
    let options = LoadOptions::default();
    let pandas = bars(&fixture("pandas_bars.parquet"), &options);
    assert_eq!((pandas.bars.len(), pandas.interval_ns), (40, 60_000_000_000));
    assert_eq!(pandas.bars[0].open_ns, 1_704_205_800_000_000_000);
    assert_eq!(pandas.spec.price_text(Price::from_ticks(pandas.bars[3].close)), "99.97");
    assert_eq!(pandas.bars[39].volume, 139);
    let int96 = bars(&fixture("int96_bars.parquet"), &options);
    assert_eq!(int96.bars, pandas.bars);
    assert_eq!(int96.spec.tick_e9(), 10_000_000);
    assert!(pandas.source.format.starts_with("parquet, 7 columns"));
    assert_eq!(pandas.source.sha256.len(), 64);
}

#[test]
fn times_without_a_zone_follow_the_option() {
    let tz = Some("America/New_York".to_owned());
    let options = LoadOptions { tz, ..LoadOptions::default() };
    let local = bars(&fixture("int96_bars.parquet"), &options);
    assert_eq!(local.bars[0].open_ns, 1_704_205_800_000_000_000 + 5 * 3_600_000_000_000);
    // With a zone of their own they do not.
    let zoned = bars(&fixture("pandas_bars.parquet"), &options);
    assert_eq!(zoned.bars[0].open_ns, 1_704_205_800_000_000_000);
}

#[test]
fn shared_files_load() {
    if let Some(path) = shared("ETH_BTC_5m.parquet") {
        let series = bars(&path, &LoadOptions::default());
        assert_eq!((series.bars.len(), series.interval_ns), (5_760, 300_000_000_000));
        let first = &series.bars[0];
        assert_eq!(series.spec.price_text(Price::from_ticks(first.open)), "0.0984");
        assert_eq!(qt_data::stamp::iso_text(first.open_ns), "2018-01-10T04:55:00Z");
    }
    if let Some(path) = shared("btcusdt-trades.parquet") {
        match load(&path, &LoadOptions::default()).unwrap().remove(0) {
            Loaded::Trades(series) => {
                assert_eq!(series.trades.len(), 2_001);
                assert_eq!(series.trades[0].aggressor, -1, "the buyer was the maker");
            }
            other => panic!("{:?}", other.kind()),
        }
    }
    if let Some(path) = shared("btcusdt-quotes.parquet") {
        let loaded = load(&path, &LoadOptions::default()).unwrap().remove(0);
        assert_eq!((loaded.kind(), loaded.len()), (DataKind::Quotes, 451));
        assert_eq!(loaded.symbol(), "BTC/USDT");
    }
}

#[test]
fn what_is_no_parquet_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let error = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = load(&path, &LoadOptions::default()).unwrap_err();
        assert_eq!(error.code(), 3);
        error.to_string()
    };
    let good = fs::read(fixture("types.parquet")).unwrap();
    assert!(error(b"date,open\n1,2\n").contains("not a Parquet file"));
    assert!(error(b"").contains("empty"));
    assert!(error(b"PAR1").contains("truncated"));
    assert!(error(b"PAR1\0\0\0\0PAR1").contains("damaged"));
    assert!(error(b"PAR1\xff\xff\xff\x7fPAR1").contains("truncated"));
    let mut encrypted = good.clone();
    let end = good.len() - 4;
    encrypted[end..].copy_from_slice(b"PARE");
    assert!(error(&encrypted).contains("encrypted"));
    for length in [12, 100, good.len() / 2, good.len() - 1] {
        let text = error(&good[..length]);
        assert!(text.contains("truncated"), "{length}: {text}");
    }
    let missing = load(&folder.path().join("b.parquet"), &LoadOptions::default()).unwrap_err();
    assert!(matches!(missing, FramesError::Data(DataError::NotFound { .. })), "{missing}");
    let folder = load(folder.path(), &LoadOptions::default()).unwrap_err();
    assert!(folder.to_string().contains("a directory"), "{folder}");
}

#[test]
fn damage_is_an_error_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["types.parquet", "pandas_bars.parquet", "int96_bars.parquet"] {
        let good = fs::read(fixture(name)).unwrap();
        let path = folder.path().join(name);
        for at in (4..good.len()).step_by(29) {
            for mask in [0x01, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] ^= mask;
                fs::write(&path, &bytes).unwrap();
                // Not every bit is covered by a checksum of the format: any result will do that
                // is no panic.
                if let Ok(table) = read_table(&path) {
                    assert!(table.columns.iter().all(|column| texts(column).len() <= 40));
                }
            }
        }
    }
}

// The cells as text, `_` for those that are missing.
fn texts(column: &TableColumn) -> Vec<String> {
    let mut texts: Vec<String> = match &column.cells {
        Cells::Text(cells) => cells.clone(),
        Cells::Int(cells) | Cells::Billionths(cells) => cells.iter().map(i64::to_string).collect(),
        Cells::Float(cells) => cells.iter().map(f64::to_string).collect(),
        Cells::EpochNs(cells) => cells.iter().map(|ns| qt_data::stamp::iso_text(*ns)).collect(),
        Cells::Date(cells) => {
            cells.iter().map(|day| qt_data::calendar::Day(*day).to_string()).collect()
        }
    };
    for row in &column.missing {
        texts[*row as usize] = "_".to_owned();
    }
    texts
}
