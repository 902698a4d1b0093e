//! Backtests with a file of signals.

mod common;

use common::{FOLLOW, Sandbox, quiet_days, with_signals};
use serde_json::{Value, json};

fn signal(id: &str, action: &str, confidence: f64, at: &str, seconds: u32) -> Value {
    json!({
        "schema_version": 1, "signal_id": id, "symbol": "X", "action": action,
        "confidence": confidence, "horizon_seconds": seconds, "issued_at": at,
        "expires_at": "2024-02-01T00:00:00Z",
    })
}

fn sandbox(lines: &[Value]) -> Sandbox {
    with_signals(quiet_days(), lines)
}

/// When each trade began and ended, by day of the month.
fn trades(sandbox: &Sandbox, more: &[&str]) -> Vec<(String, String)> {
    let result = sandbox.json(&[FOLLOW, more].concat());
    let all = result["trades_list"].as_array().unwrap().clone();
    let day = |trade: &Value, name: &str| {
        trade[name].as_str().unwrap_or_default().chars().skip(8).take(2).collect()
    };
    all.iter().map(|trade| (day(trade, "entry_time"), day(trade, "exit_time"))).collect()
}

#[test]
fn a_signal_is_followed_to_its_horizon() {
    const DAY_S: u32 = 86_400;
    let sure = signal("a", "buy", 0.9, "2024-01-03T12:00:00Z", 3 * DAY_S);
    let unsure = signal("b", "buy", 0.3, "2024-01-08T12:00:00Z", DAY_S);
    let other = json!({"symbol": "Y"});
    let mut foreign = signal("c", "buy", 1.0, "2024-01-09T12:00:00Z", DAY_S);
    foreign["symbol"] = other["symbol"].clone();
    let sandbox = sandbox(&[sure, unsure, foreign]);
    let first = trades(&sandbox, &[]);
    assert_eq!(first.len(), 1, "{first:?}");
    // Four days later on its way it is heard four days later, and its horizon is over by then.
    assert_eq!(trades(&sandbox, &["--signal-latency", "96h"]), []);
    let late = trades(&sandbox, &["--signal-latency", "24h"]);
    assert!(late[0].0 > first[0].0, "{late:?} {first:?}");
    assert_eq!(late[0].1, first[0].1, "the horizon counts from the issue");
    sandbox.write("measured.csv", "latency\n24h\n");
    assert_eq!(trades(&sandbox, &["--signal-latency", "sampled:measured.csv"]), late);
    let threshold = ["--param", "threshold=0.2"];
    assert_eq!(trades(&sandbox, &threshold).len(), 2);
}

#[test]
fn an_envelope_says_when_it_arrived() {
    let inner = signal("a", "buy", 0.9, "2024-01-02T12:00:00Z", 432_000);
    let told = |at: &str| json!({"arrived_at": at, "source": "analyst", "signal": inner});
    let early = trades(&sandbox(&[told("2024-01-02T12:00:00Z")]), &[]);
    let late = trades(&sandbox(&[told("2024-01-05T12:00:00Z")]), &[]);
    assert!(early[0].0 < late[0].0, "{early:?} {late:?}");
    // Not of the source that is listened to.
    let sandbox = sandbox(&[told("2024-01-05T12:00:00Z")]);
    assert_eq!(trades(&sandbox, &["--param", "source=2"]), []);
    assert_eq!(trades(&sandbox, &["--param", "source=1"]), late);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let good = signal("a", "buy", 0.9, "2024-01-03T12:00:00Z", 60);
    let bad = signal("b", "buy", 1.9, "2024-01-03T12:00:00Z", 60);
    let sandbox = sandbox(&[good, bad]);
    let parts = ["signals.jsonl: line 2: SIGNAL_CONFIDENCE: confidence: a number from 0 to 1"];
    sandbox.run(FOLLOW).expect(2, &parts);
    let words = [&FOLLOW[..5], &["--signal-latency", "2s"]].concat();
    sandbox.run(&words).expect(2, &["--signal-latency without signals", "--signals FILE.jsonl"]);
    let words = [&FOLLOW[..5], &["--signals", "none.jsonl"]].concat();
    sandbox.run(&words).expect(2, &["none.jsonl: cannot be read"]);
    let words = [FOLLOW, &["--signal-latency", "soon"]].concat();
    sandbox.write("signals.jsonl", "");
    sandbox.run(&words).expect(2, &["signal-latency", "sampled:FILE"]);
}

/// The signals of a session's journal, played to its market again, give the session's orders.
#[test]
fn the_signals_of_a_journal_give_the_same_orders_in_a_backtest() {
    const SESSION: &[&str] = &[
        "--strategy",
        "ai_signal_follow",
        "--param",
        "short=true",
        "--qty",
        "2",
        "--account",
        "margin",
        "--order-latency",
        "20ms",
    ];
    let sandbox = Sandbox::new();
    let lines = (0..50).map(|n| {
        let at = format!("2024-01-02T{:02}:{:02}:07.250Z", n / 12, n % 12 * 5);
        let mut signal = signal(&format!("s-{n}"), ["buy", "sell"][n % 2], 0.7, &at, 900);
        signal["symbol"] = "SYN".into();
        match n % 3 {
            0 => signal["quantity"] = "3".into(),
            1 => signal["weight"] = json!(if n % 2 == 0 { 0.25 } else { -0.25 }),
            _ => signal["strength"] = json!(0.5),
        }
        format!("{signal}\n")
    });
    sandbox.write("signals.jsonl", lines.collect::<String>());
    let session = ["live", "--feed", "synthetic", "--speed", "max", "--out", "made", "--signals"];
    let session = sandbox.json(&[&session[..], &["signals.jsonl"], SESSION].concat());
    assert!(session["fills"].as_u64().unwrap() > 40, "{}", session["fills"]);
    let exported = sandbox.run(&["journal", "signals", "made/live.qtj"]);
    assert_eq!(exported.code, 0);
    assert_eq!(exported.out.lines().count(), 50);
    sandbox.write("exported.jsonl", &exported.out);
    let market = sandbox.path().join("data/synthetic/SYN-1.qtt");
    let backtest = ["backtest", "--data", market.to_str().unwrap(), "--signals", "exported.jsonl"];
    let backtest = sandbox.json(&[&backtest[..], SESSION].concat());
    for what in ["determinism_hash", "final_equity", "fills", "fills_list", "denials"] {
        assert_eq!(session[what], backtest[what], "{what}");
    }
}

#[test]
fn a_late_signal_is_not_followed_and_may_close_the_position() {
    const DAY_S: u32 = 86_400;
    let told = |name: &str, issued: &str, arrived: &str| {
        let signal = signal(name, "buy", 0.9, issued, 5 * DAY_S);
        json!({"arrived_at": arrived, "source": "analyst", "signal": signal})
    };
    let first = told("a", "2024-01-03T12:00:00Z", "2024-01-03T12:00:00Z");
    let late = told("b", "2024-01-03T13:00:00Z", "2024-01-05T12:00:00Z");
    let day = ["--param", "late_ms=86400000"];
    let alone = sandbox(std::slice::from_ref(&late));
    assert_eq!(trades(&alone, &[]).len(), 1);
    assert_eq!(trades(&alone, &day), []);
    let both = sandbox(&[first, late]);
    let ignored = trades(&both, &day);
    let flat = trades(&both, &[&day[..], &["--param", "late_flat=true"]].concat());
    assert_eq!((ignored.len(), flat.len()), (1, 1));
    assert!(flat[0].1 < ignored[0].1, "{flat:?} {ignored:?}");
}
