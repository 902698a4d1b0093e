//! What limits count, and what they belong to.

use serde::{Deserialize, Serialize};

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Units of the instrument, with at most nine decimals.
    Quantity,
    /// The settlement currency, with at most nine decimals.
    Money,
    /// Basis points (1/10,000).
    Bps,
    /// A plain number.
    Count,
    /// Milliseconds.
    Millis,
    /// Ticks of the instrument.
    Ticks,
}

impl Unit {
    /// The name in lists.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Quantity => "units",
            Self::Money => "currency",
            Self::Bps => "bps",
            Self::Count => "count",
            Self::Millis => "ms",
            Self::Ticks => "ticks",
        }
    }
}

/// What a limit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An instrument.
    Instrument,
    /// A strategy, an account, a tenant, and all of them together.
    Node,
}
