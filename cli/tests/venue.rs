//! Runs at an exchange of our own, over sockets: on paper and with real orders, killed, made again,
//! refused.

mod common;

use std::thread::sleep;
use std::time::{Duration, Instant};

use common::Sandbox;
use common::sim::{Sim, approved, quoting, start, status, trading, until, write_keys};
use serde_json::Value;

/// The journal of the run in `out` made again, in both ways: nothing differs.
fn assert_made_again(sandbox: &Sandbox, out: &str, decisions_min: u64) {
    let journal = format!("{out}/live.qtj");
    for command in ["parity", "replay"] {
        let found = sandbox.json(&[command, &journal]);
        assert_eq!(found["differences"], 0, "{command}: {found}");
        assert!(found["decisions"].as_u64() >= Some(decisions_min), "{command}: {found}");
    }
    let verified = sandbox.json(&["journal", "verify", &journal]);
    assert_eq!(verified["is_whole"], true, "{verified}");
}

fn sends(status: &Value, count: u64) -> bool {
    status["commands"].as_u64() >= Some(count)
}

#[test]
fn a_run_on_paper_trades_on_live_market_data_and_can_be_made_again() {
    let sandbox = Sandbox::new();
    let sim = Sim::start(&sandbox, &[]);
    let run = start(&sandbox, &quoting(&sim, "out", &["--json"]), "run.log");
    let seen = until(&sandbox, "out", "it trades", |it| sends(it, 10));
    assert_eq!(seen["venue"]["feed"]["link"], "up", "{seen}");
    assert!(seen["venue"]["orders"].is_null(), "{seen}");
    run.signal("INT");
    let ended = run.wait();
    assert_eq!(ended.code, 130, "{}", ended.err);
    let document = ended.document();
    assert_eq!((&document["mode"], &document["is_closed"]), (&"paper".into(), &true.into()));
    assert_eq!(document["feed"]["gaps"], 0, "{document}");
    assert_made_again(&sandbox, "out", 10);
    // Another parameter decides otherwise, and that is found.
    let other = ["parity", "out/live.qtj", "--param", "offset_ticks=3"];
    assert_eq!(sandbox.run(&other).code, 1);
}

/// Futures: the books from one path of streams, marks from another, trading on paper.
#[test]
fn a_run_on_paper_trades_futures_and_a_recording_has_their_marks() {
    let sandbox = Sandbox::new();
    let sim = Sim::of(&sandbox, "binance-usdm", &[]);
    let words = quoting(&sim, "out", &["--json"]);
    let run = start(&sandbox, &words, "run.log");
    let seen = until(&sandbox, "out", "it trades", |it| sends(it, 10));
    assert_eq!(seen["venue"]["feed"]["link"], "up", "{seen}");
    let record = [
        "record",
        "--venue",
        "binance-usdm",
        "--venue-url",
        &sim.url,
        "--symbols",
        "BTCUSDT,ETHUSDT",
        "--out",
        "market.jsonl",
        "--for",
        "4s",
    ];
    let recorded = sandbox.json(&record);
    assert_eq!((&recorded["feed"]["gaps"], &recorded["feed"]["losses"]), (&0.into(), &0.into()));
    let text = sandbox.read("market.jsonl");
    for (kind, path) in [("depthUpdate", "/public/ws"), ("markPriceUpdate", "/market/ws")] {
        let mut lines = text.lines().filter(|line| line.contains(&format!("\"e\":\"{kind}\"")));
        let first = lines.next().unwrap_or_else(|| panic!("no {kind}: {recorded}"));
        assert!(first.contains(path), "{first}");
    }
    run.signal("INT");
    let ended = run.wait();
    assert_eq!(ended.code, 130, "{}", ended.err);
    assert_eq!(ended.document()["feed"]["gaps"], 0);
    assert_made_again(&sandbox, "out", 10);
}

#[test]
fn a_run_on_paper_goes_on_after_it_was_killed() {
    let sandbox = Sandbox::new();
    let sim = Sim::start(&sandbox, &[]);
    let words = quoting(&sim, "out", &["--json"]);
    let mut events = 0;
    for round in 0..3 {
        let run = start(&sandbox, &words, "run.log");
        let seen = until(&sandbox, "out", "it goes on", |it| {
            it["to_repeat"] == 0 && it["event"].as_u64() > Some(events + 200)
        });
        events = seen["event"].as_u64().unwrap();
        run.signal(if round < 2 { "KILL" } else { "INT" });
        let _ = run.wait();
    }
    assert_made_again(&sandbox, "out", 10);
}

