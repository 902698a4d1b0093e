//! Holds the crates against the table of layers in `docs/ARCHITECTURE.md`: who may import whom.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Crate, and the workspace crates that it may import.
const LAYERS: &[(&str, &[&str])] = &[
    ("qt-types", &[]),
    ("qt-ring", &[]),
    ("qt-engine", &["qt-types"]),
    ("qt-journal", &["qt-types", "qt-ring", "qt-engine"]),
    ("qt-codec", &["qt-types"]),
    ("qt-venue-sim", &["qt-types", "qt-codec"]),
    ("qt-feeds", &["qt-types", "qt-ring", "qt-engine", "qt-codec"]),
    ("qt-risk", &["qt-types", "qt-engine"]),
    ("qt-strategies", &["qt-types", "qt-engine"]),
    ("qt-data", &["qt-types", "qt-codec"]),
    ("qt-frames", &["qt-types", "qt-data"]),
    ("qt-backtest", &["qt-types", "qt-ring", "qt-engine", "qt-risk", "qt-strategies", "qt-data"]),
    ("qt-runtime", &["qt-types", "qt-ring", "qt-engine", "qt-journal", "qt-data", "qt-backtest"]),
    ("qt-trading", &[]),
    ("qt-store", &["qt-trading"]),
    ("qt-auth", &["qt-trading"]),
    ("qt-outside", &["qt-trading", "qt-store"]),
    (
        "qt-sessions",
        &[
            "qt-types",
            "qt-ring",
            "qt-engine",
            "qt-codec",
            "qt-risk",
            "qt-strategies",
            "qt-data",
            "qt-backtest",
            "qt-journal",
            "qt-runtime",
            "qt-trading",
        ],
    ),
    (
        "qt-api",
        &[
            "qt-types",
            "qt-codec",
            "qt-risk",
            "qt-strategies",
            "qt-trading",
            "qt-store",
            "qt-auth",
            "qt-outside",
            "qt-sessions",
        ],
    ),
    (
        "qt-cli",
        &[
            "qt-types",
            "qt-ring",
            "qt-engine",
            "qt-codec",
            "qt-feeds",
            "qt-venue-sim",
            "qt-risk",
            "qt-strategies",
            "qt-data",
            "qt-frames",
            "qt-backtest",
            "qt-journal",
            "qt-runtime",
            "qt-trading",
            "qt-store",
            "qt-auth",
            "qt-api",
        ],
    ),
];

/// Crates that may import anything: nothing is built on them.
const TOPS: &[&str] = &["qt-benches", "qt-load", "qt-tests", "qt-fuzz"];

/// Crates of the core, and what must never be below them.
const CORE: &[&str] = &["qt-types", "qt-engine", "qt-risk", "qt-strategies"];
const NEVER_IN_CORE: &[&str] = &["tokio", "sqlx", "polars", "rand", "rand_chacha", "serde_json"];
/// Codecs are as pure as the core, but read JSON.
const NEVER_IN_CODECS: &[&str] =
    &["tokio", "mio", "tungstenite", "sqlx", "polars", "rand", "rand_chacha", "chrono", "jiff"];

/// Crates that only these of ours may name.
const OWNED: &[(&str, &[&str])] = &[
    ("polars", &["qt-frames"]),
    ("polars-io", &["qt-frames"]),
    ("sqlx", &["qt-store", "qt-cli"]),
    ("axum", &["qt-api"]),
    ("redis", &["qt-store", "qt-auth", "qt-outside", "qt-api"]),
    ("plotly", &["qt-backtest"]),
    ("rustls", &["qt-feeds", "qt-venue-sim", "qt-auth", "qt-outside", "qt-cli"]),
    ("ureq", &["qt-auth", "qt-outside", "qt-cli"]),
];

/// Normal dependencies of every workspace crate, by name.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(qt_tests::workspace())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    packages
        .iter()
        .map(|package| {
            let normal = package["dependencies"].as_array().expect("a list");
            let normal = normal.iter().filter(|dependency| dependency["kind"].is_null());
            (text(&package["name"]), normal.map(|d| text(&d["name"])).collect())
        })
        .collect()
}

#[test]
fn imports_follow_the_layers() {
    let all = dependencies();
    for (name, imports) in &all {
        if TOPS.contains(&name.as_str()) {
            continue;
        }
        let (_, allowed) = LAYERS
            .iter()
            .find(|(layer, _)| layer == name)
            .unwrap_or_else(|| panic!("{name} is not in the table of layers"));
        for import in imports.iter().filter(|import| import.starts_with("qt-")) {
            assert!(allowed.contains(&import.as_str()), "{name} must not import {import}");
        }
    }
    for (name, _) in LAYERS {
        assert!(all.contains_key(*name), "{name} of the table does not exist");
    }
}

#[test]
fn the_core_stays_pure_and_heavy_crates_have_one_owner() {
    let all = dependencies();
    for core in CORE {
        for never in NEVER_IN_CORE {
            assert!(!all[*core].iter().any(|d| d == never), "{core} must not import {never}");
        }
    }
    for never in NEVER_IN_CODECS {
        assert!(!all["qt-codec"].iter().any(|d| d == never), "qt-codec must not import {never}");
    }
    for (name, imports) in &all {
        for (heavy, owners) in OWNED {
            let foreign = imports.iter().any(|d| d == heavy) && !owners.contains(&name.as_str());
            assert!(!foreign, "only {owners:?} may import {heavy}, but {name} does");
        }
    }
}

/// Fails when `owner` stands on one of `absents`.
fn stands_on_none(owner: &str, absents: &[&str]) {
    for absent in absents {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "-p", owner, "-e", "normal", "--offline", "-i", absent])
            .current_dir(qt_tests::workspace())
            .output()
            .expect("cargo tree runs");
        let tree = String::from_utf8_lossy(&output.stdout);
        assert!(!tree.contains(owner), "{absent} has come in:\n{tree}");
    }
}

#[test]
fn polars_stays_slim() {
    stands_on_none("qt-frames", &["polars-ops", "polars-lazy", "object_store"]);
}

#[test]
fn there_is_one_cryptography() {
    stands_on_none("qt-cli", &["aws-lc-sys", "openssl-sys"]);
}
