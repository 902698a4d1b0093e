//! `sweep`: its trials are backtests, its search covers what it says.

mod common;

use std::process::Command;

use common::Sandbox;
use serde_json::{Value, json};

/// The line that names the best trial's command, without the words before it.
fn best_command(out: &str) -> String {
    let line = out.lines().find_map(|line| line.strip_prefix("the best one: "));
    line.unwrap_or_else(|| panic!("no command in: {out}")).to_owned()
}

#[cfg(unix)]
#[test]
fn the_command_of_the_best_trial_makes_the_same_run() {
    let sandbox = Sandbox::new();
    let file = "it's my data.csv";
    sandbox.json(&["data", "export", "sample:MINUTE", "--out", file]);
    sandbox.write("quanttrade.toml", "capital = 50000\n[param]\nfast = 7\n");
    let words = ["sweep", "--data", file, "--strategy", "sma_cross", "--param", "slow=20:40:10"];
    let more = ["--qty", "10", "--fee-rate", "0.0002", "--slippage-bps", "1.5", "--fill", "close"];
    let range = ["--from", "2024-01-04", "--to", "2024-01-20T00:00:00Z", "--account", "margin"];
    let bars = ["--bars", "2m", "--leverage", "2", "--stop-loss", "2"];
    let words = [&words[..], &more, &range, &bars].concat();
    let sweep = sandbox.json(&words);
    let command = best_command(&sandbox.run(&words).out);
    for part in ["--qty 10", "--capital 50000", "--bars 2m", "--param fast=7", "--stop-loss 2"] {
        assert!(command.contains(part), "{part} is not in {command}");
    }
    // As it was printed, through a shell; in a folder without the configuration.
    std::fs::remove_file(sandbox.path().join("quanttrade.toml")).unwrap();
    let mut shell = Command::new("sh");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_quanttrade"));
    let folders = [program.parent().unwrap().to_path_buf()];
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&others)));
    let output = shell
        .args(["-c", &format!("{command} --json")])
        .current_dir(sandbox.path())
        .env("PATH", path.unwrap())
        .env("QUANTTRADE_DATA_DIR", sandbox.path().join("data"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(run["fills"].as_u64().unwrap() > 0);
    assert_eq!(run["determinism_hash"], sweep["results"][0]["determinism_hash"]);
}

#[test]
fn trials_on_trades_are_backtests_on_trades() {
    let sandbox = Sandbox::new();
    let words = ["data", "generate", "trades", "--rows", "20000", "--calendar", "24x7"];
    sandbox.json(&[&words[..], &["--out", "t.csv", "--interval", "1s"]].concat());
    let data = ["--data", "t.csv", "--bars", "5m", "--strategy", "sma_cross", "--qty", "3"];
    let ranges = ["--param", "fast=2,4", "--param", "slow=6"];
    let sweep = sandbox.json(&[&["sweep"], &data[..], &ranges].concat());
    let trials = sweep["results"].as_array().unwrap();
    assert_eq!(trials.len(), 2);
    for trial in trials {
        let fast = format!("fast={}", trial["params"]["fast"]);
        let params = ["--param", &fast, "--param", "slow=6"];
        let run = sandbox.json(&[&["backtest"], &data[..], &params].concat());
        assert!(run["fills"].as_u64().unwrap() > 0, "{fast}");
        for name in ["determinism_hash", "final_equity", "fills"] {
            assert_eq!(trial[name], run[name], "{fast}: {name}");
        }
    }
}

#[test]
fn random_search_covers_what_the_strategy_declares() {
    let sandbox = Sandbox::new();
    let base = ["sweep", "--data", "sample:SP500", "--strategy", "bollinger_reversion"];
    let base = [&base[..], &["--allow-no-trades"]].concat();
    let draw = |more: &[&str]| sandbox.json(&[&base[..], &["--random", "12"], more].concat());
    let by_number = |document: &Value| -> Vec<Value> {
        let mut trials = document["results"].as_array().unwrap().clone();
        trials.sort_by_key(|trial| trial["trial"].as_u64());
        trials.iter().map(|trial| trial["params"].clone()).collect()
    };
    let (all, again) = (draw(&["--seed", "3"]), draw(&["--seed", "3", "--threads", "1"]));
    assert_eq!((all["trials"].as_u64(), &all["results"]), (Some(12), &again["results"]));
    assert_ne!(by_number(&all), by_number(&draw(&["--seed", "4"])));
    let drawn = by_number(&all);
    let whole = |value: &Value| value["deviations"].as_f64().unwrap().fract() == 0.0;
    assert!(!drawn.iter().any(whole), "floating-point numbers come from all of the range");
    let periods = drawn.iter().map(|params| params["period"].as_u64().unwrap());
    assert!(periods.clone().any(|bars| bars > 1_000) && periods.clone().any(|bars| bars < 100));
    assert!(drawn.iter().any(|params| params["short"] == json!(true)), "{drawn:?}");
    // What a flag fixes stays; what a file sets is for single runs.
    sandbox.write("quanttrade.toml", "[param]\nperiod = 30\n");
    let fixed = by_number(&draw(&["--param", "period=25"]));
    assert!(fixed.iter().all(|params| params["period"] == 25 && params["short"].is_boolean()));
    let searched = draw(&["--param", "short=false"]);
    let kept = sandbox.json(&["runs", "show", "last"]);
    let command: Vec<&str> = kept["command"].as_str().unwrap().split(' ').skip(1).collect();
    assert_eq!(sandbox.json(&command)["results"], searched["results"], "{command:?}");
    // A range of floating-point numbers without a step has all numbers between its ends.
    let narrow = by_number(&draw(&["--param", "deviations=1:2", "--param", "short=false"]));
    let width = |params: &Value| params["deviations"].as_f64().unwrap();
    assert!(narrow.iter().all(|params| (1.0..=2.0).contains(&width(params)) && !whole(params)));
    assert!(narrow.iter().all(|params| params["period"] == 30), "a range is all that is searched");
    sandbox.run(&base).expect(2, &["no parameter has a range", "--random N"]);
    let help = sandbox.run(&["sweep", "--help"]).out;
    assert!(help.contains("declares") && help.contains("--random"), "{help}");
}

#[test]
fn a_wide_map_is_put_together() {
    let sandbox = Sandbox::new();
    let words = ["sweep", "--data", "sample:MINUTE", "--strategy", "sma_cross"];
    let ranges = ["--param", "fast=1:40", "--param", "slow=50,100"];
    let words = [&words[..], &ranges].concat();
    let text = sandbox.run(&words).out;
    assert!(text.contains("mean over neighbouring values") && text.contains("1..5"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
    let map = sandbox.json(&words)["heat_map"].clone();
    assert_eq!((map["xs"].as_array().unwrap().len(), &map["grouped"]), (40, &json!(false)));
}

#[test]
fn the_ledger_says_how_a_sweep_ended() {
    let sandbox = Sandbox::new();
    let words = ["sweep", "--data", "sample:SP500", "--strategy", "sma_cross"];
    let words = [&words[..], &["--param", "fast=5,10", "--out", "no/such/t.csv"]].concat();
    sandbox.run(&words).expect(1, &["no/such"]);
    let run = sandbox.json(&["runs", "show", "last"]);
    assert_eq!((&run["exit_code"], &run["state"]), (&json!(1), &json!("failed")));
}
