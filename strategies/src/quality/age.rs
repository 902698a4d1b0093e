//! How what a source says grows old.

use serde::Serialize;

use super::judge::Outcome;
use super::wilson::{Interval, wilson};

/// How many looks are taken at a claim: after each tenth of its horizon.
pub const AGES: usize = 10;

/// All claims at one age.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Age {
    /// The share of the horizon that is over.
    pub age: f64,
    /// How many had gone their way by then.
    pub hit_rate: Option<Interval>,
    /// What they had brought by then, in the mean.
    pub mean_return: Option<f64>,
    /// What they brought from then on, in the mean: what is left for one who comes that late.
    pub mean_left: Option<f64>,
}

pub(super) fn ages(outcomes: &[&Outcome]) -> Vec<Age> {
    let count = outcomes.len() as f64;
    let mean = |sum: f64| (!outcomes.is_empty()).then(|| sum / count);
    let of = |at: usize| {
        let hits = outcomes.iter().filter(|it| it.marks[at] > 0.0).count() as u64;
        let by_then: f64 = outcomes.iter().map(|it| it.marks[at]).sum();
        let left: f64 = outcomes.iter().map(|it| it.change() - it.marks[at]).sum();
        Age {
            age: (at + 1) as f64 / AGES as f64,
            hit_rate: wilson(hits, outcomes.len() as u64),
            mean_return: mean(by_then),
            mean_left: mean(left),
        }
    };
    (0..AGES).map(of).collect()
}
