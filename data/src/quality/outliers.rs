//! Prices far from their neighbours, measured by the series' own spread.

use crate::series::BarRecord;

/// Why a bar is an outlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlier {
    /// The close jumps away and stays.
    Jump,
    /// The close jumps away and the next one comes back.
    Spike,
    /// The high is far above open and close.
    High,
    /// The low is far below open and close.
    Low,
}

impl Outlier {
    /// The kind in words, to follow the offending price.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Jump => "is far from the close before",
            Self::Spike => "is far from the closes before and after",
            Self::High => "is far above the bar's open and close",
            Self::Low => "is far below the bar's open and close",
        }
    }
}

/// A move is far when it is so many times the usual one.
const FAR: f64 = 20.0;
/// The median absolute deviation of normally distributed values is this part of a standard one.
const MAD_TO_DEVIATION: f64 = 1.4826;
/// Moves of fewer ticks are never outliers, however quiet the series is.
const TICKS_MIN: f64 = 10.0;
/// Moves below this size are never outliers: above 2^-8, which is tested first.
const MOVE_MIN: f64 = 0.005;
/// Highs and lows must be this far (as a ratio) from open and close: above 2^-4, which is tested
/// first.
const WICK_MIN: f64 = 0.1;
/// Series with fewer bars do not show what is usual.
const BARS_MIN: usize = 20;

/// Finds outliers among bars in time order, `interval_ns` apart as a rule: index of the bar and
/// why. A move over a pause may be larger, as the square root of the time it took. Prices are
/// positive.
#[must_use]
pub fn find(bars: &[BarRecord], interval_ns: i64) -> Vec<(usize, Outlier)> {
    if bars.len() < BARS_MIN {
        return Vec::new();
    }
    let deviation = usual_move(bars, interval_ns);
    let far = |from: &BarRecord, to: &BarRecord| {
        // Nearly all moves are smaller than any outlier: a shift tells, without a logarithm.
        if (to.close - from.close).abs() < from.close >> 8 {
            return false;
        }
        let size = scaled_move(from, to, interval_ns).abs();
        let ticks = (to.close - from.close).unsigned_abs() as f64;
        size > FAR * deviation && size > MOVE_MIN && ticks >= TICKS_MIN
    };
    let mut found = Vec::new();
    let mut returned = 0;
    for index in 0..bars.len() {
        let bar = &bars[index];
        if let Some(wick) = wick(bar, deviation) {
            found.push((index, wick));
        }
        if index == 0 || index == returned || !far(&bars[index - 1], bar) {
            continue;
        }
        // The way back is part of the same spike.
        let spike =
            bars.get(index + 1).is_some_and(|next| far(bar, next) && !far(&bars[index - 1], next));
        if spike {
            returned = index + 1;
        }
        found.push((index, if spike { Outlier::Spike } else { Outlier::Jump }));
    }
    found
}

fn wick(bar: &BarRecord, deviation: f64) -> Option<Outlier> {
    if bar.high - bar.low < bar.low >> 4 {
        return None;
    }
    let (top, bottom) = (bar.open.max(bar.close) as f64, bar.open.min(bar.close) as f64);
    let (above, below) = (bar.high as f64 / top, bottom / bar.low as f64);
    let far = |ratio: f64, ticks: f64| {
        ratio > 1.0 + WICK_MIN && ticks >= TICKS_MIN && ratio.ln() > FAR * deviation
    };
    if far(above, bar.high as f64 - top) {
        Some(Outlier::High)
    } else if far(below, bottom - bar.low as f64) {
        Some(Outlier::Low)
    } else {
        None
    }
}

// The logarithmic move from close to close, as if it had taken one interval.
fn scaled_move(from: &BarRecord, to: &BarRecord, interval_ns: i64) -> f64 {
    let size = (to.close as f64 / from.close as f64).ln();
    let distance = to.open_ns.saturating_sub(from.open_ns);
    if interval_ns <= 0 || distance <= interval_ns {
        return size;
    }
    size / (distance as f64 / interval_ns as f64).sqrt()
}

// The robust standard deviation of the moves; where most moves are zero, the mean size of the
// others.
fn usual_move(bars: &[BarRecord], interval_ns: i64) -> f64 {
    // Of long series a part says as much as the whole.
    const SAMPLE_MAX: usize = 1 << 16;
    let step = bars.len().div_ceil(SAMPLE_MAX).max(1);
    let pairs = bars.windows(2).step_by(step);
    let mut moves: Vec<f64> =
        pairs.map(|pair| scaled_move(&pair[0], &pair[1], interval_ns).abs()).collect();
    let mean = moves.iter().sum::<f64>() / moves.len().max(1) as f64;
    let middle = moves.len() / 2;
    if moves.is_empty() {
        return 0.0;
    }
    // The median move is zero in good measure, so the moves' sizes are their deviations.
    let (_, median, _) = moves.select_nth_unstable_by(middle, f64::total_cmp);
    (*median * MAD_TO_DEVIATION).max(mean / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk() -> Vec<BarRecord> {
        let mut close = 100_000_i64;
        let bars = (0..500_i64).map(|row| {
            let open = close;
            close += (row * 7_919 % 101 - 50) * 4;
            BarRecord {
                open_ns: row * 60,
                close_ns: row * 60 + 60,
                open,
                high: open.max(close) + 50,
                low: open.min(close) - 50,
                close,
                ..BarRecord::default()
            }
        });
        bars.collect()
    }

    #[test]
    fn a_quiet_walk_has_none() {
        assert_eq!(find(&walk(), 60), []);
        assert_eq!(find(&walk()[..10], 60), []);
    }

    #[test]
    fn spikes_jumps_and_wicks_are_told_apart() {
        let mut bars = walk();
        bars[100].close = 40_000;
        bars[100].low = 40_000;
        assert_eq!(find(&bars, 60), [(100, Outlier::Spike)]);
        let mut bars = walk();
        bars[200].low = 6;
        bars[300].high *= 3;
        assert_eq!(find(&bars, 60), [(200, Outlier::Low), (300, Outlier::High)]);
        let mut bars = walk();
        for bar in &mut bars[250..] {
            (bar.open, bar.high, bar.low, bar.close) =
                (bar.open * 2, bar.high * 2, bar.low * 2, bar.close * 2);
        }
        assert_eq!(find(&bars, 60), [(250, Outlier::Jump)]);
        // The same jump over a long pause is what a market does.
        for bar in &mut bars[250..] {
            bar.open_ns += 1_000_000;
        }
        assert_eq!(find(&bars, 60), []);
    }
}
