//! Implementation shortfall: fast at first where waiting is a risk, even where it is not. The
//! trajectory that minimises cost plus aversion times its variance (R. Almgren and N. Chriss,
//! Optimal execution of portfolio transactions, 2000), in discrete time.
//!
//! What is left after slice j of n, as a share of the whole, is sinh(k (n - j)) / sinh(k n) with
//! 2 cosh(k) = 2 + aversion x volatility^2 / impact (times and variances of one slice). No sinh
//! is needed for it: s(j + 1) = 2 cosh(k) s(j) - s(j - 1) from s(0) = 0 and s(1) = 1 on gives the
//! same shares by sums and products alone, which every machine computes alike.

use super::{Algo, Curve, Plan, SLICES_MAX};

/// Beyond this nearly all of it goes with the first slice, and products stay in range.
const URGENCY_MAX: f64 = 1e4;

impl Algo {
    /// `slices` slices (at most [`super::SLICES_MAX`]) for an aversion to risk of `aversion`
    /// (per unit of money), a `volatility` of the price in units of money over one slice, and an
    /// `impact` on it in units of money for a unit traded in a slice. No aversion: equal parts.
    #[must_use]
    pub fn shortfall(slices: usize, aversion: f64, volatility: f64, impact: f64) -> Self {
        let urgency = aversion * volatility * volatility / impact;
        // Not a number, or below zero: none.
        let urgency = if urgency > 0.0 { urgency.min(URGENCY_MAX) } else { 0.0 };
        Self { name: "is", plan: Plan::Schedule(trajectory(slices, urgency)) }
    }
}

fn trajectory(slices: usize, urgency: f64) -> Curve {
    let slices = slices.clamp(1, SLICES_MAX);
    let mut sinh = [0.0_f64; SLICES_MAX + 1];
    sinh[1] = 1.0;
    for at in 1..slices {
        sinh[at + 1] = (2.0 + urgency) * sinh[at] - sinh[at - 1];
    }
    // What slice `at` does: what is left before it less what is left after it.
    Curve::of(slices, |at| sinh[slices - at] - sinh[slices - at - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lots(algo: Algo, slices: usize, qty: i64) -> Vec<i64> {
        let Plan::Schedule(curve) = algo.plan else { panic!("a schedule") };
        (0..slices).map(|at| curve.lots_by(at, qty)).collect()
    }

    #[test]
    fn without_aversion_parts_are_equal() {
        for aversion in [0.0, -1.0, f64::NAN] {
            assert_eq!(lots(Algo::shortfall(4, aversion, 1.0, 1.0), 4, 100), [25, 50, 75, 100]);
        }
        assert_eq!(lots(Algo::shortfall(4, 1.0, 1.0, -1.0), 4, 100), [25, 50, 75, 100]);
    }

    #[test]
    fn the_trajectory_is_that_of_the_formula() {
        // aversion 0.5 x volatility 1^2 / impact 1: 2 cosh(k) = 2.5, so e^k = 2. Of n = 3:
        // sinh(3k) = (8 - 1/8) / 2, sinh(2k) = (4 - 1/4) / 2, sinh(k) = (2 - 1/2) / 2. Left:
        // 3.75 / 7.875 = 0.47619, 1.5 / 7.875 = 0.190476, 0.
        assert_eq!(lots(Algo::shortfall(3, 0.5, 1.0, 1.0), 3, 1_000), [523, 809, 1_000]);
    }

    #[test]
    fn the_more_averse_the_faster() {
        let mut before = 0;
        for aversion in [0.0, 0.1, 1.0, 10.0, 1e3, f64::INFINITY] {
            let first = lots(Algo::shortfall(64, aversion, 1.0, 1.0), 64, 1_000_000)[0];
            assert!(first >= before, "{aversion}");
            before = first;
        }
        assert!(before > 999_000);
    }
}
