//! How long something took: a distribution in memory that does not grow with the number of
//! values.

use hdrhistogram::Histogram;

/// Values are exact to two digits, the largest and the smallest to the last: a third digit would
/// cost ten times the memory in every run of a sweep.
const DIGITS: u8 = 2;
/// Larger values count as this one: more than a year in ns.
const VALUE_MAX: u64 = 1 << 55;

/// Whole numbers from zero on, such as lengths of time in ns; below zero counts as zero.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Made with the first value where it was not made before.
    histogram: Option<Box<Histogram<u32>>>,
    /// The last value, and how often it came in a row and is not counted below yet: constant
    /// latencies are counted once.
    last: u64,
    waiting: u32,
    count: u64,
    least: u64,
    most: u64,
    sum: u128,
    zeros: u64,
}

impl Times {
    /// Without values, with the memory for all that will come.
    #[must_use]
    pub fn ready() -> Self {
        Self { histogram: histogram(), ..Self::default() }
    }

    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: i64) {
        let value = u64::try_from(value).unwrap_or(0);
        if value != self.last || self.waiting == u32::MAX {
            self.settle();
            self.last = value;
        }
        self.waiting += 1;
    }

    /// Counts what is waiting.
    #[inline(never)]
    fn settle(&mut self) {
        if self.waiting == 0 {
            return;
        }
        let (value, times) = (self.last, u64::from(self.waiting));
        self.least = if self.count == 0 { value } else { self.least.min(value) };
        self.most = self.most.max(value);
        self.count += times;
        // 64 and 32 bits.
        self.sum += u128::from(value) * u128::from(times);
        self.zeros += if value == 0 { times } else { 0 };
        if self.histogram.is_none() {
            self.histogram = histogram();
        }
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record_n(value, self.waiting);
        }
        self.waiting = 0;
    }

    /// The same with nothing waiting.
    fn settled(&self) -> Self {
        let mut whole = self.clone();
        whole.settle();
        whole
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count + u64::from(self.waiting)
    }

    /// The value that a share of `q` (0 to 1) does not exceed; `None` without values.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let whole = self.settled();
        let histogram = whole.histogram.filter(|_| whole.count > 0)?;
        Some(histogram.value_at_quantile(q).clamp(whole.least, whole.most))
    }

    /// The largest value.
    #[must_use]
    pub fn most(&self) -> Option<u64> {
        let whole = if self.waiting > 0 { self.most.max(self.last) } else { self.most };
        (self.count() > 0).then_some(whole)
    }

    /// The mean value.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let sum = self.sum + u128::from(self.last) * u128::from(self.waiting);
        (self.count() > 0).then(|| sum as f64 / self.count() as f64)
    }

    /// The share of zeros.
    #[must_use]
    pub fn zeros(&self) -> Option<f64> {
        let zeros = self.zeros + if self.last == 0 { u64::from(self.waiting) } else { 0 };
        (self.count() > 0).then(|| zeros as f64 / self.count() as f64)
    }
}

/// The bounds are constants that go together: there always is one.
fn histogram() -> Option<Box<Histogram<u32>>> {
    Histogram::new_with_bounds(1, VALUE_MAX, DIGITS).ok().map(Box::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_a_share_does_not_exceed() {
        let mut times = Times::default();
        assert_eq!((times.quantile(0.5), times.most(), times.mean()), (None, None, None));
        (1..=100).for_each(|at| times.add(at));
        let of = |q: f64| times.quantile(q).unwrap();
        assert_eq!([of(0.5), of(0.9), of(0.99), of(1.0)], [50, 90, 99, 100]);
        assert_eq!((times.count(), times.mean(), times.zeros()), (100, Some(50.5), Some(0.0)));
        // A run of equal values counts as often as it is long.
        let mut runs = Times::default();
        [7, 7, 7, 9, 7, 9, 9].into_iter().for_each(|value| runs.add(value));
        assert_eq!((runs.quantile(0.5), runs.quantile(0.6), runs.count()), (Some(7), Some(9), 7));
        times.add(-5);
        assert_eq!((times.count(), times.quantile(0.0)), (101, Some(0)));
        // Two digits of a large number, and the largest one exactly.
        times.add(1_234_567_891);
        assert_eq!(times.quantile(1.0), Some(1_234_567_891));
    }
}
