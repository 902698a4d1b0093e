//! What a run says of its signals: which were heard, how good their sources were, and what never
//! reached it.

mod common;

use common::{FOLLOW, Sandbox, with_signals};
use serde_json::{Value, json};

/// A header and thirty days, each a tenth above the one before.
fn rising_days() -> String {
    let day = |day: i64| {
        let (open, close) = (day + 100, day + 101);
        format!("2024-01-{day:02},{open},{close},{open},{close},1000\n")
    };
    let header = "timestamp,open,high,low,close,volume\n".to_owned();
    header + &(1..=30).map(day).collect::<String>()
}

/// On that day at noon, meant for three days and expiring with the next morning.
fn signal(source: &str, day: u32, action: &str, confidence: f64) -> Value {
    let next = day + 1;
    json!({
        "schema_version": 1, "signal_id": format!("{source}:{day}:{action}"), "symbol": "X",
        "action": action, "confidence": confidence, "horizon_seconds": 3 * 86_400,
        "issued_at": format!("2024-01-{day:02}T12:00:00Z"),
        "expires_at": format!("2024-01-{next:02}T06:00:00Z"), "agent_name": source,
    })
}

fn sandbox(lines: &[Value]) -> Sandbox {
    with_signals(rising_days(), lines)
}

/// One source that is right and one that is wrong, four times each.
fn two_sources() -> Vec<Value> {
    let days = [3, 8, 13, 18];
    let right = days.map(|day| signal("right", day, "buy", 0.9));
    let wrong = days.map(|day| signal("wrong", day, "sell", 0.7));
    right.into_iter().chain(wrong).collect()
}

fn warnings(result: &Value) -> String {
    result["warnings"].to_string()
}

#[test]
fn sources_are_told_apart() {
    let mut lines = two_sources();
    let mut foreign = signal("right", 5, "buy", 0.9);
    foreign["symbol"] = "Y".into();
    let late = signal("right", 29, "buy", 0.8);
    let over = json!({"arrived_at": "2024-01-20T00:00:00Z", "source": "right",
                      "signal": signal("right", 9, "buy", 0.9)});
    lines.extend([foreign, late, over, signal("right", 25, "hold", 0.1)]);
    let sandbox = sandbox(&lines);
    let result = sandbox.json(FOLLOW);
    let of = &result["signals"];
    let counts = ["read", "elsewhere", "told", "expired", "used", "asked", "after_end"];
    assert_eq!(counts.map(|name| of[name].as_u64().unwrap()), [12, 1, 11, 1, 10, 0, 0], "{of}");
    assert_eq!(of["file"]["path"], "signals.jsonl");
    assert_eq!(of["file"]["sha256"].as_str().unwrap().len(), 64);
    let [right, wrong] = [&of["sources"][0], &of["sources"][1]];
    assert_eq!((&right["name"], &right["number"]), (&"right".into(), &1.into()));
    // What was said on the last but one day is not over.
    assert_eq!(
        (&right["judged"], &right["hits"], &right["open"]),
        (&4.into(), &4.into(), &1.into())
    );
    assert_eq!((&wrong["judged"], &wrong["hits"]), (&4.into(), &0.into()));
    let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() - wanted).abs() < 1e-9;
    assert!(near(&right["brier"]["score"], 0.01) && near(&wrong["brier"]["score"], 0.49), "{of}");
    assert!(right["hit_rate"]["low"].as_f64().unwrap() > 0.5);
    // Three closes later: 106 / 103 and so on.
    let each = [3.0, 8.0, 13.0, 18.0].map(|day| 3.0 / (100.0 + day));
    assert!(near(&right["unit_profit"], each.iter().sum()), "{right}");
    assert!(near(&wrong["unit_profit"], -each.iter().sum::<f64>()), "{wrong}");
    assert_eq!(
        (&right["calibration"][9]["count"], &right["by_age"][9]["mean_left"]),
        (&4.into(), &0.0.into())
    );
    assert!(!warnings(&result).contains("signal"), "{}", warnings(&result));
    let shown = sandbox.run(FOLLOW).out;
    let line = "10 heard of 12 read, 1 about other instruments, 1 expired on arrival";
    assert!(shown.contains(line) && shown.contains("100.0 %"), "{shown}");
}

