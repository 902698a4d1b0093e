//! The highest or lowest of the last `n` values in constant time per value on average.

use qt_engine::{stored, values};
use serde::{Deserialize, Serialize};

/// Which end of the window is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    /// The largest value.
    Highest,
    /// The smallest value.
    Lowest,
}

values!(Side);

/// A queue of the values that can still become the extreme of the window, best first.
///
/// A value leaves when it is too old or when a newer one is at least as good. Of equal values the
/// newest counts, which decides how many bars ago the extreme was.
#[derive(Clone, Debug)]
pub(crate) struct Extreme {
    side: Side,
    entries: Box<[Entry]>,
    head: usize,
    len: usize,
    rows: u64,
}

stored!(Extreme {
    state: head, len, rows;
    each: entries;
    same: side;
    sound: Extreme::is_sound;
});

impl Extreme {
    const fn is_sound(&self) -> bool {
        self.head < self.entries.len() && self.len <= self.entries.len()
    }
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Entry {
    value: f64,
    row: u64,
}

values!(Entry);

/// The extreme of a full window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    /// The highest or lowest value.
    pub(crate) value: f64,
    /// How many bars ago it was seen, 0 for the newest bar.
    pub(crate) age_bars: u64,
}

impl Extreme {
    /// The highest of the last `len` values.
    pub(crate) fn highest(len: usize) -> Self {
        Self::new(Side::Highest, len)
    }

    /// The lowest of the last `len` values.
    pub(crate) fn lowest(len: usize) -> Self {
        Self::new(Side::Lowest, len)
    }

    fn new(side: Side, len: usize) -> Self {
        let entries = vec![Entry::default(); len.max(1)].into_boxed_slice();
        Self { side, entries, head: 0, len: 0, rows: 0 }
    }

    /// Takes a value in and returns the extreme once the window is full.
    #[inline]
    pub(crate) fn push(&mut self, value: f64) -> Option<Found> {
        let capacity = self.entries.len();
        let row = self.rows;
        self.rows += 1;
        if self.len > 0 && row - self.entries[self.head].row >= capacity as u64 {
            self.head = self.slot(1);
            self.len -= 1;
        }
        while self.len > 0 && self.gives_way(self.entries[self.slot(self.len - 1)].value, value) {
            self.len -= 1;
        }
        let slot = self.slot(self.len);
        self.entries[slot] = Entry { value, row };
        self.len += 1;
        let best = self.entries[self.head];
        (self.rows >= capacity as u64)
            .then_some(Found { value: best.value, age_bars: row - best.row })
    }

    #[inline]
    fn gives_way(&self, old: f64, new: f64) -> bool {
        match self.side {
            Side::Highest => old <= new,
            Side::Lowest => old >= new,
        }
    }

    #[inline]
    fn slot(&self, offset: usize) -> usize {
        let index = self.head + offset;
        if index >= self.entries.len() { index - self.entries.len() } else { index }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_newest_of_equal_values_counts() {
        let mut highest = Extreme::highest(3);
        assert_eq!(highest.push(5.0), None);
        assert_eq!(highest.push(5.0), None);
        assert_eq!(highest.push(1.0), Some(Found { value: 5.0, age_bars: 1 }));
        assert_eq!(highest.push(1.0), Some(Found { value: 5.0, age_bars: 2 }));
        assert_eq!(highest.push(1.0), Some(Found { value: 1.0, age_bars: 0 }));
    }

    proptest! {
        #[test]
        fn equals_a_scan_of_the_window(
            values in prop::collection::vec(0_u8..12, 1..120),
            len in 1_usize..9,
        ) {
            let mut highest = Extreme::highest(len);
            let mut lowest = Extreme::lowest(len);
            for row in 0..values.len() {
                let value = f64::from(values[row]);
                let (high, low) = (highest.push(value), lowest.push(value));
                if row + 1 < len {
                    prop_assert!(high.is_none() && low.is_none());
                    continue;
                }
                let window = &values[row + 1 - len..=row];
                let best = *window.iter().max().expect("not empty");
                let age = window.iter().rev().position(|v| *v == best).expect("present");
                let found = Found { value: f64::from(best), age_bars: age as u64 };
                prop_assert_eq!(high, Some(found));
                let best = *window.iter().min().expect("not empty");
                let age = window.iter().rev().position(|v| *v == best).expect("present");
                let found = Found { value: f64::from(best), age_bars: age as u64 };
                prop_assert_eq!(low, Some(found));
            }
        }
    }
}
