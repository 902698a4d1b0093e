//! What a result says of its orders, and the bands around it.

mod common;

use common::Sandbox;
use serde_json::Value;

/// The document without what differs from run to run.
fn lasting(mut document: Value) -> Value {
    let object = document.as_object_mut().expect("an object");
    for name in ["run_id", "wall_seconds", "events_per_second", "bands"] {
        object.remove(name);
    }
    document
}

fn number(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).expect("decimal text")
}

/// Quotes that go up and down by a tick, one every 100 ms from second `from` on.
fn quotes(from: i64, count: i64) -> String {
    let mut text = "timestamp,bid,bid_size,ask,ask_size\n".to_owned();
    let mut state = 7_u64;
    let mut bid = 10_000_i64;
    for at in 0..count {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bid += (state >> 40) as i64 % 3 - 1;
        let size = 1 + (state >> 50) % 9;
        let ms = (1_700_000_000 + from) * 1_000 + at * 100;
        let price = |ticks: i64| format!("{}.{:02}", ticks / 100, ticks % 100);
        text.push_str(&format!("{ms},{},{size},{},{size}\n", price(bid), price(bid + 1)));
    }
    text
}

const ON_BOOKS: &[&str] = &[
    "--strategy",
    "top_of_book_quoter",
    "--account",
    "margin",
    "--leverage",
    "10",
    "--qty",
    "1",
    "--param",
    "max_position=5",
    "--order-latency",
    "5ms",
];

