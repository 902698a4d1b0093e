//! The times at which a strategy wants to be woken.

use qt_types::{Nanos, Timer};

use crate::stored;

/// Pending timers, the next one last. Memory is taken once; what does not fit is refused and
/// counted.
#[derive(Clone, Debug)]
pub struct Timers {
    pending: Vec<Timer>,
    timers_max: usize,
    refused: u64,
}

impl Timers {
    /// No timers, and room for `timers_max`.
    #[must_use]
    pub fn new(timers_max: usize) -> Self {
        Self { pending: Vec::with_capacity(timers_max), timers_max, refused: 0 }
    }

    /// Adds `timer`. Timers of one time come in the order of their tokens; the same one twice is
    /// one.
    pub(crate) fn set(&mut self, timer: Timer) {
        let at = self.pending.partition_point(|pending| *pending > timer);
        if self.pending.get(at) == Some(&timer) {
            return;
        }
        if self.pending.len() == self.timers_max {
            self.refused += 1;
            return;
        }
        self.pending.insert(at, timer);
    }

    /// When the next timer is due (UTC ns).
    #[must_use]
    #[inline]
    pub fn next_ns(&self) -> Option<Nanos> {
        self.pending.last().map(|timer| timer.due_ns)
    }

    /// Whether none is pending.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many are due at `now_ns`.
    #[must_use]
    pub fn due(&self, now_ns: Nanos) -> usize {
        self.pending.iter().rev().take_while(|timer| timer.due_ns <= now_ns).count()
    }

    /// Takes the next timer if it is due at `now_ns`.
    pub fn take_due(&mut self, now_ns: Nanos) -> Option<Timer> {
        self.pending.pop_if(|timer| timer.due_ns <= now_ns)
    }

    /// How many were refused for want of room.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}

stored!(Timers {
    state: pending, refused;
    same: timers_max;
});

#[cfg(test)]
mod tests {
    use qt_types::StrategyId;

    use super::*;

    fn timer(due_ns: i64, token: u32) -> Timer {
        Timer { due_ns: Nanos::new(due_ns), token, strategy: StrategyId::FIRST }
    }

    #[test]
    fn timers_come_in_order_and_only_when_due() {
        let mut timers = Timers::new(4);
        for (due_ns, token) in [(30, 1), (10, 2), (20, 9), (10, 1), (10, 2), (5, 0)] {
            timers.set(timer(due_ns, token));
        }
        assert_eq!(timers.refused(), 1, "the fifth different one has no room");
        assert_eq!(timers.next_ns(), Some(Nanos::new(10)));
        assert_eq!(timers.take_due(Nanos::new(9)), None);
        let due: Vec<Timer> = std::iter::from_fn(|| timers.take_due(Nanos::new(25))).collect();
        assert_eq!(due, [timer(10, 1), timer(10, 2), timer(20, 9)]);
        assert_eq!(timers.take_due(Nanos::new(30)), Some(timer(30, 1)));
        assert_eq!(timers.next_ns(), None);
    }
}
