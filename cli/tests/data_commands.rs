//! `data` and `sweep`: what goes in comes out.

mod common;

use common::{Sandbox, quiet_days};

#[test]
fn the_bundled_market_can_be_made_again() {
    let sandbox = Sandbox::new();
    let words = [
        "data",
        "generate",
        "bars",
        "--seed",
        "7",
        "--rows",
        "7800",
        "--interval",
        "1m",
        "--start",
        "2024-01-02",
        "--calendar",
        "xnys",
        "--out",
        "again.csv",
    ];
    assert_eq!(sandbox.json(&words)["rows"], 7_800);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let bundled = std::fs::read(root.join("data/samples/synthetic_minute.csv")).unwrap();
    assert!(sandbox.read("again.csv").as_bytes() == bundled, "the bytes differ");
    let to_pipe = sandbox.run(&words[..words.len() - 2]);
    assert!(to_pipe.out.as_bytes() == bundled);
    sandbox.run(&["data", "generate", "bars", "--json"]).expect(2, &["--out"]);
    sandbox.run(&["data", "generate", "bars", "--volatility", "9"]).expect(2, &["volatility"]);
    for rows in ["trades", "book"] {
        let made = sandbox.json(&["data", "generate", rows, "--rows", "500", "--out", "x.csv"]);
        assert!(made["rows"].as_u64().unwrap() >= 500, "{rows}");
    }
    let words = ["data", "generate", "book", "--rows", "3000", "--interval", "1s"];
    let events = sandbox.json(&[&words[..], &["--calendar", "24x7", "--out", "book.csv"]].concat());
    let run = ["backtest", "--data", "book.csv", "--strategy", "top_of_book_quoter", "--qty", "2"];
    let room = ["--param", "max_position=20", "--account", "margin"];
    let run = sandbox.json(&[run.as_slice(), &room].concat());
    assert_eq!(run["data"][0]["events"], events["rows"], "{run}");
    assert!(run["fills"].as_u64() > Some(0), "{run}");
}

#[test]
fn the_catalog_keeps_what_it_is_given() {
    let sandbox = Sandbox::new();
    let imported = sandbox.json(&["data", "import", "sample:SP500", "--id", "spx", "--lot", "1"]);
    assert_eq!(imported["imported"][0]["rows"], 5_031);
    sandbox.run(&["data", "import", "sample:SP500", "--id", "spx"]).expect(2, &["--replace"]);
    assert_eq!(sandbox.json(&["data", "list"])["entries"][0]["id"], "spx");
    assert_eq!(sandbox.json(&["data", "info", "spx"])["rows"], 5_031);
    assert_eq!(sandbox.json(&["data", "check", "spx"])["accepted"], true);
    let run = |data: &str| {
        let words = ["backtest", "--data", data, "--strategy", "sma_cross", "--qty", "10"];
        sandbox.json(&words)
    };
    let (from_file, from_catalog) = (run("SPX=sample:SP500"), run("SPX=spx"));
    for name in ["final_equity", "fills_list", "total_fees", "determinism_hash"] {
        assert_eq!(from_file[name], from_catalog[name], "{name}");
    }
    sandbox.run(&["data", "rm", "spx"]).expect(2, &["--yes"]);
    sandbox.json(&["data", "rm", "spx", "--yes"]);
    sandbox.run(&["data", "rm", "spx", "--yes"]).expect(3, &["no entry 'spx'"]);
}

