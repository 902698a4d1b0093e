//! What is known about a bar beyond its prices.

use serde::{Deserialize, Serialize};

/// A set of facts about a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[repr(transparent)]
pub struct BarFlags(u32);

impl BarFlags {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// The first bar of a trading session: a gap before it is a real gap.
    pub const SESSION_START: Self = Self(1);
    /// The last bar of a trading session: DAY orders end with it.
    pub const SESSION_END: Self = Self(1 << 1);
    /// Before the run's first bar: the strategy warms up on it, nothing is traded or measured.
    pub const WARMUP: Self = Self(1 << 2);
    /// The source has no volume at all; `volume` is zero and means nothing.
    pub const NO_VOLUME: Self = Self(1 << 3);

    /// Whether every fact of `other` is in this set.
    #[must_use]
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set and `other` together.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without what is in `other`.
    #[must_use]
    #[inline]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The set as a plain number, for storing.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set stored as `bits`; unknown bits are kept.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}
