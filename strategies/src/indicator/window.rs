//! The last `n` values of a series, and sums over them, in constant time per value.

use qt_engine::stored;

use super::sum::Sum;

/// A ring of the last `len` values; it holds zeros until it is full.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    values: Box<[f64]>,
    next: usize,
    filled: usize,
}

stored!(Window {
    state: next, filled;
    each: values;
    sound: Window::is_sound;
});

impl Window {
    const fn is_sound(&self) -> bool {
        self.next < self.values.len() && self.filled <= self.values.len()
    }
}

impl Window {
    /// An empty ring for `len` values; all memory is taken here.
    pub(crate) fn new(len: usize) -> Self {
        Self { values: vec![0.0; len.max(1)].into_boxed_slice(), next: 0, filled: 0 }
    }

    /// Stores a value and returns the one that it replaces, 0 while the ring fills.
    #[inline]
    pub(crate) fn push(&mut self, value: f64) -> f64 {
        let old = std::mem::replace(&mut self.values[self.next], value);
        self.next = if self.next + 1 == self.values.len() { 0 } else { self.next + 1 };
        if self.filled < self.values.len() {
            self.filled += 1;
        }
        old
    }

    /// Whether `len` values have been stored.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.filled == self.values.len()
    }

    /// Whether the next value goes to the first slot: true once per `len` values.
    #[inline]
    pub(crate) fn at_start(&self) -> bool {
        self.next == 0
    }

    /// The stored values, in no particular order of age.
    #[inline]
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The number of values it holds when full.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

/// The sum of the last `n` values.
#[derive(Clone, Debug)]
pub(crate) struct RollingSum {
    window: Window,
    sum: Sum,
    nonzero: usize,
}

stored!(RollingSum {
    state: window, sum, nonzero;
    sound: RollingSum::is_sound;
});

impl RollingSum {
    fn is_sound(&self) -> bool {
        self.nonzero == self.window.values().iter().filter(|value| **value != 0.0).count()
    }
}

impl RollingSum {
    /// A sum over the last `len` values.
    pub(crate) fn new(len: usize) -> Self {
        Self { window: Window::new(len), sum: Sum::ZERO, nonzero: 0 }
    }

    /// Takes a value in, lets the oldest one go, and returns the sum once `len` values are in.
    #[inline]
    pub(crate) fn push(&mut self, value: f64) -> Option<f64> {
        let old = self.window.push(value);
        self.sum.add(value);
        self.sum.add(-old);
        self.nonzero += usize::from(value != 0.0);
        self.nonzero -= usize::from(old != 0.0);
        if self.nonzero == 0 {
            self.sum = Sum::ZERO;
        } else if self.window.at_start() {
            self.sum.settle();
        }
        self.window.is_full().then(|| self.sum.value())
    }

    /// The number of values in the sum.
    pub(crate) fn len(&self) -> usize {
        self.window.len()
    }
}

/// The plain and the weighted sum of the last `n` values, the weights being 0 for the oldest
/// value up to `n - 1` for the newest: what a weighted mean and a fitted line need.
#[derive(Clone, Debug)]
pub(crate) struct WeightedSum {
    window: Window,
    plain: Sum,
    weighted: Sum,
}

stored!(WeightedSum {
    state: window, plain, weighted;
});

impl WeightedSum {
    /// Sums over the last `len` values.
    pub(crate) fn new(len: usize) -> Self {
        Self { window: Window::new(len), plain: Sum::ZERO, weighted: Sum::ZERO }
    }

    /// Takes a value in and returns (plain, weighted) once `len` values are in.
    #[inline]
    pub(crate) fn push(&mut self, value: f64) -> Option<(Sum, Sum)> {
        let old = self.window.push(value);
        self.plain.add(-old);
        // Each value that stays grows one bar older and so loses one unit of weight.
        self.weighted.add_sum(self.plain.negated());
        self.weighted.add_product((self.window.len() - 1) as f64, value);
        self.plain.add(value);
        if self.window.at_start() {
            self.plain.settle();
            self.weighted.settle();
        }
        self.window.is_full().then_some((self.plain, self.weighted))
    }

    /// The number of values in the sums.
    pub(crate) fn len(&self) -> usize {
        self.window.len()
    }
}

/// Counts how many values in a row were equal, so that an unchanged window is known exactly.
#[derive(Clone, Debug, Default)]
pub(crate) struct EqualRun {
    last: f64,
    len: usize,
}

stored!(EqualRun {
    state: last, len;
});

impl EqualRun {
    /// Takes a value in and returns the length of the run that it ends.
    #[inline]
    pub(crate) fn push(&mut self, value: f64) -> usize {
        self.len = if value == self.last { self.len.saturating_add(1) } else { 1 };
        self.last = value;
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_returns_what_leaves() {
        let mut window = Window::new(2);
        assert_eq!(window.push(1.0), 0.0);
        assert!(!window.is_full());
        assert_eq!(window.push(2.0), 0.0);
        assert!(window.is_full() && window.at_start());
        assert_eq!(window.push(3.0), 1.0);
        assert_eq!(window.values(), [3.0, 2.0]);
    }

    #[test]
    fn rolling_sum_forgets_completely() {
        let mut sum = RollingSum::new(3);
        for value in [1e18, 0.1, 0.2] {
            sum.push(value);
        }
        let rest = sum.push(0.3).expect("three values are in");
        assert!((rest - 0.6).abs() < 1e-15, "{rest}");
        for _ in 0..3 {
            sum.push(0.0);
        }
        assert_eq!(sum.push(0.0), Some(0.0));
    }

    /// Whatever is in the window, the count is of it: bytes with another one are no such sum.
    #[test]
    fn a_sum_knows_how_many_of_its_values_are_something() {
        let mut sum = RollingSum::new(3);
        for value in [0.0, 1.0, -2.0, 0.0, 0.0, f64::NAN, 3.0, 0.0] {
            assert!(sum.is_sound());
            sum.push(value);
        }
        sum.nonzero -= 1;
        assert!(!sum.is_sound(), "the next values to leave would be one more than there are");
    }

    #[test]
    fn weighted_sum_gives_the_newest_value_the_largest_weight() {
        let mut sums = WeightedSum::new(3);
        assert!(sums.push(5.0).is_none());
        assert!(sums.push(7.0).is_none());
        let (plain, weighted) = sums.push(11.0).expect("three values are in");
        assert_eq!((plain.value(), weighted.value()), (23.0, 7.0 + 22.0));
        let (plain, weighted) = sums.push(2.0).expect("three values are in");
        assert_eq!((plain.value(), weighted.value()), (20.0, 11.0 + 4.0));
    }

    #[test]
    fn equal_run_counts_from_the_last_change() {
        let mut run = EqualRun::default();
        let lengths: Vec<usize> = [0.0, 1.0, 1.0, 1.0, 2.0].map(|value| run.push(value)).into();
        assert_eq!(lengths[1..], [1, 2, 3, 1]);
    }
}
