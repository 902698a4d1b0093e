//! Every command: its help, its document, and what it does.

mod common;

use std::fs;
use std::process::Stdio;

use common::{Sandbox, quiet_days};
use serde_json::Value;

/// All commands, as words.
const COMMANDS: &[&[&str]] = &[
    &["demo"],
    &["backtest"],
    &["sweep"],
    &["live"],
    &["record"],
    &["replay"],
    &["parity"],
    &["journal"],
    &["watch"],
    &["data"],
    &["data", "import"],
    &["data", "info"],
    &["data", "list"],
    &["data", "check"],
    &["data", "export"],
    &["data", "generate"],
    &["data", "bars"],
    &["data", "indicator"],
    &["data", "rm"],
    &["strategies"],
    &["strategies", "list"],
    &["strategies", "show"],
    &["strategies", "new"],
    &["runs"],
    &["runs", "list"],
    &["runs", "show"],
    &["runs", "compare"],
    &["runs", "rm"],
    &["bench"],
    &["bench", "backtest"],
    &["bench", "latency"],
    &["doctor"],
    &["config"],
    &["config", "show"],
    &["completions"],
];

#[test]
fn every_help_has_an_example() {
    let sandbox = Sandbox::new();
    for words in COMMANDS {
        let help = sandbox.run(&[words, &["--help"][..]].concat());
        assert_eq!(help.code, 0, "{words:?}");
        let example = format!("quanttrade {}", words.join(" "));
        assert!(help.out.contains("Example") && help.out.contains(&example), "{words:?}");
    }
    assert!(sandbox.run(&["--help"]).out.contains("Exit codes"));
    assert!(sandbox.run(&["--version"]).out.starts_with("quanttrade 0."));
}

#[test]
fn the_demo_writes_a_report() {
    let sandbox = Sandbox::new();
    let demo = sandbox.run(&["demo"]);
    assert_eq!(demo.code, 0, "{}", demo.err);
    for part in ["sma_cross", "buy and hold", "Sharpe", "strategies new", "runs show"] {
        assert!(demo.out.contains(part), "{part}: {}", demo.out);
    }
    let page = sandbox.read("report.html");
    assert!(page.starts_with("<!") && page.contains("S&amp;P") | page.contains("SP500"));
    assert!(!demo.out.contains('\u{1b}'), "no colours into a pipe");
    assert_eq!(sandbox.files(), ["report.html"]);
}

#[test]
fn a_backtest_is_a_document_files_and_an_entry() {
    let sandbox = Sandbox::new();
    let words = [
        "backtest",
        "--data",
        "sample:SP500",
        "--strategy",
        "sma_cross",
        "--param",
        "fast=50",
        "--param",
        "slow=200",
        "--report",
        "r.html",
        "--out",
        "tables",
    ];
    let result = sandbox.json(&words);
    assert_eq!(result["schema"], "quanttrade.backtest/1");
    assert_eq!(result["symbols"][0], "SP500");
    assert!(result["fills"].as_u64().unwrap() > 10);
    let points = result["equity_curve"].as_array().unwrap().len();
    assert!(points <= 2_000, "{points}");
    let fills = sandbox.read("tables/fills.csv");
    assert_eq!(fills.lines().count() as u64, result["fills"].as_u64().unwrap() + 1);
    assert_eq!(sandbox.read("tables/equity.csv").lines().count(), 5_032);
    let whole: Value = serde_json::from_str(&sandbox.read("tables/result.json")).unwrap();
    assert_eq!(whole["equity_curve"].as_array().unwrap().len(), 5_031);
    assert!(sandbox.read("tables/trades.csv").starts_with("symbol,side,"));
    assert!(sandbox.read("r.html").contains("quanttrade backtest --data sample:SP500"));
    let id = result["run_id"].as_str().unwrap();
    let run = sandbox.json(&["runs", "show", id]);
    assert_eq!(run["determinism_hash"], result["determinism_hash"]);
    assert_eq!(run["state"], "done");
    // The command of the ledger makes the same run again.
    let command = run["command"].as_str().unwrap().to_owned();
    let again: Vec<&str> = command.split(' ').skip(1).collect();
    let again = sandbox.json(&again);
    assert_eq!(again["determinism_hash"], result["determinism_hash"]);
    let compared = sandbox.json(&["runs", "compare", id, "last"]);
    assert_eq!(compared["same_determinism_hash"], true);
    // Of a program with uncommitted changes it cannot be told.
    assert_ne!(compared["same_code"], false);
    assert!(compared["a"]["program"].is_null());
    let text = sandbox.run(&["runs", "compare", id, "last"]);
    assert!(text.out.contains("identical to the last bit"), "{}", text.out);
    assert_eq!(sandbox.run(&["runs", "rm", id]).code, 2);
    assert_eq!(sandbox.json(&["runs", "rm", id, "--yes"])["removed"][0], id);
    assert_eq!(sandbox.json(&["runs", "list"])["total"], 1);
}

#[test]
fn two_runs_at_once_share_the_ledger() {
    let sandbox = Sandbox::new();
    let words = ["backtest", "--data", "sample:MINUTE", "--strategy", "sma_cross", "--json"];
    let children: Vec<_> = (0..4)
        .map(|_| sandbox.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn())
        .collect();
    let mut hashes = Vec::new();
    for child in children {
        let output = child.unwrap().wait_with_output().unwrap();
        assert!(output.status.success());
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        hashes.push(result["determinism_hash"].clone());
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0]));
    assert_eq!(sandbox.json(&["runs", "list"])["total"], 4);
}

