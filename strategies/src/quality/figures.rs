//! What the outcomes of a source say together.

use serde::Serialize;

use super::age::{Age, ages};
use super::brier::Brier;
use super::calibration::{Bin, Bins};
use super::drift::{Drift, DriftRule};
use super::judge::{Ending, Outcome};
use super::wilson::{Interval, wilson};

/// How often claims ended by what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Endings {
    /// By their horizon.
    pub horizon: u64,
    /// By their stop.
    pub stop: u64,
    /// By their target.
    pub target: u64,
    /// Because their source took them back.
    pub taken_back: u64,
}

/// How good a source is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Claims that are over and could be judged.
    pub judged: u64,
    /// Those that came true: the price went their way.
    pub hits: u64,
    /// Their share; `None` where there are none, as of all that follow.
    pub hit_rate: Option<Interval>,
    /// The mean of what was claimed.
    pub mean_confidence: Option<f64>,
    /// The score, and what it is made of.
    pub brier: Option<Brier>,
    /// What a claim brought in the mean, over the price at which it was heard, before all costs.
    pub mean_return: Option<f64>,
    /// What all of them brought with one unit of money on each, before all costs.
    pub unit_profit: f64,
    /// The deepest fall of that from its height, in the order in which claims ended.
    pub unit_drawdown: f64,
    /// What ended them.
    pub endings: Endings,
    /// Confidence against what came true, by tenths of confidence.
    pub calibration: Vec<Bin>,
    /// What they had brought by each tenth of their horizon.
    pub by_age: Vec<Age>,
    /// Whether it is still what it was.
    pub drift: Drift,
}

impl Quality {
    /// That of the source with these outcomes, in any order.
    #[must_use]
    pub fn of(outcomes: &[Outcome], rule: &DriftRule) -> Self {
        let mut ordered: Vec<&Outcome> = outcomes.iter().collect();
        // Whatever differs decides: the figures do not depend on the order they came in.
        ordered.sort_by_key(|it| {
            let marks = it.marks.map(f64::to_bits);
            let price = (it.price, it.price_end, it.side.sign());
            (it.ended_ns, it.arrived_ns, it.confidence_e9, price, marks)
        });
        let all = ordered.as_slice();
        let (count, hits) = (all.len() as u64, all.iter().filter(|it| it.is_hit()).count() as u64);
        let mean = |sum: f64| (count > 0).then(|| sum / count as f64);
        let bins = Bins::new(all);
        let (unit_profit, unit_drawdown) = book(all);
        Self {
            judged: count,
            hits,
            hit_rate: wilson(hits, count),
            mean_confidence: mean(all.iter().map(|it| it.confidence()).sum()),
            brier: Brier::of(all, &bins),
            mean_return: mean(unit_profit),
            unit_profit,
            unit_drawdown,
            endings: endings(all),
            calibration: bins.shown(),
            by_age: ages(all),
            drift: Drift::of(all, rule),
        }
    }
}

/// The sum of what all brought, and its deepest fall.
fn book(outcomes: &[&Outcome]) -> (f64, f64) {
    let (mut sum, mut height, mut fall) = (0.0, 0.0_f64, 0.0_f64);
    for it in outcomes {
        sum += it.change();
        height = height.max(sum);
        fall = fall.max(height - sum);
    }
    (sum, fall)
}

fn endings(outcomes: &[&Outcome]) -> Endings {
    let mut endings = Endings::default();
    for it in outcomes {
        *match it.ending {
            Ending::Horizon => &mut endings.horizon,
            Ending::Stop => &mut endings.stop,
            Ending::Target => &mut endings.target,
            Ending::TakenBack => &mut endings.taken_back,
        } += 1;
    }
    endings
}
