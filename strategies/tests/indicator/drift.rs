//! After a million bars at a price of a million, a windowed value still equals the one computed
//! from its last window alone, and so does the crate `ta` where it is used.

use crate::naive;
use crate::walk::{Random, close_to, series};
use qt_strategies::indicator::Candle;

const ROWS: usize = 1_000_000;

/// Ticks of 0.01 around a million: the values are a hundred million times their smallest change,
/// which is the hard case for sums of squares.
fn ticks() -> Vec<Candle> {
    let mut random = Random::new(99);
    let mut close = 1e6;
    let mut candle = || {
        let open = close;
        let step = ((random.unit() - 0.5) * 200.0).round() * 0.01;
        close = open + step - (open - 1e6) * 1e-4;
        let (high, low) = (open.max(close) + 0.01, open.min(close) - 0.01);
        Candle { open, high, low, close, volume: (random.unit() * 1e9).round() }
    };
    (0..ROWS).map(|_| candle()).collect()
}

#[test]
fn windowed_values_do_not_drift_in_a_million_bars() {
    let candles = ticks();
    let close: Vec<f64> = candles.iter().map(|candle| candle.close).collect();
    let check = |name: &str, expected: &dyn Fn(usize) -> Option<f64>| {
        let values = series(name, &candles);
        for (row, found) in values.iter().enumerate().skip(ROWS - 100) {
            let (found, expected) = (found.expect("warm"), expected(row).expect("warm"));
            let message = format!("{name} at row {row}: {found}, expected {expected}");
            assert!(close_to(found, expected, 1e-9, 0.0), "{message}");
        }
    };
    check("SMA(20)", &|row| naive::sma(&close, row, 20));
    check("WMA(20)", &|row| naive::wma(&close, row, 20));
    check("STDDEV(20)", &|row| naive::variance(&close, row, 20).map(f64::sqrt));
    check("STDDEV(500)", &|row| naive::variance(&close, row, 500).map(f64::sqrt));
    check("LINEARREG_SLOPE(14)", &|row| naive::slope(&close, row, 14));
    check("VWAP(20)", &|row| naive::vwap(&candles, row, 20));
    check("ULTOSC(7,14,28)", &|row| naive::ultosc(&candles, row, [7, 14, 28]));
    check("MFI(14)", &|row| {
        let part = &candles[row - 20..=row];
        naive::mfi(part, 20, 14)
    });
    check("CCI(20)", &|row| {
        let part = &candles[row - 20..=row];
        naive::cci(part, 20, 20)
    });
    check("ROC(10)", &|row| Some((close[row] - close[row - 10]) / close[row - 10] * 100.0));
    // A recursive average has forgotten all but the last thousand bars.
    let part = &candles[ROWS - 2000..];
    let atr = naive::smooth(&naive::ranges(part), 1, 14, 1.0 / 14.0);
    check("ATR(14)", &|row| atr[row + 2000 - ROWS]);
}

#[test]
fn a_wrong_print_leaves_no_trace() {
    let mut candles = ticks();
    candles.truncate(2000);
    let mut disturbed = candles.clone();
    disturbed[500] = Candle { volume: 1e15, ..Candle::flat(1e9, 0.0) };
    for name in [
        "SMA(20)",
        "WMA(20)",
        "STDDEV(20)",
        "LINEARREG_SLOPE(14)",
        "MFI(14)",
        "VWAP(20)",
        "ULTOSC(7,14,28)",
        "CCI(20)",
        "STOCH(14,3,3).slowd",
    ] {
        let (clean, disturbed) = (series(name, &candles), series(name, &disturbed));
        for row in 530..candles.len() {
            let (clean, disturbed) = (clean[row].expect("warm"), disturbed[row].expect("warm"));
            let message = format!("{name} at row {row}: {disturbed}, undisturbed {clean}");
            assert!(close_to(clean, disturbed, 1e-9, 0.0), "{message}");
        }
    }
}
