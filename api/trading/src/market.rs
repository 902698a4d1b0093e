//! Market data, as clients see it.

use serde::Serialize;
use utoipa::ToSchema;

use super::time::Time;
use crate::Side;
use crate::amount::Amount;

/// What can be traded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Instrument {
    /// Its symbol.
    pub symbol: String,
    /// Where it is traded.
    pub venue: String,
    /// `spot`, `perpetual`, `future`, `option`, `equity` or `fx`.
    pub kind: String,
    /// The currency it is priced in.
    pub currency: String,
    /// The smallest step of its price.
    pub tick_size: Amount,
    /// The smallest step of a quantity.
    pub lot_size: Amount,
    /// The smallest value of an order; none without one.
    pub min_notional: Option<Amount>,
    /// What one unit stands for.
    pub contract_size: Amount,
    /// `open`, `halted` or `closed`.
    pub session_state: String,
}

/// The last of everything, and the day so far (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Quote {
    /// The instrument.
    pub symbol: String,
    /// Best bid.
    pub bid: Option<Amount>,
    /// How much is bid there.
    pub bid_quantity: Option<Amount>,
    /// Best ask.
    pub ask: Option<Amount>,
    /// How much is offered there.
    pub ask_quantity: Option<Amount>,
    /// Price of the last trade.
    pub last: Option<Amount>,
    /// Quantity of the last trade.
    pub last_quantity: Option<Amount>,
    /// First price of the day.
    pub open: Option<Amount>,
    /// Highest price of the day.
    pub high: Option<Amount>,
    /// Lowest price of the day.
    pub low: Option<Amount>,
    /// Traded quantity of the day.
    pub volume: Amount,
    /// Change of the last price since the day's first.
    pub change: Option<Amount>,
    /// Whether nothing was heard for longer than is usual.
    pub is_stale: bool,
    /// As of when.
    pub as_of: Time,
}

/// One price of a book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BookLevel {
    /// The price.
    pub price: Amount,
    /// How much rests there.
    pub quantity: Amount,
}

/// An order book, best prices first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Book {
    /// The instrument.
    pub symbol: String,
    /// Bids, best first.
    pub bids: Vec<BookLevel>,
    /// Asks, best first.
    pub asks: Vec<BookLevel>,
    /// Rises with each change.
    pub seq: u64,
    /// Whether nothing was heard for longer than is usual.
    pub is_stale: bool,
    /// As of when.
    pub as_of: Time,
}

/// A trade in the market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TradePrint {
    /// The instrument.
    pub symbol: String,
    /// At which price.
    pub price: Amount,
    /// How much.
    pub quantity: Amount,
    /// Who took; none where the venue does not say.
    pub taker_side: Option<Side>,
    /// When.
    pub executed_at: Time,
}

/// A bar of trades.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Candle {
    /// Where it begins.
    pub open_time: Time,
    /// First price.
    pub open: Amount,
    /// Highest price.
    pub high: Amount,
    /// Lowest price.
    pub low: Amount,
    /// Last price.
    pub close: Amount,
    /// Traded quantity.
    pub volume: Amount,
    /// Whether its time is over.
    pub is_closed: bool,
}

/// Which candles are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candles {
    /// Length of one, ns.
    pub interval_ns: i64,
    /// None earlier than this.
    pub from: Option<Time>,
    /// None that begins at or after this.
    pub to: Option<Time>,
    /// At most so many, the latest ones.
    pub limit: usize,
}
