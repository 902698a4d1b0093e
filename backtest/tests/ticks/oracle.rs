//! Another engine's fills on a recorded stream.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::run::RunOutcome;
use qt_backtest::run_ticks::run_on_ticks;
use qt_backtest::venue::Fees;
use qt_data::import::{ImportOptions, import};
use qt_data::ticks::{TickFile, Verify};
use qt_risk::{Account, Sizing};
use qt_strategies::Registry;
use qt_types::E9;

use crate::harness::Case;
use crate::script::Seen;

pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("QT_SHARED").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let path = root.unwrap_or(beside).join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not there (set QT_SHARED)", path.display());
        return None;
    }
    Some(path)
}

/// How far fills and fees may be from the other engine's.
const TOLERANCE: f64 = 0.03;
/// From the venue to us, in ns: a position is known that much after its fill.
const RESPONSE_NS: i64 = 10_000_000;

#[test]
fn quotes_fill_as_in_another_engine() {
    let Some(oracle) = shared("oracles/fills_hftbacktest.json") else { return };
    let text = std::fs::read_to_string(oracle).unwrap();
    let oracle: serde_json::Value = serde_json::from_str(&text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (at, case) in oracle["cases"].as_array().unwrap().iter().enumerate() {
        let Some(data) = shared(case["data"].as_str().unwrap()) else { return };
        let target = folder.path().join(format!("{at}.qtt"));
        import(&data, &target, &ImportOptions::default()).unwrap();
        let files = [TickFile::open(&target, Verify::OnRead).unwrap()];
        let ahead = run(case, &files, Pace::Ahead);
        let naive = run(case, &files, Pace::Naive);
        assert_eq!(ahead.determinism_hash, naive.determinism_hash);
        compare(case, &ahead);
    }
}

/// The oracle's rule as our built-in strategy.
fn run(case: &serde_json::Value, files: &[TickFile], pace: Pace) -> RunOutcome {
    let registry = Registry::builtin();
    let entry = registry.get("top_of_book_quoter").unwrap();
    let given = [("offset_ticks".to_owned(), case["rule"]["offset_ticks"].to_string())];
    let strategy = entry.make(&entry.resolve(&given).unwrap(), 1).unwrap();
    let config = RunConfig {
        account: Account::Margin { leverage_e9: 100 * E9 },
        sizing: Sizing::Fixed { qty_e9: 10_000_000 },
        fees: Fees { maker_e9: 200_000, taker_e9: 500_000 },
        order_latency_ns: 10_000_000,
        response_latency_ns: RESPONSE_NS,
        no_impact: true,
        whole_fills: true,
        ..RunConfig::default()
    };
    let never = AtomicBool::new(false);
    run_on_ticks(&config, files, E9, pace, strategy, &never, &mut |_, _| {}).unwrap().outcome
}

fn compare(case: &serde_json::Value, ours: &RunOutcome) {
    let offset = &case["rule"]["offset_ticks"];
    let near = |ours: f64, theirs: f64| (ours / theirs - 1.0).abs() <= TOLERANCE;
    let (fills, theirs) = (ours.fills.len(), case["trades"].as_u64().unwrap());
    assert!(near(fills as f64, theirs as f64), "{fills} fills, theirs {theirs}");
    let (fees, their_fees) = (ours.total_fees.to_f64(), case["fee"].as_f64().unwrap());
    assert!(near(fees, their_fees), "{fees} of fees, theirs {their_fees}");
    let (equal, samples, farthest) = positions(case, ours);
    println!(
        "offset {offset}: fills {fills} (theirs {theirs}), fees {fees:.4} (theirs \
         {their_fees:.4}), equal positions {equal} of {samples}, at most {farthest} orders apart"
    );
    // What docs/FILLS.md says; anything else means that a rule has changed.
    let stretches = same_stretches(case, ours);
    println!("stretches between samples with the same fills: {stretches} of {}", samples - 1);
    assert!(stretches + 2 >= samples - 1, "{stretches} of {samples} stretches are the same");
    assert!(farthest <= 2, "{farthest} orders apart");
}

/// At how many of the oracle's samples our position is theirs, of how many, and by how many
/// orders they are apart at most.
fn positions(case: &serde_json::Value, ours: &RunOutcome) -> (usize, usize, i64) {
    let spec = &ours.specs[0];
    let order = case["rule"]["qty"].as_f64().unwrap();
    let samples = case["series"].as_array().unwrap();
    let apart = |sample: &serde_json::Value| {
        let at_ns = sample[0].as_i64().unwrap();
        let known = ours.fills.iter().filter(|f| f.venue_ns.get() + RESPONSE_NS <= at_ns);
        let held: i64 = known.map(|fill| fill.side.sign() * fill.qty.lots()).sum();
        let held = spec.qty_f64(qt_types::Qty::from_lots(held));
        ((held - sample[1].as_f64().unwrap()) / order).round() as i64
    };
    let apart: Vec<i64> = samples.iter().map(|sample| apart(sample).abs()).collect();
    let equal = apart.iter().filter(|&&orders| orders == 0).count();
    (equal, samples.len(), apart.into_iter().max().unwrap_or(0))
}

/// Between how many samples and the next as much was traded, and as often, as theirs.
fn same_stretches(case: &serde_json::Value, ours: &RunOutcome) -> usize {
    let spec = &ours.specs[0];
    let order = case["rule"]["qty"].as_f64().unwrap();
    let known = |at_ns: i64| {
        let fills = ours.fills.iter().filter(move |f| f.venue_ns.get() + RESPONSE_NS <= at_ns);
        let held: i64 = fills.clone().map(|fill| fill.side.sign() * fill.qty.lots()).sum();
        (spec.qty_f64(qt_types::Qty::from_lots(held)), fills.count() as i64)
    };
    let samples = case["series"].as_array().unwrap();
    let is_same = |pair: &[serde_json::Value]| {
        let [first, second] = [&pair[0], &pair[1]];
        let (ours_0, ours_1) =
            (known(first[0].as_i64().unwrap()), known(second[0].as_i64().unwrap()));
        let moved =
            (ours_1.0 - ours_0.0) - (second[1].as_f64().unwrap() - first[1].as_f64().unwrap());
        let trades = second[2].as_i64().unwrap() - first[2].as_i64().unwrap();
        moved.abs() < order / 2.0 && ours_1.1 - ours_0.1 == trades
    };
    samples.windows(2).filter(|pair| is_same(pair)).count()
}

#[test]
fn we_see_the_book_that_the_other_engine_sees() {
    let Some(oracle) = shared("oracles/fills_hftbacktest.json") else { return };
    let text = std::fs::read_to_string(oracle).unwrap();
    let oracle: serde_json::Value = serde_json::from_str(&text).unwrap();
    let case = &oracle["cases"][0];
    let Some(data) = shared(case["data"].as_str().unwrap()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("stream.qtt");
    import(&data, &target, &ImportOptions::default()).unwrap();
    let file = TickFile::open(&target, Verify::OnRead).unwrap();
    let samples = case["series"].as_array().unwrap();
    let mut looking = Case::<qt_types::Tick>::new();
    looking.looks = samples.iter().map(|sample| sample[0].as_i64().unwrap()).collect();
    let books = vec![qt_engine::BookKind::Levels(
        qt_engine::book::BookLimits::around(qt_types::Price::from_ticks(618_000))
            .with_crosses(qt_engine::book::CrossPolicy::Uncross),
    )];
    let seen = looking.replay(&file, Pace::Ahead, books).seen;
    let is_same = |(ours, theirs): (&Seen, &serde_json::Value)| {
        [ours.at_ns, ours.bid, ours.ask] == [0, 3, 4].map(|at| theirs[at].as_i64().unwrap())
    };
    let same = seen.iter().zip(samples).filter(|pair| is_same(*pair)).count();
    println!("the same best prices at {same} of {} samples", samples.len());
    for (a, b) in seen.iter().zip(samples) {
        if !is_same((a, b)) {
            println!("{a:?} {b}");
        }
    }
    assert_eq!(same, samples.len());
}