#[test]
fn real_orders_without_what_they_need_are_refused_before_anything_is_connected() {
    let sandbox = Sandbox::new();
    // Nobody listens there.
    let url = "http://127.0.0.1:9";
    let words = ["live", "--feed", "binance-spot", "--symbols", "BTCUSDT", "--venue-url", url];
    let begun = Instant::now();
    let real = ["--live", "--strategy", "top_of_book_quoter", "--qty", "0.001"];
    sandbox.run(&[&words[..], &real].concat()).expect(
        5,
        &[
            "ENABLE_REAL_TRADING",
            "--out DIR",
            "--durable disk",
            "risk init --profile live",
            "BINANCE_API_KEY",
            "--approvals FILE",
            "7 things are missing",
            "nothing was connected",
        ],
    );
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(sandbox.files(), Vec::<String>::new(), "nothing is left behind");
}

#[test]
fn what_cannot_be_meant_is_said() {
    let sandbox = Sandbox::new();
    let of = |more: &[&str]| {
        let words = [&["live", "--strategy", "top_of_book_quoter", "--qty", "1"], more].concat();
        sandbox.run(&words)
    };
    of(&["--feed", "bybit", "--symbols", "BTCUSDT"]).expect(2, &["bybit", "binance-spot"]);
    of(&["--feed", "binance-spot"]).expect(2, &["which instruments", "--symbols"]);
    of(&["--feed", "synthetic", "--live"]).expect(2, &["--live is about a venue"]);
    let twice = ["--feed", "binance-spot", "--symbols", "BTCUSDT,BTCUSDT"];
    of(&twice).expect(2, &["BTCUSDT twice"]);
    let fast = ["--feed", "binance-spot", "--symbols", "BTCUSDT", "--speed", "10"];
    of(&fast).expect(2, &["--speed is for recordings"]);
    let url = ["--feed", "binance-spot", "--symbols", "BTCUSDT", "--venue-url", "ftp://x"];
    of(&url).expect(2, &["is no address of a venue"]);
    let guard = ["guard", "nowhere", "--venue", "binance-spot"];
    sandbox.run(&guard).expect(2, &["there is no such folder"]);
    std::fs::create_dir(sandbox.path().join("out")).unwrap();
    let other = ["guard", "out", "--venue", "binance-coinm"];
    sandbox.run(&other).expect(2, &["binance-coinm", "is no venue", "binance-usdm"]);
    sandbox.run(&["guard", "out", "--venue", "binance-spot"]).expect(5, &["BINANCE_API_KEY"]);
    let short = ["guard", "out", "--venue", "binance-spot", "--limit", "10ms"];
    sandbox.run(&short).expect(2, &["--limit 500ms"]);
    let sim = Sim::start(&sandbox, &[]);
    let mut words = quoting(&sim, "other", &[]);
    words[4] = "NOSUCH".to_owned();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    sandbox.run(&words).expect(2, &["NOSUCH", "does not list"]);
}

#[test]
fn wrong_keys_are_told_apart_from_a_venue_that_is_away() {
    let sandbox = Sandbox::new();
    let sim = Sim::start(&sandbox, &[]);
    let limits = common::sim::write_limits(&sandbox);
    let keys = write_keys(&sandbox, "wrong.keys", &"k".repeat(64), &"s".repeat(64));
    let real = ["--live", "--durable", "disk", "--keys", &keys, "--risk-profile", &limits];
    let words = approved(&sandbox, &quoting(&sim, "out", &real));
    let run = start(&sandbox, &words, "run.log");
    assert_eq!(run.wait().code, 2);
    let log = sandbox.read("run.log");
    assert!(log.contains("does not take the key"), "{log}");
    let guard =
        ["guard", "out", "--venue", "binance-spot", "--venue-url", &sim.url, "--keys", &keys];
    sandbox.run(&guard).expect(1, &["does not answer the guard"]);
}

/// The venues that take real orders.
const WITH_ORDERS: [&str; 2] = ["binance-spot", "binance-usdm"];

#[test]
fn real_orders_go_on_after_a_kill_and_all_of_it_can_be_made_again() {
    go_on_after_a_kill(WITH_ORDERS[0]);
}

