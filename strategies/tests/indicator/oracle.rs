//! The recorded results of TA-Lib on real data: first defined row exact, checkpoints and sum to
//! 1e-9 relative.
//!
//! The file calls the two Aroon lines by each other's names; the table of indicators follows it.

#![expect(
    clippy::disallowed_methods,
    reason = "a test reads its reference results from files; the crate itself does no I/O"
)]

use crate::walk::series;
use qt_strategies::indicator::{Candle, parse};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of reference data, if there is one.
fn shared() -> Option<PathBuf> {
    let folder = match std::env::var_os("QT_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
    };
    folder.join("oracles/indicators.json").is_file().then_some(folder)
}

/// Reads bars from a CSV with a header, columns found by their names.
fn read_csv(path: &Path) -> Vec<Candle> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = text.lines();
    let header: Vec<String> =
        lines.next().expect("a header").split(',').map(|name| name.trim().to_lowercase()).collect();
    let column = |name: &str| {
        header.iter().position(|found| found == name).unwrap_or_else(|| panic!("no column {name}"))
    };
    let columns = ["open", "high", "low", "close", "volume"].map(column);
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let [open, high, low, close, volume] =
                columns.map(|column| fields[column].trim().parse().expect("a number"));
            Candle { open, high, low, close, volume }
        })
        .collect()
}

fn relative_error(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected.abs().max(f64::MIN_POSITIVE)
}

#[test]
fn every_recorded_series_is_met() {
    let Some(shared) = shared() else {
        println!("skipped: no reference data at QT_SHARED or ../shared");
        return;
    };
    let text = std::fs::read_to_string(shared.join("oracles/indicators.json")).expect("readable");
    let entries: Vec<serde_json::Value> = serde_json::from_str(&text).expect("valid");
    let mut data: BTreeMap<String, Vec<Candle>> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut worst = (0.0, String::new());
    for entry in &entries {
        let file = entry["data"].as_str().expect("a file");
        let name = entry["indicator"].as_str().expect("a name");
        let candles = data.entry(file.to_owned()).or_insert_with(|| read_csv(&shared.join(file)));
        let values = series(name, candles);
        let first = values.iter().position(Option::is_some);
        let declared = parse(name).map(|indicator| indicator.first_row()).ok();
        let expected = entry["first_defined_row"].as_u64().map(|row| row as usize);
        if first != expected || declared != expected {
            wrong.push(format!("{name} on {file}: first row {first:?}, expected {expected:?}"));
        }
        let mut check = |what: String, found: f64, expected: f64| {
            let error = relative_error(found, expected);
            if error > worst.0 {
                worst = (error, format!("{name} {what}"));
            }
            if error > 1e-9 || !found.is_finite() {
                wrong.push(format!("{name} on {file}, {what}: {found}, expected {expected}"));
            }
        };
        for (row, value) in entry["rows"].as_object().expect("rows") {
            let found = values[row.parse::<usize>().expect("a row")].unwrap_or(f64::NAN);
            check(format!("row {row}"), found, value.as_f64().expect("a number"));
        }
        let sum: f64 = values.iter().flatten().sum();
        check("sum".to_owned(), sum, entry["sum"].as_f64().expect("a number"));
    }
    println!("{} series, largest relative error {:.1e} ({})", entries.len(), worst.0, worst.1);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!entries.is_empty());
}
