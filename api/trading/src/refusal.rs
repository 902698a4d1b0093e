//! Why something was not done.

use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

use crate::amount::Amount;

/// What a limit said of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RiskRejection {
    /// The control, as a stable code like `MAX_ORDER_QTY`.
    pub control: String,
    /// `strategy`, `account`, `tenant`, `venue`, `global` or `instrument`.
    pub level: String,
    /// The limit.
    pub limit: Option<Amount>,
    /// What it was held against.
    pub observed: Option<Amount>,
    /// The unit of both.
    pub unit: Option<String>,
    /// The price that values were worked out with.
    pub reference_price: Option<Amount>,
    /// How old that price was.
    pub reference_age_ms: Option<i64>,
    /// The version of the limits.
    pub config_version: u64,
    /// Whether the same order may pass later.
    pub retryable: bool,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A field is wrong (422).
    #[error("{field}: {detail}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong, and how to put it right.
        detail: String,
    },
    /// A limit or the kill switch is in the way (422).
    #[error("refused by {}", .0.control)]
    Risk(Box<RiskRejection>),
    /// There is no such thing for this tenant (404).
    #[error("not found")]
    NotFound,
    /// It contradicts something that is there (409).
    #[error("{0}")]
    Conflict(String),
    /// More is asked for than may be used (429).
    #[error("{code}: {detail}")]
    Exhausted {
        /// A stable code, like `QUOTA_OPEN_BACKTESTS`.
        code: &'static str,
        /// What is used up.
        detail: String,
        /// When it may be asked for again, seconds.
        retry_after_s: u64,
    },
    /// It cannot be done now (503).
    #[error("{code}: {detail}")]
    Unavailable {
        /// A stable code, like `RECONCILING`.
        code: &'static str,
        /// Why.
        detail: String,
    },
}
