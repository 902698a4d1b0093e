//! The Brier score and what it is made of.

use serde::Serialize;

use super::calibration::Bins;
use super::judge::Outcome;

/// How far what was claimed lay from what came, in squares: 0 is perfect, 0.25 is what saying one
/// half always gets.
///
/// `score = reliability - resolution + uncertainty + within_bins`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Brier {
    /// The mean of (confidence - came true)².
    pub score: f64,
    /// How far confidence and hit rate lie apart within the bins: less is better.
    pub reliability: f64,
    /// How much the hit rates of the bins differ from that of all: more is better.
    pub resolution: f64,
    /// What the score would be of one who always says the hit rate of all: not the source's doing.
    pub uncertainty: f64,
    /// What is left because confidences within a bin differ (Stephenson and others 2008).
    pub within_bins: f64,
}

impl Brier {
    /// That of `outcomes`, whose bins are `bins`; `None` where there are none.
    pub(super) fn of(outcomes: &[&Outcome], bins: &Bins) -> Option<Self> {
        if outcomes.is_empty() {
            return None;
        }
        let all = outcomes.len() as f64;
        let came = |it: &Outcome| if it.is_hit() { 1.0 } else { 0.0 };
        let square = |it: &&Outcome| (it.confidence() - came(it)).powi(2);
        let rate = outcomes.iter().map(|it| came(it)).sum::<f64>() / all;
        let (mut reliability, mut resolution) = (0.0, 0.0);
        for bin in bins.filled() {
            reliability += bin.count * (bin.confidence - bin.hit_rate).powi(2);
            resolution += bin.count * (bin.hit_rate - rate).powi(2);
        }
        // The variance of the confidences within the bins, less twice their covariance with what
        // came.
        let mut within = 0.0;
        for it in outcomes {
            let bin = bins.of(it);
            let (off, off_came) = (it.confidence() - bin.confidence, came(it) - bin.hit_rate);
            within += off * off - 2.0 * off * off_came;
        }
        Some(Self {
            score: outcomes.iter().map(square).sum::<f64>() / all,
            reliability: reliability / all,
            resolution: resolution / all,
            uncertainty: rate * (1.0 - rate),
            within_bins: within / all,
        })
    }
}
