//! How far a share can be trusted.

use serde::Serialize;

/// The number of standard deviations that 95 of 100 lie within.
const Z: f64 = 1.959_963_984_540_054;

/// A share with the interval in which it lies 95 times of 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// What was seen.
    pub share: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The share of `hits` in `of`, with the score interval of Wilson (1927): it stays within 0 and
/// 1, and says something of few as well. `None` where there is nothing.
#[must_use]
pub fn wilson(hits: u64, of: u64) -> Option<Interval> {
    if of == 0 {
        return None;
    }
    let (n, z2) = (of as f64, Z * Z);
    let share = hits.min(of) as f64 / n;
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let reach = Z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    // At both ends the formula gives exactly 0 and 1, but for rounding.
    let low = if hits == 0 { 0.0 } else { (middle - reach).max(0.0) };
    let high = if hits >= of { 1.0 } else { (middle + reach).min(1.0) };
    Some(Interval { share, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_solve_its_equation() {
        assert_eq!(wilson(0, 0), None);
        for of in 1..60 {
            for hits in 0..=of {
                let it = wilson(hits, of).unwrap();
                assert!(it.low <= it.share && it.share <= it.high, "{hits} of {of}: {it:?}");
                // Where the interval ends, the share lies Z standard deviations away.
                for end in [it.low, it.high].into_iter().filter(|end| *end > 0.0 && *end < 1.0) {
                    let deviation = (end * (1.0 - end) / of as f64).sqrt();
                    assert!(((it.share - end).abs() / deviation - Z).abs() < 1e-6, "{it:?}");
                }
            }
        }
        // Of ten that all were hits, 72 per cent is what can be believed (Wilson's own table).
        assert!((wilson(10, 10).unwrap().low - 0.7225).abs() < 1e-4);
    }
}
