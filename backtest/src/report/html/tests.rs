use qt_risk::{Account, Sizing};
use qt_types::E9;
use serde_json::Value;

use super::figures::Figures;
use super::fixture::{DAY_NS, Finished, Idle, START_NS, Turns, series, waves};
use super::warnings::warnings;
use crate::config::RunConfig;
use crate::simulator::Ended;

const MINUTE_NS: i64 = 60_000_000_000;

fn margin(leverage: i64) -> RunConfig {
    RunConfig {
        account: Account::Margin { leverage_e9: leverage * E9 },
        sizing: Sizing::Weight { weight_e9: leverage * E9 / 10 * 9 },
        ..RunConfig::default()
    }
}

fn usual() -> Finished {
    let bars = series("XYZ", DAY_NS, 10_000, &waves(400));
    Finished::new(vec![bars], margin(1), Box::new(Turns::new(7, true)))
}

/// The page without its script and style: what is made from data.
fn body(page: &str) -> String {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (body, _) = rest.split_once("<script nonce").unwrap();
    format!("{before}{body}")
}

fn charts(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"chart-data\">").unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

#[test]
fn every_chart_has_its_data_and_the_other_way_round() {
    let page = usual().page();
    let specs = charts(&page);
    let names: Vec<&String> = specs.as_object().unwrap().keys().collect();
    assert_eq!(names, ["distribution", "equity", "exposure", "price-0", "sharpe"]);
    for name in names {
        assert!(page.contains(&format!("data-chart=\"{name}\"")), "{name}");
        for trace in specs[name]["traces"].as_array().unwrap() {
            let (x, y) = (&trace["x"], trace.get("y").unwrap_or(&trace["close"]));
            assert_eq!(x.as_array().unwrap().len(), y.as_array().unwrap().len(), "{name}");
        }
    }
}

#[test]
fn the_page_asks_for_nothing_and_runs_only_its_own_scripts() {
    let finished = usual();
    let page = finished.page();
    let nonce = format!("{:016x}", finished.outcome.determinism_hash);
    assert!(page.contains(&format!("default-src 'none'; script-src 'nonce-{nonce}'")));
    assert_eq!(page.matches(&format!("<script nonce=\"{nonce}\">")).count(), 2);
    assert_eq!(page.matches("Copyright 2012").count(), 1, "the script of Plotly is there once");
    let body = body(&page);
    for part in ["http:", "https:", "src=", "url(", "onclick", "<link", "@import"] {
        assert!(!body.contains(part), "{part}");
    }
    assert!(page.len() < 5_500_000, "{}", page.len());
}

