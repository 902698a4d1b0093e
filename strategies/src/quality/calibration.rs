//! What a source claims against what comes true.

use serde::Serialize;

use super::judge::Outcome;
use super::wilson::{Interval, wilson};

/// How many bins the confidence is cut into.
pub const BINS: usize = 10;

/// The outcomes whose confidence lies within a tenth: from `from` on, below `to` (of the last one
/// at it as well).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Its lower end.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
    /// How many.
    pub count: u64,
    /// Their mean confidence; `None` where there are none.
    pub confidence: Option<f64>,
    /// How often they came true.
    pub hit_rate: Option<Interval>,
}

/// Means of one bin, for sums.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mean {
    pub(super) count: f64,
    pub(super) confidence: f64,
    pub(super) hit_rate: f64,
}

/// All bins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bins {
    means: [Mean; BINS],
    hits: [u64; BINS],
    counts: [u64; BINS],
}

fn place(of: &Outcome) -> usize {
    ((u64::from(of.confidence_e9) * BINS as u64 / 1_000_000_000) as usize).min(BINS - 1)
}

impl Bins {
    pub(super) fn new(outcomes: &[&Outcome]) -> Self {
        let mut bins = Self::default();
        let mut confidences = [0_u64; BINS];
        for it in outcomes {
            let at = place(it);
            bins.counts[at] += 1;
            bins.hits[at] += u64::from(it.is_hit());
            confidences[at] += u64::from(it.confidence_e9);
        }
        for (at, mean) in bins.means.iter_mut().enumerate() {
            let count = bins.counts[at] as f64;
            if count > 0.0 {
                let confidence = confidences[at] as f64 * 1e-9 / count;
                *mean = Mean { count, confidence, hit_rate: bins.hits[at] as f64 / count };
            }
        }
        bins
    }

    pub(super) fn of(&self, outcome: &Outcome) -> Mean {
        self.means[place(outcome)]
    }

    pub(super) fn filled(&self) -> impl Iterator<Item = &Mean> {
        self.means.iter().filter(|mean| mean.count > 0.0)
    }

    pub(super) fn shown(&self) -> Vec<Bin> {
        let bin = |at: usize| Bin {
            from: at as f64 / BINS as f64,
            to: (at + 1) as f64 / BINS as f64,
            count: self.counts[at],
            confidence: (self.counts[at] > 0).then_some(self.means[at].confidence),
            hit_rate: wilson(self.hits[at], self.counts[at]),
        };
        (0..BINS).map(bin).collect()
    }
}
