//! The recorded backtests on real data: number, day, side and price of the fills, each at the
//! open after its decision. (Money and ratios are held against them where accounts are tested.)

#![expect(
    clippy::disallowed_methods,
    reason = "a test reads its reference results from files; the crate itself does no I/O"
)]

use std::path::{Path, PathBuf};

use qt_strategies::prelude::*;
use serde_json::Value;

use crate::desk::decide;
use crate::walk::bar;

/// The folder of reference data, if there is one.
fn shared() -> Option<PathBuf> {
    let folder = match std::env::var_os("QT_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
    };
    folder.join("oracles/bars.json").is_file().then_some(folder)
}

/// Days and bars of a file of daily bars, day, open, high, low and close being the first columns.
/// The files have at most two decimals.
fn read_days(path: &Path) -> (Vec<String>, Vec<Bar>) {
    let text = std::fs::read_to_string(path).expect("a file of the reference data");
    let row = |(row, line): (usize, &str)| {
        let fields: Vec<&str> = line.split(',').collect();
        let price = |column: usize| {
            let price: f64 = fields[column].parse().expect("a price");
            (price * 100.0).round() as i64
        };
        (fields[0].to_owned(), bar(row, [1, 2, 3, 4].map(price)))
    };
    text.lines().skip(1).enumerate().map(row).unzip()
}

#[test]
fn the_fills_on_real_data_are_the_recorded_ones() {
    let Some(shared) = shared() else {
        println!("skipped: no reference data (QT_SHARED names its folder)");
        return;
    };
    let text = std::fs::read_to_string(shared.join("oracles/bars.json")).expect("readable");
    let cases: Value = serde_json::from_str(&text).expect("JSON");
    let mut checked = 0;
    for case in cases.as_array().expect("a list") {
        let file = case["data"].as_str().expect("a path");
        if !file.starts_with("market-data/equity/daily/") {
            continue;
        }
        let (days, bars) = read_days(&shared.join(file));
        let params = case["params"].as_object().expect("parameters");
        let params: Vec<String> = params.iter().map(|(name, v)| format!("{name}={v}")).collect();
        let name = case["strategy"].as_str().expect("a name");
        let fills: Vec<Value> = decide(name, &params.join(" "), &bars)
            .iter()
            .filter_map(|decision| {
                let at = decision.row + 1;
                let side = if decision.side == Side::Buy { "buy" } else { "sell" };
                let price = bars.get(at)?.open.ticks() as f64 / 100.0;
                Some(serde_json::json!([days[at], side, price]))
            })
            .collect();
        let expect = &case["expect"];
        assert_eq!(expect["bars"], bars.len(), "{file}");
        assert_eq!(expect["fills"], fills.len(), "{file}");
        let first = expect["first_fills"].as_array().expect("a list");
        assert_eq!(&fills[..first.len()], &first[..], "{file}");
        assert_eq!(expect["last_fill"], fills[fills.len() - 1], "{file}");
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} cases of daily bars");
}
