//! When rows could be known: times of receipt that were recorded beside the venue's own times.

use crate::source::rows::NOT_SAID;

/// When each of some rows could be known, and what was done to the recorded times for that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipts {
    /// UTC ns, row by row: never before the venue's time, and non-decreasing.
    pub times_ns: Vec<i64>,
    /// By how much all recorded times were moved: the least that lets nothing arrive before it
    /// happened.
    pub shift_ns: i64,
    /// Rows without a recorded time, known when they happened.
    pub not_said: usize,
    /// Recorded times before an earlier row's, raised to that.
    pub raised: usize,
}

impl Receipts {
    /// From the venue's time of each row, non-decreasing, and the recorded time of receipt or
    /// [`NOT_SAID`].
    #[must_use]
    pub fn of(rows: impl Iterator<Item = (i64, i64)> + Clone) -> Self {
        let early = |(venue_ns, received_ns): (i64, i64)| {
            if received_ns == NOT_SAID { 0 } else { venue_ns.saturating_sub(received_ns) }
        };
        let shift_ns = rows.clone().map(early).max().unwrap_or(0).max(0);
        let mut receipts = Self { shift_ns, ..Self::default() };
        let mut last_ns = i64::MIN;
        for (venue_ns, received_ns) in rows {
            let mut at_ns = received_ns.saturating_add(shift_ns);
            if received_ns == NOT_SAID {
                receipts.not_said += 1;
                at_ns = venue_ns.max(last_ns);
            } else if at_ns < last_ns {
                receipts.raised += 1;
                at_ns = last_ns;
            }
            last_ns = at_ns;
            receipts.times_ns.push(at_ns);
        }
        receipts
    }

    /// What the reader of results must know about them.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.shift_ns > 0 {
            notes.push(format!(
                "the clock of the times of receipt ran up to {} ms behind the venue's: all of \
                 them were moved by that, so that nothing arrives before it happened",
                milliseconds(self.shift_ns)
            ));
        }
        if self.raised > 0 {
            notes.push(format!(
                "{} times of receipt were before an earlier row's and were raised to that",
                self.raised
            ));
        }
        if self.not_said > 0 {
            notes.push(format!(
                "{} rows do not say when they were received: known when they happened",
                self.not_said
            ));
        }
        notes
    }
}

// Exact, without trailing zeros.
fn milliseconds(ns: i64) -> String {
    qt_types::format_scaled(i128::from(ns), 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipts(rows: &[(i64, i64)]) -> Receipts {
        Receipts::of(rows.iter().copied())
    }

    #[test]
    fn proper_times_stay() {
        let found = receipts(&[(10, 15), (20, 20), (20, 31)]);
        assert_eq!((found.times_ns.as_slice(), found.shift_ns), (&[15, 20, 31][..], 0));
        assert!(found.notes().is_empty());
    }

    #[test]
    fn a_clock_behind_is_moved_by_the_least_that_is_needed() {
        // The second row came 7 ns before it happened by the local clock.
        let found = receipts(&[(1_000_010, 1_000_008), (1_000_020, 1_000_013)]);
        assert_eq!((found.times_ns.as_slice(), found.shift_ns), (&[1_000_015, 1_000_020][..], 7));
        let notes = found.notes();
        assert!(notes.len() == 1 && notes[0].contains("0.000007 ms behind"), "{notes:?}");
    }

    #[test]
    fn times_never_go_back() {
        let found = receipts(&[(10, 50), (20, 40), (30, NOT_SAID), (60, NOT_SAID)]);
        assert_eq!(found.times_ns, [50, 50, 50, 60]);
        assert_eq!((found.raised, found.not_said, found.shift_ns), (1, 2, 0));
        assert_eq!(found.notes().len(), 2);
    }

    #[test]
    fn no_rows_and_far_times() {
        assert_eq!(receipts(&[]), Receipts::default());
        let found = receipts(&[(i64::MAX, i64::MIN + 1), (i64::MAX, i64::MAX)]);
        assert!(found.times_ns.is_sorted());
    }
}
