//! Several currencies, fees in other assets and expiries, from the command line and on real files.

mod common;

use common::{Sandbox, shared};
use serde_json::Value;

/// A file of the shared market data.
fn file(name: &str) -> Option<String> {
    let path = shared()?.join("market-data").join(name);
    path.exists().then(|| path.display().to_string())
}

fn number(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).expect("a number as text")
}

/// Daily bars from 2 January 2023 on.
fn bars(closes: &[f64]) -> String {
    let row = |(day, close): (usize, &f64)| {
        format!("2023-01-{:02},{close},{close},{close},{close},{}\n", day + 2, day + 7)
    };
    let rows: String = closes.iter().enumerate().map(row).collect();
    format!("Date,Open,High,Low,Close,Volume\n{rows}")
}

const SHARES: [f64; 12] =
    [100.0, 99.0, 98.0, 97.0, 101.0, 106.0, 107.0, 108.0, 107.0, 103.0, 99.0, 98.0];

const RUN: [&str; 13] = [
    "backtest",
    "--data",
    "DAX=dax.csv",
    "--strategy",
    "sma_cross",
    "--param",
    "fast=2",
    "--param",
    "slow=3",
    "--calendar",
    "24x7",
    "--currency",
    "DAX=EUR",
];

fn with(more: &[&str]) -> Vec<String> {
    RUN.iter().chain(more).map(|&word| word.to_owned()).collect()
}

fn words(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

#[test]
fn a_share_in_euros_in_an_account_in_dollars() {
    let sandbox = Sandbox::new();
    sandbox.write("dax.csv", bars(&SHARES));
    sandbox.write("eurusd.csv", bars(&[1.1; 12]));
    let own = with(&["--qty", "10"]);
    let alone = sandbox.json(&words(&own));
    assert!(alone.get("currencies").is_none(), "one currency is told as ever");
    let all = with(&["--qty", "10", "--account-currency", "USD", "--fx", "EURUSD=eurusd.csv"]);
    let document = sandbox.json(&words(&all));
    let of = &document["currencies"];
    assert_eq!((&of["account"], &of["exchanges"]), (&"USD".into(), &1.into()), "{of}");
    let balances = of["balances"].as_array().expect("balances");
    assert_eq!((&balances[1]["currency"], &balances[1]["rate"]), (&"EUR".into(), &"1.1".into()));
    let sum: f64 = balances.iter().map(|of| number(&of["worth"])).sum();
    assert!((sum - number(&document["final_equity"])).abs() < 1e-6, "{document}");
    // At a rate that never moves all is as it is in euros, 1.1 times.
    let profit = |of: &Value| number(&of["final_equity"]) - 100_000.0;
    assert!((profit(&document) - 1.1 * profit(&alone)).abs() < 1e-6);
    let fill = &document["fills_list"][0];
    assert_eq!((&fill["fee_amount"], &fill["fee_currency"]), (&fill["fee"], &"EUR".into()));
    let text = sandbox.run(&words(&all)).out;
    assert!(text.contains("Currencies") && text.contains("at 1.1 worth"), "{text}");
    let page = with(&["--account-currency", "USD", "--fx", "EURUSD=1.1", "--report", "r.html"]);
    assert_eq!(sandbox.run(&words(&page)).code, 0);
    assert!(sandbox.read("r.html").contains("Currency of the account"));
}

#[test]
fn what_is_missing_or_wrong_is_said_with_the_flag() {
    let sandbox = Sandbox::new();
    sandbox.write("dax.csv", bars(&SHARES));
    sandbox.write("spy.csv", bars(&SHARES));
    let wrong = |more: &[&str], parts: &[&str]| {
        let all = with(more);
        sandbox.run(&words(&all)).expect(2, parts);
    };
    wrong(&["--data", "SPY=spy.csv"], &["several currencies", "--account-currency"]);
    wrong(&["--account-currency", "USD"], &["between EUR and USD", "--fx EURUSD=FILE"]);
    wrong(&["--account-currency", "USD", "--fx", "EURUSD=0"], &["'0' is not above zero"]);
    wrong(&["--fx", "1.1"], &["not of the form NAME=VALUE"]);
    wrong(&["--fx", "EURUSD=1", "--fx", "EURUSD=2"], &["EURUSD is given twice"]);
    wrong(&["--deposit", "EUR=5"], &["set --capital"]);
    wrong(&["--deposit", "USD=-5"], &["not above zero"]);
    wrong(&["--fee-asset", "BNB"], &["--deposit BNB=AMOUNT"]);
    wrong(&["--fee-asset", "base", "--kind", "equity"], &["kind spot"]);
    wrong(&["--fee-asset", "BNB,other"], &["quote or base"]);
    wrong(&["--fee-token-discount", "0.25"], &["in a token alone"]);
    wrong(&["--fee-token-discount", "2"], &["not from 0 to 1"]);
    wrong(&["--fx-max-age", "long"], &["no length of time"]);
    wrong(&["--fx-spread-bps", "-1"], &["from 0 to below 10000"]);
    wrong(&["--expiry", "2023-01-08"], &["no instrument is a future"]);
    wrong(&["--expiry", "soon"], &["'soon' is no time"]);
    wrong(&["--expiry", "2023-01-08@0"], &["not above zero"]);
    wrong(&["--currency", "USD", "--currency", "EUR"], &["SYMBOL=CURRENCY"]);
    let none = with(&["--account-currency", "USD", "--fx", "EURUSD=none.csv"]);
    assert_eq!(sandbox.run(&words(&none)).code, 3);
}

#[test]
fn a_future_ends_and_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write("dax.csv", bars(&SHARES));
    let future = ["--kind", "future", "--account", "margin", "--qty", "10"];
    let all = with(&[&future[..], &["--expiry", "2023-01-09@107.5"]].concat());
    let document = sandbox.json(&words(&all));
    let end = &document["settlements"][0];
    assert_eq!((&end["symbol"], &end["qty"]), (&"DAX".into(), &"10".into()), "{document}");
    // The tick is one: half-even to it.
    assert_eq!((&end["price"], &end["time"]), (&"108".into(), &"2023-01-09T00:00:00Z".into()));
    assert_eq!(document["open_position"], "0");
    assert_eq!(document["trades"], 1);
    let warnings = document["warnings"].to_string();
    assert!(warnings.contains("DAX expired on 2023-01-09"), "{warnings}");
    // The same by a file of rules.
    let rule = "[[rule]]\nexpiry = \"2023-01-09\"\nsettlement = 107.5\n";
    sandbox.write("rules.toml", rule);
    let all = with(&[&future[..], &["--instruments", "rules.toml"]].concat());
    let by_file = sandbox.json(&words(&all));
    assert_eq!(by_file["determinism_hash"], document["determinism_hash"]);
    sandbox.write("rules.toml", "[[rule]]\nsettlement = 107.5\n");
    sandbox.run(&words(&all)).expect(2, &["settlement is the price at the expiry"]);
}

