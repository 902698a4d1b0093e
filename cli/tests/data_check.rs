//! The quality gate as the commands show it.

mod common;

use common::{Sandbox, quiet_days};

/// Quiet days of which one has its high below its low.
fn bad_days() -> String {
    quiet_days().replacen("10,11,9,10", "10,8,9,10", 1)
}

#[test]
fn every_refused_file_has_a_report() {
    let sandbox = Sandbox::new();
    sandbox.write("ok.csv", quiet_days());
    sandbox.write("bad.csv", bad_days());
    // The only way to a Parquet file with such a row: without the check.
    let export = ["data", "export", "bad.csv", "--no-check", "--out", "bad.parquet"];
    sandbox.json(&export);
    for given in ["bad.csv", "SPY=bad.csv", "bad.parquet", "SPY=bad.parquet"] {
        let ended = sandbox.run(&["data", "check", given, "--json"]);
        assert_eq!(ended.code, 3, "{given}: {}", ended.err);
        let document = ended.document();
        assert_eq!((&document["path"], &document["accepted"]), (&given.into(), &false.into()));
        assert_eq!(document["findings"][0]["kind"], "high_below_low", "{given}");
        assert_eq!(document["findings"][0]["examples"][0]["row"], 0, "{given}");
        let text = sandbox.run(&["data", "check", given]);
        for part in ["REFUSED", "high below low", "8"] {
            assert!(text.out.contains(part), "{given}: {}", text.out);
        }
        assert!(!text.err.contains("data check"), "a hint to itself: {}", text.err);
    }
    sandbox.run(&["data", "check", "gone.parquet"]).expect(3, &["no such file"]);
}

#[test]
fn the_way_round_the_gate_is_told_where_there_is_one() {
    let sandbox = Sandbox::new();
    sandbox.write("bad.csv", bad_days());
    sandbox.write("text.csv", quiet_days().replacen("10,11,9,10", "10,x,9,10", 1));
    let run = |more: &[&str], file: &str| {
        let words = ["backtest", "--data", file, "--strategy", "buy_and_hold"];
        sandbox.run(&[&words[..], more].concat())
    };
    run(&[], "bad.csv").expect(3, &["data check bad.csv", "--no-check runs anyway"]);
    run(&["--no-check"], "bad.csv").expect(0, &[]);
    for more in [&[][..], &["--no-check"]] {
        let ended = run(more, "text.csv");
        ended.expect(3, &["line 2, column 'high': 'x'", "data check text.csv"]);
        assert!(!ended.err.contains("--no-check"), "{}", ended.err);
    }
    // Whatever else is wrong with prices, the run goes on to its end without the check.
    for (from, to) in [("10,11,9,10", "-10,11,-19,10"), ("10,11,9,10", "0,0,0,0")] {
        sandbox.write("odd.csv", quiet_days().replacen(from, to, 2));
        run(&[], "odd.csv").expect(3, &["prices not positive"]);
        assert!(matches!(run(&["--no-check"], "odd.csv").code, 0 | 4));
    }
}

#[test]
fn negative_volume_is_a_warning() {
    let sandbox = Sandbox::new();
    sandbox.write("x.csv", quiet_days().replacen("10,100", "10,-100", 1));
    let check = sandbox.json(&["data", "check", "x.csv"]);
    assert_eq!((&check["accepted"], &check["structural"]), (&true.into(), &false.into()));
    assert_eq!(check["findings"][0]["kind"], "negative_volume");
    assert!(check["score"].as_f64().unwrap() < 100.0);
}

#[test]
fn another_calendar_checks_an_entry_again() {
    let sandbox = Sandbox::new();
    let days = [2, 3, 4, 5, 8, 9, 10, 11, 12, 16, 17, 18];
    let rows = days.map(|day| format!("2024-01-{day:02},10,11,9,10,100\n"));
    let header = "date,open,high,low,close,volume\n";
    sandbox.write("x.csv", header.to_owned() + &rows.concat());
    sandbox.json(&["data", "import", "x.csv", "--id", "x", "--calendar", "xnys"]);
    let gaps = |more: &[&str]| {
        let check = sandbox.json(&[&["data", "check", "x"][..], more].concat());
        let findings = check["findings"].as_array().unwrap().clone();
        let gap = findings.into_iter().find(|finding| finding["kind"] == "gap");
        (check["calendar"].clone(), gap.map_or(0, |gap| gap["count"].as_u64().unwrap()))
    };
    assert_eq!(gaps(&[]), ("xnys".into(), 0));
    // Two weekends, and a holiday on the Monday between.
    assert_eq!(gaps(&["--calendar", "24x7"]), ("24x7".into(), 5));
    let words = ["backtest", "--data", "x", "--strategy", "buy_and_hold", "--calendar", "24x7"];
    let score = sandbox.json(&words)["data"][0]["score"].as_f64().unwrap();
    assert!(score < 80.0, "{score}");
    let refused = sandbox.run(&[&words[..], &["--min-score", "90"]].concat());
    refused.expect(3, &["below the 90", "data check x"]);
}

