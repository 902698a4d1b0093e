//! The updates of a synthetic order book.

use std::collections::{BTreeMap, VecDeque};

use qt_types::{Side, Tick, TickFlags, TickKind};

use super::dice::Dice;
use super::trades::Arrivals;
use super::walk::Walk;
use super::{GenerateError, Market};

/// Levels farther from the best price of their side than this many ticks are withdrawn.
const DEPTH_TICKS: i64 = 25;
/// Levels of each side at the start.
const LEVELS_START: i64 = 10;
/// A side never has fewer levels.
const LEVELS_MIN: usize = 3;

/// What a row of the book's recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookKind {
    /// A level of the book at the start.
    Snapshot,
    /// A level's new quantity; zero removes it.
    Level,
    /// A trade against the best level; the level's own update follows.
    Trade,
}

/// One row of the book's recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookRow {
    /// When it happened (UTC ns).
    pub venue_ns: i64,
    /// What it is.
    pub kind: BookKind,
    /// The side of the level; of a trade the side that took liquidity.
    pub side: Side,
    /// Price in ticks.
    pub price: i64,
    /// The level's quantity, or the size of the trade, in lots.
    pub qty: i64,
}

impl BookRow {
    /// The row as a change of a market by price, of instrument 0. Every level ends an update.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        let side = match self.side {
            Side::Buy => TickFlags::NONE,
            Side::Sell => TickFlags::ASK,
        };
        let (kind, flags) = match self.kind {
            BookKind::Snapshot | BookKind::Level => (TickKind::Level, side.with(TickFlags::LAST)),
            BookKind::Trade => (TickKind::Trade, side),
        };
        Tick {
            venue_ns: self.venue_ns,
            price: self.price,
            qty: self.qty,
            latency_ns: 0,
            instrument: 0,
            kind: kind as u8,
            flags: flags.bits(),
        }
    }
}

/// A simple market of orders without intention: limit orders, cancellations and market orders come
/// at random, and more often on the side that brings the book back to a hidden fair price.
///
/// The best bid is below the best ask at every row: a limit order is placed below the other
/// side's best, and a market order takes no more than one level.
#[derive(Clone, Debug)]
pub struct Book {
    dice: Dice,
    walk: Walk,
    arrivals: Arrivals,
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    order_lots: i64,
    pending: VecDeque<BookRow>,
    left: u64,
}

impl Book {
    pub(super) fn new(market: &Market) -> Result<Self, GenerateError> {
        let mut book = Self {
            dice: Dice::new(market.seed, 3),
            walk: Walk::new(market),
            arrivals: Arrivals::new(market)?,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            order_lots: market.order_lots,
            pending: VecDeque::new(),
            left: market.rows,
        };
        let middle = book.walk.rounded();
        for step in 1..=LEVELS_START {
            for (side, price) in [(Side::Buy, middle - step), (Side::Sell, middle + step)] {
                let qty = book.dice.size(3 * book.order_lots);
                book.levels(side).insert(price, qty);
                book.tell(BookKind::Snapshot, side, price, qty);
            }
        }
        Ok(book)
    }

    fn levels(&mut self, side: Side) -> &mut BTreeMap<i64, i64> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn best(&self, side: Side) -> i64 {
        // No side is ever empty, see `LEVELS_MIN`; the fair price stands in for the impossible.
        let best = match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        };
        best.map_or(self.walk.rounded(), |(price, _)| *price)
    }

    fn tell(&mut self, kind: BookKind, side: Side, price: i64, qty: i64) {
        let venue_ns = self.arrivals.now_ns();
        self.pending.push_back(BookRow { venue_ns, kind, side, price, qty });
    }

    /// Gives a level its new quantity and tells it.
    fn set(&mut self, side: Side, price: i64, qty: i64) {
        if qty > 0 {
            self.levels(side).insert(price, qty);
        } else {
            self.levels(side).remove(&price);
        }
        self.tell(BookKind::Level, side, price, qty);
    }

    /// One order arrives or leaves.
    fn event(&mut self) {
        let middle = (self.best(Side::Buy) + self.best(Side::Sell)) as f64 / 2.0;
        // The farther the book is from the fair price, the more orders push it there.
        let lean = ((self.walk.ticks() - middle) / 10.0).clamp(-0.4, 0.4);
        let side = if self.dice.happens(0.5 + lean) { Side::Buy } else { Side::Sell };
        match self.dice.below(100) {
            0..46 => self.add(side),
            46..82 => self.cancel(side.opposite()),
            _ => self.take(side),
        }
    }

    fn add(&mut self, side: Side) {
        let near = ((self.dice.unit() * self.dice.unit()) * DEPTH_TICKS as f64) as i64;
        let price = match side {
            Side::Buy => (self.best(Side::Sell) - 1 - near).max(1),
            Side::Sell => self.best(Side::Buy) + 1 + near,
        };
        let qty = self.dice.size(self.order_lots);
        let before = self.levels(side).get(&price).copied().unwrap_or(0);
        self.set(side, price, before.saturating_add(qty));
        let best = self.best(side);
        let far: Vec<i64> = self
            .levels(side)
            .keys()
            .copied()
            .filter(|level| (level - best).abs() > DEPTH_TICKS)
            .collect();
        for price in far {
            if self.levels(side).len() > LEVELS_MIN {
                self.set(side, price, 0);
            }
        }
    }

    fn cancel(&mut self, side: Side) {
        let count = self.levels(side).len();
        let index = self.dice.below(count as u64) as usize;
        let Some((price, qty)) = self.levels(side).iter().nth(index).map(|(p, q)| (*p, *q)) else {
            return self.add(side);
        };
        let left = (qty - self.dice.size(self.order_lots)).max(0);
        if left == 0 && count <= LEVELS_MIN {
            return self.add(side);
        }
        self.set(side, price, left);
    }

    fn take(&mut self, side: Side) {
        let other = side.opposite();
        let price = self.best(other);
        let count = self.levels(other).len();
        let Some(qty) = self.levels(other).get(&price).copied() else { return self.add(other) };
        let taken = self.dice.size(self.order_lots).min(qty);
        if taken == qty && count <= LEVELS_MIN {
            return self.add(other);
        }
        self.tell(BookKind::Trade, side, price, taken);
        self.set(other, price, qty - taken);
    }
}

impl Iterator for Book {
    type Item = BookRow;

    fn next(&mut self) -> Option<BookRow> {
        self.left = self.left.checked_sub(1)?;
        while self.pending.is_empty() {
            let years = self.arrivals.advance(&mut self.dice)?;
            self.walk.turn(&mut self.dice);
            self.walk.step(years, &mut self.dice);
            self.event();
        }
        self.pending.pop_front()
    }
}