#[test]
fn the_neutral_band_is_the_run_without_bands() {
    let sandbox = Sandbox::new();
    sandbox.write("q.csv", quotes(0, 3_000));
    let bars: &[&str] = &["backtest", "--data", "sample:SP500", "--strategy", "sma_cross"];
    let books = [&["backtest", "--data", "X=q.csv"], ON_BOOKS].concat();
    for words in [bars, &books] {
        let plain = sandbox.json(words);
        assert!(plain.get("bands").is_none());
        let with = sandbox.json(&[words, &["--bands"]].concat());
        let bands = with["bands"].clone();
        for name in ["final_equity", "total_return", "max_drawdown", "fills", "determinism_hash"] {
            assert_eq!(bands["neutral"][name], plain[name], "{name}");
        }
        let hash = |band: &str| bands[band]["determinism_hash"].clone();
        assert_ne!(hash("pessimistic"), plain["determinism_hash"]);
        // Market orders without slippage cannot be filled any kinder.
        let is_same = hash("optimistic") == plain["determinism_hash"];
        assert_eq!(is_same, words == bars, "{bands}");
        let equity = |band: &str| number(&bands[band]["final_equity"]);
        let all = ["optimistic", "neutral", "pessimistic"].map(equity);
        let most = all.into_iter().fold(f64::MIN, f64::max);
        let least = all.into_iter().fold(f64::MAX, f64::min);
        assert!((number(&bands["span"]) - (most - least)).abs() < 1e-6, "{bands}");
        assert!(bands["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{bands}");
        assert_eq!(lasting(with), lasting(plain));
    }
}

#[test]
fn slippage_on_bars_is_what_the_harsher_band_pays() {
    let sandbox = Sandbox::new();
    let words = ["backtest", "--data", "sample:SP500", "--strategy", "buy_and_hold", "--bands"];
    let result = sandbox.json(&words);
    let (usual, harsh) = (&result["bands"]["neutral"], &result["bands"]["pessimistic"]);
    // One purchase, five basis points dearer: about that much less in the end.
    let ratio = number(&harsh["final_equity"]) / number(&usual["final_equity"]);
    assert!((0.998..0.999_9).contains(&ratio), "{ratio}");
    assert_eq!((usual["fills"].as_u64(), harsh["fills"].as_u64()), (Some(1), Some(1)));
}

#[test]
fn orders_are_told_one_by_one_and_in_sums() {
    let sandbox = Sandbox::new();
    sandbox.write("q.csv", quotes(0, 3_000));
    let words = [&["backtest", "--data", "X=q.csv"], ON_BOOKS, &["--out", "out"]].concat();
    let result = sandbox.json(&words);
    let execution = &result["execution"];
    let orders = &execution["orders"];
    let count = |name: &str| orders[name].as_u64().expect("a count");
    assert!(count("sent") >= count("accepted") && count("accepted") >= count("filled"));
    assert!(count("filled") > 0, "{orders}");
    let ended: u64 =
        orders["endings"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(ended, count("sent"), "every order ends in one way");
    assert_eq!(execution["to_venue"]["max_ns"], 5_000_000);
    assert_eq!(execution["to_acknowledgement"]["max_ns"], 10_000_000);
    let by: u64 = execution["instruments"][0]["fills_by"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(Some(by), result["fills"].as_u64());
    let fees = &execution["fees"];
    let sum = number(&fees["maker"]) + number(&fees["taker"]);
    assert!((sum - number(&result["total_fees"])).abs() < 1e-9);
    let table = sandbox.read("out/orders.csv");
    assert_eq!(table.lines().count() as u64, count("sent") + 1);
    let first: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(first.len(), table.lines().next().unwrap().split(',').count());
}

#[test]
fn every_file_of_an_instrument_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", quotes(0, 1_000));
    sandbox.write("b.csv", quotes(200, 1_000));
    let data = ["--data", "X=a.csv", "--data", "X=b.csv", "--lot", "1", "--tick", "0.01"];
    let result = sandbox.json(&[&["backtest"], &data[..], ON_BOOKS].concat());
    let data = result["data"].as_array().unwrap();
    assert_eq!((data.len(), &data[0]["path"]), (1, &data[0]["files"][0]["path"]));
    let files = data[0]["files"].as_array().unwrap();
    let of = |name: &str| -> Vec<&Value> { files.iter().map(|file| &file[name]).collect() };
    assert_eq!(of("path"), ["a.csv", "b.csv"]);
    // Round trips are placed by the samples of the equity, not by the rows of the files.
    let bars = |trade: &Value| trade["bars"].as_u64().expect("a count");
    let samples = data[0]["bars"].as_u64().expect("a count");
    let trades = result["trades_list"].as_array().unwrap();
    assert!(trades.iter().any(|trade| bars(trade) > 0), "{trades:?}");
    assert!(trades.iter().all(|trade| bars(trade) < samples), "{trades:?}");
    assert_ne!(of("sha256")[0], of("sha256")[1]);
    assert_eq!(&data[0]["sha256"], of("sha256")[0]);
    // A run over one file says it in one place.
    let words = [&["backtest", "--data", "X=a.csv"], ON_BOOKS].concat();
    assert!(sandbox.json(&words)["data"][0].get("files").is_none());
}

#[test]
fn figures_per_year_of_a_short_run_are_not_shown() {
    let sandbox = Sandbox::new();
    sandbox.write("q.csv", quotes(0, 3_000));
    let words = [&["backtest", "--data", "X=q.csv"], ON_BOOKS].concat();
    let ended = sandbox.run(&words);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let line = |name: &str| ended.out.lines().find(|line| line.starts_with(name)).unwrap();
    assert_eq!(line("Sharpe").split_whitespace().collect::<Vec<_>>(), ["Sharpe", "–", "–"]);
    assert!(ended.out.contains("too few for figures per year"), "{}", ended.out);
}

#[test]
fn a_parent_order_that_the_data_leaves_undone_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("q.csv", quotes(0, 3_000));
    let algo = ["--strategy", "execute_algo", "--param", "quantity=10", "--param", "slices=10"];
    let words = [&["backtest", "--data", "X=q.csv"], &algo[..], &["--weight", "0.5"]].concat();
    // Three hundred seconds of data: three of ten parts.
    let result = sandbox.json(&[&words[..], &["--param", "duration_s=1000"]].concat());
    let parents = result["execution"]["parents"].as_array().unwrap();
    let [parent] = parents.as_slice() else { panic!("{parents:?}") };
    assert_eq!(parent["reason"], "END_OF_DATA");
    assert_eq!((&parent["algorithm"], &parent["side"]), (&"twap".into(), &"buy".into()));
    let part = |name: &str| number(&parent[name]);
    assert_eq!((part("qty"), part("filled") + part("rest")), (10.0, 10.0));
    assert!(part("rest") > 0.0 && parent["average_price"].as_f64().is_some(), "{parent}");
    let warnings = result["warnings"].as_array().unwrap();
    let told = |text: &Value| text.as_str().is_some_and(|text| text.contains("not done when"));
    assert!(warnings.iter().any(told), "{warnings:?}");
    // One that is done is none of them.
    let result = sandbox.json(&[&words[..], &["--param", "duration_s=100"]].concat());
    assert_eq!(result["execution"]["parents"], Value::Array(Vec::new()));
}

#[test]
fn an_execution_that_is_taken_back_is_told_and_counts_nowhere() {
    let sandbox = Sandbox::new();
    sandbox.write("q.csv", quotes(0, 3_000));
    sandbox.write("faults.toml", "[[fault]]\nkind = \"bust\"\nfrom = \"2023-11-14T22:15:00Z\"\n");
    let algo = ["--strategy", "execute_algo", "--param", "quantity=2", "--param", "slices=1"];
    let algo = [&algo[..], &["--param", "patience_ms=0", "--param", "duration_s=10"]].concat();
    let words = [&["backtest", "--data", "X=q.csv", "--out", "out"], &algo[..]].concat();
    let busted = [&words[..], &["--faults", "faults.toml", "--allow-no-trades"]].concat();
    let result = sandbox.json(&busted);
    let of = &result["execution"]["instruments"][0];
    assert!(of["busts"].as_u64() > Some(0), "{of}");
    assert!(number(&of["busted"]) > 0.0, "{of}");
    let table = sandbox.read("out/orders.csv");
    let mut rows = table.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let head = rows.next().unwrap();
    let column = |name: &str| head.iter().position(|other| *other == name).unwrap();
    let (maker, taker) = (column("filled_maker"), column("filled_taker"));
    let mut filled = 0.0;
    let mut taken_back = 0.0;
    for row in rows {
        let cell = |at: usize| row[at].parse::<f64>().unwrap();
        filled += cell(maker) + cell(taker);
        taken_back += cell(column("busted"));
    }
    assert_eq!(filled, number(&of["filled"]));
    assert_eq!(taken_back, number(&of["busted"]));
    let plain = sandbox.json(&words);
    assert_eq!(plain["execution"]["instruments"][0]["busts"], 0);
}