#[test]
fn real_orders_on_futures_go_on_after_a_kill_and_all_of_it_can_be_made_again() {
    go_on_after_a_kill(WITH_ORDERS[1]);
}

fn go_on_after_a_kill(venue: &str) {
    let sandbox = Sandbox::new();
    let sim = Sim::of(&sandbox, venue, &[]);
    let words = trading(&sandbox, &sim, "out", &["--json"]);
    let mut commands = 0;
    for round in 0..3 {
        let run = start(&sandbox, &words, "run.log");
        let seen = until(&sandbox, "out", "it trades", |it| {
            it["venue"]["link"] == "in step" && sends(it, commands + 10)
        });
        assert_eq!(seen["venue"]["breaks"], serde_json::json!([]), "{seen}");
        commands = seen["commands"].as_u64().unwrap();
        run.signal(if round < 2 { "KILL" } else { "INT" });
        let ended = run.wait();
        if round == 2 {
            assert_eq!(ended.code, 130, "{}", sandbox.read("run.log"));
            let document = ended.document();
            assert_eq!(document["open_orders"], 0, "{document}");
            assert_eq!(document["orders"]["breaks"], 0, "{document}");
            assert_true(&sim, &document);
        }
    }
    assert_made_again(&sandbox, "out", 30);
}

/// What the exchange says of the run's position, and that nothing of it is open there.
fn assert_true(sim: &Sim, document: &Value) {
    let mut belief = serde_json::json!({"account": "demo", "open_orders": []});
    if sim.has_positions() {
        belief["positions"] = serde_json::json!({"BTCUSDT": document["positions"][0]["units"]});
    }
    let told = sim.control("POST", "compare", &belief.to_string());
    assert_eq!(told["differences"], serde_json::json!([]), "{document}");
}

#[test]
fn a_guard_cancels_what_a_run_that_was_killed_left_open_and_does_it_once() {
    guards(WITH_ORDERS[0]);
}

#[test]
fn a_guard_of_futures_cancels_what_a_run_that_was_killed_left_open_and_does_it_once() {
    guards(WITH_ORDERS[1]);
}

fn guards(venue: &str) {
    let sandbox = Sandbox::new();
    let sim = Sim::of(&sandbox, venue, &[]);
    let words = trading(&sandbox, &sim, "out", &["--json"]);
    let run = start(&sandbox, &words, "run.log");
    until(&sandbox, "out", "it has orders", |it| it["venue"]["link"] == "in step");
    let keys = sim.write_keys(&sandbox, "guard.keys");
    let guard: Vec<String> = [
        "guard",
        "out",
        "--venue",
        venue,
        "--venue-url",
        &sim.url,
        "--keys",
        &keys,
        "--symbols",
        "BTCUSDT",
        "--limit",
        "1s",
        "--settle",
        "1s",
        "--once",
        "--json",
    ]
    .map(str::to_owned)
    .into();
    let mut watching = start(&sandbox, &guard, "guard.log");
    // While the heart beats nothing happens.
    sleep(Duration::from_secs(3));
    assert!(!watching.has_ended(), "{}", sandbox.read("guard.log"));
    assert!(!sandbox.read("guard.log").contains("cancelling"));
    until(&sandbox, "out", "it has open orders", |it| it["open_orders"].as_u64() > Some(0));
    run.signal("KILL");
    let _ = run.wait();
    let ended = watching.wait();
    assert_eq!(ended.code, 0, "{}", sandbox.read("guard.log"));
    let report = ended.document();
    assert_eq!((&report["stops"], &report["is_done"]), (&1.into(), &true.into()), "{report}");
    assert_eq!(report["open"], 0, "{report}");
    // Nothing twice: the next one finds that all was done.
    let again = start(&sandbox, &guard, "guard.log").wait().document();
    assert_eq!((&again["stops"], &again["cancelled"]), (&0.into(), &0.into()), "{again}");
    // The run comes back, finds its orders gone, and a guard leaves it alone.
    let run = start(&sandbox, &words, "run.log");
    until(&sandbox, "out", "it is in step again", |it| it["venue"]["link"] == "in step");
    assert!(status(&sandbox, "out").is_some());
    run.signal("INT");
    assert_eq!(run.wait().code, 130, "{}", sandbox.read("run.log"));
    let over = start(&sandbox, &guard, "guard.log").wait().document();
    assert_eq!(over["stops"], 0, "{over}");
    assert_made_again(&sandbox, "out", 5);
}
