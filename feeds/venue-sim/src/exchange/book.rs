//! The book of a symbol: prices in order, numbered changes.

use std::collections::BTreeMap;

use super::depth::{Best, Depth};
use super::level::Level;
use super::order::Side;
use super::units::{Price, Qty};

/// The book of a symbol.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    bids: BTreeMap<Price, Level>,
    asks: BTreeMap<Price, Level>,
    /// The number of the last change.
    pub(super) update_id: u64,
    /// Counts who came when.
    came: u64,
}

impl Book {
    /// A book whose first change will have the number `first`.
    pub(super) fn new(first: u64) -> Self {
        Self { update_id: first.saturating_sub(1), ..Self::default() }
    }

    /// The number of who comes now: larger than all before.
    pub(super) const fn arrival(&mut self) -> u64 {
        self.came += 1;
        self.came
    }

    /// The prices of a side.
    pub(super) const fn side(&self, side: Side) -> &BTreeMap<Price, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Price, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The queue at a price; a new one where there is none.
    pub(super) fn level(&mut self, side: Side, price: Price) -> &mut Level {
        self.side_mut(side).entry(price).or_default()
    }

    /// The queue at a price, if there is one.
    pub(super) fn level_mut(&mut self, side: Side, price: Price) -> Option<&mut Level> {
        self.side_mut(side).get_mut(&price)
    }

    /// The best price of a side.
    pub(super) fn best_of(&self, side: Side) -> Option<(Price, &Level)> {
        let best = match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        };
        best.map(|(price, level)| (*price, level))
    }

    /// The best price of a side behind `price`.
    pub(super) fn next_of(&self, side: Side, price: Price) -> Option<(Price, &Level)> {
        let next = match side {
            Side::Buy => self.bids.range(..price).next_back(),
            Side::Sell => self.asks.range(price.saturating_add(1)..).next(),
        };
        next.map(|(price, level)| (*price, level))
    }

    /// Numbers a change at a price, tidies it up, and says what can be seen there now.
    pub(super) fn changed(&mut self, side: Side, price: Price) -> (u64, Qty) {
        self.update_id += 1;
        let levels = self.side_mut(side);
        let level = levels.get(&price);
        let qty = level.map_or(0, Level::visible);
        if level.is_some_and(Level::is_empty) {
            levels.remove(&price);
        }
        (self.update_id, qty)
    }

    /// The best `levels` of each side.
    pub(super) fn depth(&self, levels: usize) -> Depth {
        let pair = |(price, level): (&Price, &Level)| (*price, level.visible());
        Depth {
            last_update_id: self.update_id,
            bids: self.bids.iter().rev().take(levels).map(pair).collect(),
            asks: self.asks.iter().take(levels).map(pair).collect(),
        }
    }

    /// The best prices.
    pub(super) fn best(&self) -> Best {
        let pair = |(price, level): (Price, &Level)| (price, level.visible());
        Best {
            update_id: self.update_id,
            bid: self.best_of(Side::Buy).map(pair),
            ask: self.best_of(Side::Sell).map(pair),
        }
    }
}
