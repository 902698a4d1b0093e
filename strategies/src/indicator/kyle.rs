//! Kyle's lambda: how far the price moves for each lot that is bought or sold.

use qt_engine::stored;

use super::error::{IndicatorError, period};

/// The slope of the line fitted to (signed volume, change of the middle price) of the last
/// `intervals` intervals, in ticks a lot: the price impact of A. Kyle, *Continuous auctions and
/// insider trading*, Econometrica 53(6), 1985, estimated by least squares with an intercept (J.
/// Hasbrouck, *Empirical Market Microstructure*, 2007).
///
/// The intervals are the caller's: trades are added by [`Self::trade`], and [`Self::sample`] ends
/// an interval. All sums are of whole numbers, so nothing is rounded before the division.
#[derive(Clone, Debug)]
pub struct KyleLambda {
    /// Signed lots, change of twice the middle.
    points: Box<[(i64, i64)]>,
    next: usize,
    filled: usize,
    sum_x: i128,
    sum_y: i128,
    sum_xx: i128,
    sum_xy: i128,
    lots: i64,
    last_x2: Option<i64>,
}

stored!(KyleLambda {
    state: next, filled, sum_x, sum_y, sum_xx, sum_xy, lots, last_x2;
    each: points;
    sound: KyleLambda::is_sound;
});

impl KyleLambda {
    const fn is_sound(&self) -> bool {
        self.next < self.points.len() && self.filled <= self.points.len()
    }
}

/// Larger volumes and moves of one interval count as this much: the sums of their products must
/// fit.
const POINT_MAX: i64 = 1 << 44;

impl KyleLambda {
    /// Over so many intervals, at least 2.
    ///
    /// # Errors
    /// If the number of intervals is outside its range.
    pub fn new(intervals: usize) -> Result<Self, IndicatorError> {
        let intervals = period("KYLE", "intervals", intervals, 2)?;
        Ok(Self {
            points: vec![(0, 0); intervals].into_boxed_slice(),
            next: 0,
            filled: 0,
            sum_x: 0,
            sum_y: 0,
            sum_xx: 0,
            sum_xy: 0,
            lots: 0,
            last_x2: None,
        })
    }

    /// Adds a trade to the interval: lots bought by who took liquidity are positive, sold ones
    /// negative.
    #[inline]
    pub fn trade(&mut self, signed_lots: i64) {
        self.lots = self.lots.saturating_add(signed_lots);
    }

    /// Ends the interval at twice the middle price, in ticks; the first call only begins one. The
    /// slope once there were enough intervals; `None` while their volumes are all the same.
    #[inline]
    pub fn sample(&mut self, mid_x2: i64) -> Option<f64> {
        let lots = std::mem::take(&mut self.lots);
        if let Some(last) = self.last_x2.replace(mid_x2) {
            let bounded = |value: i64| value.clamp(-POINT_MAX, POINT_MAX);
            self.push((bounded(lots), bounded(mid_x2.saturating_sub(last))));
        }
        self.value()
    }

    fn push(&mut self, new: (i64, i64)) {
        let old = std::mem::replace(&mut self.points[self.next], new);
        for ((x, y), sign) in [(new, 1), (old, -1)] {
            let (x, y) = (i128::from(x), i128::from(y));
            self.sum_x += sign * x;
            self.sum_y += sign * y;
            self.sum_xx += sign * x * x;
            self.sum_xy += sign * x * y;
        }
        self.next = if self.next + 1 == self.points.len() { 0 } else { self.next + 1 };
        self.filled = (self.filled + 1).min(self.points.len());
    }

    /// The slope; `None` before there were enough intervals, and while their volumes are all the
    /// same.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        if self.filled < self.points.len() {
            return None;
        }
        let count = self.points.len() as i128;
        let variance = count * self.sum_xx - self.sum_x * self.sum_x;
        let covariance = count * self.sum_xy - self.sum_x * self.sum_y;
        // The changes are of twice the middle.
        (variance > 0).then(|| covariance as f64 / variance as f64 / 2.0)
    }
}

// The products with the largest number of intervals stay within 127 bits.
const _: () = {
    let count = super::error::PERIOD_MAX as i128;
    let point = POINT_MAX as i128;
    assert!((count * count).checked_mul(2 * point * point).is_some());
};