#[test]
fn a_human_takes_time() {
    let sandbox = sandbox(&two_sources());
    let counts = |more: &[&str]| {
        let result = sandbox.json(&[FOLLOW, more].concat());
        let of = result["signals"].clone();
        let all = ["asked", "not_approved", "expired", "used"];
        (all.map(|name| of[name].as_u64().unwrap()), warnings(&result))
    };
    // Below 0.85: those of one source. Nobody decides before the next morning.
    assert_eq!(counts(&["--approval-latency", "1h"]).0, [4, 0, 0, 8]);
    assert_eq!(counts(&["--approval-latency", "18h"]).0, [4, 4, 0, 4]);
    assert_eq!(counts(&["--approval-latency", "18h", "--approval-below", "0.5"]).0, [0, 0, 0, 8]);
    let (all, warned) = counts(&["--approval-latency", "20h", "--approval-below", "1"]);
    assert_eq!(all, [8, 8, 0, 0]);
    assert!(warned.contains("none of the signals was heard in time: 8 signals"), "{warned}");
    sandbox.write("measured.csv", "latency\n1m\n19h\n");
    let sampled = ["--approval-latency", "sampled:measured.csv"];
    let ([asked, not_approved, _, used], _) = counts(&sampled);
    assert_eq!((asked, not_approved + used), (4, 8), "each was decided in time or was not");
    assert_eq!(counts(&sampled), counts(&sampled), "it follows from the seed");
    let below = [FOLLOW, &["--approval-below", "0.5"]].concat();
    sandbox.run(&below).expect(2, &["--approval-below without a latency of approvals"]);
    let wrong = [FOLLOW, &["--approval-latency", "1h", "--approval-below", "2"]].concat();
    sandbox.run(&wrong).expect(2, &["approval-below", "'2' is no confidence above 0 and up to 1"]);
}

#[test]
fn one_who_waits_holds_up_nobody() {
    let lines = [signal("a", 3, "buy", 0.7), signal("a", 8, "buy", 0.95)];
    let sandbox = sandbox(&lines);
    let entries = |more: &[&str]| -> Vec<String> {
        let result = sandbox.json(&[FOLLOW, more].concat());
        let all = result["trades_list"].as_array().unwrap().clone();
        all.iter().map(|it| it["entry_time"].as_str().unwrap()[8..10].to_owned()).collect()
    };
    let at_once = entries(&[]);
    assert_eq!(at_once.len(), 2);
    // Approved after 13 hours, on the next day: one bar later; the sure one is as it was.
    let asked = entries(&["--approval-latency", "13h"]);
    assert_eq!(asked[1], at_once[1]);
    assert!(asked[0] > at_once[0], "{asked:?} {at_once:?}");
}

#[test]
fn signals_that_cannot_do_anything_are_told_of() {
    let of = |lines: &[Value]| warnings(&sandbox(lines).json(FOLLOW));
    let mut foreign = signal("a", 5, "buy", 0.9);
    foreign["symbol"] = "Y-USD".into();
    assert!(of(&[foreign]).contains("no signal of signals.jsonl is about X: they are about Y-USD"));
    assert!(of(&[]).contains("signals.jsonl holds no signal"));
    let expired = json!({"arrived_at": "2024-01-20T00:00:00Z", "source": "a",
                         "signal": signal("a", 9, "buy", 0.9)});
    assert!(of(&[expired]).contains("none of the signals was heard in time: 1 signal had expired"));
    let mut after = signal("a", 5, "buy", 0.9);
    (after["issued_at"], after["expires_at"]) =
        ("2024-03-05T12:00:00Z".into(), "2024-03-06T12:00:00Z".into());
    assert!(of(&[after]).contains("all signals of signals.jsonl come after the end of the data"));
}

