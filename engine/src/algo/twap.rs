//! Time-weighted average price: equal parts in equal times.

use super::{Algo, Curve, Plan};

impl Algo {
    /// `slices` equal parts (at most [`super::SLICES_MAX`]).
    #[must_use]
    pub fn twap(slices: usize) -> Self {
        Self { name: "twap", plan: Plan::Schedule(Curve::of(slices, |_| 1.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_equal_within_a_lot() {
        let Plan::Schedule(curve) = Algo::twap(3).plan else { panic!("a schedule") };
        let lots: Vec<i64> = (0..3).map(|at| curve.lots_by(at, 10)).collect();
        assert_eq!(lots, [3, 6, 10]);
    }
}
