//! A price.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A price in ticks of its instrument. It means nothing without the [`crate::InstrumentSpec`]
/// that says how large a tick is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Price(i64);

impl Price {
    /// No ticks at all; never a valid price of an order.
    pub const ZERO: Self = Self(0);

    /// A price of `ticks` ticks.
    #[must_use]
    #[inline]
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// How many ticks.
    #[must_use]
    #[inline]
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// This price moved by `ticks`, or `None` past the range of `i64`.
    #[must_use]
    #[inline]
    pub const fn checked_add_ticks(self, ticks: i64) -> Option<Self> {
        match self.0.checked_add(ticks) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}t", self.0)
    }
}
