//! Sessions made again: on recordings of real markets by both kinds of replay, and from another
//! directory than the one that they were held in.

mod common;

use std::path::PathBuf;

use common::{Ended, Sandbox};

/// Recordings by price and by order, and a strategy for each with what it trades.
const SESSIONS: &[(&str, &str, &[&str])] = &[
    ("l2_stream/binance/usdm_BTCUSDT_2024-08-08.jsonl.gz", "market_maker", &["--qty", "0.01"]),
    (
        "l2_stream/binance/spot_BTCUSDT_2024-08-08.jsonl.gz",
        "execute_algo",
        &["--param", "quantity=0.5", "--param", "duration_s=20", "--param", "patience_ms=200"],
    ),
    (
        "l2_stream/binance/coinm_BTCUSD_PERP_2024-08-08.jsonl.gz",
        "order_book_imbalance",
        &["--param", "short=true", "--stop-loss", "0.1", "--venue-lacks", "stop", "--qty", "1"],
    ),
    ("lobster/GOOG_2012-06-21_34200000_45000000_message_1.csv", "market_maker", &["--qty", "10"]),
];

fn market_data() -> Option<PathBuf> {
    Some(common::shared()?.join("market-data"))
}

#[test]
fn recorded_sessions_are_the_same_fused_and_staged() {
    let Some(folder) = market_data() else { return };
    let sandbox = Sandbox::new();
    for (at, (name, strategy, more)) in SESSIONS.iter().enumerate() {
        let path = folder.join(name).display().to_string();
        let out = format!("session-{at}");
        let live = ["live", "--feed", &path, "--speed", "max", "--account", "margin"];
        let words = [&live[..], &["--strategy", strategy, "--out", &out, "-q"], more].concat();
        let ended = sandbox.run(&words);
        assert!([0, 4].contains(&ended.code), "{name}: {}", ended.err);
        let journal = format!("{out}/live.qtj");
        let fused = sandbox.json(&["replay", &journal]);
        let staged = sandbox.json(&["replay", &journal, "--topology", "staged"]);
        println!("{name} {strategy}: {fused}");
        assert_eq!((&fused["topology"], &staged["topology"]), (&"fused".into(), &"staged".into()));
        for found in [&fused, &staged] {
            assert_eq!(found["differences"], 0, "{name}: {found}");
        }
        for what in ["events", "decisions", "state"] {
            assert_eq!(fused[what], staged[what], "{name}: {what}");
        }
        assert!(fused["decisions"].as_u64() > Some(10), "{name}: {fused}");
    }
    let kept = ["replay", "session-0/live.qtj", "--topology", "staged", "--from-snapshot"];
    let ended = sandbox.run(&kept);
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert!(ended.err.contains("begin with no kept state"), "{}", ended.err);
}

#[test]
fn a_journal_can_be_used_from_another_directory() {
    let sandbox = Sandbox::new();
    // The first session makes the market that the second one names from where it is.
    for (feed, out) in [("synthetic", "first"), ("data/synthetic/SYN-1.qtt", "session")] {
        let session = ["live", "--feed", feed, "--speed", "max", "--out", out, "-q"];
        let strategy = ["--strategy", "top_of_book_quoter", "--qty", "1", "--account", "margin"];
        let ended = sandbox.run(&[&session[..], &strategy].concat());
        assert!([0, 4].contains(&ended.code), "{}", ended.err);
    }
    std::fs::create_dir(sandbox.path().join("elsewhere")).expect("it can be made");
    for command in ["parity", "replay"] {
        let mut command = sandbox.command(&[command, "../session/live.qtj", "--json"]);
        let output = command.current_dir(sandbox.path().join("elsewhere")).output();
        let ended = Ended::of(output.expect("the program starts"));
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert_eq!(ended.document()["differences"], 0);
    }
}