#[test]
fn real_files_in_three_currencies() {
    let files = ["equity/daily/SPY.csv", "fx/daily/EURUSD_fxcm_quote.csv"];
    let [Some(spy), Some(euro)] = files.map(file) else { return };
    let Some(pound) = file("fx/daily/GBPUSD_oanda_quote.csv") else { return };
    let sandbox = Sandbox::new();
    let data = format!("SPY={spy}");
    let pair = format!("GBPUSD={pound}");
    let fx = format!("EURUSD={euro}");
    let words = [
        "backtest",
        "--data",
        &data,
        "--data",
        &pair,
        "--strategy",
        "sma_cross",
        "--from",
        "2008-01-01",
        "--to",
        "2018-01-01",
        "--fx",
        &fx,
        "--fx-spread-bps",
        "1",
        "--no-check",
        "--account-currency",
        "EUR",
        "--deposit",
        "GBP=1000",
        "--fx",
        "GBPUSD=1.5",
    ];
    let document = sandbox.json(&words);
    let balances = document["currencies"]["balances"].as_array().expect("balances");
    let names: Vec<&str> = balances.iter().filter_map(|of| of["currency"].as_str()).collect();
    assert_eq!(names, ["EUR", "USD", "GBP"]);
    assert!(document["fills"].as_u64() > Some(20), "{document}");
    assert!(document["currencies"]["exchanges"].as_u64() > Some(5));
    // A dollar in euros at the end of 2017, by the file.
    let rate = number(&balances[1]["rate"]);
    assert!((0.80..0.87).contains(&rate), "{rate}");
    let again = sandbox.json(&words);
    assert_eq!(again["determinism_hash"], document["determinism_hash"]);
}

#[test]
fn a_coin_with_fees_in_what_is_bought() {
    let Some(coin) = file("crypto/daily/BTCUSD_coinbase_trade.csv") else { return };
    let sandbox = Sandbox::new();
    let data = format!("BTCUSD={coin}");
    let run = |more: &[&str]| {
        let words = [
            "backtest",
            "--data",
            &data,
            "--kind",
            "spot",
            "--lot",
            "0.001",
            "--strategy",
            "sma_cross",
            "--fee-rate",
            "0.001",
        ];
        sandbox.json(&[&words[..], more].concat())
    };
    let in_kind = run(&["--fee-asset", "base"]);
    let fills = in_kind["fills_list"].as_array().expect("fills");
    assert!(fills.len() > 10, "{}", fills.len());
    let taken = |side: &str| {
        let of = fills.iter().filter(|fill| fill["side"] == side);
        of.map(|fill| fill["fee_currency"].as_str().expect("a name").to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(taken("buy").into_iter().collect::<Vec<_>>(), ["BTC"]);
    assert_eq!(taken("sell").into_iter().collect::<Vec<_>>(), ["USD"]);
    assert!(number(&in_kind["dust"]["BTCUSD"]) > 0.0, "{}", in_kind["dust"]);
    assert_eq!(in_kind["trades_list"].as_array().map(Vec::len), Some(fills.len() / 2));
    let token = run(&["--fee-asset", "BNB", "--deposit", "BNB=2", "--fx", "BNBUSD=300"]);
    let balances = token["currencies"]["balances"].as_array().expect("balances");
    let spent = 2.0 - number(&balances[1]["cash"]);
    assert!(spent > 0.0 && (spent - number(&balances[1]["fees"])).abs() < 1e-9, "{balances:?}");
}
