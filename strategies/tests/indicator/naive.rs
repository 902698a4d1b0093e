//! Indicators straight from their formulas, over whole series, each value computed anew from the
//! bars it depends on. Slow and plain on purpose.

use qt_strategies::indicator::Candle;

/// A window of rows `[from, row]` of a series.
fn window(values: &[f64], row: usize, len: usize) -> Option<&[f64]> {
    (row + 1 >= len).then(|| &values[row + 1 - len..=row])
}

fn mean(values: &[f64]) -> f64 {
    // Deviations from the first value keep the digits of a mean of nearly equal numbers.
    let base = values[0];
    base + values.iter().map(|value| value - base).sum::<f64>() / values.len() as f64
}

/// Mean of the last `len` values.
pub fn sma(values: &[f64], row: usize, len: usize) -> Option<f64> {
    window(values, row, len).map(mean)
}

/// Linearly weighted mean of the last `len` values.
pub fn wma(values: &[f64], row: usize, len: usize) -> Option<f64> {
    let values = window(values, row, len)?;
    let weighted: f64 = values.iter().zip(1_u32..).map(|(v, weight)| v * f64::from(weight)).sum();
    Some(weighted / (len * (len + 1) / 2) as f64)
}

/// Variance of the last `len` values, two passes.
pub fn variance(values: &[f64], row: usize, len: usize) -> Option<f64> {
    let values = window(values, row, len)?;
    let centre = mean(values);
    Some(values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / len as f64)
}

/// Slope of the fitted line, from deviations of both coordinates.
pub fn slope(values: &[f64], row: usize, len: usize) -> Option<f64> {
    let values = window(values, row, len)?;
    let (centre, middle) = (mean(values), (len - 1) as f64 / 2.0);
    let position = |index: usize| index as f64 - middle;
    let terms = values.iter().enumerate();
    let above: f64 = terms.map(|(index, value)| position(index) * (value - centre)).sum();
    let below: f64 = (0..len).map(|index| position(index).powi(2)).sum();
    Some(above / below)
}

/// Kaufman's average from the start of the series.
pub fn kama(values: &[f64], len: usize) -> Vec<Option<f64>> {
    let mut result = vec![None; values.len()];
    let mut average = values[len - 1];
    for row in len..values.len() {
        let part = &values[row - len..=row];
        let path: f64 = part.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
        let efficiency =
            if path == 0.0 { 1.0 } else { ((part[len] - part[0]) / path).abs().min(1.0) };
        let smoothing = efficiency * (2.0 / 3.0 - 2.0 / 31.0) + 2.0 / 31.0;
        average += smoothing * smoothing * (values[row] - average);
        result[row] = Some(average);
    }
    result
}

/// Recursive smoothing with a factor, seeded by the mean of the first `len` values of a series
/// that begins at `start`.
pub fn smooth(values: &[f64], start: usize, len: usize, factor: f64) -> Vec<Option<f64>> {
    let mut result = vec![None; values.len()];
    let seed = start + len - 1;
    let mut average = values[start..=seed].iter().sum::<f64>() / len as f64;
    result[seed] = Some(average);
    for row in seed + 1..values.len() {
        average = average * (1.0 - factor) + values[row] * factor;
        result[row] = Some(average);
    }
    result
}

/// Wilder's RSI.
pub fn rsi(values: &[f64], len: usize) -> Vec<Option<f64>> {
    let change = |row: usize| if row == 0 { 0.0 } else { values[row] - values[row - 1] };
    let rises: Vec<f64> = (0..values.len()).map(|row| change(row).max(0.0)).collect();
    let falls: Vec<f64> = (0..values.len()).map(|row| (-change(row)).max(0.0)).collect();
    let (rises, falls) =
        (smooth(&rises, 1, len, 1.0 / len as f64), smooth(&falls, 1, len, 1.0 / len as f64));
    let ratio = |rise: f64, fall: f64| {
        if rise + fall > 0.0 { 100.0 - 100.0 / (1.0 + rise / fall) } else { 0.0 }
    };
    rises.iter().zip(&falls).map(|(rise, fall)| Some(ratio((*rise)?, (*fall)?))).collect()
}

