//! The equity of a run, close by close.

use qt_types::{Cash, Nanos};

use crate::spare::SpareList;

/// Equity samples in order of time. Eight bytes a sample while the equity stays within 9.2e9
/// currency units, sixteen from then on: a million closes should not cost a run its cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EquityCurve {
    times: SpareList<i64>,
    narrow: SpareList<i64>,
    wide: Vec<i128>,
}

impl EquityCurve {
    /// An empty curve with room for `samples_max` samples.
    #[must_use]
    pub fn with_capacity(samples_max: usize) -> Self {
        let list = || SpareList::with_capacity(samples_max);
        Self { times: list(), narrow: list(), wide: Vec::new() }
    }

    /// Adds a sample.
    #[inline]
    pub fn push(&mut self, time_ns: Nanos, equity: Cash) {
        self.times.push(time_ns.get());
        match i64::try_from(equity.nano()) {
            Ok(nano) if self.wide.is_empty() => self.narrow.push(nano),
            _ => self.push_wide(equity),
        }
    }

    #[cold]
    fn push_wide(&mut self, equity: Cash) {
        if self.wide.is_empty() {
            self.wide.reserve(self.times.capacity());
            self.wide.extend(self.narrow.iter().map(|&nano| i128::from(nano)));
        }
        self.wide.push(equity.nano());
    }

    /// Takes the last sample off.
    pub fn pop(&mut self) -> Option<(Nanos, Cash)> {
        let last = self.get(self.len().checked_sub(1)?);
        self.times.pop();
        if self.wide.is_empty() {
            self.narrow.pop().map(drop)
        } else {
            self.wide.pop().map(drop)
        };
        last
    }

    /// How many samples there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The time of sample `index` (UTC ns) and its equity.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(Nanos, Cash)> {
        Some((Nanos::new(*self.times.get(index)?), self.equity_at(index)?))
    }

    fn equity_at(&self, index: usize) -> Option<Cash> {
        let nano = if self.wide.is_empty() {
            self.narrow.get(index).map(|&nano| i128::from(nano))
        } else {
            self.wide.get(index).copied()
        };
        nano.map(Cash::from_nano)
    }

    /// The last sample's equity.
    #[must_use]
    #[inline]
    pub fn last(&self) -> Option<Cash> {
        self.equity_at(self.times.len().checked_sub(1)?)
    }

    /// All samples in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Nanos, Cash)> + Clone + '_ {
        (0..self.len()).map(|index| self.get(index).unwrap_or_default())
    }

    /// Calls `visit` with the equity of every sample, in nano-units. This is the fast way for
    /// figures that are ratios: no division brings it to currency units.
    #[inline]
    pub(crate) fn for_each_nano(&self, mut visit: impl FnMut(f64)) {
        if self.wide.is_empty() {
            self.narrow.iter().for_each(|&nano| visit(nano as f64));
        } else {
            self.wide.iter().for_each(|&nano| visit(nano as f64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_widens_without_losing_a_sample() {
        let mut curve = EquityCurve::with_capacity(4);
        let amounts: Vec<Cash> =
            ["1.5", "9000000000", "10000000000.000000001", "-2"].map(|a| a.parse().unwrap()).into();
        for (at, &amount) in amounts.iter().enumerate() {
            curve.push(Nanos::new(at as i64), amount);
            assert_eq!(curve.last(), Some(amount));
        }
        let back: Vec<Cash> = curve.iter().map(|(_, equity)| equity).collect();
        assert_eq!(back, amounts);
        let mut sum = 0.0;
        curve.for_each_nano(|nano| sum += nano);
        assert_eq!(sum, (1.5 + 9e9 + 1e10 - 2.0) * 1e9);
    }
}
