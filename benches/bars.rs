//! The event loop of a backtest over one-minute bars: market view, strategy, gate, ledger,
//! equity curve and metrics. The floor is a scan of the same records.

use std::hint::black_box;
use std::sync::atomic::AtomicBool;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qt_backtest::config::RunConfig;
use qt_backtest::run::run;
use qt_risk::Sizing;
use qt_strategies::Registry;

const BARS: usize = 200_000;

/// Orders of one unit: the account lasts whatever the strategy does, so that no part of the run
/// is cheaper for want of money.
const ONE_UNIT: Sizing = Sizing::Fixed { qty_e9: 1_000_000_000 };

fn bars(criterion: &mut Criterion) {
    let series = qt_benches::minute_bars(BARS);
    let registry = Registry::builtin();
    let mut group = criterion.benchmark_group("bars");
    group.throughput(Throughput::Elements(BARS as u64)).sample_size(20);
    let windows = [("fast", "10"), ("slow", "50")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    for (name, given) in
        [("sma_cross", windows.as_slice()), ("rsi_reversion", &[]), ("buy_and_hold", &[])]
    {
        let Ok(entry) = registry.get(name) else { continue };
        // Chosen at run time, so that the compiler cannot specialise the loop for one strategy.
        let entry = black_box(*entry);
        let params = entry.resolve(given).expect("the parameters are sound");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let strategy = entry.make(&params, 1).expect("one instrument is enough");
                let config = RunConfig { sizing: ONE_UNIT, ..RunConfig::default() };
                run(&config, &[&series], strategy, &AtomicBool::new(false), &mut |_, _| {})
                    .expect("the run ends")
                    .determinism_hash
            });
        });
    }
    group.bench_function("floor_scan", |bencher| {
        bencher.iter(|| {
            let sum = |sum: i64, bar: &qt_data::series::BarRecord| sum.wrapping_add(bar.close);
            black_box(&series.bars).iter().fold(0_i64, sum)
        });
    });
    group.finish();
}

criterion_group!(benches, bars);
criterion_main!(benches);
