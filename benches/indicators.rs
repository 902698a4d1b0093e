//! The cost of one update of each kind of indicator.

use criterion::{Criterion, criterion_group, criterion_main};
use qt_strategies::indicator::{Candle, parse};

fn indicators(criterion: &mut Criterion) {
    let series = qt_benches::minute_bars(10_000);
    let candles: Vec<Candle> = series
        .bars
        .iter()
        .map(|bar| Candle {
            open: bar.open as f64,
            high: bar.high as f64,
            low: bar.low as f64,
            close: bar.close as f64,
            volume: bar.volume as f64,
        })
        .collect();
    for text in ["SMA(20)", "EMA(20)", "RSI(14)", "MACD(12,26,9).macd", "BBANDS(20,2).upper"] {
        let mut indicator = parse(text).expect("a known indicator");
        let mut at = 0;
        criterion.bench_function(text, |bencher| {
            bencher.iter(|| {
                at = (at + 1) % candles.len();
                indicator.update(&candles[at])
            });
        });
    }
}

criterion_group!(benches, indicators);
criterion_main!(benches);
