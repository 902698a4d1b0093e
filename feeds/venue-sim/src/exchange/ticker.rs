//! The figures of a span of time.

use super::units::{Amount, Nanos, Price, Qty};

/// The figures of a symbol over a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Ticker {
    /// Since when.
    pub open_ns: Nanos,
    /// Until when.
    pub close_ns: Nanos,
    /// The first price.
    pub open: Price,
    /// The highest.
    pub high: Price,
    /// The lowest.
    pub low: Price,
    /// The last.
    pub last: Price,
    /// The quantity of the last trade.
    pub last_qty: Qty,
    /// The last price before.
    pub previous_close: Price,
    /// The average by volume.
    pub average: Price,
    /// How much was traded.
    pub volume: Amount,
    /// What that cost.
    pub quote_volume: Amount,
    /// The first trade's id.
    pub first_trade: Option<u64>,
    /// The last trade's id.
    pub last_trade: Option<u64>,
    /// How many trades.
    pub trades: u64,
}
