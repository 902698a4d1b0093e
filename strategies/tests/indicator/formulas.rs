//! Streaming indicators against the plain formulas, at price levels from 1e-8 to 1e8, with flat
//! stretches, for several periods.

use crate::naive;
use crate::walk::{close_to, series, walk};
use qt_strategies::indicator::Candle;

const LEVELS: [(u64, f64); 4] = [(11, 1.0), (12, 1e-8), (13, 1e8), (14, 30_000.0)];
const PERIODS: [usize; 4] = [2, 5, 14, 60];

/// Compares a series with expected values, differences below `floor` counting as rounding.
fn compare(name: &str, candles: &[Candle], floor: f64, expected: impl Fn(usize) -> Option<f64>) {
    for (row, found) in series(name, candles).into_iter().enumerate() {
        match (found, expected(row)) {
            (None, None) => {}
            (Some(found), Some(expected)) => assert!(
                close_to(found, expected, 1e-9, floor),
                "{name} at row {row}: {found}, expected {expected}"
            ),
            (found, expected) => panic!("{name} at row {row}: {found:?}, expected {expected:?}"),
        }
    }
}

fn each(check: impl Fn(&[Candle], &[f64], f64, usize)) {
    for (seed, level) in LEVELS {
        let candles = walk(seed, level, 1500);
        let close: Vec<f64> = candles.iter().map(|candle| candle.close).collect();
        for period in PERIODS {
            check(&candles, &close, level, period);
        }
    }
}

#[test]
fn windowed_averages() {
    each(|candles, close, level, n| {
        let floor = 1e-13 * level;
        compare(&format!("SMA({n})"), candles, 0.0, |row| naive::sma(close, row, n));
        compare(&format!("WMA({n})"), candles, 0.0, |row| naive::wma(close, row, n));
        compare(&format!("VWAP({n})"), candles, 0.0, |row| naive::vwap(candles, row, n));
        compare(&format!("LINEARREG_SLOPE({n})"), candles, floor, |row| {
            naive::slope(close, row, n)
        });
    });
}

#[test]
fn deviations() {
    each(|candles, close, level, n| {
        let deviation = |row| naive::variance(close, row, n).map(f64::sqrt);
        // What two passes of floating-point arithmetic leave when the price does not move.
        let floor = 1e-14 * level;
        compare(&format!("STDDEV({n})"), candles, floor, deviation);
        for (output, sign) in [("upper", 1.0), ("middle", 0.0), ("lower", -1.0)] {
            compare(&format!("BBANDS({n},2.5).{output}"), candles, floor, |row| {
                Some(naive::sma(close, row, n)? + sign * 2.5 * deviation(row)?)
            });
        }
    });
}

#[test]
fn recursive_averages() {
    each(|candles, close, _, n| {
        let ema = naive::smooth(close, 0, n, 2.0 / (n + 1) as f64);
        compare(&format!("EMA({n})"), candles, 0.0, |row| ema[row]);
        let kama = naive::kama(close, n);
        compare(&format!("KAMA({n})"), candles, 0.0, |row| kama[row]);
        let atr = naive::smooth(&naive::ranges(candles), 1, n, 1.0 / n as f64);
        compare(&format!("ATR({n})"), candles, 0.0, |row| atr[row]);
        compare(&format!("NATR({n})"), candles, 0.0, |row| Some(atr[row]? / close[row] * 100.0));
        let rsi = naive::rsi(close, n);
        compare(&format!("RSI({n})"), candles, 1e-11, |row| rsi[row]);
    });
}

#[test]
fn ranges_and_extremes() {
    each(|candles, _, _, n| {
        let extent = |row| naive::extent(candles, row, n);
        compare(&format!("HIGHEST({n})"), candles, 0.0, |row| extent(row).map(|(high, _)| high));
        compare(&format!("LOWEST({n})"), candles, 0.0, |row| extent(row).map(|(_, low)| low));
        compare(&format!("DONCHIAN({n}).middle"), candles, 0.0, |row| {
            extent(row).map(|(high, low)| (high + low) / 2.0)
        });
        compare(&format!("WILLR({n})"), candles, 1e-11, |row| {
            let (high, low) = extent(row)?;
            let range = high - low;
            Some(if range > 0.0 { -100.0 * (high - candles[row].close) / range } else { 0.0 })
        });
        compare(&format!("AROONOSC({n})"), candles, 1e-11, |row| {
            let (high, low) = naive::ages(candles, row, n + 1)?;
            Some(100.0 * (low as f64 - high as f64) / n as f64)
        });
    });
}

#[test]
fn money_and_oscillators() {
    each(|candles, _, _, n| {
        compare(&format!("CCI({n})"), candles, 1e-8, |row| naive::cci(candles, row, n));
        compare(&format!("MFI({n})"), candles, 1e-11, |row| naive::mfi(candles, row, n));
        compare(&format!("ULTOSC({n},{},{})", 2 * n, 4 * n), candles, 1e-11, |row| {
            naive::ultosc(candles, row, [n, 2 * n, 4 * n])
        });
    });
}
