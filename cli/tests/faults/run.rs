//! One scenario: the exchange with its plan, a run of ours, and what is true in the end.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::Sandbox;
use crate::common::sim::{Process, Sim, quoting, start, status, trading};
use crate::scenarios::{Mode, Scenario};

/// What came of a scenario: nothing to be said, or what is wrong.
pub type Outcome = Result<(), String>;

/// How long a run goes on under its plan; `QT_FAULT_SECONDS` says otherwise.
const SECONDS: u64 = 12;
/// How long it may take until it is in step again.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the accounts of the exchange begin with, and the capital of a run, in billionths.
const OWNED_E9: i128 = 1_000_000_000_000_000;
const CAPITAL_E9: i128 = 100_000_000_000_000;

/// Runs `scenario` at `venue`.
pub fn outcome(venue: &str, scenario: &Scenario) -> Outcome {
    assert_eq!(venue, "binance-spot", "the only one so far");
    let sandbox = Sandbox::new();
    let plan = format!("seed = 7\n\n[[fault]]\nwhat = \"{}\"\n{}\n", scenario.name, scenario.rule);
    let plan = sandbox.write("plan.toml", plan);
    let sim = Sim::start(&sandbox, &["--faults", &plan, "--symbols", "BTCUSDT"]);
    let words = match scenario.mode {
        Mode::Paper => quoting(&sim, "out", &["--json"]),
        Mode::Live => trading(&sandbox, &sim, "out", &["--json", "--adopt-foreign"]),
    };
    let run = start(&sandbox, &words, "run.log");
    let seconds = std::env::var("QT_FAULT_SECONDS").ok().and_then(|text| text.parse().ok());
    let document = play(&sandbox, run, scenario, seconds.unwrap_or(SECONDS))
        .map_err(|why| format!("{why}\n{}", tail(&sandbox.read("run.log"))))?;
    check(&sandbox, &sim, scenario, &document).map_err(|why| format!("{why}: {document}"))
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// Lets the run go on, waits until it is in step again, and stops it; what it says at its end.
fn play(
    sandbox: &Sandbox,
    mut run: Process,
    scenario: &Scenario,
    seconds: u64,
) -> Result<Value, String> {
    let begun = Instant::now();
    let time = Duration::from_secs(seconds);
    loop {
        if run.has_ended() {
            return Err("the run ended by itself".to_owned());
        }
        let passed = begun.elapsed();
        let seen = status(sandbox, "out");
        if passed >= time && seen.as_ref().is_some_and(|it| is_in_step(it, scenario.mode)) {
            break;
        }
        if passed >= time + PATIENCE {
            return Err(format!("it is not in step again: {seen:?}"));
        }
        sleep(Duration::from_millis(300));
    }
    run.signal("INT");
    let ended = run.wait();
    let document = serde_json::from_str(&ended.out);
    document.map_err(|_| format!("it ended with {}: {}", ended.code, ended.err))
}

fn is_in_step(status: &Value, mode: Mode) -> bool {
    let venue = &status["venue"];
    let books = venue["feed"]["instruments"].as_array();
    let in_step = |it: &Value| it["is_in_step"] == true;
    let has_books = books.is_some_and(|all| !all.is_empty() && all.iter().all(in_step));
    let orders =
        mode == Mode::Paper || (venue["link"] == "in step" && venue["orders"]["unknown_now"] == 0);
    has_books && orders
}

fn check(sandbox: &Sandbox, sim: &Sim, scenario: &Scenario, document: &Value) -> Outcome {
    let same = |what: &str, is: &Value, wanted: Value| {
        if *is == wanted { Ok(()) } else { Err(format!("{what} is {is}, not {wanted}")) }
    };
    same("is_closed", &document["is_closed"], true.into())?;
    for command in ["parity", "replay"] {
        let ended = sandbox.run(&[command, "out/live.qtj", "--json"]);
        let found: Value = serde_json::from_str(&ended.out)
            .map_err(|_| format!("{command} ended with {}: {}", ended.code, ended.err))?;
        same(&format!("differences of {command}"), &found["differences"], 0.into())?;
    }
    if scenario.mode == Mode::Paper {
        return Ok(());
    }
    same("open_orders", &document["open_orders"], 0.into())?;
    same("breaks", &document["orders"]["breaks"], 0.into())?;
    let fills = document["fills"].as_u64().unwrap_or_default();
    let sent = document["orders"]["sent"].as_u64().unwrap_or_default();
    if sent < 5 {
        return Err(format!("only {sent} commands were sent"));
    }
    let open = sim.ask("/api/v3/openOrders");
    same("open at the exchange", &open.as_array().map_or(1, Vec::len).into(), 0.into())?;
    let account = sim.ask("/api/v3/account");
    let held = |asset: &str| -> Option<i128> {
        let all = account["balances"].as_array()?;
        let of = all.iter().find(|it| it["asset"] == asset)?;
        Some(e9(of["free"].as_str()?)? + e9(of["locked"].as_str()?)?)
    };
    let truth = held("BTC").zip(held("USDT")).ok_or("the exchange says no balances")?;
    let truth = (truth.0 - OWNED_E9, truth.1 - OWNED_E9);
    let units = document["positions"][0]["units"].as_str().and_then(e9);
    let cash = document["cash"].as_str().and_then(e9);
    let belief = units.zip(cash).ok_or("the run says no balances")?;
    let belief = (belief.0, belief.1 - CAPITAL_E9);
    if belief != truth {
        return Err(format!("after {fills} fills it has {belief:?}, and in truth {truth:?}"));
    }
    Ok(())
}

/// A decimal number in billionths.
fn e9(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part: i128 = format!("{part:0<9}").parse().ok()?;
    Some(sign * (whole.parse::<i128>().ok()? * 1_000_000_000 + part))
}
