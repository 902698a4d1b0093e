//! What a decoder has seen, in numbers.

use std::collections::BTreeMap;

/// Most names that are counted one by one; what comes later counts as [`OTHER`].
const NAMES_MAX: usize = 256;
/// Longer names are cut.
const NAME_BYTES_MAX: usize = 64;
/// The name of all that did not fit.
const OTHER: &str = "(other)";

/// What a decoder has seen. All are counts since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Frames handed in.
    pub frames: u64,
    /// Updates of a book that were applied, snapshots not among them.
    pub applied: u64,
    /// Snapshots, and whole books, that were applied.
    pub snapshots: u64,
    /// Updates that a snapshot made superfluous, or that came before any.
    pub dropped_before_snapshot: u64,
    /// Repeated or late updates of a synchronised book.
    pub stale: u64,
    /// Snapshots older than the first update at hand (another one is needed), or than the book.
    pub snapshots_refused: u64,
    /// Losses: a break in the ids, a wrong checksum, a break of the connection's own numbers.
    pub gaps: u64,
    /// Checksums that were right.
    pub checksums_verified: u64,
    /// Checksums that were wrong.
    pub checksums_failed: u64,
    /// Trades.
    pub trades: u64,
    /// Messages that tell the best prices.
    pub tickers: u64,
    /// Mark prices.
    pub marks: u64,
    /// Funding rates of settlements to come.
    pub rates: u64,
    /// Funding settlements.
    pub fundings: u64,
    /// Messages that are not market data, or of a kind that is not decoded, by name.
    pub unknown: BTreeMap<Box<str>, u64>,
    /// Fields that no message of a kind that is decoded had when this was written. Of venues
    /// that are traded at only.
    pub fields_unknown: u64,
    /// Frames that could not be read.
    pub errors: u64,
}

impl Facts {
    /// Counts a message that nothing is done with.
    pub(crate) fn skip(&mut self, name: &str) {
        let mut end = name.len().min(NAME_BYTES_MAX);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let name = &name[..end];
        if let Some(count) = self.unknown.get_mut(name) {
            *count += 1;
            return;
        }
        let name = if self.unknown.len() < NAMES_MAX { name } else { OTHER };
        *self.unknown.entry(name.into()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        let mut facts = Facts::default();
        for n in 0..2 * NAMES_MAX {
            facts.skip(&n.to_string());
        }
        facts.skip(&"é".repeat(100));
        assert_eq!(facts.unknown.len(), NAMES_MAX + 1);
        assert_eq!(facts.unknown[OTHER], NAMES_MAX as u64 + 1);
        facts.skip("7");
        assert_eq!(facts.unknown["7"], 2);
    }
}
