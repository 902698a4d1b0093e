//! An account's value and positions, as clients see them.

use serde::Serialize;
use utoipa::ToSchema;

use super::time::Time;
use crate::amount::Amount;
use crate::ids::AccountId;

/// A position in one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Position {
    /// The instrument.
    pub symbol: String,
    /// Signed: short positions are negative.
    pub quantity: Amount,
    /// What it was opened at, on average.
    pub average_price: Amount,
    /// The price it is valued at; none without a market.
    pub mark_price: Option<Amount>,
    /// Its value at that price, in the account's currency.
    pub market_value: Amount,
    /// Profit that is not realised.
    pub unrealized_pnl: Amount,
    /// Profit that is realised, fees not deducted.
    pub realized_pnl: Amount,
    /// Fees paid.
    pub fees: Amount,
    /// When it was opened; none where it is flat.
    pub opened_at: Option<Time>,
}

/// An account's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Portfolio {
    /// The account.
    pub account_id: AccountId,
    /// `paper` or `live`.
    pub account_type: String,
    /// Its currency.
    pub currency: String,
    /// Cash and positions together.
    pub equity: Amount,
    /// Cash.
    pub cash: Amount,
    /// What it began with.
    pub initial_capital: Amount,
    /// Profit that is realised, fees deducted.
    pub realized_pnl: Amount,
    /// Profit that is not realised.
    pub unrealized_pnl: Amount,
    /// Change of equity since the start of the UTC day.
    pub day_pnl: Amount,
    /// Fees paid.
    pub fees: Amount,
    /// Sum of the positions' absolute values.
    pub gross_exposure: Amount,
    /// Sum of the positions' values.
    pub net_exposure: Amount,
    /// Open orders.
    pub open_orders: usize,
    /// The positions that are not flat.
    pub positions: Vec<Position>,
    /// As of when.
    pub as_of: Time,
}
