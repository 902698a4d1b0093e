//! Ticks from the outside: what a run says about its data, when it knew it, and `data export`.

mod common;

use common::Sandbox;
use serde_json::Value;

/// Levels of two instruments in Tardis' form, a change every 100 ms of one of them, received 20 ms
/// later: A has two changes for each of B.
fn levels(count: i64) -> String {
    let mut text =
        "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n".to_owned();
    let mut state = 7_u64;
    let mut push = |symbol: &str, ms: i64, is_snapshot: bool, side: &str, price: i64, size: u64| {
        let us = (1_700_000_000_000 + ms) * 1_000;
        let price = format!("{}.{:02}", price / 100, price % 100);
        let row = format!("x,{symbol},{us},{},{is_snapshot},{side},{price},{size}\n", us + 20_000);
        text.push_str(&row);
    };
    for symbol in ["A", "B"] {
        for step in 0..5 {
            push(symbol, 0, true, "bid", 10_000 - step, 10);
            push(symbol, 0, true, "ask", 10_001 + step, 10);
        }
    }
    for at in 1..=count {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let symbol = if at % 3 == 0 { "B" } else { "A" };
        let (step, size) = ((state >> 40) as i64 % 5, (state >> 50) % 9 * 3 + 1);
        if (state >> 33).is_multiple_of(2) {
            push(symbol, at * 100, false, "bid", 10_000 - step, size);
        } else {
            push(symbol, at * 100, false, "ask", 10_001 + step, size);
        }
    }
    text
}

const RUN: &[&str] = &[
    "--strategy",
    "order_book_imbalance",
    "--param",
    "levels=3",
    "--param",
    "short=true",
    "--param",
    "hold_ms=500",
    "--account",
    "margin",
    "--qty",
    "1",
    "--order-latency",
    "3ms",
    "--sample",
    "1s",
    "--allow-no-trades",
];

fn run(sandbox: &Sandbox, data: &str, more: &[&str]) -> Value {
    sandbox.json(&[&["backtest", "--data", data], RUN, more].concat())
}

#[test]
fn a_run_says_how_many_records_it_played() {
    let sandbox = Sandbox::new();
    sandbox.write("book.csv", levels(300));
    let events = |data: &str, more: &[&str]| run(&sandbox, data, more)["data"][0]["events"].clone();
    // Ten levels and two emptied sides each, and two changes of A for one of B.
    assert_eq!(events("A=book.csv", &[]), 12 + 200);
    assert_eq!(events("B=book.csv", &[]), 12 + 100);
    // The changes of the first ten seconds but for the one at their end.
    assert_eq!(events("A=book.csv", &["--to", "2023-11-14T22:13:30Z"]), 12 + 66);
    // Nothing of bars is in the report, and the text says the same.
    let words = [&["backtest", "--data", "A=book.csv", "--report", "r.html"], RUN].concat();
    let ended = sandbox.run(&words);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains(", 212 records, equity sampled"), "{}", ended.out);
    let page = sandbox.read("r.html");
    assert!(page.contains("<span>212 records</span>"), "the header");
    let shown = page.find("<script").map_or(page.as_str(), |at| &page[..at]);
    for word in ["bars</span>", "Bars traded", "Bars to warm up", "Average bars held", ">Bars<"] {
        assert!(!shown.contains(word), "'{word}' is in the report of a run on ticks");
    }
}

#[test]
fn the_feed_takes_its_time() {
    let sandbox = Sandbox::new();
    sandbox.write("book.csv", levels(300));
    let first = |more: &[&str]| {
        let document = run(&sandbox, "A=book.csv", more);
        let fills = document["fills_list"].as_array().unwrap().clone();
        (fills.first().expect("a fill")["time"].as_str().unwrap().to_owned(), document)
    };
    let hash = |document: &Value| document["determinism_hash"].clone();
    let (recorded, plain) = first(&[]);
    assert_eq!(hash(&first(&["--feed-latency", "recorded"]).1), hash(&plain));
    // Received 20 ms after it happened: from the venue's time on that is the same.
    let (counted, again) = first(&["--feed-latency", "venue+20ms"]);
    assert_eq!((counted, hash(&again)), (recorded.clone(), hash(&plain)));
    let (early, _) = first(&["--feed-latency", "venue"]);
    let (late, _) = first(&["--feed-latency", "7ms"]);
    assert!(early < recorded && recorded < late, "{early} {recorded} {late}");
    let jitter = ["--feed-latency", "jitter:1ms,30ms"];
    let (_, one) = first(&jitter);
    assert_eq!(hash(&one), hash(&first(&jitter).1));
    assert_ne!(hash(&one), hash(&first(&[&jitter[..], &["--seed", "5"]].concat()).1));
    sandbox.write("slow.csv", "time,latency\n2023-11-14,2ms\n2023-11-16,2ms\n");
    let measured = first(&["--feed-latency", "slow.csv"]).1;
    assert_eq!(hash(&measured), hash(&first(&["--feed-latency", "2ms"]).1));
    let words = [&["backtest", "--data", "A=book.csv", "--feed-latency", "soon"], RUN].concat();
    sandbox.run(&words).expect(2, &["--feed-latency", "venue+5ms"]);
}

