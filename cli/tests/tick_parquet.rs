//! Ticks as Parquet: what is exported comes back as it was, and is a plain table for others.

mod common;

use common::Sandbox;
use serde_json::{Value, json};

/// A book of two instruments in Tardis' form.
fn levels() -> String {
    let mut text =
        "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n".to_owned();
    for at in 0_i64..400 {
        let us = (1_700_000_000_000 + at * 40) * 1_000;
        let symbol = if at % 3 == 0 { "B-1" } else { "A" };
        let (is_snapshot, step) = (at < 8, at * 7 % 5);
        let (side, price) = match at % 4 < 2 {
            true => ("bid", 10_000 - step),
            false => ("ask", 10_001 + step),
        };
        let price = format!("{}.{:02}", price / 100, price % 100);
        let amount = f64::from(at as i32 % 11) * 0.125;
        text += &format!("x,{symbol},{us},{},{is_snapshot},{side},{price},{amount}\n", us + 20_001);
    }
    text
}

/// Messages in LOBSTER's form: added, reduced, executed, deleted.
fn messages() -> String {
    let mut text = String::new();
    for at in 1_u64..=200 {
        let (price, side) = if at % 2 == 0 { (999_900 - at * 100, 1) } else { (1_000_100, -1) };
        text += &format!("{}.5,1,{at},100,{price},{side}\n", 34_200 + at);
        let kind = [2, 4, 3][at as usize % 3];
        let qty = if kind == 3 { 100 } else { 40 };
        text += &format!("{}.75,{kind},{at},{qty},{price},{side}\n", 34_200 + at);
    }
    text
}

fn export(sandbox: &Sandbox, data: &str, more: &[&str], out: &str) -> Value {
    sandbox.json(&[&["data", "export", data, "--out", out], more].concat())
}

#[test]
fn every_record_comes_back() {
    let sandbox = Sandbox::new();
    sandbox.write("book.csv", levels());
    sandbox.write("X_2012-06-21_message_1.csv", messages());
    for (data, kind) in [("book.csv", "levels"), ("X_2012-06-21_message_1.csv", "orders")] {
        let done = export(&sandbox, data, &[], "all.parquet");
        export(&sandbox, data, &[], "all.csv");
        export(&sandbox, "all.parquet", &[], "again.csv");
        assert_eq!(sandbox.read("again.csv"), sandbox.read("all.csv"));
        let rows = sandbox.read("again.csv").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(done["rows"], json!(rows - 1));
        let info = sandbox.json(&["data", "info", "all.parquet"]);
        assert_eq!((&info["kind"], &info["format"]), (&json!(kind), &json!("exported")));
        let imported = sandbox.json(&["data", "import", "all.parquet"]);
        let (original, imported) =
            (sandbox.json(&["data", "info", data]), &imported["imported"][0]);
        for key in ["kind", "records", "from", "to", "venue_from", "venue_to"] {
            assert_eq!(imported[key], original[key], "{key}");
        }
        let check = sandbox.json(&["data", "check", "all.parquet"]);
        assert_eq!(check["checksums"], "right", "{check}");
    }
}

#[test]
fn a_run_on_it_is_the_run_on_its_source() {
    let sandbox = Sandbox::new();
    sandbox.write("book.csv", levels());
    export(&sandbox, "A=book.csv", &[], "a.parquet");
    let run = |data: &str| {
        let words = ["backtest", "--data", data, "--strategy", "market_maker", "--account"];
        let more = ["margin", "--qty", "1", "--allow-no-trades"];
        sandbox.json(&[&words[..], &more].concat())["determinism_hash"].clone()
    };
    assert_eq!(run("a.parquet"), run("A=book.csv"));
}

#[test]
fn trades_and_best_prices_are_tables_that_are_read_like_any_other() {
    let sandbox = Sandbox::new();
    sandbox.write("book.csv", levels());
    sandbox.write("X_2012-06-21_message_1.csv", messages());
    let quotes = ["--what", "quotes"];
    export(&sandbox, "A=book.csv", &quotes, "quotes.parquet");
    export(&sandbox, "A=book.csv", &quotes, "quotes.csv");
    export(&sandbox, "quotes.parquet", &quotes, "again.csv");
    assert_eq!(sandbox.read("again.csv"), sandbox.read("quotes.csv"));
    let trades = ["--what", "trades"];
    export(&sandbox, "X_2012-06-21_message_1.csv", &trades, "trades.parquet");
    export(&sandbox, "X_2012-06-21_message_1.csv", &trades, "trades.csv");
    let one = sandbox.json(&["data", "import", "--ticks", "trades.parquet"]);
    let two = sandbox.json(&["data", "import", "--ticks", "trades.csv"]);
    for key in ["records", "from", "to", "kind", "format"] {
        assert_eq!(one["imported"][0][key], two["imported"][0][key], "{key}");
    }
    export(&sandbox, "trades.parquet", &trades, "again.csv");
    assert_eq!(sandbox.read("again.csv"), sandbox.read("trades.csv"));
    // Bars can be built from them as well.
    let bars = |data: &str| {
        sandbox.json(&["data", "bars", data, "1m", "--out", "bars.csv"]);
        sandbox.read("bars.csv")
    };
    assert_eq!(bars("trades.parquet"), bars("trades.csv"));
}
