//! Fixed hashes of small runs. `make test` runs them optimised and `make test-debug` does not:
//! both builds must come to the same numbers. A change of the rules or of what goes into the hash
//! changes them; then the new ones belong here.

use std::sync::atomic::AtomicBool;

use qt_backtest::run::run;
use qt_strategies::Registry;
use qt_types::{Cash, Distance, E9, TimeInForce};

use crate::harness::Case;
use crate::script::{BUY, On, SELL, Step, limit, market, price, stop_limit, take_profit, trailing};

/// Bars that go up and down by a rule of integers.
fn bars(count: i64) -> Vec<[i64; 4]> {
    let level = |at: i64| 1_000 + (at * at * 7) % 101 + (at * 3) % 17;
    let bar = |at: i64| {
        let (open, close) = (level(at), level(at + 1));
        [open, open.max(close) + at % 5, open.min(close) - at % 7, close]
    };
    (0..count).map(bar).collect()
}

/// Orders of every type, changes, denials, fees, slippage, borrowing, latency.
fn case() -> Case {
    let bars = bars(300);
    let mut case = Case::new(&bars).margin(3).sessions(20).with(|config| {
        config.capital = Cash::from_nano(100_000 * i128::from(E9));
        config.fees.taker_e9 = 1_234_567;
        config.fees.maker_e9 = -234_567;
        config.slippage_e9 = 300_000;
        config.borrow_rate_e9 = E9 * E9;
        config.response_latency_ns = 30;
    });
    for bar in (0..280).step_by(10) {
        let close = bars[bar][3];
        let to = qt_types::OrderKind::Limit { price: price(close - 9) };
        let day = limit(SELL, 5, close + 20).tif(TimeInForce::Day);
        case = case
            .at(bar, market(BUY, 7).bracket(crate::bracket::bracket(close - 60, close + 60)))
            .at(bar + 1, limit(BUY, 4, close - 30))
            .on(On::Bar(0, bar + 2), Step::Replace(bar as u64 / 2 + 4, to, 6))
            .at(bar + 3, stop_limit(SELL, 6, close - 10, close - 12))
            .at(bar + 4, trailing(SELL, 3, Distance::Bps(150)))
            .at(bar + 5, take_profit(SELL, 3, close + 15))
            .at(bar + 6, market(SELL, 12))
            .at(bar + 7, day)
            .at(bar + 8, market(BUY, 0));
    }
    case
}

#[test]
fn a_run_on_bars_has_this_hash() {
    let out = case().run();
    assert!(out.fills.len() > 100 && !out.denied().is_empty() && out.carry > Cash::ZERO);
    assert_eq!(format!("{:016x}", out.hash), "62b789d9a65c5618");
}

#[test]
fn a_run_on_trades_has_this_hash() {
    let prints: Vec<(i64, i64, i64)> = (0..3_000)
        .map(|at: i64| (at * 10, 1_000 + (at * at * 7) % 41 - (at * 3) % 19, at % 9))
        .collect();
    let out = case().prints(&prints).run();
    assert!(out.fills.len() > 100);
    assert_eq!(format!("{:016x}", out.hash), "07f058aec80144a4");
}

/// Strategies that compute with floating-point numbers decide the same in every build, too.
#[test]
fn runs_of_built_in_strategies_have_these_hashes() {
    let case = Case::new(&bars(2_000)).with(|config| config.fees.taker_e9 = 500_000);
    let series: Vec<_> = case.series.iter().collect();
    let hash = |(name, params): (&str, &[(&str, &str)])| {
        let registry = Registry::builtin();
        let entry = registry.get(name).unwrap();
        let given: Vec<(String, String)> =
            params.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let strategy = entry.make(&entry.resolve(&given).unwrap(), 1).unwrap();
        let never = AtomicBool::new(false);
        let out = run(&case.config, &series, strategy, &never, &mut |_, _| {}).unwrap();
        assert!(out.fills.len() > 5, "{name}: {} fills", out.fills.len());
        format!("{name} {:016x}", out.determinism_hash)
    };
    let strategies: [(&str, &[(&str, &str)]); 4] = [
        ("sma_cross", &[("fast", "3"), ("slow", "8")]),
        ("rsi_reversion", &[("period", "4")]),
        ("bollinger_reversion", &[]),
        ("macd", &[]),
    ];
    let expected = [
        "sma_cross 8631eadf5e1047d2",
        "rsi_reversion 73fe2a49a9eee9c6",
        "bollinger_reversion 4719aedecc5d6d88",
        "macd 4eda6408119b4c33",
    ];
    assert_eq!(strategies.map(hash), expected);
}
