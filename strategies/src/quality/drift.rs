//! Whether a source is still what it claims to be, and what it was at first.
//!
//! Two tests, each a CUSUM (Page 1954) of the logarithm of a likelihood ratio, as Steiner, Cook,
//! Farewell and Treasure (2000) have it for outcomes that each have a probability of their own:
//! that the odds of being right are those that are claimed, against that they are only the share
//! `odds_ratio` of them.

use qt_types::Nanos;
use serde::Serialize;

use super::judge::Outcome;

/// When a source counts as drifted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriftRule {
    /// The share of the claimed odds that is to be found out: between 0 and 1.
    pub odds_ratio: f64,
    /// From which sum on it counts. Of a source that is what it claims, at least e^limit outcomes
    /// pass until that happens by chance, in the mean (Lorden 1971).
    pub limit: f64,
    /// How many outcomes its own beginning is.
    pub first: usize,
}

impl Default for DriftRule {
    /// Half the odds; more than 1,000 outcomes until a false alarm; a beginning of 30.
    fn default() -> Self {
        Self { odds_ratio: 0.5, limit: 7.0, first: 30 }
    }
}

/// The state of one test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cusum {
    /// The sum now: never below zero.
    pub value: f64,
    /// The highest that it was.
    pub highest: f64,
    /// The one from which on it counts.
    pub limit: f64,
    /// The outcome that took it there, from 1; `None` while there was none.
    pub alarm: Option<u64>,
}

/// Both tests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// Hits against the confidence that was claimed.
    pub claimed: Cusum,
    /// Hits against the hit rate of the beginning; `None` until that is over.
    pub beginning: Option<Cusum>,
    /// When the outcome ended that set off the first alarm (UTC ns).
    #[serde(skip)]
    pub drifted_ns: Option<Nanos>,
}

impl Drift {
    /// Whether either test has found something.
    #[must_use]
    pub const fn is_found(&self) -> bool {
        self.drifted_ns.is_some()
    }

    /// Goes through `outcomes`, in the order in which they ended.
    pub(super) fn of(outcomes: &[&Outcome], rule: &DriftRule) -> Self {
        let mut claimed = Cusum::new(rule);
        for (number, it) in (1..).zip(outcomes) {
            claimed.take(number, it.confidence(), it.is_hit(), rule);
        }
        let (beginning, later) = outcomes.split_at(rule.first.min(outcomes.len()));
        let is_over = !later.is_empty() && !beginning.is_empty();
        let beginning = is_over.then(|| {
            let hits = beginning.iter().filter(|it| it.is_hit()).count();
            // One hit and one miss more, so that nobody is held to be always right.
            let rate = (hits + 1) as f64 / (beginning.len() + 2) as f64;
            let mut cusum = Cusum::new(rule);
            for (number, it) in (beginning.len() as u64 + 1..).zip(later) {
                cusum.take(number, rate, it.is_hit(), rule);
            }
            cusum
        });
        let alarms = [claimed.alarm, beginning.and_then(|it| it.alarm)];
        let first = alarms.into_iter().flatten().min();
        let at = first.and_then(|number| outcomes.get(number as usize - 1));
        Self { claimed, beginning, drifted_ns: at.map(|it| it.ended_ns) }
    }
}

impl Cusum {
    const fn new(rule: &DriftRule) -> Self {
        Self { value: 0.0, highest: 0.0, limit: rule.limit, alarm: None }
    }

    /// Takes in outcome `number`, that was to come true with `probability`.
    fn take(&mut self, number: u64, probability: f64, is_hit: bool, rule: &DriftRule) {
        self.value = (self.value + weight(probability, is_hit, rule.odds_ratio)).max(0.0);
        self.highest = self.highest.max(self.value);
        if self.value >= self.limit && self.alarm.is_none() {
            self.alarm = Some(number);
        }
    }
}

/// The logarithm of how much likelier what came is with the worse odds than with the claimed ones.
pub(super) fn weight(probability: f64, is_hit: bool, odds_ratio: f64) -> f64 {
    let all = 1.0 - probability + odds_ratio * probability;
    libm::log(if is_hit { odds_ratio / all } else { 1.0 / all })
}
