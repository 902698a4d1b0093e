//! How long commands and reports are under way.

use std::fmt;

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a command asks for: venues answer them at different speeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new order.
    New,
    /// A change of price or quantity.
    Replace,
    /// The end of an order.
    Cancel,
}

/// Latencies of one direction, in ns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LatencyModel {
    /// Always the same, by action.
    Constant {
        /// For new orders.
        new_ns: i64,
        /// For changes.
        replace_ns: i64,
        /// For cancels.
        cancel_ns: i64,
    },
    /// Measured ones: between two of them interpolated, before the first and after the last one
    /// theirs. Pairs of time (UTC ns, ascending) and latency.
    Recorded(Vec<(i64, i64)>),
    /// Measured ones, one of them at random each time: the same seed gives the same latencies.
    Sampled {
        /// All that were measured.
        latencies: Vec<i64>,
        /// Seed of the random numbers.
        seed: u64,
    },
    /// A base with something added at random: the same seed gives the same latencies.
    Jittered {
        /// The shortest.
        base_ns: i64,
        /// At most this much more, evenly distributed.
        spread_ns: i64,
        /// Seed of the random numbers.
        seed: u64,
    },
}

impl LatencyModel {
    /// The same `ns` for everything.
    #[must_use]
    pub const fn constant(ns: i64) -> Self {
        Self::Constant { new_ns: ns, replace_ns: ns, cancel_ns: ns }
    }

    /// The shortest latency that can come out: how far the two sides of a simulation may run
    /// apart.
    #[must_use]
    pub fn shortest_ns(&self) -> i64 {
        match self {
            Self::Constant { new_ns, replace_ns, cancel_ns } => {
                (*new_ns).min(*replace_ns).min(*cancel_ns)
            }
            Self::Recorded(points) => points.iter().map(|&(_, ns)| ns).min().unwrap_or(0),
            Self::Sampled { latencies, .. } => latencies.iter().copied().min().unwrap_or(0),
            Self::Jittered { base_ns, .. } => *base_ns,
        }
    }

    /// The same with `change` made to every latency that can come out.
    #[must_use]
    pub fn mapped(&self, change: impl Fn(i64) -> i64) -> Self {
        match self {
            Self::Constant { new_ns, replace_ns, cancel_ns } => Self::Constant {
                new_ns: change(*new_ns),
                replace_ns: change(*replace_ns),
                cancel_ns: change(*cancel_ns),
            },
            Self::Recorded(points) => {
                Self::Recorded(points.iter().map(|&(at_ns, ns)| (at_ns, change(ns))).collect())
            }
            Self::Sampled { latencies, seed } => Self::Sampled {
                latencies: latencies.iter().map(|&ns| change(ns)).collect(),
                seed: *seed,
            },
            Self::Jittered { base_ns, spread_ns, seed } => {
                let (least, most) = (change(*base_ns), change(base_ns.saturating_add(*spread_ns)));
                Self::Jittered { base_ns: least, spread_ns: (most - least).max(0), seed: *seed }
            }
        }
    }
}

impl fmt::Display for LatencyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ns: i64| qt_types::format_scaled(i128::from(ns), 6);
        match self {
            Self::Constant { new_ns, replace_ns, cancel_ns } => {
                if new_ns == replace_ns && new_ns == cancel_ns {
                    return write!(f, "{} ms", ms(*new_ns));
                }
                let (new, replace, cancel) = (ms(*new_ns), ms(*replace_ns), ms(*cancel_ns));
                write!(f, "{new} ms new, {replace} ms replace, {cancel} ms cancel")
            }
            Self::Recorded(points) => {
                let all = || points.iter().map(|&(_, ns)| ns);
                let (least, most) = (all().min().unwrap_or(0), all().max().unwrap_or(0));
                write!(f, "measured, {} to {} ms", ms(least), ms(most))
            }
            Self::Sampled { latencies, .. } => {
                let most = latencies.iter().copied().max().unwrap_or(0);
                let (least, most) = (ms(self.shortest_ns()), ms(most));
                write!(f, "measured, {least} to {most} ms by chance")
            }
            Self::Jittered { base_ns, spread_ns, .. } => {
                let most_ns = base_ns.saturating_add(*spread_ns);
                write!(f, "{} to {} ms by chance", ms(*base_ns), ms(most_ns))
            }
        }
    }
}

/// A model at work: it keeps its place in a recording and its random numbers.
#[derive(Clone, Debug)]
pub struct Latency {
    model: LatencyModel,
    at: usize,
    random: ChaCha8Rng,
    last_ns: i64,
}

impl Stored for Latency {
    fn save(&self, to: &mut Writer<'_>) {
        to.put(&(self.at, self.random.get_word_pos(), self.last_ns));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let (at, word, last_ns) = from.take()?;
        (self.at, self.last_ns) = (at, last_ns);
        self.random.set_word_pos(word);
        Ok(())
    }
}

impl Latency {
    /// `model` from the start.
    #[must_use]
    pub fn new(model: LatencyModel) -> Self {
        let seed = match model {
            LatencyModel::Jittered { seed, .. } | LatencyModel::Sampled { seed, .. } => seed,
            LatencyModel::Constant { .. } | LatencyModel::Recorded(_) => 0,
        };
        Self { model, at: 0, random: ChaCha8Rng::seed_from_u64(seed), last_ns: i64::MIN }
    }

    /// When what is sent at `now_ns` arrives (UTC ns). Times must not go back. Nothing overtakes
    /// what was sent before it: one connection keeps its order.
    #[inline]
    pub fn arrival_ns(&mut self, action: Action, now_ns: i64) -> i64 {
        let latency_ns = self.draw_ns(action, now_ns);
        self.last_ns = self.last_ns.max(now_ns.saturating_add(latency_ns));
        self.last_ns
    }

