//! Counting in time: rates, events within a window, the usual size. Time is the events'.

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use serde::{Deserialize, Serialize};

/// A rate with a burst, as one number: when the next message would be due if they came evenly.
/// Exact, and the same whatever the order of look-ups.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Rate {
    due_ns: i64,
}

impl Default for Rate {
    fn default() -> Self {
        Self { due_ns: i64::MIN }
    }
}

impl Rate {
    /// How many messages would count at `now_ns` with one more, rounded up.
    #[inline]
    pub(crate) fn with_one(&self, now_ns: i64, gap_ns: i64) -> i64 {
        let ahead = self.due_ns.max(now_ns).saturating_sub(now_ns);
        if ahead == 0 {
            return 1;
        }
        // One message less than a whole gap ahead counts in full.
        (ahead.saturating_add(gap_ns - 1) / gap_ns).saturating_add(1)
    }

    /// How far ahead of `now_ns` the next message would be due.
    #[inline]
    pub(crate) fn ahead_ns(&self, now_ns: i64) -> i64 {
        self.due_ns.max(now_ns).saturating_sub(now_ns)
    }

    /// Counts one.
    #[inline]
    pub(crate) fn take(&mut self, now_ns: i64, gap_ns: i64) {
        self.due_ns = self.due_ns.max(now_ns).saturating_add(gap_ns);
    }
}

/// The gap between messages at `per_second`, rounded up to a nanosecond.
pub(crate) fn gap_ns(per_second: i128) -> i64 {
    let per_second = per_second.clamp(1, 1_000_000_000);
    let gap = (1_000_000_000 + per_second - 1) / per_second;
    i64::try_from(gap).unwrap_or(i64::MAX)
}

/// The times of the last events, as many as matter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    times: Vec<i64>,
    next: usize,
    len: usize,
}

/// What it holds, oldest first; where that lies makes no difference.
impl Stored for Recent {
    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.times.len());
        to.put(&self.len);
        (0..self.len).rev().for_each(|back| to.put(&self.back(back)));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the length of a window", &self.times.len())?;
        self.clear();
        for _ in 0..from.count(self.times.len())? {
            self.push(from.take()?);
        }
        Ok(())
    }
}

impl Recent {
    /// Room for the last `count`.
    pub(crate) fn new(count: usize) -> Self {
        Self { times: vec![0; count.max(1)], next: 0, len: 0 }
    }

    /// How many of them came within `window_ns` before `now_ns`; the exact edge is outside, so a
    /// window of zero holds none. Counts down from the newest: cheap while there are few.
    #[inline]
    pub(crate) fn within(&self, now_ns: i64, window_ns: i64) -> usize {
        if window_ns == 0 || self.len == 0 {
            return 0;
        }
        let inside = |back: usize| now_ns.saturating_sub(self.back(back)) < window_ns;
        // The times rise, so the oldest one that is inside is found by halving.
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = (low + high) / 2;
            if inside(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Whether more than `most` of them came within `window_ns` before `now_ns`; as
    /// [`Self::within`], with one look.
    #[inline]
    pub(crate) fn is_above(&self, now_ns: i64, window_ns: i64, most: i64) -> bool {
        if most < 0 {
            return true;
        }
        if window_ns == 0 || self.len as i64 <= most {
            return false;
        }
        now_ns.saturating_sub(self.back(most as usize)) < window_ns
    }

    /// The `back`-th newest time, below the number of times that are kept.
    #[inline]
    fn back(&self, back: usize) -> i64 {
        let at = self.next + self.times.len() - 1 - back;
        self.times[if at >= self.times.len() { at - self.times.len() } else { at }]
    }

    /// Counts one.
    #[inline]
    pub(crate) fn push(&mut self, now_ns: i64) {
        let room = self.times.len();
        self.times[self.next] = now_ns;
        self.next = if self.next + 1 == room { 0 } else { self.next + 1 };
        self.len = (self.len + 1).min(room);
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        (self.next, self.len) = (0, 0);
    }
}

/// Counts within windows that follow each other without overlap.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tumbling {
    start_ns: Option<i64>,
    /// Counted in this window.
    pub(crate) asked: i64,
    /// The same of what answers it.
    pub(crate) answered: i64,
}

impl Tumbling {
    /// Begins another window where this one is over; `true` then.
    #[inline]
    pub(crate) fn roll(&mut self, now_ns: i64, window_ns: i64) -> bool {
        let is_over = self.start_ns.is_none_or(|start| now_ns.saturating_sub(start) >= window_ns);
        if is_over {
            *self = Self { start_ns: Some(now_ns), asked: 0, answered: 0 };
        }
        is_over
    }

