//! What a strategy may see of a book.

use qt_types::{Nanos, Price, Qty, Side, TickFlags};

use super::depth::{DEPTH_LEVELS_MAX, Depth};
use super::levels::Levels;
use super::state::{BookState, StaleReason};
use super::{Book, BookSide};

/// A book, lent read-only. One pointer: hand it on by value.
#[derive(Clone, Copy, Debug)]
pub struct BookView<'a> {
    book: &'a Book,
}

/// An exact fraction. Its denominator is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Above the line.
    pub numerator: i128,
    /// Below the line; positive.
    pub denominator: i128,
}

impl Ratio {
    /// The nearest floating-point number, for models and reports.
    #[must_use]
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

impl<'a> BookView<'a> {
    #[inline]
    pub(super) const fn new(book: &'a Book) -> Self {
        Self { book }
    }

    /// The highest bid and what rests there.
    #[must_use]
    #[inline]
    pub fn best_bid(self) -> Option<(Price, Qty)> {
        self.book.bids().best()
    }

    /// The lowest ask and what rests there.
    #[must_use]
    #[inline]
    pub fn best_ask(self) -> Option<(Price, Qty)> {
        self.book.asks().best()
    }

    /// The best price of `side` and what rests there.
    #[must_use]
    #[inline]
    pub fn best(self, side: Side) -> Option<(Price, Qty)> {
        self.book.side(side).best()
    }

    /// The best price of `side`, without what rests there.
    #[must_use]
    #[inline(always)]
    pub fn best_price(self, side: Side) -> Option<Price> {
        self.book.side(side).best_price()
    }

    /// The highest bid and the lowest ask. `None` while a side is empty.
    #[must_use]
    #[inline(always)]
    pub fn best_prices(self) -> Option<(Price, Price)> {
        self.book.bids().best_price().zip(self.book.asks().best_price())
    }

    /// Twice the middle of the best prices, in ticks: exact. `None` while a side is empty.
    #[must_use]
    #[inline(always)]
    pub fn mid_x2(self) -> Option<i64> {
        let (bid, ask) = self.best_prices()?;
        // A book holds no price that is not far below 63 bits.
        Some(bid.ticks().wrapping_add(ask.ticks()))
    }

    /// The middle of the best prices, half-even to a tick. `None` while a side is empty.
    #[must_use]
    #[inline(always)]
    pub fn mid(self) -> Option<Price> {
        let twice = self.mid_x2()?;
        let below = twice >> 1;
        Some(Price::from_ticks(below.wrapping_add(twice & below & 1)))
    }

    /// The best ask minus the best bid, in ticks. Not positive only within an update, in a
    /// stale book and in an auction. `None` while a side is empty.
    #[must_use]
    #[inline]
    pub fn spread(self) -> Option<i64> {
        let (bid, ask) = self.best_prices()?;
        Some(ask.ticks() - bid.ticks())
    }

    /// The middle of the best prices, each weighted with the quantity on the *other* side, in
    /// ticks: nearer to the side that is thin. `None` while a side is empty.
    #[must_use]
    #[inline]
    pub fn microprice(self) -> Option<Ratio> {
        let ((bid, bid_qty), (ask, ask_qty)) = (self.best_bid()?, self.best_ask()?);
        let of = |price: Price, qty: Qty| i128::from(price.ticks()) * i128::from(qty.lots());
        let denominator = i128::from(bid_qty.lots()) + i128::from(ask_qty.lots());
        Some(Ratio { numerator: of(bid, ask_qty) + of(ask, bid_qty), denominator })
    }

    /// [`Self::microprice`] in floating point, in ticks: for models.
    #[must_use]
    #[inline]
    pub fn microprice_f64(self) -> Option<f64> {
        let ((bid, bid_qty), (ask, ask_qty)) = (self.best_bid()?, self.best_ask()?);
        let (bid_qty, ask_qty) = (bid_qty.lots() as f64, ask_qty.lots() as f64);
        let share = bid_qty / (bid_qty + ask_qty);
        Some(bid.ticks() as f64 + (ask.ticks() - bid.ticks()) as f64 * share)
    }

    /// What rests at `price` on `side`.
    #[must_use]
    #[inline]
    pub fn qty_at(self, side: Side, price: Price) -> Qty {
        self.book.side(side).qty_at(price)
    }

    /// The levels of `side`, the best one first.
    #[must_use]
    #[inline]
    pub fn levels(self, side: Side) -> Levels<'a> {
        self.book.side(side).levels()
    }

    /// A copy of the best `levels` of each side, at most [`DEPTH_LEVELS_MAX`].
    #[must_use]
    pub fn depth(self, levels: usize) -> Depth {
        let best = |side| self.levels(side).take(levels.min(DEPTH_LEVELS_MAX));
        Depth::new(best(Side::Buy), best(Side::Sell))
    }

    /// The lots on the best `levels` of `side`.
    #[must_use]
    pub fn lots_within(self, side: Side, levels: usize) -> i128 {
        self.levels(side).take(levels).map(|(_, qty)| i128::from(qty.lots())).sum()
    }

    /// How much more rests on the best `levels` of the bids than of the asks, as a share of
    /// both: from -1 to 1. `None` when both sides are empty.
    #[must_use]
    pub fn imbalance(self, levels: usize) -> Option<Ratio> {
        let of = |side| self.lots_within(side, levels);
        let (bids, asks) = (of(Side::Buy), of(Side::Sell));
        let sum = bids + asks;
        (sum > 0).then(|| Ratio { numerator: bids - asks, denominator: sum })
    }

    /// What the book is good for.
    #[must_use]
    pub fn state(self) -> BookState {
        self.book.state()
    }

    /// Why it is not to be trusted, if it is not.
    #[must_use]
    #[inline]
    pub const fn stale_reason(self) -> Option<StaleReason> {
        self.book.stale_reason()
    }

    /// Whether it is not to be trusted.
    #[must_use]
    #[inline]
    pub const fn is_stale(self) -> bool {
        self.book.stale_reason().is_some()
    }

    /// Whether neither side holds anything.
    #[must_use]
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.book.bids().is_empty() && self.book.asks().is_empty()
    }

    /// Whether trading is halted.
    #[must_use]
    #[inline]
    pub const fn is_halted(self) -> bool {
        self.book.is_halted
    }

    /// Whether the last tick ended an update of the venue.
    #[must_use]
    #[inline]
    pub const fn is_complete(self) -> bool {
        TickFlags::from_bits(self.book.flags).has(TickFlags::LAST)
    }

    /// When the venue says the book last changed (UTC ns); [`Nanos::MIN`] before that.
    #[must_use]
    #[inline]
    pub const fn venue_ns(self) -> Nanos {
        Nanos::new(self.book.venue_ns)
    }

    /// A side as a whole.
    #[must_use]
    #[inline]
    pub const fn side(self, side: Side) -> &'a BookSide {
        self.book.side(side)
    }
}
