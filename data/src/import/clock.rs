//! The two times of a row, brought in order: nothing arrives before it happened, nothing goes
//! back.

use super::row::Place;

/// What is wrong with the times of a source: too much disorder to be repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disorder {
    /// `venue` or `receive`.
    pub column: &'static str,
    /// How far the time goes back (ns).
    pub back_ns: i64,
}

/// The times of all rows of a source, seen once before anything is written.
#[derive(Clone, Copy, Debug)]
pub struct ClockSurvey {
    venue_last: i64,
    recv_last: i64,
    shift_ns: i64,
    first_early: Option<Place>,
    early: u64,
}

impl Default for ClockSurvey {
    fn default() -> Self {
        let last = i64::MIN;
        Self { venue_last: last, recv_last: last, shift_ns: 0, first_early: None, early: 0 }
    }
}

impl ClockSurvey {
    /// Takes the times of a row into account.
    ///
    /// # Errors
    /// When one of them goes back by more than `back_ns_max`.
    #[inline]
    pub fn see(
        &mut self,
        venue_ns: Option<i64>,
        recv_ns: Option<i64>,
        place: Place,
        back_ns_max: i64,
    ) -> Result<(), Disorder> {
        for (column, last, time) in
            [("venue", &mut self.venue_last, venue_ns), ("receive", &mut self.recv_last, recv_ns)]
        {
            let Some(time) = time else { continue };
            let back_ns = last.saturating_sub(time);
            if *last != i64::MIN && back_ns > back_ns_max {
                return Err(Disorder { column, back_ns });
            }
            *last = time.max(*last);
        }
        if let Some((venue_ns, recv_ns)) = venue_ns.zip(recv_ns)
            && recv_ns < venue_ns
        {
            self.shift_ns = self.shift_ns.max(venue_ns.saturating_sub(recv_ns));
            self.early += 1;
            self.first_early.get_or_insert(place);
        }
        Ok(())
    }

    /// The smallest amount by which all receive times must be later, so that none is before the
    /// venue's time of its row (ns).
    #[must_use]
    pub const fn shift_ns(&self) -> i64 {
        self.shift_ns
    }

    /// How many rows were received before they happened, and the first of them.
    #[must_use]
    pub fn early(&self) -> Option<(u64, Place)> {
        self.first_early.map(|place| (self.early, place))
    }
}

/// Gives every row its two times.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    shift_ns: i64,
    venue_last: i64,
    recv_last: i64,
    latency_last: i64,
    /// Rows whose venue time was moved up to the one before, and those whose receive time was.
    pub lifted: [u64; 2],
}

impl Clock {
    /// A clock that makes receive times later by `shift_ns`.
    #[must_use]
    pub const fn new(shift_ns: i64) -> Self {
        let last = i64::MIN;
        let (venue_last, recv_last, latency_last) = (last, last, 0);
        Self { shift_ns, venue_last, recv_last, latency_last, lifted: [0; 2] }
    }

