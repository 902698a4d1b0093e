//! The risk gate from the command line: profiles, files of limits, and what a result says.

mod common;

use common::Sandbox;
use serde_json::Value;

const RUN: [&str; 5] = ["backtest", "--data", "sample:SP500", "--strategy", "sma_cross"];

fn run(sandbox: &Sandbox, more: &[&str]) -> Value {
    sandbox.json(&[&RUN[..], more].concat())
}

fn control<'a>(document: &'a Value, id: &str) -> &'a Value {
    let controls = document["risk"]["controls"].as_array().expect("controls");
    controls.iter().find(|control| control["control"] == id).expect("it is listed")
}

#[test]
fn research_holds_nothing_back_and_says_so() {
    let sandbox = Sandbox::new();
    let document = run(&sandbox, &[]);
    let risk = &document["risk"];
    assert_eq!((&risk["profile"], &risk["file"]), (&"research".into(), &Value::Null));
    assert_eq!(risk["controls"].as_array().map(Vec::len), Some(32));
    assert_eq!(risk["limits"]["account"]["exposure"], "1000000000000000");
    let denied = risk["controls"].as_array().unwrap().iter();
    assert!(denied.clone().all(|control| control["denials"] == 0), "{risk}");
    assert!(denied.clone().all(|control| control["last_reject"].is_null()));
    let text = sandbox.run(&RUN).out;
    let line = "risk      profile research (default), no order denied by a control";
    assert!(text.contains(line), "{text}");
}

#[test]
fn paper_denies_with_control_limit_and_observed_value() {
    let sandbox = Sandbox::new();
    let all = [&RUN[..], &["--risk-profile", "paper", "--json"]].concat();
    let ended = sandbox.run(&all);
    assert_eq!(ended.code, 4, "95 % of the equity in one order is more than paper allows");
    let document = ended.document();
    let size = control(&document, "C07");
    let denials = size["denials"].as_u64().expect("a count");
    assert!(denials > 10 && document["denials"]["MAX_ORDER_NOTIONAL"] == denials, "{size}");
    let reject = &size["last_reject"];
    assert_eq!((&reject["limit"], &reject["level"]), (&"20000".into(), &"instrument".into()));
    assert_eq!((&reject["code"], &reject["retry"]), (&"MAX_ORDER_NOTIONAL".into(), &"no".into()));
    let text = sandbox.run(&[&RUN[..], &["--risk-profile", "paper"]].concat()).out;
    assert!(text.contains("profile paper,") && text.contains("denied by its controls"), "{text}");
    assert!(text.contains("MAX_ORDER_NOTIONAL (C07: at last"), "{text}");
    // Small enough it trades: 5 % of the equity is within every limit of paper.
    let small = run(&sandbox, &["--risk-profile", "paper", "--weight", "0.05"]);
    assert!(small["fills"].as_u64() > Some(10), "{}", small["denials"]);
    let room = &control(&small, "C07")["headroom"];
    assert_eq!((&room["limit"], &room["unit"]), (&"20000".into(), &"currency".into()));
    // Over the run: of the orders that passed, the one that was nearest to its limit.
    let lowest = &control(&small, "C07")["lowest"];
    let number = |name: &str| lowest[name].as_str().unwrap().parse::<f64>().unwrap();
    let share = lowest["left_share"].as_f64().unwrap();
    assert!((number("observed") + number("left") - 20_000.0).abs() < 1e-6, "{lowest}");
    assert!((share - number("left") / 20_000.0).abs() < 1e-9 && (0.0..1.0).contains(&share));
    assert_eq!((&lowest["instrument"], &lowest["unit"]), (&"SP500".into(), &"currency".into()));
    assert!(lowest["time"].as_str().unwrap().ends_with('Z'), "{lowest}");
    assert!(control(&small, "C03")["lowest"].is_null(), "a switch is no amount");
}

/// Two days of 1,000 and 3,000 at 10: paper lets 20,000 currency, 2,000 units, through at once.
#[test]
fn limits_are_shown_beside_what_is_traded() {
    let sandbox = Sandbox::new();
    let bars = "date,open,high,low,close,volume\n2024-01-02,10.5,10.5,10.5,10.5,1000\n\
                2024-01-03,10.00,10.00,10.00,10.00,3000\n";
    sandbox.write("d.csv", bars);
    let shown = sandbox.json(&["risk", "show", "paper", "--data", "X=d.csv", "--no-check"]);
    let row = &shown["traded"][0];
    assert_eq!((&row["symbol"], &row["days"]), (&"X".into(), &2.into()), "{row}");
    assert_eq!((&row["day_volume"], &row["median_trade"]), (&"2000".into(), &Value::Null));
    assert_eq!(row["largest_order_by"], "order_notional", "{row}");
    assert_eq!((&row["largest_order"], &row["order_day_share"]), (&"2000".into(), &1.0.into()));
    assert_eq!(row["position_day_share"], 500.0, "{row}");
    assert_eq!(row["findings"].as_array().map(Vec::len), Some(2), "{row}");
    let text = sandbox.run(&["risk", "show", "paper", "--data", "X=d.csv", "--no-check"]).out;
    assert!(text.contains("X: one order may be 100.00 % of the average day"), "{text}");
    assert!(text.contains("day_volume = 1000000 is 500.0 times what is traded"), "{text}");

    let trades = "time,price,size\n1700000040,10.00,5\n1700000070,10.10,50\n1700000100,10.20,7\n";
    sandbox.write("t.csv", trades);
    let shown = sandbox.json(&["risk", "show", "paper", "--data", "t.csv", "--no-check"]);
    let row = &shown["traded"][0];
    assert_eq!((&row["day_volume"], &row["median_trade"]), (&"62".into(), &"7".into()), "{row}");
    assert_eq!(sandbox.json(&["risk", "show", "paper"])["traded"], Value::Array(vec![]));
}

