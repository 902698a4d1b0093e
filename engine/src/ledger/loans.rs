//! Who of several strategies was short for how long, between two charges for it: a charge comes
//! late, when somebody else may hold what was borrowed, or nobody.

use qt_types::{InstrumentId, Nanos};

use crate::stored;

/// Weights are brought below this many bits, so that an amount can be shared out by them.
const WEIGHT_BITS: u32 = 46;

/// Lots times time of each strategy in each instrument since the last charge.
#[derive(Clone, Debug, Default)]
pub(super) struct Loans {
    /// The time of what is booked now (UTC ns).
    now_ns: i64,
    /// Up to when it was collected (UTC ns), by instrument.
    until_ns: Vec<i64>,
    /// In lots x ns, by instrument, then strategy. Only times count in which the account as a
    /// whole was short.
    lot_ns: Vec<i128>,
}

stored!(Loans { state: now_ns, until_ns, lot_ns; });

impl Loans {
    pub(super) fn new(instruments: usize, strategies: usize) -> Self {
        let lot_ns = vec![0; instruments * strategies];
        Self { now_ns: i64::MIN, until_ns: vec![i64::MIN; instruments], lot_ns }
    }

    /// What is booked from now on happened at `now_ns`.
    pub(super) const fn set_time(&mut self, now_ns: Nanos) {
        self.now_ns = now_ns.get();
    }

    /// Collects for the time up to now, in which each strategy held what `lots` say.
    pub(super) fn collect(
        &mut self,
        instrument: InstrumentId,
        lots: impl Iterator<Item = i64> + Clone,
    ) {
        let Some(until_ns) = self.until_ns.get_mut(instrument.index()) else { return };
        let elapsed_ns = self.now_ns.saturating_sub(*until_ns).max(0);
        *until_ns = self.now_ns.max(*until_ns);
        if lots.clone().map(i128::from).sum::<i128>() >= 0 {
            return;
        }
        let count = self.lot_ns.len() / self.until_ns.len().max(1);
        let of = self.lot_ns.iter_mut().skip(instrument.index() * count).take(count);
        for (sum, lots) in of.zip(lots) {
            *sum = sum.saturating_add(i128::from(lots) * i128::from(elapsed_ns));
        }
    }

    /// What each strategy has to bear of a charge for `instrument`, in parts of their sum; all
    /// zero where nothing was collected. It begins anew.
    pub(super) fn take(&mut self, instrument: InstrumentId, weights: &mut [i128]) {
        let from = instrument.index() * weights.len();
        let Some(of) = self.lot_ns.get_mut(from..from + weights.len()) else { return };
        let most = of.iter().map(|sum| sum.unsigned_abs()).max().unwrap_or(0);
        let shift = (u128::BITS - most.leading_zeros()).saturating_sub(WEIGHT_BITS);
        for (weight, sum) in weights.iter_mut().zip(of) {
            *weight = std::mem::take(sum) >> shift;
        }
    }
}
