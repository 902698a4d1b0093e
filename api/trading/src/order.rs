//! Orders and executions, as clients send and see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Time;
use crate::amount::Amount;
use crate::ids::{ExecutionUid, OrderUid, StrategyUid};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// To buy.
    Buy,
    /// To sell.
    Sell,
}

/// Kinds of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// At the best price there is.
    Market,
    /// At `price` or better.
    Limit,
    /// A market order once the market trades at `stop_price` or worse.
    #[serde(alias = "stop_loss")]
    Stop,
    /// A limit order once the market trades at `stop_price` or worse.
    StopLimit,
    /// A market order once the market trades at `stop_price` or better.
    TakeProfit,
}

impl OrderKind {
    /// Whether it has a `price`.
    #[must_use]
    pub const fn has_price(self) -> bool {
        matches!(self, Self::Limit | Self::StopLimit)
    }

    /// Whether it has a `stop_price`.
    #[must_use]
    pub const fn has_stop(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit | Self::TakeProfit)
    }

    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Limit => "limit",
            Self::Stop => "stop",
            Self::StopLimit => "stop_limit",
            Self::TakeProfit => "take_profit",
        }
    }
}

/// How long an order stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Until it is cancelled.
    #[default]
    Gtc,
    /// To the end of the session day.
    Day,
    /// What is not filled at once is cancelled.
    Ioc,
    /// Filled at once and whole, or not at all.
    Fok,
}

/// An order that somebody wants to place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// What to trade.
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: OrderKind,
    /// How much, in units of the instrument.
    pub quantity: Amount,
    /// The limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// The price that triggers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Amount>,
    /// How long it stays; `gtc` when absent.
    #[serde(default)]
    pub time_in_force: TimeInForce,
    /// Refused where it would trade at once.
    #[serde(default)]
    pub post_only: bool,
    /// May only make a position smaller.
    #[serde(default)]
    pub reduce_only: bool,
    /// A name that the client gives it: at most 36 of `[A-Za-z0-9._-]`, unique in the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// For which strategy; the desk's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<StrategyUid>,
}

/// What to change of an order that rests; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmendOrder {
    /// The new whole quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Amount>,
    /// The new limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// The new price that triggers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Amount>,
}

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Approved and on its way; the venue has not answered.
    Pending,
    /// It rests at the venue.
    Open,
    /// It rests with a part filled.
    PartiallyFilled,
    /// All of it is filled.
    Filled,
    /// It is over without being filled whole.
    Cancelled,
    /// The venue refused it.
    Rejected,
    /// It ran out of its time.
    Expired,
    /// Its fate is not known; it counts in full until it is.
    Unknown,
}

impl OrderStatus {
    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Rejected | Self::Expired)
    }
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// Its identifier.
    pub id: OrderUid,
    /// The client's name of it.
    pub client_order_id: Option<String>,
    /// For which strategy; none for the desk's own.
    pub strategy_id: Option<StrategyUid>,
    /// What is traded.
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: OrderKind,
    /// How long it stays.
    pub time_in_force: TimeInForce,
    /// Whether it may only rest.
    pub post_only: bool,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// Its whole quantity.
    pub quantity: Amount,
    /// How much of it is filled.
    pub filled_quantity: Amount,
    /// Its limit.
    pub price: Option<Amount>,
    /// What triggers it.
    pub stop_price: Option<Amount>,
    /// The mean price of its fills.
    pub average_price: Option<Amount>,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// Whether a cancel is on its way.
    pub cancel_pending: bool,
    /// Why it was refused, as a stable code.
    pub reason: Option<String>,
    /// Who asked for it, where that is known; not shown, for the audit.
    #[serde(skip)]
    pub placed_by: Option<String>,
    /// When it was placed.
    pub created_at: Time,
    /// When it changed last.
    pub updated_at: Time,
}

/// One execution of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Execution {
    /// Its identifier.
    pub id: ExecutionUid,
    /// The order.
    pub order_id: OrderUid,
    /// For which strategy; none for the desk's own.
    pub strategy_id: Option<StrategyUid>,
    /// What was traded.
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// At which price.
    pub price: Amount,
    /// How much.
    pub quantity: Amount,
    /// The fee, in `fee_currency`.
    pub fee: Amount,
    /// The currency of the fee.
    pub fee_currency: String,
    /// Whether the order rested.
    pub is_maker: bool,
    /// When it happened.
    pub executed_at: Time,
}