#[test]
fn an_unwritable_ledger_is_a_warning() {
    let sandbox = Sandbox::new();
    sandbox.write("data", "not a folder");
    let words = ["backtest", "--data", "sample:SP500", "--strategy", "sma_cross", "--json"];
    let ended = sandbox.run(&words);
    ended.expect(0, &["warning: this run is not in the ledger"]);
    assert!(ended.document()["fills"].as_u64().unwrap() > 0);
    sandbox.run(&["doctor"]).expect(1, &["data folder"]);
}

#[test]
fn settings_have_layers_and_origins() {
    let sandbox = Sandbox::new();
    let text = "strategy = 'sma_cross'\ndata = 'sample:SP500'\ncapital = 5000\nseed = 4\n\
                [param]\nfast = 50\nslow = 200\n";
    sandbox.write("quanttrade.toml", text);
    let words = ["config", "show", "--json", "--fee-rate", "0.002"];
    let output = sandbox.command(&words).env("QUANTTRADE_SEED", "9").output().unwrap();
    let settings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let get = |name: &str| {
        let entry = &settings["settings"][name];
        (entry["value"].as_str().unwrap_or_default(), entry["origin"].as_str().unwrap_or_default())
    };
    assert_eq!(get("capital"), ("5000", "quanttrade.toml"));
    assert_eq!(get("seed"), ("9", "environment QUANTTRADE_SEED"));
    assert_eq!(get("fee-rate"), ("0.002", "flag"));
    assert_eq!(get("fill"), ("next-open", "default"));
    let by_file = sandbox.json(&["backtest"]);
    assert_eq!(by_file["params"]["fast"], 50);
    assert_eq!(by_file["initial_capital"], "5000");
    fs::create_dir(sandbox.path().join("sub")).unwrap();
    sandbox.write("sub/prices.csv", quiet_days());
    sandbox.write("sub/run.toml", "data = 'prices.csv'\nallow-no-trades = true\n");
    let run = sandbox.json(&["backtest", "sub/run.toml", "--param", "slow=60"]);
    assert_eq!(run["data"][0]["path"], "sub/prices.csv");
    assert_eq!((&run["params"]["fast"], &run["params"]["slow"]), (&50.into(), &60.into()));
    sandbox.write("bad.toml", "captial = 5\n");
    sandbox.run(&["backtest", "bad.toml"]).expect(2, &["did you mean capital?"]);
}

#[test]
fn strategies_are_listed_and_explained() {
    let sandbox = Sandbox::new();
    let list = sandbox.json(&["strategies", "list"]);
    let list = list["strategies"].as_array().unwrap();
    for entry in list {
        let name = entry["name"].as_str().unwrap();
        let shown = sandbox.json(&["strategies", "show", name]);
        assert_eq!(&shown, entry);
        assert!(sandbox.run(&["strategies", "show", name]).out.contains(name));
    }
    let cross = list.iter().find(|entry| entry["name"] == "sma_cross").unwrap();
    let fast = &cross["params"][0];
    assert_eq!((&fast["default"], &fast["min"]), (&20.into(), &1.into()));
    assert!(fast["max"].as_i64().unwrap() > 1_000);
    assert!(sandbox.run(&["strategies", "show", "sma_cross"]).out.contains("1..19999"));
    sandbox.run(&["strategies", "show", "smacross"]).expect(2, &["did you mean sma_cross?"]);
}

#[test]
fn a_strategy_crate_is_written_once() {
    let sandbox = Sandbox::new();
    let made = sandbox.json(&["strategies", "new", "my_strategy"]);
    assert!(made["files"].as_array().unwrap().iter().any(|file| file == "src/lib.rs"));
    assert!(sandbox.read("my_strategy/Cargo.toml").contains("[profile.release]"));
    assert!(sandbox.read("my_strategy/src/lib.rs").contains("struct MyStrategy"));
    sandbox.run(&["strategies", "new", "my_strategy"]).expect(2, &["is there already"]);
    sandbox.run(&["strategies", "new", "My Strategy"]).expect(2, &["cannot be the name"]);
    sandbox.run(&["strategies", "new", "serde"]).expect(2, &["in use"]);
    sandbox.run(&["strategies", "new", "x", "--core", "."]).expect(2, &["no clone"]);
    assert_eq!(sandbox.files(), ["my_strategy"]);
}

#[test]
fn doctor_and_completions() {
    let sandbox = Sandbox::new();
    let doctor = sandbox.json(&["doctor"]);
    assert_eq!(doctor["ok"], true, "{doctor}");
    let names: Vec<&str> =
        doctor["checks"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
    for name in ["build", "processor", "memory", "data folder", "run ledger", "samples"] {
        assert!(names.contains(&name), "{name}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox.run(&["completions", shell]);
        assert!(script.code == 0 && script.out.contains("quanttrade"), "{shell}");
    }
    let nothing = sandbox.run(&["watch", "--once"]);
    nothing.expect(2, &["no Cargo.toml is there"]);
}