    /// Whether this window is over at `now_ns`.
    #[inline]
    pub(crate) fn is_over(&self, now_ns: i64, window_ns: i64) -> bool {
        self.start_ns.is_none_or(|start| now_ns.saturating_sub(start) >= window_ns)
    }
}

/// How many orders the usual size is the median of.
pub(crate) const USUAL_ORDERS: usize = 15;
/// From how many orders on there is a usual size.
pub(crate) const USUAL_ORDERS_MIN: usize = 5;

/// The median of the last amounts. It is worked out when somebody asks; what is certainly not
/// above it is known at once.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Usual {
    ring: [i128; USUAL_ORDERS],
    next: usize,
    len: usize,
    least: i128,
}

impl Usual {
    /// Whether what it holds lies where it can.
    pub(crate) const fn is_sound(&self) -> bool {
        self.next < USUAL_ORDERS && self.len <= USUAL_ORDERS
    }

    /// The (upper) median; `None` while there are too few.
    pub(crate) fn median(&self) -> Option<i128> {
        let mut sorted = self.ring;
        let amounts = &mut sorted[..self.len];
        amounts.sort_unstable();
        (self.len >= USUAL_ORDERS_MIN).then(|| amounts[self.len / 2])
    }

    /// The least of the amounts, which the median is not below; `None` while there are too few.
    #[inline]
    pub(crate) fn least(&self) -> Option<i128> {
        (self.len >= USUAL_ORDERS_MIN).then_some(self.least)
    }

    /// Takes in an amount, and forgets the oldest one where there is no room.
    #[inline]
    pub(crate) fn push(&mut self, amount: i128) {
        let lost = self.ring[self.next];
        self.ring[self.next] = amount;
        self.next = if self.next + 1 == USUAL_ORDERS { 0 } else { self.next + 1 };
        let was_full = self.len == USUAL_ORDERS;
        self.len += usize::from(!was_full);
        if self.len == 1 || amount <= self.least {
            self.least = amount;
        } else if was_full && lost == self.least {
            self.least = self.ring.iter().copied().fold(amount, i128::min);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_lets_a_burst_pass_and_then_one_per_gap() {
        let (mut rate, gap) = (Rate::default(), gap_ns(10));
        assert_eq!(gap, 100_000_000);
        for nth in 1..=3 {
            assert_eq!(rate.with_one(1_000, gap), nth);
            rate.take(1_000, gap);
        }
        assert_eq!(rate.with_one(1_000 + gap - 1, gap), 4, "not yet a whole gap later");
        assert_eq!(rate.with_one(1_000 + gap, gap), 3);
        assert_eq!(rate.with_one(1_000 + 10 * gap, gap), 1);
        assert_eq!(gap_ns(3), 333_333_334);
    }

    #[test]
    fn a_window_leaves_out_its_far_edge() {
        let mut recent = Recent::new(3);
        for time in [10, 20, 30, 40] {
            recent.push(time);
        }
        assert_eq!(recent.within(40, 10), 1);
        assert_eq!(recent.within(40, 11), 2);
        assert_eq!(recent.within(40, 1_000), 3, "older ones are forgotten");
        assert_eq!(recent.within(40, 0), 0);
    }

    #[test]
    fn the_usual_size_is_a_median_of_the_last_orders() {
        let mut usual = Usual::default();
        let mut all = Vec::new();
        for at in 0..200_i128 {
            let amount = at * 7_919 % 97;
            usual.push(amount);
            all.push(amount);
            let mut last: Vec<i128> = all.iter().rev().take(USUAL_ORDERS).copied().collect();
            last.sort_unstable();
            let want = (last.len() >= USUAL_ORDERS_MIN).then(|| last[last.len() / 2]);
            assert_eq!(usual.median(), want);
            assert_eq!(usual.least(), want.map(|_| last[0]));
        }
    }
}
