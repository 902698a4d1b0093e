//! The reference results, from the command line.

mod common;

use common::{Sandbox, shared};
use serde_json::Value;

fn close(got: f64, wanted: f64, tolerance: f64) -> bool {
    (got - wanted).abs() <= tolerance * wanted.abs().max(1.0)
}

fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) => text.parse().expect("decimal text"),
        other => other.as_f64().expect("a number"),
    }
}

#[test]
fn whole_backtests() {
    let Some(shared) = shared() else { return };
    let text = std::fs::read_to_string(shared.join("oracles/bars.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let sandbox = Sandbox::new();
    for case in &cases {
        let path = shared.join(case["data"].as_str().unwrap()).display().to_string();
        let plain = |name: &str| case[name].to_string();
        let mut words = vec![
            "backtest".to_owned(),
            "--data".to_owned(),
            path.clone(),
            "--strategy".to_owned(),
            case["strategy"].as_str().unwrap().to_owned(),
        ];
        for (flag, name) in [
            ("--qty", "qty"),
            ("--capital", "capital"),
            ("--fee-rate", "fee_rate"),
            ("--periods-per-year", "periods_per_year"),
        ] {
            words.extend([flag.to_owned(), plain(name)]);
        }
        for (name, value) in case["params"].as_object().unwrap() {
            words.extend(["--param".to_owned(), format!("{name}={value}")]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        compare(&path, &sandbox.json(&words), &case["expect"]);
    }
}

fn compare(path: &str, result: &Value, expect: &Value) {
    for (name, wanted) in expect.as_object().unwrap() {
        let fills = result["fills_list"].as_array().unwrap();
        let fill =
            |fill: &Value| (fill["bar"].clone(), fill["side"].clone(), number(&fill["price"]));
        let wanted_fill = |fill: &Value| (stamp(&fill[0]), fill[1].clone(), number(&fill[2]));
        match name.as_str() {
            "bars" => assert_eq!(&result["data"][0]["bars"], wanted, "{path}"),
            "fills" | "trades" => assert_eq!(&result[name], wanted, "{path} {name}"),
            "open_position" => assert_eq!(number(&result[name]), number(wanted), "{path}"),
            "first_fills" => {
                for (got, wanted) in fills.iter().zip(wanted.as_array().unwrap()) {
                    assert_eq!(fill(got), wanted_fill(wanted), "{path}");
                }
            }
            "last_fill" => {
                assert_eq!(fill(fills.last().unwrap()), wanted_fill(wanted), "{path}");
            }
            "final_equity" | "total_fees" => {
                let (got, wanted) = (number(&result[name]), number(wanted));
                assert!((got - wanted).abs() <= 1e-6, "{path} {name}: {got} is not {wanted}");
            }
            name => {
                let (got, wanted) = (number(&result[name]), number(wanted));
                assert!(close(got, wanted, 1e-9), "{path} {name}: {got} is not {wanted}");
            }
        }
    }
}

/// The bar's time stamp as text, as the result has it.
fn stamp(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        other => other.clone(),
    }
}

#[test]
fn indicators() {
    let Some(shared) = shared() else { return };
    let text = std::fs::read_to_string(shared.join("oracles/indicators.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    let list = cases.as_array().cloned().or_else(|| cases["cases"].as_array().cloned());
    let sandbox = Sandbox::new();
    for case in list.expect("a list of cases") {
        let path = shared.join(case["data"].as_str().unwrap()).display().to_string();
        let name = case["indicator"].as_str().unwrap();
        let result = sandbox.json(&["data", "indicator", &path, name]);
        assert_eq!(result["indicator"], name);
        assert_eq!(result["first_defined_row"], case["first_defined_row"], "{name}");
        let rows = result["rows"].as_array().unwrap();
        let first = case["first_defined_row"].as_u64().unwrap();
        let mut sum = 0.0;
        for (at, row) in rows.iter().enumerate() {
            assert_eq!(row[0].as_u64(), Some(first + at as u64), "{name}");
            sum += number(&row[1]);
        }
        for (row, wanted) in case["rows"].as_object().unwrap() {
            let at = row.parse::<u64>().unwrap() - first;
            let got = number(&rows[at as usize][1]);
            assert!(close(got, number(wanted), 1e-9), "{name} row {row}: {got} is not {wanted}");
        }
        assert!(close(sum, number(&case["sum"]), 1e-9), "{name}: {sum} is not {}", case["sum"]);
    }
}

#[test]
fn books() {
    let Some(shared) = shared() else { return };
    let text = std::fs::read_to_string(shared.join("oracles/books.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    let sandbox = Sandbox::new();
    for case in cases.as_array().unwrap() {
        let path = shared.join(case["data"].as_str().unwrap()).display().to_string();
        let book = sandbox.json(&["data", "book", &path]);
        for name in [
            "depth_updates_applied",
            "dropped_before_snapshot",
            "gaps",
            "trades",
            "last_update_id",
            "bid_levels",
            "ask_levels",
        ] {
            assert_eq!(book[name], case[name], "{path} {name}");
        }
        assert_eq!(book["bids"], case["top_bids"], "{path}");
        assert_eq!(book["asks"], case["top_asks"], "{path}");
        for point in case["checkpoints"].as_array().unwrap() {
            let at = point["applied"].to_string();
            let book = sandbox.json(&["data", "book", &path, "--at", &at, "--levels", "1"]);
            assert_eq!(book["last_update_id"], point["u"], "{path} at {at}");
            assert_eq!(book["bids"][0], point["best_bid"], "{path} at {at}");
            assert_eq!(book["asks"][0], point["best_ask"], "{path} at {at}");
        }
    }
}

#[test]
fn fills_of_another_engine() {
    let Some(shared) = shared() else { return };
    let text = std::fs::read_to_string(shared.join("oracles/fills_hftbacktest.json")).unwrap();
    let oracle: Value = serde_json::from_str(&text).unwrap();
    let sandbox = Sandbox::new();
    for case in oracle["cases"].as_array().unwrap() {
        let path = shared.join(case["data"].as_str().unwrap()).display().to_string();
        let offset = format!("offset_ticks={}", case["rule"]["offset_ticks"]);
        let words = [
            "backtest",
            "--data",
            &path,
            "--strategy",
            "top_of_book_quoter",
            "--param",
            &offset,
            "--account",
            "margin",
            "--leverage",
            "100",
            "--qty",
            "0.01",
            "--maker-rate",
            "0.0002",
            "--taker-rate",
            "0.0005",
            "--order-latency",
            "10ms",
            "--no-impact",
            "--whole-fills",
        ];
        let result = sandbox.json(&words);
        let (fills, fees) = (number(&result["fills"]), number(&result["total_fees"]));
        let (wanted_fills, wanted_fees) = (number(&case["trades"]), number(&case["fee"]));
        assert!((fills / wanted_fills - 1.0).abs() <= 0.03, "{fills} fills, not {wanted_fills}");
        assert!((fees / wanted_fees - 1.0).abs() <= 0.03, "fees of {fees}, not {wanted_fees}");
    }
}