    /// How long what is sent at `now_ns` takes, whatever was sent before it. Times must not go
    /// back.
    #[inline]
    pub fn draw_ns(&mut self, action: Action, now_ns: i64) -> i64 {
        let latency_ns = match &self.model {
            LatencyModel::Constant { new_ns, replace_ns, cancel_ns } => match action {
                Action::New => *new_ns,
                Action::Replace => *replace_ns,
                Action::Cancel => *cancel_ns,
            },
            LatencyModel::Recorded(_)
            | LatencyModel::Sampled { .. }
            | LatencyModel::Jittered { .. } => self.varying_ns(now_ns),
        };
        latency_ns.max(0)
    }

    /// The latency of what is sent at `now_ns`, where it is not constant.
    #[inline(never)]
    fn varying_ns(&mut self, now_ns: i64) -> i64 {
        match &self.model {
            LatencyModel::Constant { new_ns, .. } => *new_ns,
            LatencyModel::Recorded(points) => {
                while points.get(self.at).is_some_and(|&(time_ns, _)| time_ns <= now_ns) {
                    self.at += 1;
                }
                interpolated(points, self.at, now_ns)
            }
            LatencyModel::Sampled { latencies, .. } => match latencies.len() {
                0 => 0,
                count => latencies[self.random.random_range(0..count)],
            },
            LatencyModel::Jittered { base_ns, spread_ns, .. } => {
                base_ns.saturating_add(self.random.random_range(0..=(*spread_ns).max(0)))
            }
        }
    }
}

/// The latency at `now_ns` between the points before and at `next`.
fn interpolated(points: &[(i64, i64)], next: usize, now_ns: i64) -> i64 {
    let before = next.checked_sub(1).and_then(|at| points.get(at));
    match (before, points.get(next)) {
        (Some(&(t0, l0)), Some(&(t1, l1))) => {
            let (along, whole) =
                (i128::from(now_ns) - i128::from(t0), (i128::from(t1) - i128::from(t0)).max(1));
            let ns = i128::from(l0) + (i128::from(l1) - i128::from(l0)) * along / whole;
            i64::try_from(ns).unwrap_or(l0)
        }
        (Some(&(_, ns)), None) | (None, Some(&(_, ns))) => ns,
        (None, None) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_has_its_own_constant() {
        let model = LatencyModel::Constant { new_ns: 5, replace_ns: 7, cancel_ns: 3 };
        assert_eq!(model.shortest_ns(), 3);
        let mut latency = Latency::new(model);
        assert_eq!(latency.arrival_ns(Action::New, 100), 105);
        assert_eq!(latency.arrival_ns(Action::Replace, 100), 107);
        assert_eq!(latency.arrival_ns(Action::Cancel, 100), 107, "it cannot overtake");
        assert_eq!(latency.arrival_ns(Action::Cancel, 200), 203);
    }

    #[test]
    fn recorded_latencies_are_interpolated() {
        let points = vec![(100, 10), (200, 30), (300, 30)];
        let mut latency = Latency::new(LatencyModel::Recorded(points));
        let mut at = |now_ns| latency.arrival_ns(Action::New, now_ns) - now_ns;
        assert_eq!([at(50), at(100), at(150), at(250), at(900)], [10, 10, 20, 30, 30]);
    }

    #[test]
    fn a_change_is_made_to_all_that_can_come_out() {
        let twice = |model: LatencyModel| model.mapped(|ns| ns * 2);
        let by_action = LatencyModel::Constant { new_ns: 5, replace_ns: 7, cancel_ns: 3 };
        let doubled = LatencyModel::Constant { new_ns: 10, replace_ns: 14, cancel_ns: 6 };
        assert_eq!(twice(by_action), doubled);
        let measured = |ns| LatencyModel::Recorded(vec![(100, ns), (200, 3 * ns)]);
        assert_eq!(twice(measured(10)), measured(20));
        let jitter = |base_ns, spread_ns| LatencyModel::Jittered { base_ns, spread_ns, seed: 1 };
        assert_eq!(twice(jitter(5, 2)), jitter(10, 4));
        assert_eq!(jitter(5, 20).mapped(|ns| ns.max(10)), jitter(10, 15));
    }

    #[test]
    fn latencies_in_words() {
        let ms = 1_000_000;
        assert_eq!(LatencyModel::constant(5 * ms).to_string(), "5 ms");
        let by_action = LatencyModel::Constant { new_ns: 5 * ms, replace_ns: ms, cancel_ns: 500 };
        assert_eq!(by_action.to_string(), "5 ms new, 1 ms replace, 0.0005 ms cancel");
        let jitter = LatencyModel::Jittered { base_ns: 5 * ms, spread_ns: 2 * ms, seed: 1 };
        assert_eq!(jitter.to_string(), "5 to 7 ms by chance");
        let measured = LatencyModel::Recorded(vec![(1, 3 * ms), (2, ms)]);
        assert_eq!(measured.to_string(), "measured, 1 to 3 ms");
    }

    #[test]
    fn jitter_is_the_same_for_the_same_seed() {
        let run = |seed| -> Vec<i64> {
            let model = LatencyModel::Jittered { base_ns: 100, spread_ns: 50, seed };
            let mut latency = Latency::new(model);
            (0..100).map(|at| latency.arrival_ns(Action::New, at * 1_000) - at * 1_000).collect()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert!(run(3).iter().all(|ns| (100..=150).contains(ns)));
    }
}
