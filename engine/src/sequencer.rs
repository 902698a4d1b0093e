//! The one point at which all inputs get their order.

use qt_types::{Event, Nanos, Seq};
use serde::{Deserialize, Serialize};

/// Numbers events from 1 without a gap, and checks that time never runs backwards.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Sequencer {
    last: u64,
    now_ns: Nanos,
}

impl Sequencer {
    /// A sequencer that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: 0, now_ns: Nanos::MIN }
    }

    /// Stamps `event` as the next one. Its time is moved up to the last one's if it is behind:
    /// what is known cannot become known earlier.
    #[inline]
    pub fn stamp(&mut self, event: &mut Event) {
        (event.seq, event.recv_ns) = self.next(event.recv_ns);
    }

    /// The number and the time of the next event, which is known at `recv_ns`.
    #[inline]
    pub fn next(&mut self, recv_ns: Nanos) -> (Seq, Nanos) {
        self.last += 1;
        self.now_ns = recv_ns.max(self.now_ns);
        (Seq::new(self.last), self.now_ns)
    }

    /// The number of the first of `count` events that are known together at `recv_ns`, and the time
    /// of all of them.
    #[inline]
    pub fn next_run(&mut self, count: usize, recv_ns: Nanos) -> (Seq, Nanos) {
        let first = Seq::new(self.last + 1);
        self.pass(count, recv_ns);
        (first, self.now_ns)
    }

    /// Numbers `count` events, the last of which is known at `recv_ns`.
    #[inline]
    pub fn pass(&mut self, count: usize, recv_ns: Nanos) {
        self.last += count as u64;
        self.now_ns = recv_ns.max(self.now_ns);
    }

    /// How many events were stamped.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.last
    }

    /// The time of the last event (UTC ns).
    #[must_use]
    pub const fn now_ns(&self) -> Nanos {
        self.now_ns
    }
}