/// True ranges; the first row has none and holds 0.
pub fn ranges(candles: &[Candle]) -> Vec<f64> {
    let range = |row: usize| match row {
        0 => 0.0,
        _ => {
            let (bar, before) = (&candles[row], candles[row - 1].close);
            bar.high.max(before) - bar.low.min(before)
        }
    };
    (0..candles.len()).map(range).collect()
}

/// Highest high and lowest low of the last `len` bars.
pub fn extent(candles: &[Candle], row: usize, len: usize) -> Option<(f64, f64)> {
    let bars = (row + 1 >= len).then(|| &candles[row + 1 - len..=row])?;
    let high = bars.iter().map(|bar| bar.high).fold(f64::NEG_INFINITY, f64::max);
    let low = bars.iter().map(|bar| bar.low).fold(f64::INFINITY, f64::min);
    Some((high, low))
}

/// Bars since the newest highest high and the newest lowest low of the last `len` bars.
pub fn ages(candles: &[Candle], row: usize, len: usize) -> Option<(usize, usize)> {
    let (high, low) = extent(candles, row, len)?;
    let bars = candles[..=row].iter().rev();
    let high = bars.clone().position(|bar| bar.high == high)?;
    let low = bars.clone().position(|bar| bar.low == low)?;
    Some((high, low))
}

/// Commodity channel index.
pub fn cci(candles: &[Candle], row: usize, len: usize) -> Option<f64> {
    let prices: Vec<f64> =
        candles[..=row].iter().map(|bar| (bar.high + bar.low + bar.close) / 3.0).collect();
    let part = window(&prices, row, len)?;
    if part.iter().all(|price| *price == part[0]) {
        return Some(0.0);
    }
    // Differences of neighbouring numbers are exact; the mean of the prices would be rounded.
    let part: Vec<f64> = part.iter().map(|price| price - part[0]).collect();
    let centre = part.iter().sum::<f64>() / len as f64;
    let deviation = part.iter().map(|price| (price - centre).abs()).sum::<f64>() / len as f64;
    Some((part[len - 1] - centre) / (0.015 * deviation))
}

/// Money flow index.
pub fn mfi(candles: &[Candle], row: usize, len: usize) -> Option<f64> {
    if row < len {
        return None;
    }
    let price = |bar: &Candle| (bar.high + bar.low + bar.close) / 3.0;
    let (mut rising, mut falling) = (0.0, 0.0);
    for pair in candles[row - len..=row].windows(2) {
        let (now, before) = (price(&pair[1]), price(&pair[0]));
        if now - before > 1e-14 * (now + before) {
            rising += now * pair[1].volume;
        } else if before - now > 1e-14 * (now + before) {
            falling += now * pair[1].volume;
        }
    }
    let total = rising + falling;
    Some(if total > 0.0 { 100.0 * rising / total } else { 0.0 })
}

/// Ultimate oscillator.
pub fn ultosc(candles: &[Candle], row: usize, periods: [usize; 3]) -> Option<f64> {
    if row < periods[2] {
        return None;
    }
    let part = |len: usize| {
        let (mut buying, mut range) = (0.0, 0.0);
        for at in row + 1 - len..=row {
            let (bar, before) = (&candles[at], candles[at - 1].close);
            buying += bar.close - bar.low.min(before);
            range += bar.high.max(before) - bar.low.min(before);
        }
        if range > 0.0 { buying / range } else { 0.0 }
    };
    let [short, middle, long] = periods.map(part);
    Some(100.0 * (4.0 * short + 2.0 * middle + long) / 7.0)
}

/// Volume-weighted average of the typical price.
pub fn vwap(candles: &[Candle], row: usize, len: usize) -> Option<f64> {
    let bars = (row + 1 >= len).then(|| &candles[row + 1 - len..=row])?;
    let volume: f64 = bars.iter().map(|bar| bar.volume).sum();
    let money: f64 =
        bars.iter().map(|bar| (bar.high + bar.low + bar.close) / 3.0 * bar.volume).sum();
    let last = &bars[len - 1];
    let typical = (last.high + last.low + last.close) / 3.0;
    Some(if volume > 0.0 { money / volume } else { typical })
}
