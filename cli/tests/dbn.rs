//! Databento's files of bars and of definitions, as they are, from the shared market data.

mod common;

use common::{Sandbox, shared};

const BARS: &str = "dbn/futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst";
const DEFINITIONS: &str = "dbn/futures_definition.dbn.zst";

#[test]
fn bars_are_run_and_definitions_give_the_units() {
    let Some(folder) = shared() else { return };
    let sandbox = Sandbox::new();
    let at = |name: &str| folder.join("market-data").join(name).display().to_string();
    let (bars, definitions) = (at(BARS), at(DEFINITIONS));
    let info = sandbox.json(&["data", "info", &bars]);
    let names: Vec<_> =
        info["instruments"].as_array().unwrap().iter().map(|one| &one["symbol"]).collect();
    assert_eq!(names, ["ESU4", "NQU4"]);
    assert_eq!(
        (&info["instruments"][0]["instrument"], &info["instruments"][0]["interval"]),
        (&"future".into(), &"1m".into())
    );
    let data = format!("ESU4={bars}");
    let run = |more: &[&str]| {
        let words = ["backtest", "--data", &data, "--strategy", "sma_cross", "--param", "fast=2"];
        let rest =
            ["--param", "slow=5", "--qty", "1", "--account", "margin", "--capital", "9000000"];
        sandbox.json(&[&words[..], &rest, more].concat())
    };
    let plain = run(&[]);
    assert_eq!(plain["data"][0]["bars"], 30, "{plain}");
    assert!(plain["fills"].as_u64() > Some(0), "{plain}");
    // The contract is of 50 times the index, and so is what it brings.
    let known = run(&["--fee-rate", "0", "--definitions", &definitions]);
    let given = run(&["--fee-rate", "0", "--multiplier", "50"]);
    assert_eq!(known["fills"], plain["fills"]);
    assert_eq!(known["final_equity"], given["final_equity"]);
    assert_ne!(known["final_equity"], plain["final_equity"]);
    // What is no file of bars or definitions says so.
    sandbox
        .run(&["backtest", "--data", &definitions, "--strategy", "sma_cross"])
        .expect(3, &["no bars among 2 records", "--definitions"]);
    sandbox
        .run(&["data", "info", &bars, "--definitions", &bars])
        .expect(3, &["no definitions among"]);
}