#[test]
fn the_report_draws_the_calibration() {
    let sandbox = sandbox(&two_sources());
    sandbox.json(&[FOLLOW, &["--report", "r.html"]].concat());
    let page = sandbox.read("r.html");
    for part in ["<section id=\"signals\"", "class=\"curve\"", "Calibration of right: 4 claims"] {
        assert!(page.contains(part), "{part}");
    }
    // Without signals nothing of it is there.
    let plain = [
        "backtest",
        "--data",
        "x.csv",
        "--strategy",
        "buy_and_hold",
        "--lot",
        "1",
        "--report",
        "p.html",
    ];
    let result = sandbox.json(&plain);
    assert!(result.get("signals").is_none());
    assert!(!sandbox.read("p.html").contains("<section id=\"signals\""));
}

/// Signals on the synthetic market, 90 seconds apart, that go up and down in turn.
fn market_signals(from: &str, symbol: &str) -> String {
    let start: i64 = seconds_of(from);
    let line = |number: i64| {
        let at = start + 60 + number * 90;
        let action = ["buy", "sell", "close", "buy"][number as usize % 4];
        let confidence = [0.95, 0.7, 0.8][number as usize % 3];
        let inner = json!({
            "schema_version": 1, "signal_id": format!("s{number}"), "symbol": symbol,
            "action": action, "confidence": confidence,
            "horizon_seconds": 240, "issued_at": stamp(at), "expires_at": stamp(at + 60),
        });
        let line = json!({"arrived_at": stamp(at + 2), "source": "agent", "signal": inner});
        format!("{line}\n")
    };
    (0..150).map(line).collect()
}

/// Seconds of the day of a time as `2024-01-01T00:00:00Z`.
fn seconds_of(time: &str) -> i64 {
    let part = |from: usize| time[from..from + 2].parse::<i64>().unwrap();
    part(11) * 3_600 + part(14) * 60 + part(17)
}

fn stamp(second: i64) -> String {
    format!("DAYT{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

#[test]
fn a_session_with_signals_is_its_backtest() {
    let sandbox = Sandbox::new();
    let made = ["live", "--feed", "synthetic", "--speed", "max", "--out", "made"];
    let market = sandbox.json(&[&made[..], common::QUOTER].concat());
    let (from, symbol) = (&market["data"][0]["from"], market["symbols"][0].as_str().unwrap());
    let from = from.as_str().unwrap();
    let lines = market_signals(from, symbol).replace("DAY", &from[..10]);
    sandbox.write("signals.jsonl", lines);
    let words = [
        "--strategy",
        "ai_signal_follow",
        "--param",
        "short=true",
        "--signals",
        "signals.jsonl",
        "--signal-latency",
        "jitter:10ms,200ms",
        "--approval-latency",
        "jitter:5s,90s",
        "--qty",
        "2",
        "--account",
        "margin",
        "--leverage",
        "10",
        "--order-latency",
        "20ms",
    ];
    let live = [&["live", "--feed", "synthetic", "--speed", "max", "--out", "told"], &words[..]];
    let live = sandbox.json(&live.concat());
    let data = sandbox.path().join("data/synthetic/SYN-1.qtt");
    let backtest = [&["backtest", "--data", data.to_str().unwrap()], &words[..]].concat();
    let backtest = sandbox.json(&backtest);
    for what in ["determinism_hash", "final_equity", "fills_list", "denials", "signals"] {
        assert_eq!(live[what], backtest[what], "{what}");
    }
    let (of, fills) = (&backtest["signals"], backtest["fills"].as_u64().unwrap());
    assert!(of["used"].as_u64() > Some(80) && of["not_approved"].as_u64() > Some(5), "{of}");
    assert!(of["sources"][0]["judged"].as_u64() > Some(50) && fills > 50, "{fills} fills, {of}");
    for command in ["parity", "replay"] {
        let found = sandbox.json(&[command, "told/live.qtj"]);
        assert_eq!(found["differences"], 0, "{found}");
        assert!(found["decisions"].as_u64() > Some(50), "{found}");
    }
}