#[test]
fn an_export_is_the_data_again() {
    let sandbox = Sandbox::new();
    sandbox.write("book.csv", levels(300));
    let counted = |name: &str| {
        let info = sandbox.json(&["data", "info", name]);
        (info["kinds"].clone(), info["instruments"].clone(), info["from"].clone())
    };
    for name in ["all.csv", "all.csv.gz", "all.csv.zst"] {
        let done = sandbox.json(&["data", "export", "book.csv", "--out", name]);
        assert_eq!((&done["rows"], &done["books"]), (&324.into(), &0.into()), "{done}");
        assert_eq!(counted(name), counted("book.csv"));
    }
    let one = sandbox.json(&["data", "export", "B=book.csv", "--out", "b.csv"]);
    assert_eq!((&one["rows"], &one["symbols"]), (&112.into(), &serde_json::json!(["B"])));
    let whole = run(&sandbox, "A=book.csv", &[]);
    let again = run(&sandbox, "A=all.csv", &[]);
    assert_eq!(again["determinism_hash"], whole["determinism_hash"]);
    sandbox.run(&["data", "export", "book.csv", "--out", "x.xls"]).expect(2, &[".parquet"]);
    let none = ["data", "export", "book.csv", "--what", "trades", "--out", "none.csv"];
    sandbox.run(&none).expect(4, &["none of 'trades'"]);
    sandbox.run(&["data", "export", "C=all.csv", "--out", "none.csv"]).expect(2, &["'C'"]);
    // The same of a file of the tick store.
    let stored = sandbox.json(&["data", "import", "book.csv"])["imported"][0]["file"].clone();
    let of = |symbol: &str| format!("{symbol}={}", stored.as_str().unwrap());
    let one = sandbox.json(&["data", "export", &of("B"), "--out", "b.csv"]);
    assert_eq!((&one["rows"], &one["symbols"]), (&112.into(), &serde_json::json!(["B"])));
    sandbox.run(&["data", "export", &of("C"), "--out", "none.csv"]).expect(3, &["it holds A, B"]);
    assert!(!sandbox.files().contains(&"none.csv".to_owned()), "nothing is left");
}

#[test]
fn a_part_begins_with_the_book_of_its_start() {
    let sandbox = Sandbox::new();
    sandbox.write("book.csv", levels(300));
    let from = ["--from", "2023-11-14T22:13:30Z"];
    let words = [&["data", "export", "A=book.csv", "--out", "part.csv"], &from[..]].concat();
    let done = sandbox.json(&words);
    assert_eq!((&done["books"], &done["from"]), (&1.into(), &"2023-11-14T22:13:30Z".into()));
    let (whole, part) = (run(&sandbox, "A=book.csv", &from), run(&sandbox, "part.csv", &[]));
    assert!(whole["fills"].as_u64() > Some(3), "{}", whole["fills"]);
    assert_eq!(part["fills_list"], whole["fills_list"]);
    assert_eq!(part["final_equity"], whole["final_equity"]);
    // The best prices are those that the book has.
    let words =
        [&["data", "export", "A=book.csv", "--what", "quotes", "--out", "q.csv"], &from[..]];
    let done = sandbox.json(&words.concat());
    assert!(done["rows"].as_u64() > Some(10), "{done}");
    let text = sandbox.read("q.csv");
    let mut lines = text.lines();
    let header = "venue_ns,recv_ns,symbol,bid_price,bid_qty,ask_price,ask_qty";
    assert_eq!(lines.next(), Some(header));
    let row: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!((row.len(), row[2], row[3]), (7, "A", "100"));
    assert_eq!(sandbox.json(&["data", "info", "q.csv"])["kind"], "quotes");
}
