//! Market data of each further venue whose exchange we simulate: a run on paper trades on it and
//! can be made again, and what is recorded can be read back.

mod common;

use common::Sandbox;
use common::sim::{Sim, start, until};

fn trades_on_paper(venue: &str, symbol: &str) {
    let sandbox = Sandbox::new();
    let sim = Sim::of(&sandbox, venue, &[]);
    let words = ["live", "--feed", venue, "--symbols", symbol, "--venue-url", &sim.url];
    let quoter =
        ["--strategy", "top_of_book_quoter", "--param", "interval_ms=200", "--qty", "0.01"];
    let kept = ["--account", "margin", "--out", "out", "--json"];
    let words: Vec<String> =
        [&words[..], &quoter, &kept].concat().into_iter().map(str::to_owned).collect();
    let run = start(&sandbox, &words, "run.log");
    let trades = |it: &serde_json::Value| it["commands"].as_u64() >= Some(10);
    let seen = until(&sandbox, "out", "it trades", trades);
    assert_eq!(seen["venue"]["feed"]["link"], "up", "{seen}");
    let record = ["record", "--venue", venue, "--venue-url", &sim.url, "--symbols", symbol];
    let recorded = sandbox.json(&[&record[..], &["--out", "market.jsonl", "--for", "3s"]].concat());
    let feed = &recorded["feed"];
    assert_eq!((&feed["gaps"], &feed["losses"]), (&0.into(), &0.into()), "{recorded}");
    run.signal("INT");
    let ended = run.wait();
    assert_eq!(ended.code, 130, "{}", ended.err);
    let document = ended.document();
    let feed = &document["feed"];
    assert_eq!((&feed["gaps"], &feed["unreadable"]), (&0.into(), &0.into()), "{document}");
    for command in ["parity", "replay"] {
        let found = sandbox.json(&[command, "out/live.qtj"]);
        assert_eq!(found["differences"], 0, "{command}: {found}");
        assert!(found["decisions"].as_u64() >= Some(10), "{command}: {found}");
    }
    let read = sandbox.run(&["data", "book", "market.jsonl", "--json"]);
    assert_eq!(read.code, 0, "{}", read.err);
    assert!(read.out.contains(symbol), "{}", read.out);
}

#[test]
fn bybit_spot() {
    trades_on_paper("bybit-spot", "BTCUSDT");
}

#[test]
fn bybit_linear() {
    trades_on_paper("bybit-linear", "BTCUSDT");
}

#[test]
fn kraken() {
    trades_on_paper("kraken", "BTC/USD");
}
