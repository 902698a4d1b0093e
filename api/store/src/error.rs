//! Why something was not kept or found.

use thiserror::Error;

use qt_trading::Refusal;

/// Why something was not kept or found.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// There is no such row for this tenant (404).
    #[error("not found")]
    NotFound,
    /// It contradicts what is there (409).
    #[error("{0}")]
    Conflict(String),
    /// A value cannot be kept or is no cursor (422).
    #[error("{field}: {detail}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong, and how to put it right.
        detail: String,
    },
    /// A quota is used up (429).
    #[error("{detail}")]
    Full {
        /// A stable code, like `QUOTA_OPEN_BACKTESTS`.
        code: &'static str,
        /// What is used up.
        detail: String,
        /// When it may be asked for again, seconds.
        retry_after_s: u64,
    },
    /// The database does not answer (503).
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The database answers what it should not (500).
    #[error("the database: {0}")]
    Broken(String),
}

impl StoreError {
    /// A contradiction.
    pub fn conflict(text: impl Into<String>) -> Self {
        Self::Conflict(text.into())
    }

    /// What no row should be.
    pub fn broken(text: impl Into<String>) -> Self {
        Self::Broken(text.into())
    }

    /// Whether the same may work a moment later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<StoreError> for Refusal {
    /// `Broken` must be caught before by whoever answers 500; here it is one more reason to wait.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::Conflict(text) => Self::Conflict(text),
            StoreError::Invalid { field, detail } => Self::Invalid { field, detail },
            StoreError::Full { code, detail, retry_after_s } => {
                Self::Exhausted { code, detail, retry_after_s }
            }
            StoreError::Unavailable(_) | StoreError::Broken(_) => Self::Unavailable {
                code: "STORE_UNAVAILABLE",
                detail: "the database does not answer; try again in a moment".to_owned(),
            },
        }
    }
}
