//! The built-in strategies on books, over recorded streams: they trade, keep to their limits,
//! and the order in which the sides of a replay are played does not matter.

use std::sync::atomic::AtomicBool;

use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::run::RunOutcome;
use qt_backtest::run_ticks::run_on_ticks;
use qt_backtest::venue::Fees;
use qt_data::import::{ImportOptions, import};
use qt_data::ticks::{TickFile, Verify};
use qt_engine::Strategy;
use qt_risk::{Account, Sizing};
use qt_strategies::Registry;
use qt_strategies::registry::Hears;
use qt_types::{Cash, E9};

use crate::oracle::shared;

/// The streams, and whether they are long enough for every strategy to trade.
const STREAMS: &[(&str, bool)] = &[
    ("binance/usdm_BTCUSDT_2024-08-08.jsonl.gz", true),
    ("binance/coinm_BTCUSD_PERP_2024-08-08.jsonl.gz", true),
    ("binance/spot_BTCUSDT_2024-08-08.jsonl.gz", true),
    ("binance/spot_BTCUSDT_2024-08-09.jsonl.gz", true),
    ("bybit/2024-12-01_XRPUSDT_ob500.data.zip", false),
    ("hyperliquid/BTC_2025-01-26.jsonl.gz", false),
];

/// The size of an order and the largest position of every run, in lots.
const ORDER_LOTS: i64 = 10;
const MOST_LOTS: i64 = 50;
const ODD_LOTS: i64 = 53;

/// Every strategy on books, and parameters with which it acts. ORDER, MOST and ODD (53 lots)
/// stand for quantities in units.
pub const LIVELY: &[(&str, &str)] = &[
    ("top_of_book_quoter", "max_position=MOST"),
    ("market_maker", "max_position=MOST"),
    ("market_maker", "max_position=MOST gamma=0.5 k=50 horizon_s=1 sample_ms=100"),
    ("market_maker", "max_position=MOST gamma=0.01 k=20 quantity=ORDER move_ticks=5"),
    ("order_book_imbalance", "hold_ms=2000 short=true"),
    ("order_book_imbalance", "mode=quote levels=1 entry=0.5 exit=-0.5 short=true"),
    ("grid", "max_position=MOST spacing=1"),
    ("grid", "max_position=MOST spacing=20 unit=ticks levels=20 quantity=ORDER"),
    ("twap_execute", "quantity=ODD duration_s=60 orders=7 patience_ms=2000"),
    ("twap_execute", "side=sell quantity=MOST duration_s=30 orders=5 patience_ms=0"),
    ("execute_algo", "quantity=ODD duration_s=60 slices=7 patience_ms=2000"),
    ("execute_algo", "algo=pov quantity=ODD duration_s=60 patience_ms=500 child_max=ORDER"),
    ("execute_algo", "algo=is side=sell quantity=MOST duration_s=60 aversion=1 patience_ms=0"),
];

fn pairs(params: &str) -> Vec<(String, String)> {
    let pair = |text: &str| text.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned()));
    params.split_whitespace().filter_map(pair).collect()
}

pub fn run(files: &[TickFile], job: (&str, &str), pace: Pace) -> RunOutcome {
    let (config, strategy) = set_up(files, job);
    let never = AtomicBool::new(false);
    let done = run_on_ticks(&config, files, E9, pace, strategy, &never, &mut |_, _| {});
    done.unwrap().outcome
}

/// The settings of a run and its strategy.
pub fn set_up(files: &[TickFile], (name, params): (&str, &str)) -> (RunConfig, Box<dyn Strategy>) {
    let lot_e9 = files[0].description().unwrap().instruments[0].lot_e9();
    let units = |lots: i64| (lots as f64 * lot_e9 as f64 / 1e9).to_string();
    let params = params
        .replace("MOST", &units(MOST_LOTS))
        .replace("ORDER", &units(ORDER_LOTS))
        .replace("ODD", &units(ODD_LOTS));
    let registry = Registry::builtin();
    let entry = registry.get(name).unwrap();
    let strategy = entry.make(&entry.resolve(&pairs(&params)).unwrap(), 1).unwrap();
    let config = RunConfig {
        account: Account::Margin { leverage_e9: 10 * E9 },
        // Enough for ten contracts of any of them.
        capital: Cash::from_nano(1_000_000_000_000_000_000),
        sizing: Sizing::Fixed { qty_e9: ORDER_LOTS * lot_e9 },
        fees: Fees { maker_e9: 200_000, taker_e9: 500_000 },
        order_latency_ns: 10_000_000,
        response_latency_ns: 10_000_000,
        ..RunConfig::default()
    };
    (config, strategy)
}

/// The largest position on either side, in lots, and the last one.
fn positions(outcome: &RunOutcome) -> (i64, i64) {
    let (mut held, mut most) = (0_i64, 0_i64);
    for fill in &outcome.fills {
        held += fill.qty.lots() * fill.side.sign();
        most = most.max(held.abs());
    }
    (most, held)
}

#[test]
fn every_strategy_on_books_is_run() {
    let mut names: Vec<&str> = LIVELY.iter().map(|(name, _)| *name).collect();
    names.dedup();
    let registry = Registry::builtin();
    let books = registry.iter().filter(|entry| entry.hears == Hears::Book);
    assert_eq!(names, books.map(|entry| entry.name).collect::<Vec<_>>());
}

#[test]
fn strategies_trade_on_recorded_books_within_their_limits() {
    let folder = tempfile::tempdir().unwrap();
    for (at, &(stream, is_long)) in STREAMS.iter().enumerate() {
        let Some(data) = shared(&format!("market-data/l2_stream/{stream}")) else { return };
        let target = folder.path().join(format!("{at}.qtt"));
        import(&data, &target, &ImportOptions::default()).unwrap();
        let files = [TickFile::open(&target, Verify::OnRead).unwrap()];
        for &(name, params) in LIVELY {
            let what = format!("{stream} {name} {params}");
            let outcome = run(&files, (name, params), Pace::Ahead);
            let (most, last) = positions(&outcome);
            let fills = outcome.fills.len();
            eprintln!("{what}: {fills} fills, most {most}, last {last} lots");
            assert!(fills > 0 || !is_long, "{what}: no fill");
            assert_eq!(outcome.denials.values().sum::<u64>(), 0, "{what}: {:?}", outcome.denials);
            assert!(most < MOST_LOTS + ORDER_LOTS, "{what}: {most} lots");
            if name == "execute_algo" {
                let asked = if params.contains("ODD") { ODD_LOTS } else { MOST_LOTS };
                assert!(most <= asked, "{what}: more than was asked for");
                assert_eq!(most, last.abs(), "{what}: it only ever goes one way");
            }
            if name == "twap_execute" {
                let asked = if params.contains("ODD") { ODD_LOTS } else { MOST_LOTS };
                assert!(most <= asked, "{what}: more than was asked for");
                assert_eq!(most, last.abs(), "{what}: it only ever goes one way");
                assert!(most == asked || !is_long, "{what}: not all of it was done");
            }
            let naive = run(&files, (name, params), Pace::Naive);
            assert_eq!(outcome.determinism_hash, naive.determinism_hash, "{what}");
            assert_eq!(fills, naive.fills.len(), "{what}");
        }
    }
}