#[test]
fn an_unchecked_entry_is_checked_when_it_matters() {
    let sandbox = Sandbox::new();
    sandbox.write("ok.csv", quiet_days());
    sandbox.write("bad.csv", bad_days());
    for (file, id) in [("ok.csv", "ok"), ("bad.csv", "bad")] {
        sandbox.json(&["data", "import", file, "--id", id, "--no-check"]);
    }
    let run = |id: &str, more: &[&str]| {
        let words = ["backtest", "--data", id, "--strategy", "buy_and_hold", "--json"];
        sandbox.run(&[&words[..], more].concat())
    };
    // What was imported without a check stays so, and the result says it.
    let plain = run("bad", &[]);
    plain.expect(0, &[]);
    assert!(plain.document()["warnings"].to_string().contains("gate was skipped"));
    assert!(plain.document()["data"][0]["score"].is_null());
    run("bad", &["--min-score", "1"]).expect(3, &["high below low", "data check bad"]);
    let checked = run("ok", &["--min-score", "1"]);
    checked.expect(0, &[]);
    assert!(checked.document()["data"][0]["score"].as_f64().unwrap() > 50.0);
    run("ok", &["--min-score", "100"]).expect(0, &[]);
    let check = sandbox.run(&["data", "check", "ok", "bad", "--json"]);
    let files = check.document()["files"].clone();
    assert_eq!((check.code, &files[0]["accepted"]), (3, &true.into()));
    assert_eq!((&files[1]["accepted"], &files[1]["structural"]), (&false.into(), &true.into()));
}

#[test]
fn the_kind_of_instrument_can_be_given() {
    let sandbox = Sandbox::new();
    sandbox.write("ESH24_1d.csv", quiet_days());
    let info = |more: &[&str]| {
        sandbox.json(&[&["data", "info", "ESH24_1d.csv"][..], more].concat())["instrument"].clone()
    };
    assert_eq!(info(&[]), "spot");
    for kind in ["equity", "spot", "fx", "future", "perpetual", "index"] {
        assert_eq!(info(&["--kind", kind]), kind);
    }
    sandbox.json(&["data", "import", "ESH24_1d.csv", "--id", "es", "--kind", "future"]);
    assert_eq!(sandbox.json(&["data", "info", "es"])["instrument"], "future");
    assert_eq!(sandbox.json(&["data", "info", "es", "--kind", "index"])["instrument"], "index");
    let wrong = ["data", "info", "es", "--kind", "futures"];
    sandbox.run(&wrong).expect(2, &["--kind: 'futures'", "perpetual"]);
    let currency = |kind: &str| {
        let words = ["data", "info", "BTCEUR=ESH24_1d.csv", "--kind", kind];
        sandbox.json(&words)["currency"].clone()
    };
    assert_eq!((currency("spot"), currency("equity")), ("EUR".into(), "USD".into()));
}

/// B61: the same data give the same result, whatever the number of threads.
#[test]
fn the_number_of_threads_changes_nothing() {
    let sandbox = Sandbox::new();
    let words = ["data", "generate", "bars", "--rows", "60000", "--out", "m.csv"];
    sandbox.json(&words);
    let run = |threads: &str| {
        let words =
            ["backtest", "--data", "m.csv", "--strategy", "sma_cross", "--threads", threads];
        let mut result = sandbox.json(&words);
        let told = result.as_object_mut().expect("an object");
        for timing in ["run_id", "events_per_second", "wall_seconds"] {
            told.remove(timing).expect("it is told");
        }
        result
    };
    let first = run("1");
    for threads in ["1", "2", "8", "64"] {
        assert_eq!(run(threads), first, "{threads} threads");
    }
    sandbox.json(&["data", "import", "m.csv", "--id", "m", "--threads", "1"]);
    let words = ["data", "export", "m", "--out", "m.parquet", "--threads", "1"];
    assert_eq!(sandbox.json(&words)["bars"], 60_000);
    assert_eq!(sandbox.json(&["data", "check", "m.parquet", "--threads", "1"])["rows"], 60_000);
}

/// B63: what became worthless and vanished is in the result, and is told.
#[test]
fn data_that_ends_before_the_run_is_told() {
    let sandbox = Sandbox::new();
    let header = "date,open,high,low,close,volume";
    let day = |at: usize| format!("2020-{:02}-{:02}", 1 + at / 28, 1 + at % 28);
    let row = |at: usize, price: f64| {
        format!("{},{price:.2},{price:.2},{price:.2},{price:.2},100000", day(at))
    };
    let lives: Vec<String> = (0..60).map(|at| row(at, 10.0)).collect();
    let fading = |at: usize| 10.0 - at.saturating_sub(10) as f64 * 0.525;
    let gone: Vec<String> = (0..30).map(|at| row(at, fading(at))).collect();
    sandbox.write("lives.csv", format!("{header}\n{}\n", lives.join("\n")));
    sandbox.write("gone.csv", format!("{header}\n{}\n", gone.join("\n")));
    let words = ["--strategy", "buy_and_hold", "--qty", "1000", "--calendar", "24x7"];
    let words = [&["backtest", "--data", "lives.csv", "--data", "gone.csv"], &words[..]].concat();
    let result = sandbox.json(&words);
    // Bought at 10.00, at 0.03 at the end; two fees of 10.
    assert_eq!(result["final_equity"], "90010");
    let warnings = result["warnings"].as_array().expect("a list");
    let told = |text: &str| warnings.iter().any(|one| one.as_str().unwrap_or("").contains(text));
    assert!(told("gone: its data ends on 2020-02-02, 30 closes before"), "{warnings:?}");
    assert!(told("the position of 1000 is carried on at its last price of 0.03"), "{warnings:?}");
    assert!(!told("lives: its data ends"), "{warnings:?}");
}