#[test]
fn exports_come_back_as_they_were() {
    let sandbox = Sandbox::new();
    let base = ["backtest", "--strategy", "sma_cross", "--qty", "100", "--data"];
    let run = |data: &str| sandbox.json(&[&base[..], &[data]].concat());
    let wanted = run("S=sample:MINUTE");
    for name in ["m.csv", "m.parquet"] {
        sandbox.json(&["data", "export", "sample:MINUTE", "--out", name]);
        let got = run(&format!("S={name}"));
        assert_eq!(got["final_equity"], wanted["final_equity"], "{name}");
        assert_eq!(got["fills"], wanted["fills"], "{name}");
    }
    sandbox.run(&["data", "export", "sample:MINUTE", "--out", "m.xls"]).expect(2, &[".parquet"]);
    let range = ["--from", "2024-01-03", "--to", "2024-01-04"];
    let words = [&["data", "export", "sample:MINUTE", "--out", "day.csv"][..], &range].concat();
    assert_eq!(sandbox.json(&words)["bars"], 390);
}

#[test]
fn bars_are_built_from_smaller_ones_and_from_trades() {
    let sandbox = Sandbox::new();
    let built = sandbox.json(&["data", "bars", "sample:MINUTE", "30m", "--out", "half.csv"]);
    assert_eq!(built["bars"], 20 * 13);
    assert_eq!(sandbox.json(&["data", "check", "half.csv"])["accepted"], true);
    let words = ["data", "generate", "trades", "--rows", "20000", "--calendar", "24x7"];
    sandbox.json(&[&words[..], &["--out", "t.csv", "--interval", "1s"]].concat());
    let trades = ["backtest", "--data", "t.csv", "--strategy", "sma_cross"];
    sandbox.run(&trades).expect(3, &["trades, not bars", "--bars 1m"]);
    let run = sandbox.json(&[&trades[..], &["--bars", "1m", "--allow-no-trades"]].concat());
    assert!(run["data"][0]["bars"].as_u64().unwrap() > 300);
    sandbox.run(&["data", "bars", "t.csv", "7y", "--out", "x.csv"]).expect(2, &["'7y'"]);
    sandbox.run(&["data", "bars", "half.csv", "1m", "--out", "x.csv"]).expect(3, &["longer bars"]);
}

#[test]
fn reports_have_one_document() {
    let sandbox = Sandbox::new();
    sandbox.write("ok.csv", quiet_days());
    sandbox.write("bad.csv", quiet_days().replace("10,11,9,10", "10,8,9,10"));
    let check = sandbox.run(&["data", "check", "ok.csv", "bad.csv", "gone.csv", "--json"]);
    assert_eq!(check.code, 3);
    let files = check.document()["files"].as_array().unwrap().clone();
    assert_eq!(files[0]["accepted"], true);
    assert_eq!((&files[1]["accepted"], &files[1]["structural"]), (&false.into(), &true.into()));
    assert!(files[2]["error"].as_str().unwrap().contains("no such file"));
    let info = sandbox.json(&["data", "info", "bad.csv"]);
    assert_eq!((&info["rows"], &info["kind"]), (&12.into(), &"bars".into()));
    let words = ["data", "indicator", "ok.csv", "SMA(3)"];
    let indicator = sandbox.json(&words);
    assert_eq!(indicator["rows"][0], serde_json::json!([2, 10.0]));
    assert!(sandbox.run(&words).out.contains("SMA(3)"));
    sandbox.run(&["data", "indicator", "ok.csv", "SMX(3)"]).expect(2, &["did you mean SMA?"]);
    sandbox.run(&["data", "indicator", "ok.csv", "SMA(30)"]).expect(4, &["30 bars"]);
    let none = sandbox.run(&["data", "indicator", "ok.csv", "SMA(30)", "--json"]);
    none.expect(4, &["30 bars"]);
    assert_eq!(none.document()["rows"], serde_json::json!([]));
    assert!(sandbox.json(&["data", "indicator", "--list"])["indicators"].is_array());
}

