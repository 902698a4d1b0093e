//! Sums that do not drift: the part a plain addition rounds away is kept beside the total.

use qt_engine::values;
use serde::{Deserialize, Serialize};

/// A running total held as an unevaluated pair, `high + low`.
///
/// Every addition stores what rounding took from `high` in `low`, so values may be added and
/// taken away millions of times without the residue that a plain `sum += new - old` collects.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sum {
    high: f64,
    low: f64,
}

values!(Sum);

impl Sum {
    /// The empty sum.
    pub(crate) const ZERO: Self = Self { high: 0.0, low: 0.0 };

    /// Adds one value; a value is taken away by adding its negative.
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        let (total, error) = exact_sum(self.high, value);
        self.high = total;
        self.low += error;
    }

    /// Adds the product `left * right` without rounding the product first.
    #[inline]
    pub(crate) fn add_product(&mut self, left: f64, right: f64) {
        let (product, error) = exact_product(left, right);
        self.add(product);
        self.low += error;
    }

    /// Adds another sum.
    #[inline]
    pub(crate) fn add_sum(&mut self, other: Self) {
        self.add(other.high);
        self.low += other.low;
    }

    /// Moves as much of `low` into `high` as fits, which bounds the size of `low`.
    #[inline]
    pub(crate) fn settle(&mut self) {
        let (total, error) = exact_sum(self.high, self.low);
        self.high = total;
        self.low = error;
    }

    /// This sum times `factor`.
    #[inline]
    pub(crate) fn scaled(self, factor: f64) -> Self {
        let (high, error) = exact_product(self.high, factor);
        Self { high, low: self.low * factor + error }
    }

    /// This sum times itself.
    #[inline]
    pub(crate) fn squared(self) -> Self {
        let (high, error) = exact_product(self.high, self.high);
        Self { high, low: error + 2.0 * self.high * self.low + self.low * self.low }
    }

    /// This sum with the other sign.
    #[inline]
    pub(crate) fn negated(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }

    /// The total, rounded once.
    #[inline]
    pub(crate) fn value(self) -> f64 {
        self.high + self.low
    }
}

/// The rounded sum of two values and what the rounding took away (Knuth's two-sum).
#[inline]
fn exact_sum(left: f64, right: f64) -> (f64, f64) {
    let total = left + right;
    let right_part = total - left;
    let left_part = total - right_part;
    (total, (left - left_part) + (right - right_part))
}

/// The rounded product of two values and what the rounding took away (Dekker's product).
///
/// A fused multiply-add would be shorter, but on processors where it is not part of the compiled
/// instruction set it becomes a library call.
#[inline]
fn exact_product(left: f64, right: f64) -> (f64, f64) {
    let product = left * right;
    let (left_high, left_low) = halves(left);
    let (right_high, right_low) = halves(right);
    let rest = left_high * right_high - product;
    let error = ((rest + left_high * right_low) + left_low * right_high) + left_low * right_low;
    (product, error)
}

/// Splits a value into two parts of at most 26 significant bits each.
#[inline]
fn halves(value: f64) -> (f64, f64) {
    const SPLITTER: f64 = 134_217_729.0;
    let shifted = SPLITTER * value;
    let high = shifted - (shifted - value);
    (high, value - high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_survive_a_large_guest() {
        let mut sum = Sum::ZERO;
        sum.add(0.1);
        sum.add(1e20);
        sum.add(-1e20);
        assert_eq!(sum.value(), 0.1);
    }

    #[test]
    fn products_are_exact() {
        let mut sum = Sum::ZERO;
        let value = 1.0 + f64::EPSILON;
        sum.add_product(value, value);
        sum.add(-1.0);
        sum.add(-2.0 * f64::EPSILON);
        assert_eq!(sum.value(), f64::EPSILON * f64::EPSILON);
    }

    #[test]
    fn scaling_and_squaring_keep_both_parts() {
        let (large, small) = (2_f64.powi(53), 0.25);
        let mut sum = Sum::ZERO;
        sum.add(large);
        sum.add(small);
        let mut three_times = sum.scaled(3.0);
        three_times.add(-3.0 * large);
        assert_eq!(three_times.value(), 3.0 * small);
        let mut square = sum.squared();
        square.add(-large * large);
        assert_eq!(square.value(), 2.0 * large * small);
        square.add_sum(square.negated());
        square.settle();
        assert_eq!(square.value(), 0.0);
    }
}
