//! From single times to figures: quantiles, windows of a second, the time at which frame N is due.

use serde::Serialize;

/// How times are spread, in nanoseconds. A quantile is the smallest time that at least that share
/// of all times does not exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub n: usize,
    /// The shortest.
    pub min: u32,
    /// What half of them took at most.
    pub p50: u32,
    /// What nine of ten took at most.
    pub p90: u32,
    /// What 99 of a hundred took at most.
    pub p99: u32,
    /// What 999 of a thousand took at most.
    pub p999: u32,
    /// The longest.
    pub max: u32,
}

/// Windows of one second, of which none is left out of the figures of all frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Windows {
    /// How many there are.
    pub count: usize,
    /// The one with the least 99 % quantile.
    pub quietest: Spread,
    /// The one in the middle by that.
    pub median: Spread,
}

impl Spread {
    /// Of `times`, which it sorts.
    pub fn of(times: &mut [u32]) -> Self {
        times.sort_unstable();
        let at = |share: f64| {
            let rank = (share * times.len() as f64).ceil() as usize;
            times.get(rank.max(1) - 1).copied().unwrap_or_default()
        };
        Self {
            n: times.len(),
            min: at(0.0),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: times.last().copied().unwrap_or_default(),
        }
    }
}

impl Windows {
    /// Of `times` in their order, `frames` to a window; a rest that fills no window belongs to
    /// none. `None` when there is no whole window.
    pub fn of(times: &[u32], frames: usize) -> Option<Self> {
        let windows = times.chunks_exact(frames.max(1));
        let mut spreads: Vec<Spread> = windows.map(|one| Spread::of(&mut one.to_vec())).collect();
        spreads.sort_by_key(|spread| (spread.p99, spread.p50, spread.max));
        let quietest = *spreads.first()?;
        Some(Self { count: spreads.len(), quietest, median: *spreads.get(spreads.len() / 2)? })
    }
}

/// A schedule that never waits for what is late: frame N is due N intervals after the start,
/// whatever became of those before it.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    begin_ns: u64,
    per_second: u64,
}

impl Schedule {
    /// Frames at `per_second` from `begin_ns` on.
    pub const fn new(begin_ns: u64, per_second: u64) -> Self {
        Self { begin_ns, per_second }
    }

    /// When frame `number`, from 0, is due.
    #[inline]
    pub const fn due_ns(&self, number: u64) -> u64 {
        let (seconds, rest) = (number / self.per_second, number % self.per_second);
        self.begin_ns + 1_000_000_000 * seconds + 1_000_000_000 * rest / self.per_second
    }
}

/// A time as it is kept: longer ones than four seconds are cut.
#[inline]
pub fn short(ns: u64) -> u32 {
    u32::try_from(ns).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_smallest_time_that_covers_its_share() {
        let mut times: Vec<u32> = (1..=1_000).rev().collect();
        let spread = Spread::of(&mut times);
        let wanted =
            Spread { n: 1_000, min: 1, p50: 500, p90: 900, p99: 990, p999: 999, max: 1_000 };
        assert_eq!(spread, wanted);
        let one = Spread::of(&mut [7]);
        assert_eq!((one.min, one.p50, one.p999, one.max), (7, 7, 7, 7));
        assert_eq!(Spread::of(&mut []), Spread::default());
        let four = Spread::of(&mut [4, 1, 3, 2]);
        assert_eq!((four.p50, four.p90), (2, 4));
    }

    #[test]
    fn windows_are_ordered_by_their_slow_times_and_none_is_dropped() {
        let mut times = Vec::new();
        for slowest in [900, 100, 500, 700, 300] {
            times.extend([10, 20, slowest]);
        }
        times.push(1);
        let windows = Windows::of(&times, 3).unwrap();
        assert_eq!((windows.count, windows.quietest.max, windows.median.max), (5, 100, 500));
        assert_eq!(Windows::of(&times, 17), None);
    }

    #[test]
    fn a_schedule_does_not_drift() {
        let schedule = Schedule::new(50, 3);
        let due: Vec<u64> = (0..4).map(|number| schedule.due_ns(number)).collect();
        assert_eq!(due, [50, 333_333_383, 666_666_716, 1_000_000_050]);
        let day = 86_400 * 100_000;
        assert_eq!(Schedule::new(0, 100_000).due_ns(day), 86_400 * 1_000_000_000);
        assert_eq!((short(5), short(u64::MAX)), (5, u32::MAX));
    }
}
