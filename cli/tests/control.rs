//! Several strategies in one session, and what another process tells it.

mod common;

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Ended, Sandbox};
use serde_json::Value;

/// Two that quote, and one that takes, on one account and one market.
const CAST: &[&str] = &[
    "--strategy",
    "top_of_book_quoter",
    "--strategy",
    "wide=top_of_book_quoter@SYN",
    "--strategy",
    "order_book_imbalance",
    "--param",
    "top_of_book_quoter.interval_ms=2000",
    "--param",
    "top_of_book_quoter.max_position=20",
    "--param",
    "wide.interval_ms=3000",
    "--param",
    "wide.max_position=20",
    "--param",
    "wide.offset_ticks=1",
    "--param",
    "order_book_imbalance.short=true",
    "--param",
    "order_book_imbalance.entry=0.3",
    "--qty",
    "2",
    "--account",
    "margin",
    "--leverage",
    "10",
    "--order-latency",
    "20ms",
    "--response-latency",
    "20ms",
];

fn words<'a>(folder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["live", "--feed", "synthetic", "--out", folder], CAST, more].concat()
}

fn start(sandbox: &Sandbox, folder: &str, more: &[&str]) -> Child {
    let mut command = sandbox.command(&words(folder, more));
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    piped.spawn().expect("the program starts")
}

fn number(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

/// The books of the strategies are those of the account.
fn assert_balanced(result: &Value) {
    let all = result["strategies"].as_array().expect("several strategies");
    let sum = |field: &str| all.iter().map(|of| number(&of[field])).sum::<f64>();
    let made = number(&result["final_equity"]) - number(&result["initial_capital"]);
    assert!((sum("profit") - made).abs() < 1e-6, "{} is not {made}", sum("profit"));
    assert!((sum("fees") - number(&result["total_fees"])).abs() < 1e-6);
    let held: f64 = all.iter().map(|of| number(&of["open_position"]["SYN"])).sum();
    assert!((held - number(&result["open_position"])).abs() < 1e-9);
    let fills: u64 = all.iter().filter_map(|of| of["fills"].as_u64()).sum();
    assert_eq!(Some(fills), result["fills"].as_u64());
}

#[test]
fn several_strategies_in_a_session_are_those_of_a_backtest() {
    let sandbox = Sandbox::new();
    let live = sandbox.json(&words("made", &["--speed", "max"]));
    let market = sandbox.path().join("data/synthetic/SYN-1.qtt");
    let backtest = [&["backtest", "--data", market.to_str().unwrap()], CAST].concat();
    let backtest = sandbox.json(&backtest);
    for what in ["determinism_hash", "fills_list", "strategies", "strategy", "params"] {
        assert_eq!(live[what], backtest[what], "{what}");
    }
    assert_eq!(live["strategy"], "top_of_book_quoter+wide+order_book_imbalance");
    assert_eq!(live["params"]["wide.offset_ticks"], 1);
    assert_balanced(&live);
    for of in live["strategies"].as_array().unwrap() {
        assert!(of["fills"].as_u64() > Some(20), "{of}");
        let own = live["fills_list"].as_array().unwrap().iter();
        let own = own.filter(|fill| fill["strategy"] == of["name"]).count() as u64;
        assert_eq!(Some(own), of["fills"].as_u64());
    }
    for command in ["parity", "replay"] {
        assert_eq!(sandbox.json(&[command, "made/live.qtj"])["differences"], 0, "{command}");
    }
    let staged = sandbox.json(&["replay", "made/live.qtj", "--topology", "staged"]);
    assert_eq!((&staged["topology"], &staged["differences"]), (&"staged".into(), &0.into()));
    let tail = sandbox.json(&["replay", "made/live.qtj", "--from-snapshot"]);
    assert_eq!(tail["differences"], 0);
    // Units that are not those of the records are no silent matter.
    let other = [&["backtest", "--data", market.to_str().unwrap(), "--multiplier", "50"], CAST];
    sandbox.run(&other.concat()).expect(2, &["a multiplier of 1, and the settings say 50"]);
    // Another parameter of one of them is found.
    let other = ["parity", "made/live.qtj", "--param", "wide.offset_ticks=2", "--json"];
    assert_eq!(sandbox.run(&other).code, 1);
    let told = sandbox.run(&[&["backtest", "--data", market.to_str().unwrap()], CAST].concat());
    assert!(told.out.contains("Strategies") && told.out.contains("wide"), "{}", told.out);
}

/// A session that runs, and what can be said to it.
struct Running<'a> {
    sandbox: &'a Sandbox,
    child: Child,
}

