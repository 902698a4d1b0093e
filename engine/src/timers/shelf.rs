//! A few timers in order.

use qt_types::{Nanos, StrategyId, Timer};

/// Timers on one shelf.
pub(super) const SHELF_MAX: usize = 64;

/// At most [`SHELF_MAX`] timers, the next one last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shelf {
    timers: [Timer; SHELF_MAX],
    len: usize,
}

impl Shelf {
    pub(super) const EMPTY: Self = Self {
        timers: [Timer { due_ns: Nanos::MIN, token: 0, strategy: StrategyId::FIRST }; SHELF_MAX],
        len: 0,
    };

    #[inline]
    pub(super) fn timers(&self) -> &[Timer] {
        self.timers.get(..self.len).unwrap_or_default()
    }

    #[inline]
    pub(super) fn next(&self) -> Option<Timer> {
        self.timers().last().copied()
    }

    pub(super) fn latest(&self) -> Option<Timer> {
        self.timers().first().copied()
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(super) const fn is_full(&self) -> bool {
        self.len == SHELF_MAX
    }

    fn place(&self, timer: Timer) -> usize {
        self.timers().partition_point(|pending| *pending > timer)
    }

    pub(super) fn has(&self, timer: Timer) -> bool {
        self.timers().get(self.place(timer)) == Some(&timer)
    }

    /// Puts `timer` in its place. There is room.
    pub(super) fn put(&mut self, timer: Timer) {
        let at = self.place(timer);
        if self.is_full() {
            return;
        }
        self.timers.copy_within(at..self.len, at + 1);
        self.timers[at] = timer;
        self.len += 1;
    }

    /// Takes the next one away.
    #[inline]
    pub(super) fn take(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    /// Keeps the later half, and gives the earlier one away.
    pub(super) fn split(&mut self) -> Self {
        let keeps = self.len / 2;
        let mut half = Self::EMPTY;
        half.len = self.len - keeps;
        half.timers[..half.len].copy_from_slice(&self.timers[keeps..self.len]);
        self.len = keeps;
        half
    }
}
