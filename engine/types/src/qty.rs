//! A quantity.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A quantity in lots of its instrument. Signed where it is a position (negative: short),
/// never negative where it is the size of an order, a fill or a bar's volume.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Qty(i64);

impl Qty {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A quantity of `lots` lots.
    #[must_use]
    #[inline]
    pub const fn from_lots(lots: i64) -> Self {
        Self(lots)
    }

    /// How many lots.
    #[must_use]
    #[inline]
    pub const fn lots(self) -> i64 {
        self.0
    }

    /// Whether there are no lots.
    #[must_use]
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The size without its sign. `i64::MIN` becomes `i64::MAX`.
    #[must_use]
    #[inline]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// The sum, or `None` past the range of `i64`.
    #[must_use]
    #[inline]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` past the range of `i64`.
    #[must_use]
    #[inline]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }
}

impl fmt::Debug for Qty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}l", self.0)
    }
}