    /// Venue time and receive time of a row (UTC ns): both not before those of the row before,
    /// the second not before the first.
    ///
    /// A row with one time has it for both. A row without a venue time is taken to have been on
    /// its way as long as the last one that had both.
    #[inline]
    pub fn times(&mut self, venue_ns: Option<i64>, recv_ns: Option<i64>) -> (i64, i64) {
        let recv_ns = recv_ns.map(|recv_ns| recv_ns.saturating_add(self.shift_ns));
        let (venue_ns, recv_ns) = match (venue_ns, recv_ns) {
            (Some(venue_ns), Some(recv_ns)) => {
                self.latency_last = recv_ns.saturating_sub(venue_ns).max(0);
                (venue_ns, recv_ns)
            }
            (Some(venue_ns), None) => (venue_ns, venue_ns),
            (None, Some(recv_ns)) => {
                // No earlier than anything before it: only what is told counts as disorder.
                (recv_ns.saturating_sub(self.latency_last).max(self.venue_last), recv_ns)
            }
            (None, None) => (self.venue_last, self.recv_last),
        };
        self.lifted[0] += u64::from(venue_ns < self.venue_last);
        self.lifted[1] += u64::from(recv_ns < self.recv_last);
        self.venue_last = venue_ns.max(self.venue_last);
        // A time of a row without its own receive time may be ahead of those that have one.
        self.recv_last = recv_ns.max(self.recv_last).max(self.venue_last);
        (self.venue_last, self.recv_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: Place = Place::Line(1);

    fn shift(rows: &[(Option<i64>, Option<i64>)]) -> Result<i64, Disorder> {
        let mut survey = ClockSurvey::default();
        for (venue_ns, recv_ns) in rows {
            survey.see(*venue_ns, *recv_ns, LINE, 100)?;
        }
        Ok(survey.shift_ns())
    }

    #[test]
    fn the_shift_is_the_largest_negative_latency() {
        let rows = [(Some(1_000), Some(700)), (Some(1_010), Some(690)), (Some(1_020), Some(900))];
        assert_eq!(shift(&rows), Ok(320));
        assert_eq!(shift(&[(Some(5), Some(7)), (None, Some(8)), (Some(6), None)]), Ok(0));
        assert_eq!(
            shift(&[(Some(1_000), None), (Some(899), None)]),
            Err(Disorder { column: "venue", back_ns: 101 })
        );
        assert_eq!(
            shift(&[(None, Some(1_000)), (None, Some(0))]),
            Err(Disorder { column: "receive", back_ns: 1_000 })
        );
    }

    #[test]
    fn missing_times_are_made_from_what_is_there() {
        let mut clock = Clock::new(10);
        assert_eq!(clock.times(None, Some(90)), (100, 100));
        assert_eq!(clock.times(Some(110), Some(150)), (110, 160));
        assert_eq!(clock.times(None, Some(170)), (130, 180), "50 ns on its way, as the last");
        assert_eq!(clock.times(Some(120), Some(180)), (130, 190), "one step back is no step");
        assert_eq!(clock.times(Some(300), None), (300, 300));
        assert_eq!(clock.times(None, None), (300, 300));
        assert_eq!(clock.lifted, [1, 0]);
    }

    proptest! {
        #[test]
        fn times_never_go_back_and_nothing_is_early(
            rows in prop::collection::vec(
                (prop::option::of(any::<i64>()), prop::option::of(any::<i64>())), 0..50
            ),
        ) {
            let mut survey = ClockSurvey::default();
            for (venue_ns, recv_ns) in &rows {
                survey.see(*venue_ns, *recv_ns, LINE, i64::MAX).unwrap();
            }
            let mut clock = Clock::new(survey.shift_ns());
            let (mut venue_last, mut recv_last) = (i64::MIN, i64::MIN);
            for (venue_ns, recv_ns) in rows {
                let (venue_ns, recv_ns) = clock.times(venue_ns, recv_ns);
                prop_assert!(venue_ns >= venue_last && recv_ns >= recv_last);
                prop_assert!(recv_ns >= venue_ns);
                (venue_last, recv_last) = (venue_ns, recv_ns);
            }
        }

        #[test]
        fn ordered_rows_keep_their_times(
            steps in prop::collection::vec((0_i64..1_000, 0_i64..1_000), 1..50),
            skew in -500_i64..500,
        ) {
            let mut rows = Vec::new();
            let (mut venue_ns, mut recv_ns) = (0, 0);
            for (step, latency) in steps {
                venue_ns += step;
                recv_ns = recv_ns.max(venue_ns + latency);
                rows.push((venue_ns, recv_ns + skew));
            }
            let least = rows.iter().map(|(venue_ns, recv_ns)| recv_ns - venue_ns).min().unwrap();
            let mut survey = ClockSurvey::default();
            for (venue_ns, recv_ns) in &rows {
                survey.see(Some(*venue_ns), Some(*recv_ns), LINE, 0).unwrap();
            }
            prop_assert_eq!(survey.shift_ns(), (-least).max(0));
            let mut clock = Clock::new(survey.shift_ns());
            for (venue_ns, recv_ns) in rows {
                let want = (venue_ns, recv_ns + survey.shift_ns());
                prop_assert_eq!(clock.times(Some(venue_ns), Some(recv_ns)), want);
            }
            prop_assert_eq!(clock.lifted, [0, 0]);
        }
    }
}
