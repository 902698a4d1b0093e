//! The time of a live run: it comes from a clock that is handed in, goes on evenly, and never
//! backwards, whatever happens to the clock of the machine.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use qt_types::Nanos;

/// One look at both clocks of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it takes for the time (UTC ns); somebody may set it.
    pub wall_ns: Nanos,
    /// How long something has been running (ns); nobody can set it.
    pub steady_ns: u64,
}

/// Where a driver's time comes from.
pub trait Clock: Send {
    /// A look at it.
    fn read(&mut self) -> Reading;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    begun: Instant,
}

impl SystemClock {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        Self { begun: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn read(&mut self) -> Reading {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Both stay below the largest number for another 230 years.
        let wall_ns = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        let steady_ns = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Reading { wall_ns: Nanos::new(wall_ns), steady_ns }
    }
}

/// The time of a run: the wall clock's at the beginning, or that of the last event where the wall
/// clock is behind it, and from then on what the steady clock says. How far the wall clock is away
/// from that tells whether somebody has set it.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    began: Option<Reading>,
    now_ns: Nanos,
    offset_ns: i64,
}

impl Watch {
    /// A time that begins at `known_ns` (UTC) at the earliest: that of the last event.
    #[must_use]
    pub const fn new(known_ns: Nanos) -> Self {
        Self { began: None, now_ns: known_ns, offset_ns: 0 }
    }

    /// The time at `reading` (UTC ns): never before that of the reading before.
    pub fn look(&mut self, reading: Reading) -> Nanos {
        let wall_ns = reading.wall_ns.max(self.now_ns);
        let began = *self.began.get_or_insert(Reading { wall_ns, ..reading });
        let gone_ns = reading.steady_ns.saturating_sub(began.steady_ns);
        let gone_ns = i64::try_from(gone_ns).unwrap_or(i64::MAX);
        self.now_ns = began.wall_ns.saturating_add_ns(gone_ns).max(self.now_ns);
        self.offset_ns = reading.wall_ns.get().saturating_sub(self.now_ns.get());
        self.now_ns
    }

    /// The same for a time that follows the wall clock where that is further away than
    /// `most_ns`: ahead with it at once, since the machine slept or its clock was put right, and
    /// at half the speed until a clock that was put back has caught up.
    pub fn follow(&mut self, reading: Reading, most_ns: i64) -> Nanos {
        let before_ns = self.now_ns;
        let now_ns = self.look(reading);
        if self.offset_ns.saturating_abs() <= most_ns {
            return now_ns;
        }
        self.now_ns = if self.offset_ns > 0 {
            reading.wall_ns
        } else {
            let gone_ns = now_ns.get().saturating_sub(before_ns.get());
            before_ns.saturating_add_ns(gone_ns / 2)
        };
        self.began = Some(Reading { wall_ns: self.now_ns, ..reading });
        self.offset_ns = reading.wall_ns.get().saturating_sub(self.now_ns.get());
        self.now_ns
    }

    /// The time is `at_ns` (UTC), which the last look has gone past or was at: what was due on the
    /// way there happens at its own time. Whoever does this ends with the time of the look.
    pub const fn put_at(&mut self, at_ns: Nanos) {
        self.now_ns = at_ns;
    }

    /// How far the wall clock was ahead at the last look (ns).
    #[must_use]
    pub const fn offset_ns(&self) -> i64 {
        self.offset_ns
    }

    /// The time at the last look (UTC ns).
    #[must_use]
    pub const fn now_ns(&self) -> Nanos {
        self.now_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall_ns: i64, steady_ns: u64) -> Reading {
        Reading { wall_ns: Nanos::new(wall_ns), steady_ns }
    }

    #[test]
    fn time_goes_on_evenly_whatever_the_wall_clock_does() {
        let mut watch = Watch::new(Nanos::new(0));
        let mut told = Vec::new();
        for reading in [at(1_000, 5), at(1_010, 15), at(400, 25), at(9_000, 35), at(9_000, 30)] {
            let now_ns = watch.look(reading).get();
            told.push((now_ns, watch.offset_ns()));
        }
        assert_eq!(told, [(1_000, 0), (1_010, 0), (1_020, -620), (1_030, 7_970), (1_030, 7_970)]);
    }

    #[test]
    fn a_time_that_follows_jumps_ahead_and_waits_but_never_goes_back() {
        let mut watch = Watch::new(Nanos::new(0));
        let mut told = Vec::new();
        for reading in [
            at(1_000, 0),
            at(1_110, 100),
            // Slept, or put right.
            at(9_000, 200),
            at(9_100, 300),
            // Put back: half as fast until both agree again.
            at(8_600, 400),
            at(8_800, 600),
            at(9_300, 1_100),
            at(9_400, 1_200),
        ] {
            let now_ns = watch.follow(reading, 200).get();
            told.push((now_ns, watch.offset_ns()));
        }
        let want = [
            (1_000, 0),
            (1_100, 10),
            (9_000, 0),
            (9_100, 0),
            (9_150, -550),
            (9_250, -450),
            (9_500, -200),
            (9_600, -200),
        ];
        assert_eq!(told, want);
    }

    #[test]
    fn what_was_due_on_the_way_happens_at_its_own_time() {
        let mut watch = Watch::new(Nanos::new(0));
        watch.look(at(1_000, 0));
        assert_eq!(watch.look(at(1_300, 300)), Nanos::new(1_300));
        for at_ns in [1_200, 1_250, 1_300] {
            watch.put_at(Nanos::new(at_ns));
            assert_eq!(watch.now_ns(), Nanos::new(at_ns));
        }
        assert_eq!(watch.look(at(1_400, 400)), Nanos::new(1_400));
        watch.put_at(Nanos::new(1_350));
        // Also without the last step: the next look goes on from the clocks.
        assert_eq!(watch.look(at(1_400, 400)), Nanos::new(1_400));
    }

    #[test]
    fn nothing_is_before_what_is_known_already() {
        let mut watch = Watch::new(Nanos::new(5_000));
        assert_eq!(watch.look(at(1_000, 0)), Nanos::new(5_000));
        assert_eq!(watch.offset_ns(), -4_000);
        // It goes on from there, and does not wait for the wall clock.
        assert_eq!(watch.look(at(1_500, 500)), Nanos::new(5_500));
        assert_eq!(watch.offset_ns(), -4_000);
        assert_eq!(watch.look(at(9_000, 700)), Nanos::new(5_700));
        assert_eq!(watch.offset_ns(), 3_300);
    }
}
