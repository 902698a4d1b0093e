//! How much of a parent order is to be done by when: a share for each slice of its time.

use qt_types::Qty;

/// The most slices of a parent order.
pub const SLICES_MAX: usize = 64;

/// One billion: all of it.
pub(super) const WHOLE: u32 = 1_000_000_000;

/// Shares of the whole in billionths, as they are to be done by the end of each slice: never
/// falling, the last one all of it. Made once at the start of a parent order; what is done with
/// it then are integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Curve {
    pub(super) done_e9: [u32; SLICES_MAX],
    pub(super) slices: usize,
}

impl Curve {
    /// The curve in which slice `n` of `slices` does `part(n)`; parts that are no numbers, or
    /// below zero, count as nothing. No parts at all, or sums beyond any number: equal parts.
    pub(super) fn of(slices: usize, part: impl Fn(usize) -> f64) -> Self {
        let slices = slices.clamp(1, SLICES_MAX);
        let sound = |at: usize| Some(part(at)).filter(|part| *part > 0.0).unwrap_or(0.0);
        let sum: f64 = (0..slices).map(sound).sum();
        let is_sound = sum > 0.0 && sum.is_finite();
        let mut done_e9 = [WHOLE; SLICES_MAX];
        let mut so_far = 0.0;
        for (at, done) in done_e9.iter_mut().enumerate().take(slices - 1) {
            so_far += if is_sound { sound(at) / sum } else { 1.0 / slices as f64 };
            *done = ((so_far * f64::from(WHOLE)) as u32).min(WHOLE);
        }
        Self { done_e9, slices }
    }

    /// How many slices there are.
    #[must_use]
    pub const fn slices(&self) -> usize {
        self.slices
    }

    /// How much of `whole` is to be done by the end of slice `at` (from 0), rounded down.
    #[must_use]
    pub fn part(&self, at: usize, whole: Qty) -> Qty {
        let done = self.done_e9.get(at.min(self.slices - 1)).copied().unwrap_or(WHOLE);
        let lots = i128::from(whole.lots()) * i128::from(done) / i128::from(WHOLE);
        i64::try_from(lots).map_or(whole, Qty::from_lots)
    }

    #[cfg(test)]
    pub(super) fn lots_by(&self, at: usize, whole: i64) -> i64 {
        self.part(at, Qty::from_lots(whole)).lots()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole() {
        let curve = Curve::of(4, |at| [1.0, 2.0, 3.0, 4.0][at]);
        let lots: Vec<i64> = (0..6).map(|at| curve.lots_by(at, 1_000)).collect();
        // 1/10, 3/10 and 6/10, rounded down.
        assert_eq!(lots, [100, 300, 600, 1_000, 1_000, 1_000]);
        assert_eq!(curve.lots_by(3, i64::MAX), i64::MAX);
    }

    #[test]
    fn what_is_no_share_is_none() {
        let curve = Curve::of(3, |at| [f64::NAN, -1.0, 5.0][at]);
        assert_eq!((curve.lots_by(0, 90), curve.lots_by(1, 90), curve.lots_by(2, 90)), (0, 0, 90));
        for bad in [0.0, f64::INFINITY, f64::NAN] {
            let curve = Curve::of(2, |_| bad);
            assert_eq!(curve.lots_by(0, 90), 45);
        }
        assert_eq!(Curve::of(0, |_| 1.0).slices(), 1);
        assert_eq!(Curve::of(1_000, |_| 1.0).slices(), SLICES_MAX);
    }
}