#[test]
fn a_sweep_does_not_depend_on_its_threads() {
    let sandbox = Sandbox::new();
    let words = [
        "sweep",
        "--data",
        "sample:SP500",
        "--strategy",
        "sma_cross",
        "--param",
        "fast=10:60:10",
        "--param",
        "slow=20:120:20",
        "--where",
        "slow >= 2 * fast",
        "--seed",
        "3",
    ];
    let with = |more: &[&str]| sandbox.json(&[&words[..], more].concat());
    let (one, two) = (with(&["--threads", "1"]), with(&["--threads", "3", "--out", "t.csv"]));
    assert_eq!(one["results"], two["results"]);
    assert_eq!(one["determinism_hash"], two["determinism_hash"]);
    let trials = one["trials"].as_u64().unwrap();
    assert_eq!(trials + one["skipped"].as_u64().unwrap(), 36);
    assert_eq!(sandbox.read("t.csv").lines().count() as u64, trials + 1);
    assert_eq!(one["heat_map"]["xs"].as_array().unwrap().len(), 6);
    let random = with(&["--random", "5"]);
    assert_eq!(random["trials"], 5);
    assert_eq!(random["results"], with(&["--random", "5"])["results"]);
    let text = sandbox.run(&words);
    assert!(text.out.contains("not yet deflated") && text.out.contains("the best one:"));
    sandbox.run(&[&words[..], &["--sort", "sharp"]].concat()).expect(2, &["did you mean sharpe"]);
    sandbox.run(&[&words[..], &["--where", "fast"]].concat()).expect(2, &["no comparison"]);
    sandbox.run(&[&words[..], &["--heat", "fast"]].concat()).expect(2, &["two parameters"]);
}

#[test]
fn orders_meet_the_trades_that_bars_were_built_from() {
    let sandbox = Sandbox::new();
    // Minutes begin at 1700000040. The first bar closes at 10.10 and is known at 1700000100: the
    // order meets the first trade from then on, not the open of a bar.
    let trades = "time,price,size\n1700000040,10.00,5\n1700000070,10.10,5\n1700000100,10.20,5\n\
                  1700000115,10.30,5\n1700000170,10.40,5\n";
    let file = sandbox.write("t.csv", trades);
    let words = ["backtest", "--data", &file, "--bars", "1m", "--strategy", "buy_and_hold"];
    let mut words = words.to_vec();
    words.extend(["--qty", "5", "--fee-rate", "0"]);
    let result = sandbox.json(&words);
    let fill = &result["fills_list"][0];
    assert_eq!((&fill["price"], &fill["bar"]), (&"10.2".into(), &"1700000100".into()));
    assert_eq!(result["final_equity"], "100001", "five at 10.20, marked at 10.40");
    sandbox.run(&["backtest", "--data", &file, "--strategy", "macd"]).expect(3, &["--bars 1m"]);
}

#[test]
fn trades_that_were_received_late_are_known_late() {
    let sandbox = Sandbox::new();
    // The bar of the first minute is known when its trade of the 70th second is, at 112: the
    // order meets the trade of the 115th second and not that of the 100th.
    let trades = "timestamp,local_timestamp,price,amount\n1700000040,1700000041,10.00,5\n\
                  1700000070,1700000112,10.10,5\n1700000100,1700000112,10.20,5\n\
                  1700000115,1700000116,10.30,5\n1700000170,1700000171,10.40,5\n";
    let file = sandbox.write("t.csv", trades);
    let words = ["backtest", "--data", &file, "--bars", "1m", "--strategy", "buy_and_hold"];
    let words = [&words[..], &["--qty", "5", "--fee-rate", "0"]].concat();
    let fill = sandbox.json(&words)["fills_list"][0].clone();
    assert_eq!((&fill["price"], &fill["time"]), (&"10.3".into(), &"2023-11-14T22:15:15Z".into()));
    // A clock that runs behind is put right, and the output says so.
    sandbox.write("t.csv", trades.replace("1700000041", "1700000038"));
    let info = sandbox.json(&["data", "info", &file]);
    assert!(info["notes"].to_string().contains("up to 2000 ms behind"), "{info}");
    let check = sandbox.json(&["data", "check", &file]);
    assert_eq!(
        (&check["findings"][0]["kind"], &check["accepted"]),
        (&"clock_skew".into(), &true.into())
    );
}
