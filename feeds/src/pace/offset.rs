//! How far the venue's clock is from ours: asked for, with the bound of the error that the way
//! there and back leaves, and how fast both drift apart.

use qt_types::Nanos;

/// A measurement counts until another is better than it by then: its bound grows with its age by
/// this part of it, which no sound clock drifts by.
const DRIFT_PER_MILLION: i64 = 100;
/// A drift is told once the measurements are this far apart (ns).
const DRIFT_FROM_NS: i64 = 60_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    at_ns: i64,
    offset_ns: i64,
    error_ns: i64,
}

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOffset {
    first: Option<Sample>,
    best: Option<Sample>,
}

impl ClockOffset {
    /// The venue said that it was `venue_ns`; it was asked at `asked_ns` and answered at `now_ns`.
    /// Its word may be cut to steps of `step_ns`.
    pub fn answered(&mut self, asked_ns: Nanos, venue_ns: Nanos, step_ns: i64, now_ns: Nanos) {
        let way_ns = now_ns.get().saturating_sub(asked_ns.get()).max(0);
        // It was that time somewhere on the way, and up to a step later.
        let middle_ns = asked_ns.get().saturating_add(way_ns / 2);
        let offset_ns = venue_ns.get().saturating_add(step_ns / 2).saturating_sub(middle_ns);
        let error_ns = (way_ns / 2).saturating_add(step_ns / 2).saturating_add(1);
        let sample = Sample { at_ns: now_ns.get(), offset_ns, error_ns };
        self.first.get_or_insert(sample);
        if self.error_ns(now_ns).is_none_or(|known_ns| error_ns <= known_ns) {
            self.best = Some(sample);
        }
    }

    /// What to add to our time to have the venue's (ns); zero as long as nobody knows.
    #[must_use]
    pub fn offset_ns(&self) -> i64 {
        self.best.map_or(0, |best| best.offset_ns)
    }

    /// What that may be off by at `now_ns`; `None` where nobody knows.
    #[must_use]
    pub fn error_ns(&self, now_ns: Nanos) -> Option<i64> {
        let best = self.best?;
        let age_ns = now_ns.get().saturating_sub(best.at_ns).max(0);
        Some(best.error_ns.saturating_add(age_ns / 1_000_000 * DRIFT_PER_MILLION))
    }

    /// How fast the venue's clock runs away from ours, in billionths; `None` where that is not
    /// known or less than what is known.
    #[must_use]
    pub fn drift_ppb(&self) -> Option<i64> {
        let (first, best) = (self.first?, self.best?);
        let apart_ns = best.at_ns.saturating_sub(first.at_ns);
        let moved_ns = best.offset_ns.saturating_sub(first.offset_ns);
        let unsure_ns = first.error_ns.saturating_add(best.error_ns);
        if apart_ns < DRIFT_FROM_NS || moved_ns.saturating_abs() <= unsure_ns {
            return None;
        }
        let ppb = i128::from(moved_ns) * 1_000_000_000 / i128::from(apart_ns);
        i64::try_from(ppb).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The true offset lies within the bound, however the way is divided.
        #[test]
        fn the_bound_holds(
            offset in -5_000_000_000_i64..5_000_000_000,
            ways in prop::collection::vec(
                (0_i64..400_000_000, 0_i64..400_000_000, 0_i64..600_000_000_000),
                1..20,
            ),
        ) {
            let (mut clock, mut now, step) = (ClockOffset::default(), 1_000_000_000_000, 1_000_000);
            for (there, back, pause) in ways {
                now += pause;
                let venue = (now + there + offset).div_euclid(step) * step;
                let asked = Nanos::new(now);
                now += there + back;
                clock.answered(asked, Nanos::new(venue), step, Nanos::new(now));
                let error = clock.error_ns(Nanos::new(now)).unwrap();
                prop_assert!((clock.offset_ns() - offset).abs() <= error);
                prop_assert_eq!(clock.drift_ppb(), None);
            }
        }
    }

    #[test]
    fn a_drift_is_seen() {
        let mut clock = ClockOffset::default();
        for minute in 0..10_i64 {
            let now = minute * 60_000_000_000;
            let venue = Nanos::new(now + now / 10_000 + 500_000);
            clock.answered(Nanos::new(now), venue, 0, Nanos::new(now + 1_000_000));
        }
        let drift = clock.drift_ppb().unwrap();
        assert!((90_000..110_000).contains(&drift), "{drift}");
    }
}
