//! A book as state: its levels, where its windows lie, and what it is worth.

use super::{Book, BookFaults, StaleReason};
use crate::{stored, values};

values!(BookFaults, StaleReason);
stored!(Book {
    state: sides, crossed, flags, venue_ns, newest, is_halted, cleared, stale, is_overflowed,
        faults;
    same: crosses;
    sound: Book::is_sound;
});

impl Book {
    const fn is_sound(&self) -> bool {
        // The number of a side.
        self.newest < 2
    }
}
