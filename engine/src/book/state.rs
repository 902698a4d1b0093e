//! Whether a book can be trusted, and what was wrong with what it was told.

use serde::{Deserialize, Serialize};

/// Why a book is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StaleReason {
    /// The feed may have lost something.
    Gap,
    /// An update ended with a best bid that was not below the best ask.
    Crossed,
    /// There were more levels or orders than the book has room for.
    Overflow,
}

impl StaleReason {
    /// `gap`, `crossed` or `overflow`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Crossed => "crossed",
            Self::Overflow => "overflow",
        }
    }
}

/// What a book is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookState {
    /// Neither side holds anything.
    Empty,
    /// What it shows is what the feed told.
    Live,
    /// What it shows may be wrong. Ends when both sides have been cleared.
    Stale(StaleReason),
}

/// How often a book was told what it could not take over as it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BookFaults {
    /// Updates after which the book was crossed or locked while trading went on.
    pub crossed: u64,
    /// Levels that were removed because the other side crossed them ([`super::CrossPolicy`]).
    pub uncrossed_levels: u64,
    /// Levels for which there was no room, or whose price lies beyond
    /// [`super::BOOK_TICKS_MAX`].
    pub overflow: u64,
    /// Negative quantities; they are ignored.
    pub negative_qty: u64,
    /// Ticks of a kind that does not exist; they are ignored.
    pub unknown_kind: u64,
    /// Gaps that the feed told of.
    pub gaps: u64,
}
