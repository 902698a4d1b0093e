//! The best prices of a book and what rests there, for indicators that need no more of it.

use qt_engine::{BookView, values};
use serde::{Deserialize, Serialize};

/// The best bid and ask, in ticks, and what rests there, in lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Top {
    /// The highest bid, in ticks.
    pub bid: i64,
    /// The lots at it.
    pub bid_lots: i64,
    /// The lowest ask, in ticks.
    pub ask: i64,
    /// The lots at it.
    pub ask_lots: i64,
}

values!(Top);

impl Top {
    /// The best prices of `book`; `None` while a side is empty.
    #[inline]
    #[must_use]
    pub fn of(book: BookView<'_>) -> Option<Self> {
        let ((bid, bid_lots), (ask, ask_lots)) = (book.best_bid()?, book.best_ask()?);
        let (bid, ask) = (bid.ticks(), ask.ticks());
        Some(Self { bid, bid_lots: bid_lots.lots(), ask, ask_lots: ask_lots.lots() })
    }

    /// Twice the middle price, in ticks: exact.
    #[inline]
    #[must_use]
    pub const fn mid_x2(&self) -> i64 {
        self.bid.saturating_add(self.ask)
    }

    /// The microprice in ticks: the best prices, each weighted with the quantity on the *other*
    /// side, so that it is nearer to the side that is thin. Without any quantity, the middle.
    ///
    /// J. Gatheral and R. Oomen, *Zero-intelligence realized variance estimation*, Finance and
    /// Stochastics 14, 2010.
    #[inline]
    #[must_use]
    pub fn microprice(&self) -> f64 {
        let (bid_lots, ask_lots) = (self.bid_lots as f64, self.ask_lots as f64);
        let sum = bid_lots + ask_lots;
        let share = if sum > 0.0 { bid_lots / sum } else { 0.5 };
        self.bid as f64 + (self.ask as f64 - self.bid as f64) * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_microprice_is_nearer_to_the_thin_side() {
        let top = Top { bid: 100, bid_lots: 30, ask: 104, ask_lots: 10 };
        // (100 x 10 + 104 x 30) / 40
        assert_eq!(top.microprice(), 103.0);
        assert_eq!(top.mid_x2(), 204);
        let empty = Top { bid_lots: 0, ask_lots: 0, ..top };
        assert_eq!(empty.microprice(), 102.0);
    }
}
