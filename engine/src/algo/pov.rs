//! Percentage of volume: a share of what is traded while the order is in work.

use qt_types::Qty;

use super::{Algo, Plan};

impl Algo {
    /// `share_bps` basis points of the volume that is traded from the start on. What was missed
    /// is made up for with at most `child_max` lots at a time.
    #[must_use]
    pub const fn pov(share_bps: u32, child_max: Qty) -> Self {
        Self { name: "pov", plan: Plan::Share { share_bps, child_max } }
    }
}

/// Lots that are to be done once `volume` lots were traded.
pub(super) fn lots_of(volume: i64, share_bps: u32) -> i64 {
    let lots = i128::from(volume.max(0)) * i128::from(share_bps) / 10_000;
    i64::try_from(lots).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down() {
        assert_eq!(lots_of(199, 500), 9);
        assert_eq!(lots_of(200, 500), 10);
        assert_eq!(lots_of(-5, 500), 0);
        assert_eq!(lots_of(i64::MAX, u32::MAX), i64::MAX);
    }
}
