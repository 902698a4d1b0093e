//! A venue that changes while a run goes on there: trading stands still, steps change, an
//! instrument is gone, a key is taken back, it is away; what the run does, and what it says. And
//! one that is reached over an encrypted connection.

mod common;

use common::Sandbox;
use common::sim::{Sim, approved, quoting, start, status, trading, until, write_limits};
use serde_json::Value;

/// The one instrument of a run, as its feed sees it.
fn instrument(status: &Value) -> &Value {
    &status["venue"]["feed"]["instruments"][0]
}

fn trades(status: &Value, more_than: u64) -> bool {
    status["venue"]["link"] == "in step" && status["commands"].as_u64() > Some(more_than)
}

/// The first order that is refused has the venue asked for its rules: nothing more is sent until
/// it trades again.
#[test]
fn a_market_that_stands_still_for_a_while() {
    let sandbox = Sandbox::new();
    let sim = Sim::start(&sandbox, &["--symbols", "BTCUSDT"]);
    let run = start(&sandbox, &trading(&sandbox, &sim, "out", &["--json"]), "run.log");
    until(&sandbox, "out", "it trades", |it| trades(it, 5));
    sim.control("POST", "status?symbol=BTCUSDT&status=halt", "");
    let halted = until(&sandbox, "out", "it is halted", |it| instrument(it)["status"] == "halted");
    sim.control("POST", "status?symbol=BTCUSDT&status=trading", "");
    let commands = halted["commands"].as_u64().expect("a count");
    let seen = until(&sandbox, "out", "it goes on", |it| trades(it, commands + 5));
    assert_eq!(
        (&instrument(&seen)["status"], &seen["venue"]["breaks"][0]),
        (&"trading".into(), &Value::Null)
    );
    run.signal("INT");
    assert_eq!(run.wait().code, 130, "{}", sandbox.read("run.log"));
}

/// Prices of a run are counted in steps: with other ones it tells nothing more, says so, and the
/// same command does not go on.
#[test]
fn steps_that_change_end_what_is_told_of_an_instrument() {
    let sandbox = Sandbox::new();
    let sim = Sim::start(&sandbox, &["--symbols", "BTCUSDT"]);
    let words = trading(&sandbox, &sim, "out", &["--json"]);
    let run = start(&sandbox, &words, "run.log");
    until(&sandbox, "out", "it trades", |it| trades(it, 5));
    sim.control("POST", "tick?symbol=BTCUSDT&tick=0.05", "");
    let seen = until(&sandbox, "out", "it is told", |it| !instrument(it)["is_stopped"].is_null());
    let why = instrument(&seen)["is_stopped"].as_str().expect("words");
    assert!(why.contains("steps have changed"), "{why}");
    run.signal("INT");
    assert_eq!(run.wait().code, 130, "{}", sandbox.read("run.log"));
    let again = start(&sandbox, &words, "again.log").wait();
    let log = sandbox.read("again.log");
    assert_eq!(again.code, 2, "{log}");
    assert!(log.contains("price step 0.01") && log.contains("price step 0.05"), "{log}");
}

#[test]
fn an_instrument_that_is_gone() {
    let sandbox = Sandbox::new();
    let sim = Sim::start(&sandbox, &["--symbols", "BTCUSDT"]);
    let words = trading(&sandbox, &sim, "out", &["--json"]);
    let run = start(&sandbox, &words, "run.log");
    until(&sandbox, "out", "it trades", |it| trades(it, 5));
    sim.control("POST", "status?symbol=BTCUSDT&status=delisted", "");
    let seen = until(&sandbox, "out", "it is told", |it| instrument(it)["status"] == "gone");
    let why = instrument(&seen)["is_stopped"].as_str().expect("words");
    assert!(why.contains("does not list it"), "{why}");
    run.signal("INT");
    let _ = run.wait();
    let again = start(&sandbox, &words, "again.log").wait();
    assert_eq!(again.code, 2, "{}", sandbox.read("again.log"));
    assert!(sandbox.read("again.log").contains("does not list BTCUSDT"));
}

#[test]
fn a_key_that_is_taken_back_is_told() {
    let sandbox = Sandbox::new();
    let sim = Sim::start(&sandbox, &["--symbols", "BTCUSDT"]);
    let run = start(&sandbox, &trading(&sandbox, &sim, "out", &["--json"]), "run.log");
    until(&sandbox, "out", "it trades", |it| trades(it, 5));
    sim.control("POST", "faults", "[[fault]]\nwhat = \"key-revoked\"\nrequest = \"place\"\n");
    until(&sandbox, "out", "the link is gone", |it| it["venue"]["link"] != "in step");
    let seen = until(&sandbox, "out", "it is told", |_| {
        sandbox.read("run.log").contains("does not take the key")
    });
    run.signal("INT");
    let _ = run.wait();
    // What it could not cancel any more is said.
    let log = sandbox.read("run.log");
    assert!(log.contains("look there") || seen["open_orders"] == 0, "{log}");
}

