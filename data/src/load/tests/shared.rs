//! The real files: every one that its PROVENANCE calls clean loads and passes.

use std::path::Path;

use super::*;
use crate::quality::FindingKind;

// A file or folder of the shared material; `None` (with a message) without it.
fn shared_path(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("QT_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let path = root.join(path);
    if !path.exists() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

fn shared_load(path: &Path) -> Result<Loaded, DataError> {
    Ok(load(path, &LoadOptions::default())?.remove(0))
}

// Clean files of formats that are not read yet: rows of order books. (Recorded streams, DBN and
// LOBSTER are no files that the table calls clean or not.)
const NOT_READ_YET: [&str; 2] = [
    "tardis_csv/binance-futures_book_snapshot_25_BTCUSDT.csv",
    "tardis_csv/binance-futures_book_snapshot_5_BTCUSDT.csv",
];

#[test]
fn every_clean_file_passes() {
    let Some(root) = shared_path("market-data") else { return };
    let table = std::fs::read_to_string(root.join("PROVENANCE.md")).unwrap();
    let (mut seen, mut left_out) = (0, Vec::new());
    for line in table.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let (Some(name), Some(check)) = (cells.first(), cells.last()) else { continue };
        if !check.contains("clean") {
            continue;
        }
        if NOT_READ_YET.contains(name) {
            left_out.push(*name);
            continue;
        }
        let rows: usize = cells[1].parse().unwrap();
        let loaded = shared_load(&root.join(name)).unwrap_or_else(|error| panic!("{error}"));
        let report = loaded.quality().unwrap();
        assert!(!report.structural && report.score >= 50.0, "{name}\n{report}");
        let nulls = report.findings.count(FindingKind::NullRow) as usize;
        // Without a header, the first row was counted as one.
        let found = loaded.len() + nulls;
        assert!((rows..=rows + 1).contains(&found), "{name}: {found} rows, not {rows}");
        seen += 1;
    }
    assert!(seen >= 45, "only {seen} files");
    assert_eq!(left_out, NOT_READ_YET, "an exception that the table does not have");
    for name in NOT_READ_YET {
        // Once it is read, it belongs to the others.
        assert!(shared_load(&root.join(name)).is_err(), "{name} is read now");
    }
}

#[test]
fn ticks_repeat_times_and_pass() {
    let Some(root) = shared_path("market-data") else { return };
    for (name, kind, rows) in [
        ("equity/tick/SPY_2013-10-07_trade.csv.gz", DataKind::Trades, 250_601),
        ("equity/tick/IBM_2013-10-07_2013-10-08_quote.csv.gz", DataKind::Quotes, 234_817),
        ("kraken_trades_csv/BCHEUR.csv", DataKind::Trades, 148),
        ("crypto/tick/freqtrade_public_trades_list.csv", DataKind::Trades, 1_000),
        ("tardis_csv/bitmex_trades_XBTUSD.csv", DataKind::Trades, 10),
    ] {
        let loaded = shared_load(&root.join(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((loaded.kind(), loaded.len()), (kind, rows), "{name}");
    }
    let depth = "binance_public_data/futures_um_depth/BTCUSDT_T_DEPTH_snap_sample.csv";
    for name in [depth, "lobster/GOOG_2012-06-21_34200000_45000000_message_1.csv"] {
        let error = shared_load(&root.join(name)).unwrap_err();
        assert!(error.to_string().contains("Supported formats"), "{error}");
    }
}

#[test]
fn splits_are_suspected_where_they_happened() {
    let Some(root) = shared_path("market-data/equity") else { return };
    for (name, want) in [
        ("daily/AAPL.csv", "2000-06-21 2:1 2005-02-28 2:1 2014-06-09 7:1 2020-08-31 4:1"),
        ("daily/USO.csv", "2020-04-29 1:8"),
        ("daily/IBM.csv", "1999-05-27 2:1"),
        ("daily/SPY.csv", ""),
        ("daily/GOOGL.csv", ""),
        ("daily/ORCL_yahoo_1995-2014.csv", ""),
        ("minute/AAPL_2014-06-05_2014-06-09_trade.csv", "2014-06-09 7:1"),
        ("minute/AAPL_2014-06-05_2014-06-09_quote.csv", "2014-06-09 7:1"),
    ] {
        let loaded = shared_load(&root.join(name)).unwrap_or_else(|error| panic!("{error}"));
        let splits = loaded.quality().unwrap().splits.iter();
        let found = splits
            .map(|split| format!("{} {}", crate::calendar::Day::of_ns(split.time_ns), split.ratio));
        assert_eq!(found.collect::<Vec<_>>().join(" "), want, "{name}");
    }
    let factors = root.join("corporate_actions/lean_factor_files/AAPL.csv");
    let options = LoadOptions {
        price: PriceMode::Adjusted,
        factor_file: Some(factors),
        ..Default::default()
    };
    let loaded = load(&root.join("daily/AAPL.csv"), &options).unwrap().remove(0);
    assert_eq!(loaded.quality().unwrap().splits, []);
}

#[test]
fn the_flash_crash_is_an_outlier() {
    let Some(path) = shared_path("market-data/crypto/daily/BTCUSD_coinbase_trade.csv") else {
        return;
    };
    let loaded = shared_load(&path).unwrap();
    let findings = &loaded.quality().unwrap().findings;
    let outliers = findings.iter().find(|finding| finding.kind == FindingKind::Outlier).unwrap();
    assert!(outliers.examples.iter().any(|example| example.text == "0.06"), "{outliers:?}");
}
