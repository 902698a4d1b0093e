//! What is told of a book: whole, its best prices, and its changes put together.

use std::collections::BTreeMap;

use super::event::BookChange;
use super::order::Side;
use super::units::{Price, Qty};

/// A book, best prices first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Depth {
    /// The number of the last change that is in it.
    pub last_update_id: u64,
    /// Prices and quantities, highest first.
    pub bids: Vec<(Price, Qty)>,
    /// Prices and quantities, lowest first.
    pub asks: Vec<(Price, Qty)>,
}

/// The best prices of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Best {
    /// The number of the last change of the book.
    pub update_id: u64,
    /// The highest bid and its quantity.
    pub bid: Option<(Price, Qty)>,
    /// The lowest ask and its quantity.
    pub ask: Option<(Price, Qty)>,
}

/// Changes of one book put together: of each price the last quantity.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DepthBatch {
    /// The number of the first change in it.
    pub first: u64,
    /// The number of the last one.
    pub last: u64,
    /// What changed, by price.
    pub bids: BTreeMap<Price, Qty>,
    /// What changed, by price.
    pub asks: BTreeMap<Price, Qty>,
}

impl DepthBatch {
    /// Adds a change.
    pub fn add(&mut self, change: &BookChange) {
        if self.is_empty() {
            self.first = change.update_id;
        }
        self.last = change.update_id;
        let side = match change.side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        side.insert(change.price, change.qty);
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// What there is, if anything; from now on it is empty.
    pub fn take(&mut self) -> Option<Self> {
        (!self.is_empty()).then(|| std::mem::take(self))
    }
}
