//! What an order can be.

use serde::{Deserialize, Serialize};

use crate::{Nanos, Price};

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Side {
    /// Adds to the position.
    Buy,
    /// Takes from the position.
    Sell,
}

impl Side {
    /// +1 for a buy, -1 for a sell.
    #[must_use]
    #[inline]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }

    /// The other side.
    #[must_use]
    #[inline]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// `buy` or `sell`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// How far a trailing stop stays behind the best price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Distance {
    /// A fixed number of ticks.
    Ticks(i64),
    /// Basis points (1/10,000) of the best price, rounded half-even to a tick.
    Bps(u32),
}

/// The type of an order, with the prices that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderKind {
    /// At the next price there is.
    Market,
    /// At `price` or better.
    Limit {
        /// The worst price accepted.
        price: Price,
    },
    /// A market order once the market is at or through `trigger` on the losing side (buy: from
    /// below, sell: from above).
    Stop {
        /// The price that releases the order.
        trigger: Price,
    },
    /// A limit order at `limit` once the market is at or through `trigger`.
    StopLimit {
        /// The price that releases the order.
        trigger: Price,
        /// The worst price accepted afterwards.
        limit: Price,
    },
    /// A market order once the market is at or through `trigger` on the winning side (sell: from
    /// below, buy: from above). Also known as market-if-touched.
    TakeProfit {
        /// The price that releases the order.
        trigger: Price,
    },
    /// A stop that follows the best price at a distance and never goes back.
    TrailingStop {
        /// How far behind the best price.
        distance: Distance,
    },
    /// A limit order at `limit` once the market is at or through `trigger` on the winning side.
    LimitIfTouched {
        /// The price that releases the order.
        trigger: Price,
        /// The worst price accepted afterwards.
        limit: Price,
    },
    /// A limit order whose price follows the book. Whenever its price moves, it goes to the end
    /// of the queue there.
    Pegged {
        /// What it follows.
        to: PegReference,
        /// Ticks away from it, away from the other side of the market (buy: lower, sell:
        /// higher); below zero: towards it.
        offset: i64,
    },
}

/// What a pegged order follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum PegReference {
    /// The best price of its own side (a primary peg).
    SameSide,
    /// The middle between the best prices, rounded to a tick away from the other side.
    Mid,
    /// The best price of the other side (a market peg).
    Opposite,
}

impl OrderKind {
    /// The name in lists and logs.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Limit { .. } => "limit",
            Self::Stop { .. } => "stop",
            Self::StopLimit { .. } => "stop_limit",
            Self::TakeProfit { .. } => "take_profit",
            Self::TrailingStop { .. } => "trailing_stop",
            Self::LimitIfTouched { .. } => "limit_if_touched",
            Self::Pegged { .. } => "pegged",
        }
    }

    /// Whether the order waits for a price against it before it acts.
    #[must_use]
    #[inline]
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::Stop { .. } | Self::StopLimit { .. } | Self::TrailingStop { .. })
    }
}

/// What of its parent brings an order to life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum Activation {
    /// The first fill, and for as much as is filled: a protective order of a bracket, because
    /// what is held must not be without it.
    #[default]
    FirstFill,
    /// The last fill, for all that was asked for: what venues call one-triggers-other.
    CompleteFill,
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum TimeInForce {
    /// Until it is filled or cancelled.
    #[default]
    Gtc,
    /// Until the end of the calendar's session.
    Day,
    /// What can be had at once; the rest is cancelled.
    Ioc,
    /// All of it at once, or nothing.
    Fok,
    /// Until it is filled, cancelled, or this time has come (UTC).
    Gtd(Nanos),
}

impl TimeInForce {
    /// The name in lists and logs.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Gtc => "gtc",
            Self::Day => "day",
            Self::Ioc => "ioc",
            Self::Fok => "fok",
            Self::Gtd(_) => "gtd",
        }
    }
}
