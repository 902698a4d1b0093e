//! Bad input: each has a clear error, its exit code, and leaves nothing behind.

mod common;

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use common::{Sandbox, quiet_days};

const SMALL: [&str; 6] = ["--strategy", "sma_cross", "--param", "fast=2", "--param", "slow=5"];

fn backtest(sandbox: &Sandbox, more: &[&str]) -> common::Ended {
    let words: Vec<&str> = ["backtest"].iter().chain(&SMALL).chain(more).copied().collect();
    sandbox.run(&words)
}

/// Twelve quiet days in which the fifth is `row`.
fn with_row(row: &str) -> String {
    quiet_days().replace("2024-01-05,10,11,9,10,100", row)
}

#[test]
fn files_that_are_no_data() {
    let sandbox = Sandbox::new();
    let check = |text: &[u8], parts: &[&str]| {
        let name = sandbox.write("x.csv", text);
        backtest(&sandbox, &["--data", &name]).expect(3, parts);
    };
    check(b"", &["x.csv: the file is empty"]);
    check(b"timestamp,open,high,low,close,volume\n", &["a header and no rows"]);
    check(b"a,b,c\n1,2,3\n", &["no column holds the time", "binance-klines", "parquet"]);
    check(&[b'a'; 600_000], &["longer than 262144 bytes"]);
    backtest(&sandbox, &["--data", "missing.csv"]).expect(3, &["missing.csv: no such file"]);
    backtest(&sandbox, &["--data", "."]).expect(3, &["is a directory"]);
    backtest(&sandbox, &["--data", "sample:DAX"]).expect(3, &["sample:SP500"]);
    assert_eq!(sandbox.files(), ["x.csv"]);
}

#[test]
fn a_line_of_ten_gigabytes() {
    let sandbox = Sandbox::new();
    let name = sandbox.write("long.csv", quiet_days());
    let file = File::options().append(true).open(sandbox.path().join(&name)).unwrap();
    // A file with a hole: the disk need not have the space.
    if file.set_len(10_000_000_000).is_err() {
        eprintln!("skipped: the file system has no room for a file with a hole");
        return;
    }
    backtest(&sandbox, &["--data", &name]).expect(3, &["long.csv", "longer than"]);
}

#[test]
fn rows_that_refuse_the_data() {
    let sandbox = Sandbox::new();
    let check = |text: String, parts: &[&str]| {
        let name = sandbox.write("x.csv", text);
        let ended = backtest(&sandbox, &["--data", &name]);
        ended.expect(3, parts);
        ended.expect(3, &["refused by the quality gate", "quanttrade data check x.csv"]);
        let check = sandbox.run(&["data", "check", &name]);
        check.expect(3, &["refused"]);
        assert!(check.out.contains("REFUSED"), "{}", check.out);
    };
    check(with_row("2024-01-05,10,11,abc,10,100"), &["line 6", "'low'", "'abc'"]);
    check(with_row("2024-01-05,NaN,11,9,10,100"), &["line 6", "'open'", "'NaN'"]);
    check(with_row("2024-01-05,-10,11,9,10,100"), &["not positive", "'-10'"]);
    check(with_row("2024-01-05,0,11,9,10,100"), &["not positive", "'0'"]);
    check(with_row("2024-01-05,inf,11,9,10,100"), &["finite", "'inf'"]);
    check(with_row("2024-01-05,10,8,9,10,100"), &["high below low", "line 6"]);
    check(with_row("2024-01-05,10,11,9,20,100"), &["close outside"]);
    check(quiet_days() + "2024-01-03,10,11,9,10,100\n", &["out of time order", "line 14"]);
    check(quiet_days() + "2024-01-12,10,12,9,10,100\n", &["conflicting duplicates", "line 14"]);
}

