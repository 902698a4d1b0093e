//! The definitions of the indicators, computed from the whole history on every bar, and the
//! trades that follow from a rule's conditions.

use qt_strategies::prelude::*;

use crate::desk::Decision;

/// The conditions of a rule at the close of one bar.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions {
    /// To open a long position.
    pub buy: bool,
    /// To close it.
    pub sell: bool,
    /// To open a short position.
    pub short: bool,
    /// To close it.
    pub cover: bool,
}

impl Conditions {
    /// Those of a rule that is long after `up` and out after `down`, or short with `short`.
    pub fn two_sided(up: bool, down: bool, short: bool) -> Self {
        Self { buy: up, sell: down, short: down && short, cover: up }
    }
}

/// The decisions on instrument 0, each filled before the next bar. With `turns` a position may
/// be turned around within one bar.
pub fn trade(rows: usize, turns: bool, rule: impl Fn(usize) -> Conditions) -> Vec<Decision> {
    let mut decisions = Vec::new();
    let mut position = 0;
    for row in 0..rows {
        let mut push = |side, closes| {
            decisions.push(Decision { row, instrument: 0, side, closes });
        };
        let is = rule(row);
        let before = position;
        if position > 0 && is.sell {
            push(Side::Sell, true);
            position = 0;
        } else if position < 0 && is.cover {
            push(Side::Buy, true);
            position = 0;
        }
        let may_enter = position == 0 && (before == 0 || turns);
        if may_enter && is.buy {
            push(Side::Buy, false);
            position = 1;
        } else if may_enter && is.short {
            push(Side::Sell, false);
            position = -1;
        }
    }
    decisions
}

/// The closes in ticks.
pub fn closes(bars: &[Bar]) -> Vec<f64> {
    bars.iter().map(|bar| bar.close.ticks() as f64).collect()
}

/// The last `n` values up to and including the one at `row`.
pub fn window<T>(values: &[T], row: usize, n: usize) -> Option<&[T]> {
    let from = (row + 1).checked_sub(n)?;
    Some(&values[from..=row])
}

/// The mean.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation with divisor n.
pub fn deviation(values: &[f64]) -> f64 {
    let center = mean(values);
    mean(&values.iter().map(|value| (value - center).powi(2)).collect::<Vec<_>>()).sqrt()
}

/// The exponential average of `n` bars that starts from a simple one, at the last value.
pub fn ema(values: &[f64], n: usize) -> Option<f64> {
    let (first, rest) = values.split_at_checked(n)?;
    let factor = 2.0 / (n + 1) as f64;
    Some(rest.iter().fold(mean(first), |ema, value| value * factor + ema * (1.0 - factor)))
}

/// The MACD line and its signal line on each bar.
pub fn macd(values: &[f64], [fast, slow, signal]: [usize; 3]) -> Vec<Option<(f64, f64)>> {
    // The fast average leaves out values so that its first mean ends where the slow one's does.
    let line = |row: usize| -> Option<f64> {
        let late = values[..=row].get(slow - fast..)?;
        Some(ema(late, fast)? - ema(&values[..=row], slow)?)
    };
    let lines: Vec<Option<f64>> = (0..values.len()).map(line).collect();
    let defined: Vec<f64> = lines.iter().flatten().copied().collect();
    let both = |row: usize| {
        let count = (row + 2).checked_sub(slow)?;
        Some((lines[row]?, ema(&defined[..count], signal)?))
    };
    (0..values.len()).map(both).collect()
}

/// Wilder's relative strength index at the last value.
pub fn rsi(values: &[f64], n: usize) -> Option<f64> {
    let changes: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (first, rest) = changes.split_at_checked(n)?;
    let smooth = |part: fn(f64) -> f64| {
        let start = mean(&first.iter().map(|change| part(*change)).collect::<Vec<_>>());
        let next = |old: f64, change: &f64| (old * (n - 1) as f64 + part(*change)) / n as f64;
        rest.iter().fold(start, next)
    };
    let (rise, fall) = (smooth(|change| change.max(0.0)), smooth(|change| (-change).max(0.0)));
    Some(if rise + fall == 0.0 { 0.0 } else { 100.0 * rise / (rise + fall) })
}