impl Running<'_> {
    fn say(&self, command: &[&str]) -> Ended {
        self.sandbox.run(&[&["control", "told"], command].concat())
    }

    fn status(&self) -> Value {
        let status = self.sandbox.json(&["control", "told", "status"])["status"].clone();
        assert!(status.is_object(), "{status}");
        status
    }

    /// Waits until the session is there and trades.
    fn wait(&self) {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not trade");
            sleep(Duration::from_millis(50));
            let told = self.sandbox.run(&["control", "told/live.qtj", "status", "--json"]);
            if told.code == 0 && told.document()["status"]["commands"].as_u64() > Some(10) {
                return;
            }
        }
    }

    fn taken(&self, command: &[&str]) {
        let told = self.say(command);
        assert_eq!(told.code, 0, "{command:?}: {}", told.err);
        assert!(told.out.starts_with("taken as event "), "{command:?}: {}", told.out);
    }

    fn refused(&self, command: &[&str], code: i32, text: &str) {
        let told = self.say(command);
        assert_eq!(told.code, code, "{command:?}: {}{}", told.out, told.err);
        assert!(told.err.contains(text), "{command:?}: {}", told.err);
    }
}

#[test]
fn another_process_tells_a_session_what_to_do_and_all_of_it_is_made_again() {
    let sandbox = Sandbox::new();
    let nobody = sandbox.run(&["control", ".", "status"]);
    assert_eq!(nobody.code, 1, "{}", nobody.err);
    assert!(nobody.err.contains("no session runs"), "{}", nobody.err);
    std::fs::write(sandbox.path().join("risk.toml"), risk(&sandbox)).unwrap();
    let limits = ["--risk-profile", "risk.toml"];
    let child = start(&sandbox, "told", &[&["--speed", "200"], &limits[..]].concat());
    let mut running = Running { sandbox: &sandbox, child };
    running.wait();
    running.taken(&["param", "wide", "offset_ticks", "2"]);
    running.taken(&["deactivate", "order_book_imbalance"]);
    running.taken(&["limit", "exposure", "90000"]);
    running.taken(&["limit", "order_qty", "500", "SYN"]);
    running.taken(&["kill", "wide"]);
    running.refused(&["param", "wide", "offset_ticks", "-2"], 2, "outside");
    running.refused(&["param", "wide", "ofset_ticks", "2"], 2, "did you mean offset_ticks");
    running.refused(&["limit", "exposure", "much"], 2, "exposure = much");
    running.refused(&["param", "order_book_imbalance", "mode", "quote"], 5, "is fixed while");
    running.refused(&["param", "order_book_imbalance", "exit", "0.9"], 5, "exit <= entry");
    running.refused(&["limit", "exposure", "95000"], 5, "two persons");
    running.refused(&["limit", "entries", "1"], 5, "cannot change");
    running.refused(&["limit", "exposed", "1"], 2, "there is no limit");
    running.refused(&["kill", "tight"], 2, "there are: top_of_book_quoter, wide");
    running.refused(&["sell", "everything"], 2, "is no command");
    running.refused(&["kill", &"x".repeat(2_000)], 2, "1,024 bytes");
    sleep(Duration::from_millis(2_500));
    let status = running.status();
    let of = |name: &str| {
        let all = status["strategies"].as_array().unwrap().iter();
        all.clone().find(|of| of["name"] == name).unwrap().clone()
    };
    assert_eq!(of("wide")["may_send"], "HALTED", "{status}");
    assert_eq!(of("wide")["open_orders"], 0, "{status}");
    assert_eq!(of("order_book_imbalance")["active"], false, "{status}");
    assert_eq!(of("top_of_book_quoter")["active"], true, "{status}");
    assert!(status["headroom"]["left"].as_f64().is_some_and(|left| left < 1.0), "{status}");
    let text = running.say(&["status"]).out;
    for word in ["headroom", "wide", "KILLED", "not active", "SYN"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    running.taken(&["arm", "wide"]);
    running.taken(&["activate", "order_book_imbalance"]);
    running.taken(&["close"]);
    sleep(Duration::from_millis(300));
    running.child.kill().expect("it can be killed");
    running.child.wait().expect("it ends");
    // What the dead process left in its folder is in nobody's way.
    assert_eq!(running.say(&["status"]).code, 1);
    let shown = sandbox.run(&["journal", "show", "told/live.qtj", "--kind", "event"]).out;
    for text in [
        "parameter 2 of strategy 1 is 2",
        "strategy 2 only looks on",
        "strategy 2 active again",
        "kill switch of strategy 1: nothing but cancels",
        "limit 19 of account 0",
    ] {
        assert!(shown.contains(text), "{text}");
    }
    let last = sandbox.json(&words("told", &[&["--speed", "max"], &limits[..]].concat()));
    assert_balanced(&last);
    for command in ["parity", "replay"] {
        assert_eq!(sandbox.json(&[command, "told/live.qtj"])["differences"], 0, "{command}");
    }
    let staged = sandbox.json(&["replay", "told/live.qtj", "--topology", "staged"]);
    assert_eq!(staged["differences"], 0, "every stage is told of every decision");
    let tail = sandbox.json(&["replay", "told/live.qtj", "--from-snapshot"]);
    assert_eq!(tail["differences"], 0, "parameters that were changed belong to the state");
}

/// The limits of paper trading, with room for what is traded here.
fn risk(sandbox: &Sandbox) -> String {
    let made = sandbox.run(&["risk", "init", "--profile", "paper", "--out", "paper.toml"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let text = sandbox.read("paper.toml");
    let wide = |line: &str| match line.split_once(" = ") {
        Some((name, _)) if name.ends_with("per_s") || name.ends_with("burst") => {
            format!("{name} = \"1000\"")
        }
        Some(("duplicates", _)) => "duplicates = \"32\"".to_owned(),
        Some((name @ ("entries" | "fills" | "refusals" | "orders_per_fill"), _)) => {
            format!("{name} = \"60000\"")
        }
        Some(("self_trade_allowed", _)) => "self_trade_allowed = \"1\"".to_owned(),
        Some(("reference_age_ms", _)) => "reference_age_ms = \"1000000\"".to_owned(),
        Some(("allowed", _)) => "allowed = \"given\"".to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(|line| format!("{}\n", wide(line))).collect()
}

#[test]
fn a_name_of_its_own_does_not_hide_what_a_strategy_is() {
    let sandbox = Sandbox::new();
    let named = ["backtest", "--data", "sample:SP500", "--strategy", "mine=sma_cross"];
    let own = ["--param", "mine.fast=5"];
    let result = sandbox.json(&[&named[..], &own].concat());
    assert_eq!((&result["strategy"], &result["params"]["fast"]), (&"sma_cross".into(), &5.into()));
}

#[test]
fn a_profile_is_known_by_its_name_beside_a_folder_of_that_name() {
    let sandbox = Sandbox::new();
    let words = [&words("paper", &["--speed", "max"])[..], &["--risk-profile", "paper"]].concat();
    let ended = sandbox.run(&words);
    assert!([0, 4].contains(&ended.code), "{}", ended.err);
    assert_eq!(sandbox.json(&["parity", "paper/live.qtj"])["differences"], 0);
}

#[test]
fn a_cast_that_does_not_fit_is_refused() {
    let sandbox = Sandbox::new();
    let refused = |more: &[&str], text: &str| {
        let words = [&["live", "--feed", "synthetic", "--qty", "1", "--out", "x"], more].concat();
        let ended = sandbox.run(&words);
        assert_eq!(ended.code, 2, "{more:?}: {}", ended.err);
        assert!(ended.err.contains(text), "{more:?}: {}", ended.err);
    };
    let (quoter, maker) = ("top_of_book_quoter", "market_maker");
    refused(&["--strategy", quoter, "--strategy", "sma_cross"], "they cannot run together");
    refused(&["--strategy", quoter, "--strategy", quoter], "two strategies are called");
    refused(&["--strategy", quoter, "--strategy", "market_maker@NONE"], "which the run has not");
    let both = ["--strategy", quoter, "--strategy", maker];
    refused(&[&both[..], &["--param", "gamma=1"]].concat(), "of which strategy");
    let sweep =
        ["sweep", "--data", "sample:SP500", "--strategy", "sma_cross", "--strategy", "macd"];
    let ended = sandbox.run(&[&sweep[..], &["--param", "sma_cross.fast=2:5"]].concat());
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert!(ended.err.contains("one strategy"), "{}", ended.err);
}
