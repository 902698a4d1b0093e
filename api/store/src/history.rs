//! What accounts were worth.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Kept;
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::time::Time;

/// What an account was worth at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EquityPoint {
    /// When.
    pub at: Time,
    /// Cash and positions together.
    pub equity: Amount,
    /// Cash.
    pub cash: Amount,
    /// Profit that is realised, fees deducted.
    pub realized_pnl: Amount,
    /// Profit that is not realised.
    pub unrealized_pnl: Amount,
    /// Fees paid so far.
    pub fees: Amount,
}

/// One UTC day of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayRow {
    /// The day, like `2026-11-22`.
    pub date: String,
    /// Equity at its first point.
    pub open_equity: Amount,
    /// Equity at its last point.
    pub close_equity: Amount,
    /// The highest equity.
    pub high_equity: Amount,
    /// The lowest equity.
    pub low_equity: Amount,
    /// Change of equity since the last point of the day before; since the first of this day where
    /// there is none.
    pub pnl: Amount,
    /// Fees paid so far, at its end.
    pub fees: Amount,
}

/// The repository of portfolio history. It is written by the projection of sessions.
pub trait PortfolioHistory: Send + Sync {
    /// Equity from `from` (inclusive) to `to` (exclusive), oldest first. Of more than `limit`
    /// points the last of each of `limit` equal spans is given.
    fn equity(
        &self,
        tenant: TenantId,
        account: AccountId,
        from: Time,
        to: Time,
        limit: u32,
    ) -> Kept<'_, Vec<EquityPoint>>;

    /// The last `days` days that have a point, oldest first.
    fn days(&self, tenant: TenantId, account: AccountId, days: u32) -> Kept<'_, Vec<DayRow>>;
}
