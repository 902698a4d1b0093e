//! `--from` and `--to` on entries of the catalog: the result is that of the whole data, and only
//! the row groups that are needed are read.

mod common;

use std::fs;

use common::Sandbox;
use serde_json::Value;

/// Minutes of a synthetic market: three row groups of 65,536 bars and a bit.
const ROWS: &str = "200000";

/// A sandbox with the minutes as `m.csv` and as the entry `m`, and the times at which they open.
fn minutes() -> (Sandbox, Vec<String>) {
    let sandbox = Sandbox::new();
    let words = ["data", "generate", "bars", "--seed", "5", "--rows", ROWS, "--out", "m.csv"];
    sandbox.json(&words);
    sandbox.json(&["data", "import", "M=m.csv", "--id", "m"]);
    let text = sandbox.read("m.csv");
    let times = text.lines().skip(1).map(|line| line.split(',').next().unwrap_or("").to_owned());
    let times = times.collect();
    (sandbox, times)
}

/// Damages the first row group of the entry `m`.
fn damage(sandbox: &Sandbox) {
    let path = sandbox.path().join("data/catalog/m/bars.parquet");
    let mut bytes = fs::read(&path).expect("the entry has its bars there");
    bytes[1_000] ^= 0x10;
    fs::write(&path, bytes).expect("a file can be written");
}

/// A result without what differs from run to run and from place to place.
fn comparable(mut document: Value) -> Value {
    for name in ["run_id", "events_per_second", "wall_seconds", "bars_per_second", "seconds"] {
        document.as_object_mut().expect("an object").remove(name);
    }
    for entry in document["data"].as_array_mut().into_iter().flatten() {
        entry.as_object_mut().expect("an object").remove("path");
    }
    document
}

#[test]
fn a_backtest_of_a_part_is_that_of_the_whole() {
    let (sandbox, times) = minutes();
    let run = |data: &str, range: &[&str], more: &[&str]| {
        let words = ["backtest", "--data", data, "--strategy", "sma_cross", "--qty", "10"];
        let params = ["--param", "fast=20", "--param", "slow=50", "--full-curve"];
        sandbox.json(&[&words[..], &params, range, more].concat())
    };
    // Inside one group; with the warm-up in the group before; at a border; open ends.
    for (from, to) in [
        (Some(100_000), Some(101_000)),
        (Some(65_546), Some(66_000)),
        (Some(131_072), Some(131_500)),
        (Some(199_000), None),
        (None, Some(1_000)),
        (Some(65_000), Some(140_000)),
    ] {
        let mut range = Vec::new();
        for (name, at) in [("--from", from), ("--to", to)] {
            if let Some(at) = at {
                range.extend([name, times[at].as_str()]);
            }
        }
        let (file, entry) = (run("M=m.csv", &range, &[]), run("M=m", &range, &[]));
        assert!(file["fills"].as_u64().unwrap() > 0, "{range:?}");
        assert_eq!(comparable(entry), comparable(file), "{range:?}");
    }
    // Other bars are built from all of the entry's, and so are other marks.
    let range = ["--from", times[140_000].as_str(), "--to", times[150_000].as_str()];
    for more in [&["--bars", "7m"][..], &["--calendar", "24x7"]] {
        let (file, entry) = (run("M=m.csv", &range, more), run("M=m", &range, more));
        assert_eq!(entry["determinism_hash"], file["determinism_hash"], "{more:?}");
        assert_eq!(entry["fills_list"], file["fills_list"], "{more:?}");
    }
    damage(&sandbox);
    let part = run("M=m", &range, &[]);
    assert_eq!(comparable(part), comparable(run("M=m.csv", &range, &[])));
    let words = ["backtest", "--data", "m", "--strategy", "sma_cross"];
    sandbox.run(&words).expect(3, &["row group 0 is not what was saved"]);
}

#[test]
fn nothing_in_range_says_what_there_is() {
    let (sandbox, times) = minutes();
    let run = |data: &str| {
        let words = ["backtest", "--data", data, "--strategy", "sma_cross", "--from", "2031-01-01"];
        let ended = sandbox.run(&words);
        assert_eq!(ended.code, 4, "{}", ended.err);
        ended.err
    };
    let (file, entry) = (run("M=m.csv"), run("M=m"));
    assert_eq!(entry, file);
    assert!(entry.contains(&times[0]), "{entry}");
}

#[test]
fn a_sweep_of_a_part_is_that_of_the_whole() {
    let (sandbox, times) = minutes();
    damage(&sandbox);
    let run = |data: &str| {
        let range = ["--from", times[131_100].as_str(), "--to", times[132_000].as_str()];
        let words = ["sweep", "--data", data, "--strategy", "sma_cross", "--qty", "10"];
        let params = ["--param", "fast=5:20:5", "--param", "slow=30:60:15"];
        sandbox.json(&[&words[..], &params, &range].concat())
    };
    let (file, entry) = (run("M=m.csv"), run("M=m"));
    assert_eq!(entry["determinism_hash"], file["determinism_hash"]);
    assert_eq!(entry["results"], file["results"]);
    let ledger = sandbox.json(&["runs", "list"]);
    let events: Vec<&Value> =
        ledger["runs"].as_array().unwrap().iter().map(|run| &run["events"]).collect();
    assert_eq!(events[0], events[1], "the number of bars is that of the range");
}

#[test]
fn an_export_of_a_part_is_that_of_the_whole() {
    let (sandbox, times) = minutes();
    let export = |data: &str, out: &str, from: &str, to: &str| {
        let words = ["data", "export", data, "--out", out, "--from", from, "--to", to];
        (sandbox.json(&words)["bars"].clone(), sandbox.read(out))
    };
    damage(&sandbox);
    let (from, to) = (times[131_000].as_str(), times[131_200].as_str());
    let entry = export("m", "entry.csv", from, to);
    assert_eq!(entry.0, 200);
    assert_eq!(entry, export("M=m.csv", "file.csv", from, to));
    let words = ["data", "export", "m", "--out", "x.csv", "--from", times[10].as_str()];
    sandbox.run(&words).expect(3, &["row group 0"]);
}
