//! What can be wrong with a signal.

use thiserror::Error;

/// Why a signal is refused. The text says what, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignalFault {
    /// Too many bytes.
    #[error(
        "the signal has {bytes} bytes, and at most {max} are read: shorten reasoning, features"
    )]
    TooLarge {
        /// How many.
        bytes: usize,
        /// How many are read.
        max: usize,
    },
    /// No JSON, a field that is missing, unknown or of another type.
    #[error("it is no signal object: {0}")]
    Malformed(String),
    /// Another version of the contract.
    #[error("schema_version {0} is not known: send 1")]
    SchemaVersion(u64),
    /// An identifier that cannot be one.
    #[error("signal_id: 1 to 64 of the characters A-Z a-z 0-9 . _ : -")]
    Id,
    /// A symbol that cannot be one, or that nobody trades here.
    #[error("symbol {0:?} is not traded here")]
    UnknownSymbol(String),
    /// Not from 0 to 1.
    #[error("{0}: a number from 0 to 1")]
    Share(&'static str),
    /// More than one size, or one where there can be none.
    #[error("{0}")]
    Size(&'static str),
    /// A price that cannot be one.
    #[error("{field}: {detail}")]
    Price {
        /// Which.
        field: &'static str,
        /// Why.
        detail: String,
    },
    /// Not from 1 second to a year.
    #[error("horizon_seconds: 1 to 31,622,400")]
    Horizon,
    /// A time that is not in the order in which times are.
    #[error("{0}")]
    Time(&'static str),
    /// It says nothing any more.
    #[error("it had expired before it arrived")]
    Expired,
    /// Issued later than now, and than the clocks may differ.
    #[error("issued_at is {ahead_ms} ms ahead of our clock: at most {tolerance_ms} are allowed")]
    FromFuture {
        /// How far.
        ahead_ms: i64,
        /// How far it may be.
        tolerance_ms: i64,
    },
}

impl SignalFault {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "SIGNAL_TOO_LARGE",
            Self::Malformed(_) => "SIGNAL_MALFORMED",
            Self::SchemaVersion(_) => "SIGNAL_SCHEMA_VERSION",
            Self::Id => "SIGNAL_ID",
            Self::UnknownSymbol(_) => "SIGNAL_UNKNOWN_SYMBOL",
            Self::Share("confidence") => "SIGNAL_CONFIDENCE",
            Self::Share(_) => "SIGNAL_STRENGTH",
            Self::Size(_) => "SIGNAL_SIZE",
            Self::Price { .. } => "SIGNAL_PRICE",
            Self::Horizon => "SIGNAL_HORIZON",
            Self::Time(_) => "SIGNAL_TIME",
            Self::Expired => "SIGNAL_EXPIRED",
            Self::FromFuture { .. } => "SIGNAL_FROM_FUTURE",
        }
    }
}
