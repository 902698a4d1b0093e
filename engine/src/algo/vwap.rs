//! Volume-weighted average price: parts as large as the market's volume is expected to be.

use super::{Algo, Curve, Plan};

impl Algo {
    /// One slice for each of `volumes` (at most [`super::SLICES_MAX`]), and as much in it as it
    /// has of their sum. What counts is their proportion: a day's curve, or what was traded
    /// lately.
    #[must_use]
    pub fn vwap(volumes: &[u64]) -> Self {
        let volume = |at: usize| volumes.get(at).copied().unwrap_or(0) as f64;
        Self { name: "vwap", plan: Plan::Schedule(Curve::of(volumes.len(), volume)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_the_volumes() {
        // 50 + 10 + 40 of a hundred.
        let Plan::Schedule(curve) = Algo::vwap(&[500, 100, 400]).plan else { panic!("a schedule") };
        let lots: Vec<i64> = (0..3).map(|at| curve.lots_by(at, 200)).collect();
        assert_eq!(lots, [100, 120, 200]);
    }
}