/// Requests and connections are refused for a while, and what comes is no message.
#[test]
fn a_venue_that_is_away_and_then_says_what_nobody_can_read() {
    let sandbox = Sandbox::new();
    let sim = Sim::start(&sandbox, &["--symbols", "BTCUSDT"]);
    let words = trading(&sandbox, &sim, "out", &["--json"]);
    let run = start(&sandbox, &words, "run.log");
    until(&sandbox, "out", "it trades", |it| trades(it, 5));
    let rule = |what: &str| format!("[[fault]]\nwhat = \"{what}\"\n");
    sim.control("POST", "faults", &(rule("outage") + "for_ms = 3000\n"));
    until(&sandbox, "out", "it is away", |it| it["venue"]["link"] != "in step");
    let back = until(&sandbox, "out", "it is back", |it| trades(it, 0));
    sim.control(
        "POST",
        "faults",
        &(rule("garbage-frame") + "every_ms = 300\ntimes = 10\nbytes = 64\n"),
    );
    let commands = back["commands"].as_u64().expect("a count");
    let seen = until(&sandbox, "out", "it trades again", |it| {
        let unreadable = it["venue"]["feed"]["unreadable"].as_u64();
        trades(it, commands + 10) && unreadable > Some(0) && instrument(it)["is_in_step"] == true
    });
    assert_eq!(seen["venue"]["breaks"], serde_json::json!([]), "{seen}");
    run.signal("INT");
    let ended = run.wait();
    assert_eq!(ended.code, 130, "{}", sandbox.read("run.log"));
    assert_eq!(ended.document()["open_orders"], 0);
    // While it is in maintenance nothing begins, and it is said.
    sim.control("POST", "faults", &(rule("outage") + "for_ms = 3600000\n"));
    let refused = start(&sandbox, &words, "again.log").wait();
    let log = sandbox.read("again.log");
    assert_eq!(refused.code, 1, "{log}");
    assert!(log.contains("maintenance"), "{log}");
}

/// A run cannot be told to have what the account does not have.
#[test]
fn capital_is_held_against_the_account() {
    let sandbox = Sandbox::new();
    let sim = Sim::start(&sandbox, &["--symbols", "BTCUSDT"]);
    let run =
        start(&sandbox, &trading(&sandbox, &sim, "much", &["--capital", "1000001"]), "run.log");
    let ended = run.wait();
    let log = sandbox.read("run.log");
    assert_eq!(ended.code, 5, "{log}");
    assert!(log.contains("1000001 USDT") && log.contains("has 1000000"), "{log}");
    let belief = r#"{"account": "demo", "fills": [], "open_orders": []}"#;
    let told = sim.control("POST", "compare", belief);
    assert_eq!(told["differences"], serde_json::json!([]), "nothing was sent");
    // All that there is may be given, and what is taken out later is missed.
    let sandbox = Sandbox::new();
    let words = trading(&sandbox, &sim, "all", &["--capital", "1000000", "--json"]);
    let run = start(&sandbox, &words, "run.log");
    until(&sandbox, "all", "it trades", |it| trades(it, 5));
    run.signal("INT");
    assert_eq!(run.wait().code, 130, "{}", sandbox.read("run.log"));
    sim.control("POST", "transfer?account=demo&asset=USDT&amount=-1000", "");
    let ended = start(&sandbox, &words, "run.log").wait();
    let log = sandbox.read("run.log");
    assert_eq!(ended.code, 5, "{log}");
    assert!(log.contains("by its journal the run has"), "{log}");
}

/// Market data, orders and guard over TLS, with an authority of the venue's own.
#[test]
fn an_authority_of_ones_own() {
    let sandbox = Sandbox::new();
    let sim = Sim::start(&sandbox, &["--symbols", "BTCUSDT", "--tls", "--ca", "ca.pem"]);
    assert!(sim.url.starts_with("https://"), "{}", sim.url);
    // Whoever does not know it does not talk.
    let untold: Vec<String> = quoting(&sim, "paper", &[]);
    let ended = start(&sandbox, &untold, "run.log").wait();
    assert_eq!(ended.code, 1, "{}", sandbox.read("run.log"));
    sandbox.write("none.pem", "no certificate");
    for (file, words) in [("none.pem", "certificate authority"), ("missing.pem", "missing.pem")] {
        let untold = quoting(&sim, "paper", &["--ca", file]);
        let ended = start(&sandbox, &untold, "run.log").wait();
        let log = sandbox.read("run.log");
        assert!(ended.code == 2 && log.contains(words) && log.contains("--ca"), "{log}");
    }
    let (keys, limits) = (sim.write_keys(&sandbox, "run.keys"), write_limits(&sandbox));
    let real = ["--live", "--durable", "disk", "--keys", &keys, "--risk-profile", &limits];
    let real = [&real[..], &["--ca", "ca.pem", "--json"]].concat();
    let words = approved(&sandbox, &quoting(&sim, "out", &real));
    let run = start(&sandbox, &words, "run.log");
    until(&sandbox, "out", "it trades", |it| trades(it, 5));
    run.signal("KILL");
    let _ = run.wait();
    let guard =
        ["guard", "out", "--venue", "binance-spot", "--venue-url", &sim.url, "--keys", &keys];
    let guard = [&guard[..], &["--limit", "1s", "--settle", "1s", "--once", "--json"]].concat();
    sandbox.run(&guard).expect(1, &["does not answer the guard"]);
    let ended = sandbox.run(&[&guard[..], &["--ca", "ca.pem"]].concat());
    assert_eq!((ended.code, &ended.document()["open"]), (0, &0.into()), "{}", ended.err);
    // The approval was of this authority, too.
    sandbox.write("ca.pem", sandbox.read("ca.pem") + "\n");
    let ended = start(&sandbox, &words, "run.log").wait();
    assert_eq!(ended.code, 5, "{}", sandbox.read("run.log"));
    assert!(status(&sandbox, "out").is_none());
}
