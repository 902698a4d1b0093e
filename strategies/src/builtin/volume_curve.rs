//! The volume that is expected of the parts of a time to come, learned from what was traded before
//! it and from nothing else.

use qt_engine::{stored, values};
use qt_types::Nanos;
use serde::{Deserialize, Serialize};

const MINUTE_NS: i64 = 60_000_000_000;
const MINUTES_OF_DAY: usize = 1_440;
const DAY_NS: i64 = MINUTE_NS * MINUTES_OF_DAY as i64;

/// What of the past counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Past {
    /// What was traded since listening began, part by part.
    Lately,
    /// What was traded at the same times of day (UTC) on the days before.
    Days,
}

values!(Past);

/// A learner of volume curves.
#[derive(Clone, Debug)]
pub(super) struct VolumeCurve {
    past: Past,
    /// How long it listens (ns).
    learn_ns: i64,
    /// When it began (UTC ns).
    start_ns: Option<Nanos>,
    /// Lots by part of that time, or by minute of the day.
    lots: Vec<u64>,
}

stored!(VolumeCurve {
    state: start_ns;
    each: lots;
    same: past, learn_ns;
});

impl VolumeCurve {
    /// One that listens for `learn_ns` and then tells of `parts` parts.
    pub(super) fn new(past: Past, learn_ns: i64, parts: usize) -> Self {
        let buckets = match past {
            Past::Lately => parts,
            Past::Days => MINUTES_OF_DAY,
        };
        Self { past, learn_ns: learn_ns.max(1), start_ns: None, lots: vec![0; buckets] }
    }

    /// The market is there at `now_ns`. Whether enough was heard.
    pub(super) fn is_ready(&mut self, now_ns: Nanos) -> bool {
        let start_ns = *self.start_ns.get_or_insert(now_ns);
        now_ns.get().saturating_sub(start_ns.get()) >= self.learn_ns
    }

    /// `lots` were traded, as we hear at `now_ns`.
    pub(super) fn add(&mut self, now_ns: Nanos, lots: i64) {
        if self.is_ready(now_ns) && self.past == Past::Lately {
            return;
        }
        let Some(start_ns) = self.start_ns else { return };
        let passed_ns = now_ns.get().saturating_sub(start_ns.get());
        let bucket = match self.past {
            Past::Lately => {
                let at = i128::from(passed_ns) * self.lots.len() as i128;
                usize::try_from(at / i128::from(self.learn_ns)).unwrap_or(0)
            }
            Past::Days => minute_of(now_ns.get()),
        };
        if let Some(sum) = self.lots.get_mut(bucket) {
            *sum = sum.saturating_add(u64::try_from(lots).unwrap_or(0));
        }
    }

    /// What is expected of each of `parts` equal parts of the `duration_ns` from `now_ns` on. Only
    /// the proportions count.
    pub(super) fn volumes(&self, now_ns: Nanos, duration_ns: i64, parts: usize) -> Vec<u64> {
        match self.past {
            Past::Lately => self.lots.clone(),
            Past::Days => {
                let step = i128::from(duration_ns);
                let edge = |part: usize| (step * part as i128 / parts.max(1) as i128) as i64;
                let between = |part: usize| {
                    let from = now_ns.get().saturating_add(edge(part));
                    self.between(from, now_ns.get().saturating_add(edge(part + 1)))
                };
                (0..parts).map(between).collect()
            }
        }
    }

    /// What was traded at the times of day between two times, in thousandths of a lot; a minute
    /// that is in it in part counts in part.
    fn between(&self, from_ns: i64, to_ns: i64) -> u64 {
        let mut sum = 0_u128;
        // A stretch longer than a day has all of a day in it, again and again.
        let days = to_ns.saturating_sub(from_ns) / DAY_NS;
        let whole: u128 = self.lots.iter().map(|&lots| u128::from(lots)).sum();
        sum += whole * 1_000 * u128::try_from(days).unwrap_or(0);
        let mut at_ns = from_ns.saturating_add(days.saturating_mul(DAY_NS));
        while at_ns < to_ns {
            let end_ns = (at_ns.div_euclid(MINUTE_NS) + 1).saturating_mul(MINUTE_NS).min(to_ns);
            let lots = self.lots.get(minute_of(at_ns)).copied().unwrap_or(0);
            let part = u128::try_from(end_ns - at_ns).unwrap_or(0);
            sum += u128::from(lots) * 1_000 * part / MINUTE_NS as u128;
            at_ns = end_ns;
        }
        u64::try_from(sum).unwrap_or(u64::MAX)
    }
}

/// Which minute of its day (UTC) a time lies in.
fn minute_of(ns: i64) -> usize {
    usize::try_from(ns.rem_euclid(DAY_NS) / MINUTE_NS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ns: i64) -> Nanos {
        Nanos::new(ns)
    }

    #[test]
    fn what_was_traded_lately_keeps_its_shape() {
        let mut curve = VolumeCurve::new(Past::Lately, 400, 4);
        assert!(!curve.is_ready(at(1_000)));
        for (ns, lots) in [(1_000, 5), (1_099, 1), (1_100, 2), (1_399, 8)] {
            curve.add(at(ns), lots);
        }
        assert!(!curve.is_ready(at(1_399)) && curve.is_ready(at(1_400)));
        // What comes after the time it listens does not change what it tells.
        curve.add(at(1_400), 1_000);
        assert_eq!(curve.volumes(at(1_400), 9_999, 4), [6, 2, 0, 8]);
    }

    #[test]
    fn days_before_tell_of_the_same_times_of_day() {
        let mut curve = VolumeCurve::new(Past::Days, 2 * DAY_NS, 2);
        assert!(!curve.is_ready(at(0)));
        for day in 0..2 {
            // 30 lots in the first minute after noon, 10 in the second one, each day.
            curve.add(at(day * DAY_NS + 720 * MINUTE_NS), 30);
            curve.add(at(day * DAY_NS + 721 * MINUTE_NS + 1), 10);
        }
        let noon = at(2 * DAY_NS + 720 * MINUTE_NS);
        assert!(curve.is_ready(noon));
        assert_eq!(curve.volumes(noon, 2 * MINUTE_NS, 2), [60_000, 20_000]);
        // The second half of the first minute and the first half of the second one, and so on.
        let half = at(noon.get() + MINUTE_NS / 2);
        assert_eq!(curve.volumes(half, 2 * MINUTE_NS, 2), [40_000, 10_000]);
        // A whole day has it all, over its end as well.
        assert_eq!(curve.volumes(half, DAY_NS, 1), [80_000]);
    }
}
