//! Budgets in fixed windows, as venues advertise them: so much in each minute, counted anew when
//! the minute of the venue's clock begins.
//!
//! Our clock is not the venue's, and a request that leaves at the end of a minute may arrive in the
//! next one. So what is spent near a boundary counts on both sides of it.

use qt_types::Nanos;

/// One window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    length_ns: i64,
    /// How near to a boundary nobody knows on which side of it the venue counts.
    unsure_ns: i64,
    limit: u64,
    /// The number of the window since 1970.
    number: i64,
    spent: u64,
    /// Of that, what was spent so near to its end that it may count in the next one.
    spent_late: u64,
    /// What was spent in the window before.
    before: u64,
    blocked_until_ns: Nanos,
}

impl Window {
    /// `limit` in each `length_ns`; `unsure_ns` is how far both clocks and the way there may be
    /// apart.
    #[must_use]
    pub fn new(limit: u64, length_ns: i64, unsure_ns: i64) -> Self {
        let length_ns = length_ns.max(1);
        Self {
            length_ns,
            unsure_ns: unsure_ns.clamp(0, length_ns / 2),
            limit,
            number: i64::MIN,
            spent: 0,
            spent_late: 0,
            before: 0,
            blocked_until_ns: Nanos::MIN,
        }
    }

    /// How much there is in a window.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// How long it is (ns).
    #[must_use]
    pub const fn length_ns(&self) -> i64 {
        self.length_ns
    }

    /// The venue says how much there is.
    pub const fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// What has been spent of the window at `now_ns`.
    pub fn spent(&mut self, now_ns: Nanos) -> u64 {
        self.turn(now_ns);
        self.spent
    }

    /// Whether `cost` may be spent at `now_ns`; else when to ask again.
    ///
    /// # Errors
    /// When it may not: the time from which on it may be tried again.
    pub fn check(&mut self, cost: u64, now_ns: Nanos) -> Result<(), Nanos> {
        self.turn(now_ns);
        if now_ns < self.blocked_until_ns {
            return Err(self.blocked_until_ns);
        }
        let gone_ns = now_ns.get().rem_euclid(self.length_ns);
        let is_early = gone_ns < self.unsure_ns;
        // What leaves early may still be counted with the window before.
        if is_early && self.before.saturating_add(cost) > self.limit {
            return Err(now_ns.saturating_add_ns(self.unsure_ns - gone_ns));
        }
        if self.spent.saturating_add(cost) > self.limit {
            return Err(now_ns.saturating_add_ns(self.length_ns - gone_ns));
        }
        Ok(())
    }

    /// Spends `cost` at `now_ns`, whether there is room for it or not.
    pub fn spend(&mut self, cost: u64, now_ns: Nanos) {
        self.turn(now_ns);
        self.spent = self.spent.saturating_add(cost);
        let gone_ns = now_ns.get().rem_euclid(self.length_ns);
        if gone_ns >= self.length_ns - self.unsure_ns {
            self.spent_late = self.spent_late.saturating_add(cost);
        }
        if gone_ns < self.unsure_ns {
            self.before = self.before.saturating_add(cost);
        }
    }

    /// The venue says that `spent` is gone of its window: others may spend beside us.
    pub fn told(&mut self, spent: u64, now_ns: Nanos) {
        self.turn(now_ns);
        self.spent = self.spent.max(spent);
    }

    /// The venue wants nothing before `until_ns`.
    pub fn block(&mut self, until_ns: Nanos) {
        self.blocked_until_ns = self.blocked_until_ns.max(until_ns);
    }

    /// Until when the venue wants nothing.
    #[must_use]
    pub const fn blocked_until_ns(&self) -> Nanos {
        self.blocked_until_ns
    }

    /// Begins the window that `now_ns` is in.
    fn turn(&mut self, now_ns: Nanos) {
        let number = now_ns.get().div_euclid(self.length_ns);
        if number <= self.number {
            return;
        }
        let is_next = number - 1 == self.number;
        self.before = if is_next { self.spent } else { 0 };
        self.spent = if is_next { self.spent_late } else { 0 };
        self.spent_late = 0;
        self.number = number;
    }
}

/// Several windows that the same requests are counted in.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    windows: Vec<Window>,
}

impl Budget {
    /// The budget of all `windows`.
    #[must_use]
    pub const fn new(windows: Vec<Window>) -> Self {
        Self { windows }
    }

    /// The windows.
    #[must_use]
    pub fn windows(&mut self) -> &mut [Window] {
        &mut self.windows
    }

    /// Spends `cost` at `now_ns` if every window has room for it.
    ///
    /// # Errors
    /// When one has not: the time from which on it may be tried again.
    pub fn take(&mut self, cost: u64, now_ns: Nanos) -> Result<(), Nanos> {
        for window in &mut self.windows {
            window.check(cost, now_ns)?;
        }
        self.windows.iter_mut().for_each(|window| window.spend(cost, now_ns));
        Ok(())
    }

    /// The venue wants nothing before `until_ns`.
    pub fn block(&mut self, until_ns: Nanos) {
        self.windows.iter_mut().for_each(|window| window.block(until_ns));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const MINUTE_NS: i64 = 60_000_000_000;

    #[test]
    fn a_window_is_spent_and_begins_anew() {
        let at = |s: i64| Nanos::new(s * 1_000_000_000);
        let mut budget = Budget::new(vec![Window::new(100, MINUTE_NS, 2_000_000_000)]);
        assert_eq!(budget.take(60, at(10)), Ok(()));
        assert_eq!(budget.take(50, at(11)), Err(at(60)));
        assert_eq!(budget.take(40, at(59)), Ok(()));
        // The last 40 may have arrived in this minute, and what leaves now in the last one.
        assert_eq!(budget.take(1, at(60)), Err(at(62)));
        assert_eq!(budget.take(61, at(62)), Err(at(120)));
        assert_eq!(budget.take(60, at(62)), Ok(()));
        budget.block(at(200));
        assert_eq!(budget.take(1, at(130)), Err(at(200)));
        assert_eq!(budget.take(1, at(200)), Ok(()));
        budget.windows()[0].told(100, at(201));
        assert_eq!(budget.take(1, at(202)), Err(at(240)));
    }

    proptest! {
        /// Whatever is asked for when, and however far the venue's clock is off and the way there
        /// takes, within what is allowed for: the venue never counts more than the limit.
        #[test]
        fn the_venue_never_counts_too_much(
            offset in -1_000_i64..=1_000,
            asked in prop::collection::vec((0_i64..5_000, 0_i64..=1_000, 1_u64..60), 1..400),
        ) {
            let mut budget = Budget::new(vec![Window::new(100, MINUTE_NS, 2_000_000_000)]);
            let (mut now_ms, mut counted) = (7_i64, BTreeMap::<i64, u64>::new());
            for (pause, way, cost) in asked {
                now_ms += pause;
                let now_ns = Nanos::new(now_ms * 1_000_000);
                match budget.take(cost, now_ns) {
                    Ok(()) => {
                        let minute = (now_ms + offset + way).div_euclid(60_000);
                        *counted.entry(minute).or_default() += cost;
                    }
                    Err(until) => prop_assert!(until > now_ns),
                }
            }
            prop_assert!(counted.values().all(|sum| *sum <= 100), "{counted:?}");
        }
    }
}