#[test]
fn identical_duplicates_are_only_noted() {
    let sandbox = Sandbox::new();
    let name = sandbox.write("x.csv", quiet_days() + "2024-01-12,10,11,9,10,100\n");
    assert_eq!(backtest(&sandbox, &["--data", &name, "--allow-no-trades"]).code, 0);
    let name = sandbox.write("y.csv", with_row("2024-01-05,10,8,9,10,100"));
    let ended = backtest(&sandbox, &["--data", &name, "--allow-no-trades", "--no-check"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("the quality gate was skipped"), "{}", ended.out);
    let name = sandbox.write("gap.csv", with_row("").replace("\n\n", "\n"));
    let low = backtest(&sandbox, &["--data", &name, "--min-score", "100"]);
    low.expect(3, &["is below the 100 that --min-score asks for"]);
}

#[test]
fn mixed_units_and_broken_containers() {
    let sandbox = Sandbox::new();
    let mixed = "timestamp,open,high,low,close\n1704067200,10,11,9,10\n1704153600000,10,11,9,10\n";
    let name = sandbox.write("mixed.csv", mixed);
    backtest(&sandbox, &["--data", &name]).expect(3, &["line 3", "mixed time units"]);
    let name = sandbox.write("text.csv.gz", quiet_days());
    backtest(&sandbox, &["--data", &name]).expect(3, &["not gzip"]);
    sandbox.write("ok.csv", quiet_days());
    assert_eq!(sandbox.run(&["data", "export", "ok.csv", "--out", "ok.parquet"]).code, 0);
    let whole = std::fs::read(sandbox.path().join("ok.parquet")).unwrap();
    let name = sandbox.write("cut.parquet", &whole[..whole.len() / 2]);
    backtest(&sandbox, &["--data", &name]).expect(3, &["cut.parquet", "truncated"]);
}

#[test]
fn wrong_usage() {
    let sandbox = Sandbox::new();
    let name = sandbox.write("ok.csv", quiet_days());
    let run = |words: &[&str]| {
        let all: Vec<&str> = ["backtest", "--data", &name].iter().chain(words).copied().collect();
        sandbox.run(&all)
    };
    run(&["--strategy", "sma_cros"]).expect(2, &["did you mean sma_cross?"]);
    let cross = |words: &[&str]| run(&[&["--strategy", "sma_cross"], words].concat());
    cross(&["--param", "fats=3"]).expect(2, &["did you mean fast?"]);
    cross(&["--param", "fast=0"]).expect(2, &["fast", "outside 1.."]);
    cross(&["--param", "fast=x"]).expect(2, &["not a whole number"]);
    cross(&["--param", "fast=5", "--param", "slow=5"]).expect(2, &["fast < slow"]);
    cross(&["--capital", "0"]).expect(2, &["--capital", "above zero"]);
    cross(&["--qty", "15", "--lot", "10"]).expect(2, &["not a multiple of the lot 10"]);
    cross(&["--qty", "1", "--weight", "0.5"]).expect(2, &["do not go together"]);
    cross(&["--fill", "open"]).expect(2, &["next-open or close"]);
    cross(&["--format", "exel"]).expect(2, &["there is no format 'exel'"]);
    cross(&["--tz", "Mars/Olympus"]).expect(2, &["Mars/Olympus"]);
    cross(&["--calendar", "moon"]).expect(2, &["24x7, fx, xnys, none"]);
    cross(&["--colour", "red"]).expect(2, &["--colour"]);
    run(&[]).expect(2, &["no strategy is given"]);
    sandbox.run(&["backtest", "--strategy", "sma_cross"]).expect(2, &["no data is given"]);
    sandbox.run(&["backtest", "--config", "no.toml"]).expect(2, &["no.toml: the configuration"]);
    let pairs = run(&["--strategy", "pairs"]);
    pairs.expect(2, &["exactly 2 instruments"]);
}

#[test]
fn runs_that_do_nothing() {
    let sandbox = Sandbox::new();
    let name = sandbox.write("ok.csv", quiet_days());
    let none = backtest(&sandbox, &["--data", &name, "--from", "2030-01-01"]);
    none.expect(4, &["no bar in the range", "2024-01-01"]);
    backtest(&sandbox, &["--data", &name]).expect(4, &["no fills", "no signal in 12 bars"]);
    let json = backtest(&sandbox, &["--data", &name, "--json"]);
    json.expect(4, &["no fills"]);
    assert_eq!(json.document()["fills"], 0);
    let allowed = backtest(&sandbox, &["--data", &name, "--allow-no-trades"]);
    assert_eq!(allowed.code, 0, "{}", allowed.err);
    let sample = ["--data", "sample:SP500", "--max-order-qty", "0.001", "--qty", "1"];
    backtest(&sandbox, &sample).expect(4, &["every order was denied", "MAX_ORDER_QTY"]);
    let long = backtest(&sandbox, &["--data", &name, "--param", "slow=500"]);
    long.expect(2, &["slow is given twice"]);
    let words = ["backtest", "--data", &name, "--strategy", "sma_cross"];
    sandbox.run(&words).expect(4, &["needs 50 bars before its first decision"]);
}

#[test]
fn errors_are_documents_too() {
    let sandbox = Sandbox::new();
    let ended = backtest(&sandbox, &["--data", "missing.csv", "--json"]);
    let document = ended.document();
    assert_eq!((ended.code, document["error"]["code"].as_i64()), (3, Some(3)));
    assert_eq!(document["error"]["reason"], "data");
    assert!(document["error"]["message"].as_str().unwrap().contains("missing.csv"));
    let ended = sandbox.run(&["backtest", "--nonsense", "--json"]);
    assert_eq!((ended.code, ended.document()["error"]["code"].as_i64()), (2, Some(2)));
}

#[cfg(unix)]
#[test]
fn a_full_disk() {
    let sandbox = Sandbox::new();
    let data = ["--data", "sample:SP500"];
    let full = |more: &[&str]| backtest(&sandbox, &[&data[..], more].concat());
    full(&["--report", "/dev/full"]).expect(1, &["/dev/full", "disk is full"]);
    let run = sandbox.json(&["runs", "show", "last"]);
    assert_eq!((&run["exit_code"], &run["state"]), (&1.into(), &"failed".into()));
    full(&["--report", "no/such/folder/r.html"]).expect(1, &["mkdir -p no/such/folder"]);
    sandbox.write("taken", "x");
    full(&["--out", "taken"]).expect(1, &["taken"]);
    full(&["--report", "."]).expect(2, &["is a directory"]);
    let words: Vec<&str> = ["backtest"].iter().chain(&SMALL).chain(&data).copied().collect();
    let device = File::options().write(true).open("/dev/full").unwrap();
    let output = sandbox.command(&words).stdout(device).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(sandbox.json(&["runs", "show", "last"])["exit_code"], 1);
    assert_eq!(sandbox.files(), ["taken"]);
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let mut child = sandbox
        .command(&["data", "generate", "bars", "--rows", "200000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_keeps_what_it_has() {
    let sandbox = Sandbox::new();
    let words = [
        "sweep",
        "--data",
        "sample:SP500",
        "--strategy",
        "sma_cross",
        "--param",
        "fast=1:400",
        "--param",
        "slow=500:2000",
        "--json",
        "--threads",
        "1",
    ];
    let mut command = sandbox.command(&words);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["interrupted"], true);
    assert!(document["trials"].as_u64().unwrap() > 0);
    let runs = sandbox.json(&["runs", "list"]);
    assert_eq!(runs["runs"][0]["state"], "interrupted");
}
