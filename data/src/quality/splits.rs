//! Jumps between sessions that look like a split of the shares.

use qt_types::BarFlags;
use serde::Serialize;

use crate::calendar::civil::HOUR_NS;
use crate::series::BarRecord;

/// A jump from one session's close to the next one's open near a usual split ratio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuspectedSplit {
    /// Index of the first bar after the jump among the series' bars.
    pub bar: usize,
    /// The source row of that bar.
    pub row: u32,
    /// When that bar opens (UTC ns).
    pub time_ns: i64,
    /// New shares to old ones: `7:1`, `1:8`.
    pub ratio: String,
    /// The close before, in ticks.
    pub close: i64,
    /// The first price after, in ticks: the open, as a rule.
    pub open: i64,
}

/// New shares for old ones. The ratio of close to open must be near one of these or its inverse.
const RATIOS: [(u32, u32); 19] = [
    (3, 2),
    (2, 1),
    (5, 2),
    (3, 1),
    (4, 1),
    (5, 1),
    (6, 1),
    (7, 1),
    (8, 1),
    (10, 1),
    (12, 1),
    (15, 1),
    (20, 1),
    (25, 1),
    (30, 1),
    (40, 1),
    (50, 1),
    (75, 1),
    (100, 1),
];
/// How far the ratio may be off, since the market moves overnight as well. Small ratios are met by
/// bad news, too, and must be nearer.
const fn tolerance((new, old): (u32, u32)) -> f64 {
    match new / old {
        0 | 1 => 0.015,
        2 => 0.04,
        _ => 0.065,
    }
}
/// Prices of fewer ticks jump by such ratios by themselves.
const TICKS_MIN: i64 = 20;
/// The jump must be so many times the usual overnight move.
const MOVES_MIN: f64 = 8.0;
/// Bars on each side that decide what is usual and whether the new level stays.
const WINDOW: usize = 40;
/// So many bars before and after a jump have a say in whether it is suspected.
pub const REACH: usize = WINDOW + 1;
/// Bars after the jump that must stay on the new level.
const STAY: usize = 5;
/// The first bar of a session may still open with a price of the day before, if it is no longer
/// than this: then its close tells.
const SHORT_NS: i64 = HOUR_NS;
/// Longer pauses end a session even where the calendar knows none.
const PAUSE_NS: i64 = 4 * HOUR_NS;

/// Finds the jumps in `bars`, whose session marks are set.
#[must_use]
pub fn suspected(bars: &[BarRecord]) -> Vec<SuspectedSplit> {
    let mut found = Vec::new();
    for index in 1..bars.len() {
        let (before, bar) = (&bars[index - 1], &bars[index]);
        let short = bar.close_ns.saturating_sub(bar.open_ns) <= SHORT_NS;
        let jumps = is_jump(before.close, bar.open) || (short && is_jump(before.close, bar.close));
        if !jumps || !starts_session(before, bar) {
            continue;
        }
        let near = |price: i64| {
            let ratio = before.close as f64 / price as f64;
            near_split(ratio).map(|text| (price, ratio, text))
        };
        let found_at = near(bar.open).or_else(|| near(bar.close).filter(|_| short));
        let Some((price, ratio, text)) = found_at else { continue };
        if is_unusual(bars, index, ratio.ln().abs()) && stays(bars, index, ratio) {
            found.push(SuspectedSplit {
                bar: index,
                row: bar.row,
                time_ns: bar.open_ns,
                ratio: text,
                close: before.close,
                open: price,
            });
        }
    }
    found
}

// Nearly all bars are none: the smallest ratio is 3:2.
fn is_jump(close: i64, price: i64) -> bool {
    let (low, high) = (close.min(price), close.max(price));
    low >= TICKS_MIN && high - low > low >> 2
}

fn starts_session(before: &BarRecord, bar: &BarRecord) -> bool {
    bar.flags.has(BarFlags::SESSION_START)
        || bar.open_ns.saturating_sub(before.close_ns) >= PAUSE_NS
}

fn near_split(ratio: f64) -> Option<String> {
    let reverse = ratio < 1.0;
    let size = if reverse { 1.0 / ratio } else { ratio };
    let off = |(new, old): &(u32, u32)| (size * f64::from(*old) / f64::from(*new)).ln().abs();
    let best = RATIOS.iter().min_by(|one, other| off(one).total_cmp(&off(other)))?;
    let (new, old) = if reverse { (best.1, best.0) } else { *best };
    (off(best) <= tolerance(*best)).then(|| format!("{new}:{old}"))
}

// Whether the jump is far larger than the moves between bars before and after it.
fn is_unusual(bars: &[BarRecord], index: usize, jump: f64) -> bool {
    let from = index.saturating_sub(WINDOW).max(1);
    let to = (index + WINDOW).min(bars.len());
    let mut moves: Vec<f64> = (from..to)
        .filter(|other| *other != index)
        .map(|other| (bars[other].open as f64 / bars[other - 1].close as f64).ln().abs())
        .filter(|size| size.is_finite())
        .collect();
    if moves.is_empty() {
        return true;
    }
    moves.sort_unstable_by(f64::total_cmp);
    // The upper quartile: in some data most opens repeat the close.
    jump > MOVES_MIN * moves[moves.len() * 3 / 4]
}

// Whether the closes after the jump stay nearer to the new level than to the old one.
fn stays(bars: &[BarRecord], index: usize, ratio: f64) -> bool {
    let old_level = bars[index - 1].close as f64;
    let border = old_level / ratio.abs().sqrt();
    let above = ratio < 1.0;
    bars[index..].iter().take(STAY).all(|bar| (bar.close as f64 > border) == above)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily(prices: &[(i64, i64)]) -> Vec<BarRecord> {
        let day = 24 * HOUR_NS;
        let bars = prices.iter().enumerate().map(|(row, (open, close))| BarRecord {
            open_ns: row as i64 * day,
            close_ns: (row as i64 + 1) * day,
            open: *open,
            high: *open.max(close),
            low: *open.min(close),
            close: *close,
            flags: BarFlags::SESSION_START,
            row: row as u32,
            ..BarRecord::default()
        });
        bars.collect()
    }

    fn with_jump(after: i64) -> Vec<BarRecord> {
        let old = (0..20).map(|day| (10_000 + day % 3 * 50, 10_050 - day % 2 * 40));
        let new = (0..20).map(|day| (after + day % 3 * after / 200, after + day % 2 * after / 300));
        daily(&old.chain(new).collect::<Vec<_>>())
    }

    #[test]
    fn splits_and_reverse_splits_are_found() {
        for (after, want) in
            [(5_020, "2:1"), (1_440, "7:1"), (6_700, "3:2"), (80_500, "1:8"), (2_560, "4:1")]
        {
            let found = suspected(&with_jump(after));
            assert_eq!(found.len(), 1, "{want}");
            assert_eq!((found[0].ratio.as_str(), found[0].bar), (want, 20));
        }
    }

    #[test]
    fn ordinary_moves_are_not() {
        for after in [10_020, 9_000, 7_200, 5_500, 12_500] {
            assert_eq!(suspected(&with_jump(after)), [], "{after}");
        }
        // A single bad open that the next bar takes back.
        let mut bars = with_jump(10_020);
        (bars[20].open, bars[20].low) = (5_010, 5_010);
        assert_eq!(suspected(&bars), []);
        // Inside a session, and with prices of a few ticks.
        let mut bars = with_jump(5_020);
        bars[20].flags = BarFlags::NONE;
        assert_eq!(suspected(&bars), []);
        assert_eq!(suspected(&daily(&[(4, 4), (2, 2), (2, 2)])), []);
    }
}