#[test]
fn data_cannot_become_markup() {
    let bad = "<script>alert(1)</script>";
    let mut finished = Finished::new(
        vec![series(bad, DAY_NS, 10_000, &waves(60)), series("B\"&'", DAY_NS, 10_000, &waves(60))],
        margin(1),
        Box::new(Turns::new(3, true)),
    );
    finished.document.warnings = vec!["<img src=x onerror=alert(1)>".to_owned()];
    finished.document.strategy = "</title><script>".to_owned();
    let page = finished.page();
    let whole = body(&page);
    assert!(!whole.contains("<script>") && !whole.contains("<img") && !whole.contains("<b>"));
    assert!(whole.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(whole.contains("--data &#39;a &amp; b.csv&#39;"));
    let (_, data) = page.split_once("id=\"chart-data\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    assert!(!data.contains('<'));
}

#[test]
fn the_same_run_gives_the_same_page() {
    let finished = usual();
    assert_eq!(finished.page(), finished.page());
}

#[test]
fn runs_at_the_edge_have_a_page_too() {
    let one = Finished::new(
        vec![series("ONE", DAY_NS, 10_000, &[10_050])],
        RunConfig::default(),
        Box::new(Idle),
    );
    let idle = Finished::new(
        vec![series("IDLE", MINUTE_NS, 10_000, &waves(300))],
        RunConfig::default(),
        Box::new(Idle),
    );
    let mut fall = waves(20);
    fall.extend([1, 1, 1]);
    let ruined = Finished::new(
        vec![series("FALL", DAY_NS, 10_000, &fall)],
        margin(3),
        Box::new(Turns::new(19, false)),
    );
    assert_eq!(ruined.outcome.ended, Ended::Bankrupt);
    for finished in [one, idle, ruined] {
        let page = finished.page();
        let body = body(&page);
        for part in ["NaN", "inf%", ">null<", "-inf"] {
            assert!(!body.contains(part), "{part} in {}", finished.series[0].spec.symbol());
        }
        assert!(charts(&page)["equity"]["traces"].is_array());
    }
}

#[test]
fn long_runs_are_thinned() {
    let bars = series("LONG", MINUTE_NS, 10_000, &waves(60_000));
    let finished = Finished::new(vec![bars], margin(1), Box::new(Turns::new(5, true)));
    assert!(finished.outcome.trips.len() > 5_000);
    let page = finished.page();
    for (name, chart) in charts(&page).as_object().unwrap() {
        for trace in chart["traces"].as_array().unwrap() {
            assert!(trace["x"].as_array().unwrap().len() <= 3_000, "{name}");
        }
    }
    assert!(page.contains("The first 500 of 5,"));
    assert!(page.contains("Marked are the 1,000 trades"));
    assert!(page.len() < 5_700_000, "{}", page.len());
}

#[test]
fn buy_and_hold_is_the_mean_of_the_instruments() {
    // 100 to 120 and back; 50 to 100. The second one begins at its first open, as does the first.
    let a = series("A", DAY_NS, 10_000, &[11_000, 12_000, 10_000]);
    let b = series("B", DAY_NS, 5_000, &[5_000, 10_000, 10_000]);
    let finished = Finished::new(vec![a, b], RunConfig::default(), Box::new(Idle));
    let figures = finished.with(Figures::of);
    let expected = [105_000.0, 160_000.0, 150_000.0];
    assert_eq!(figures.benchmark.len(), 3);
    for (value, expected) in figures.benchmark.iter().zip(expected) {
        assert!((value - expected).abs() < 1e-6, "{value} {expected}");
    }
    let held = &figures.benchmark_metrics;
    assert!((held.total_return.unwrap() - 0.5).abs() < 1e-12);
    assert!((held.max_drawdown.unwrap() + 0.0625).abs() < 1e-12);
}

#[test]
fn exposure_begins_with_the_bar_after_the_decision() {
    // Decided on the close of bar 1, filled at the open of bar 2: the same instant as that close.
    let bars = series("X", DAY_NS, 10_000, &[10_000; 6]);
    let finished = Finished::new(vec![bars], RunConfig::default(), Box::new(Turns::new(2, false)));
    assert_eq!(finished.outcome.fills[0].venue_ns.get(), START_NS + 2 * DAY_NS);
    let figures = finished.with(Figures::of);
    let held: Vec<bool> = figures.net.iter().map(|&net| net > 0.0).collect();
    assert_eq!(held, [false, false, true, true, false, false]);
    assert!((figures.net[2] - 0.95).abs() < 1e-4);
    let share = held.iter().filter(|held| **held).count() as f64 / 6.0;
    assert_eq!(finished.outcome.metrics.exposure, Some(share));
}

#[test]
fn a_short_position_counts_as_negative() {
    let finished = usual();
    let figures = finished.with(Figures::of);
    assert!(figures.net.iter().any(|&net| net < -0.5));
    assert!(figures.gross.iter().all(|&gross| gross >= 0.0));
}

#[test]
fn a_warning_is_said_once() {
    let mut finished = usual();
    let before = finished.with(warnings);
    assert!(before.iter().any(|text| text.contains("XYZ was not checked")), "{before:?}");
    assert!(before.iter().any(|text| text.contains("Only 28 closed trades")), "{before:?}");
    finished.document.warnings = vec!["XYZ: the quality gate was skipped".to_owned()];
    let after = finished.with(warnings);
    assert_eq!(after[0], "XYZ: the quality gate was skipped");
    assert!(!after.iter().any(|text| text.contains("not checked")), "{after:?}");
}