#[test]
fn a_file_of_limits_is_written_shown_and_used() {
    let sandbox = Sandbox::new();
    let first = sandbox.run(&["risk", "init"]);
    assert_eq!((first.code, &*first.out), (0, "risk.toml: the limits of paper\n"));
    let again = sandbox.run(&["risk", "init"]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("is there already") && again.err.contains("--force"));
    assert_eq!(sandbox.run(&["risk", "init", "--force", "--profile", "research"]).code, 0);
    let used = run(&sandbox, &["--risk-profile", "risk.toml"]);
    let plain = run(&sandbox, &[]);
    assert_eq!(used["determinism_hash"], plain["determinism_hash"]);
    assert_eq!(used["risk"]["file"], "risk.toml");
    assert!(sandbox.run(&["risk", "show", "risk.toml"]).out.contains("denies nothing"));

    sandbox.run(&["risk", "init", "--out", "own.toml"]);
    let text = std::fs::read_to_string(sandbox.path().join("own.toml")).expect("it was written");
    let listed = text.replace("allowed = \"given\"", "allowed = [\"OTHER\"]");
    sandbox.write("listed.toml", &listed);
    let small = ["--weight", "0.05", "--json", "--risk-profile"];
    let ended = sandbox.run(&[&RUN[..], &small, &["listed.toml"]].concat());
    assert_eq!(ended.code, 4);
    assert!(ended.document()["denials"]["INSTRUMENT_NOT_ALLOWED"].as_u64() > Some(10));
    let own = text + "\n[instrument.SP500]\nday_volume = 5\n\"long.soft\" = 1\n";
    sandbox.write("own.toml", &own);
    let ended = sandbox.run(&[&RUN[..], &small, &["own.toml"]].concat());
    assert!(ended.document()["denials"]["MAX_ADV_SHARE"].as_u64() > Some(10), "{}", ended.out);
    let shown = sandbox.json(&["risk", "show", "own.toml"]);
    let denies = shown["denies"].as_array().expect("a list");
    assert!(denies.iter().any(|row| row["table"] == "account" && row["limit"] == "daily_loss_bps"));
    let table = sandbox.run(&["risk", "show", "own.toml"]).out;
    assert!(table.contains("warns above 1") && table.contains("SP500"), "{table}");
}

#[test]
fn what_cannot_be_used_is_told_with_its_place() {
    let sandbox = Sandbox::new();
    let told = |profile: &str| {
        let ended = sandbox.run(&[&RUN[..], &["--risk-profile", profile]].concat());
        assert_eq!(ended.code, 2, "{}", ended.err);
        ended.err
    };
    assert!(told("live").contains("risk init --profile live"));
    assert!(told("papre").contains("neither research nor paper"));
    sandbox.run(&["risk", "init", "--profile", "live", "--out", "live.toml"]);
    assert!(told("live.toml").contains("live.toml: [instrument] order_qty is missing"));
    sandbox.write("bad.toml", "[account]\n\nexposure = \"ten\"\n");
    assert!(
        told("bad.toml").contains("bad.toml:3: [account] exposure = ten: 'ten' is not a decimal")
    );
}

#[test]
fn sweeps_and_sizes_meet_the_same_gate() {
    let sandbox = Sandbox::new();
    let sweep = ["sweep", "--data", "sample:SP500", "--strategy", "sma_cross"];
    let grid = ["--param", "fast=10,20", "--param", "slow=50"];
    let sweep = [&sweep[..], &grid].concat();
    let fills = |more: &[&str]| {
        let document = sandbox.run(&[&sweep[..], more, &["--json"]].concat()).document();
        document["results"][0]["fills"].as_u64().expect("a count")
    };
    assert!(fills(&[]) > 10);
    assert_eq!(fills(&["--risk-profile", "paper"]), 0);
    let target = run(&sandbox, &["--target-volatility", "0.1"]);
    let kelly = run(&sandbox, &["--kelly", "0.55:1.5"]);
    let trades = run(&sandbox, &["--kelly", "trades", "--size-cap", "0.5"]);
    for document in [&target, &kelly, &trades] {
        assert!(document["fills"].as_u64() > Some(10), "{document}");
    }
    // The index moves by more than 10 % a year: less than all of the equity is held.
    let plain = run(&sandbox, &["--weight", "1"]);
    let volatility = |document: &Value| document["volatility"].as_f64().expect("a number");
    assert!(volatility(&target) < volatility(&plain));
    let alone = sandbox.run(&[&RUN[..], &["--size-cap", "0.5"]].concat());
    assert!(alone.code == 2 && alone.err.contains("means nothing without"), "{}", alone.err);
}
