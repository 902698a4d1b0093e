//! What the routes need of the store, as one object: a test may stand in for it, or take it away.

use qt_store::audit::Audits;
use qt_store::{
    Accounts, Alerts, Hitl, Idempotency, Kills, Limits, Observations, Orders, Outcomes,
    PortfolioHistory, Signals, Sources, StoreError, Strategies, Webhooks,
};

use super::error::ApiError;

/// Everything that is kept.
pub trait Storage:
    Accounts + Alerts + Audits + Idempotency + Kills + Limits + Orders + PortfolioHistory
where
    Self: Hitl + Observations + Outcomes + Signals + Sources + Strategies + Webhooks,
{
}

impl<T> Storage for T where
    T: Accounts
        + Alerts
        + Audits
        + Hitl
        + Idempotency
        + Kills
        + Limits
        + Observations
        + Orders
        + Outcomes
        + PortfolioHistory
        + Signals
        + Sources
        + Strategies
        + Webhooks
{
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Broken(text) => {
                tracing::error!(%text, "the store is broken");
                Self::internal()
            }
            StoreError::Unavailable(text) => {
                tracing::warn!(%text, "the store does not answer");
                qt_trading::Refusal::from(StoreError::Unavailable(text)).into()
            }
            other => qt_trading::Refusal::from(other).into(),
        }
    }
}
