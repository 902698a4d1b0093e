//! Order books: by price from [`Tick`]s ([`Book`]), by order from [`qt_types::OrderTick`]s
//! ([`OrderBook`]), and what a strategy may see of either ([`BookView`]).
//!
//! A book takes all of its memory when it is made, and no data makes it panic: what it cannot
//! take over is counted ([`BookFaults`], [`OrderBookFaults`]). The slow and obvious book that
//! both are held against is [`naive`].

mod depth;
mod far;
mod ladder;
mod levels;
mod limits;
pub mod naive;
mod orders;
mod side;
mod state;
mod stored;
mod view;

pub use depth::{DEPTH_LEVELS_MAX, Depth, Level};
pub use levels::Levels;
pub use limits::{BOOK_TICKS_MAX, BookLimits, CrossPolicy};
pub use orders::{OrderBook, OrderBookFaults, OrderBookLimits, RestingOrder};
pub use side::BookSide;
pub use state::{BookFaults, BookState, StaleReason};
pub use view::{BookView, Ratio};

use std::fmt;

use qt_types::{Nanos, Price, Qty, Side, Tick, TickFlags, TickKind};

/// The number of the other side.
const fn other(side: usize) -> usize {
    side ^ 1
}

/// The order book of one instrument by price.
///
/// Between two ticks with [`TickFlags::LAST`] it may be crossed: an update is under way. After
/// one it is not, or it is stale, or trading is halted (an auction's book may cross).
#[derive(Clone)]
pub struct Book {
    /// Bids, asks.
    sides: [BookSide; 2],
    /// The bit of [`TickFlags::LAST`] while the best prices cross or lock, else zero: kept where
    /// a best changes, so that a tick takes one test that is rarely true.
    crossed: u8,
    /// The flags of the last tick.
    flags: u8,
    venue_ns: i64,
    /// The side whose best was told last.
    newest: u8,
    is_halted: bool,
    /// The sides that have been cleared since the book became stale, as bits.
    cleared: u8,
    stale: Option<StaleReason>,
    is_overflowed: bool,
    crosses: CrossPolicy,
    faults: BookFaults,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new(limits: &BookLimits) -> Self {
        Self::with_tags(limits, false)
    }

    /// With a word for each level, for the queues of an [`OrderBook`].
    fn with_tags(limits: &BookLimits, is_tagged: bool) -> Self {
        let side = |side| BookSide::new(side, limits, is_tagged);
        Self {
            sides: [side(Side::Buy), side(Side::Sell)],
            crossed: 0,
            flags: TickFlags::LAST.bits(),
            venue_ns: Nanos::MIN.get(),
            newest: 0,
            is_halted: false,
            cleared: 0,
            stale: None,
            is_overflowed: false,
            crosses: limits.crosses,
            faults: BookFaults::default(),
        }
    }

    /// Takes in one tick of its instrument. Returns whether a best price or the quantity at it
    /// changed. Inlined for what most ticks are, a level behind the best one.
    #[inline(always)]
    pub fn apply(&mut self, tick: &Tick) -> bool {
        let side = (tick.flags & TickFlags::ASK.bits()) as usize;
        if tick.kind == TickKind::Level as u8 {
            return self.apply_level(*tick);
        }
        let changed = tick.kind != TickKind::Trade as u8 && self.apply_rare(side, tick);
        changed | self.close(tick.flags)
    }

    /// [`Self::apply`] for a tick of which it is known that it is a level.
    #[inline(always)]
    pub fn apply_level(&mut self, tick: Tick) -> bool {
        let side = (tick.flags & TickFlags::ASK.bits()) as usize;
        self.venue_ns = tick.venue_ns;
        self.sides[side].has_levels = true;
        let changed = self.set_level(side, side::key_of(side, tick.price), tick.qty);
        changed | self.close(tick.flags)
    }

    /// [`Self::apply_level`] for what most levels are, one that lies behind the best price of a
    /// book that is not crossed, near others: no best price changes. `false` for any other, which
    /// is left for [`Self::apply`]. When it was told is left for [`Self::note_told`].
    #[inline(always)]
    pub fn put_behind(&mut self, tick: &Tick) -> bool {
        let side = (tick.flags & TickFlags::ASK.bits()) as usize;
        let key = side::key_of(side, tick.price);
        let book_side = &mut self.sides[side];
        if !book_side.ladder.store_behind(key, tick.qty) {
            return false;
        }
        book_side.has_levels = true;
        true
    }

    /// Whether the sides do not meet behind a tick with [`TickFlags::LAST`], whatever levels come.
    #[must_use]
    #[inline]
    pub fn ends_uncrossed(&self) -> bool {
        self.crosses == CrossPolicy::Uncross && !self.is_halted
    }

    /// [`Self::apply_level`] for a level that [`Self::put_behind`] has left, out of the way of a
    /// loop over levels: told at `venue_ns` (UTC) on the side and with the end that `flags` say.
    #[cold]
    #[inline(never)]
    pub fn put_rare(&mut self, venue_ns: i64, flags: u8, price: Price, qty: Qty) -> bool {
        let side = (flags & TickFlags::ASK.bits()) as usize;
        self.venue_ns = venue_ns;
        self.sides[side].has_levels = true;
        let changed = self.set_level(side, side::key_of(side, price.ticks()), qty.lots());
        changed | self.close(flags)
    }

    /// When the last level was told (UTC ns), and the flags of the last tick. Who puts levels with
    /// [`Self::put_behind`], and lets trades pass, notes this after all of them.
    #[must_use]
    #[inline]
    pub const fn told(&self) -> (i64, u8) {
        (self.venue_ns, self.flags)
    }

    /// See [`Self::told`].
    #[inline]
    pub const fn note_told(&mut self, (venue_ns, flags): (i64, u8)) {
        (self.venue_ns, self.flags) = (venue_ns, flags);
    }

    #[inline(never)]
    fn apply_rare(&mut self, side: usize, tick: &Tick) -> bool {
        // All there is in a feed of best prices, and so before the others.
        if tick.kind == TickKind::Top as u8 {
            self.venue_ns = tick.venue_ns;
            return self.set_top(side, side::key_of(side, tick.price), tick.qty);
        }
        self.apply_other(side, tick)
    }

    fn apply_other(&mut self, side: usize, tick: &Tick) -> bool {
        let Some(kind) = tick.kind() else {
            self.faults.unknown_kind += 1;
            return false;
        };
        match kind {
            TickKind::Clear => {
                self.venue_ns = tick.venue_ns;
                self.clear_side(side)
            }
            TickKind::Gap => {
                self.mark_gap();
                false
            }
            TickKind::Status => {
                self.is_halted = tick.qty == 0;
                false
            }
            TickKind::Level
            | TickKind::Top
            | TickKind::Trade
            | TickKind::Mark
            | TickKind::Funding => false,
        }
    }

    /// Puts `qty` at `key`.
    #[inline(always)]
    fn set_level(&mut self, side: usize, key: i64, qty: i64) -> bool {
        let book_side = &mut self.sides[side];
        // Rarely anything else: whether a quantity is zero, a price is better than the best or is
        // the best are tests that a processor cannot foresee.
        if book_side.ladder.store_behind(key, qty) {
            return false;
        }
        self.set_level_rare(side, key, qty)
    }

    /// Puts `qty`, which is not negative, at `key`, and keeps the word `tag` for the level.
    #[inline(always)]
    fn set_tagged(&mut self, side: usize, key: i64, qty: i64, tag: u64) -> bool {
        let ladder = &mut self.sides[side].ladder;
        // Orders come to the best price and leave it all the time: only whether it stays the best
        // is a test that a processor can foresee.
        if ladder.keeps_best(key, qty) {
            let changed = (key == ladder.best()) & (qty != ladder.qty(key));
            ladder.store(key, qty);
            ladder.set_tag(key, tag);
            self.newest = if changed { side as u8 } else { self.newest };
            return changed;
        }
        let changed = self.set_level_rare(side, key, qty);
        if qty != 0 {
            self.sides[side].set_tag(key, tag);
        }
        changed
    }

    #[inline(never)]
    fn set_level_rare(&mut self, side: usize, key: i64, qty: i64) -> bool {
        if qty < 0 {
            self.faults.negative_qty += 1;
            return false;
        }
        let book_side = &mut self.sides[side];
        let overflows = book_side.overflows;
        let changed = book_side.set_rare(key, qty);
        let overflowed = book_side.overflows - overflows;
        self.best_told(side, changed, qty, overflowed)
    }

    #[inline]
    fn set_top(&mut self, side: usize, key: i64, qty: i64) -> bool {
        if qty < 0 {
            self.faults.negative_qty += 1;
            return false;
        }
        let book_side = &mut self.sides[side];
        let overflows = book_side.overflows;
        let changed = book_side.set_top(key, qty);
        let overflowed = book_side.overflows - overflows;
        self.best_told(side, changed, qty, overflowed)
    }

    /// Keeps what hangs on the best prices.
    #[inline]
    fn best_told(&mut self, side: usize, changed: bool, qty: i64, overflowed: u64) -> bool {
        if changed {
            self.note_crossing();
            if qty > 0 {
                self.newest = side as u8;
            }
        }
        if overflowed != 0 {
            self.note_overflow(overflowed);
        }
        changed
    }

    /// The smallest and the largest key stand for "no bid" and "no ask": they cross nothing.
    #[inline]
    fn note_crossing(&mut self) {
        let is_crossed = !self.sides[0].ladder.best() >= self.sides[1].ladder.best();
        self.crossed = if is_crossed { TickFlags::LAST.bits() } else { 0 };
    }

    fn clear_side(&mut self, side: usize) -> bool {
        let changed = self.sides[side].clear();
        self.crossed = 0;
        self.cleared |= 1 << side;
        if self.cleared == 0b11 {
            self.stale = None;
            self.is_overflowed = false;
        }
        changed
    }

    /// The feed may have lost something: stale until both sides have been cleared.
    pub fn mark_gap(&mut self) {
        self.faults.gaps += 1;
        self.make_stale(StaleReason::Gap);
    }

    fn note_overflow(&mut self, count: u64) {
        self.faults.overflow += count;
        self.is_overflowed = true;
        self.make_stale(StaleReason::Overflow);
    }

    /// The first reason stays; what was cleared before does not count any more.
    fn make_stale(&mut self, reason: StaleReason) {
        self.stale = self.stale.or(Some(reason));
        self.cleared = 0;
    }

    /// The end of a tick with `flags`. Returns whether the top changed (by uncrossing).
    #[inline(always)]
    fn close(&mut self, flags: u8) -> bool {
        self.flags = flags;
        if self.is_crossed_at_last(flags) { self.end_crossed() } else { false }
    }

    #[inline(always)]
    const fn is_crossed_at_last(&self, flags: u8) -> bool {
        flags & self.crossed != 0
    }

    /// Whether its sides meet: between two ticks of an update, or in an auction.
    #[must_use]
    #[inline(always)]
    pub const fn is_crossed(&self) -> bool {
        self.crossed != 0
    }

    #[cold]
    fn end_crossed(&mut self) -> bool {
        let Some(loser) = self.judge_crossing() else { return false };
        while self.is_crossed() {
            let book_side = &mut self.sides[loser];
            let overflows = book_side.overflows;
            book_side.drop_best();
            let overflowed = book_side.overflows - overflows;
            self.best_told(loser, true, 0, overflowed);
            self.faults.uncrossed_levels += 1;
        }
        true
    }

    /// An update ended with crossed prices: counts it. Returns the side whose levels must go,
    /// if they must.
    fn judge_crossing(&mut self) -> Option<usize> {
        if self.is_halted {
            return None;
        }
        self.faults.crossed += 1;
        match self.crosses {
            CrossPolicy::Stale => {
                self.make_stale(StaleReason::Crossed);
                None
            }
            CrossPolicy::Uncross => Some(other(self.newest as usize)),
        }
    }

    /// What may be seen of it.
    #[must_use]
    #[inline]
    pub const fn view(&self) -> BookView<'_> {
        BookView::new(self)
    }

    /// The bids.
    #[must_use]
    #[inline]
    pub const fn bids(&self) -> &BookSide {
        &self.sides[0]
    }

    /// The asks.
    #[must_use]
    #[inline]
    pub const fn asks(&self) -> &BookSide {
        &self.sides[1]
    }

    /// The bids or the asks.
    #[must_use]
    #[inline]
    pub const fn side(&self, side: Side) -> &BookSide {
        &self.sides[side as usize]
    }

    /// What it is good for.
    #[must_use]
    pub fn state(&self) -> BookState {
        match self.stale_reason() {
            Some(reason) => BookState::Stale(reason),
            None if self.sides.iter().all(BookSide::is_empty) => BookState::Empty,
            None => BookState::Live,
        }
    }

    /// A crossed book of an auction is stale for as long as it is crossed.
    #[inline]
    const fn stale_reason(&self) -> Option<StaleReason> {
        match self.stale {
            None if self.is_halted && self.is_crossed() => Some(StaleReason::Crossed),
            reason => reason,
        }
    }

    /// Whether there was no room for something since both sides were last cleared.
    #[must_use]
    pub const fn is_overflowed(&self) -> bool {
        self.is_overflowed
    }

    /// What was wrong so far.
    #[must_use]
    #[inline]
    pub const fn faults(&self) -> &BookFaults {
        &self.faults
    }
}

impl fmt::Debug for Book {
    /// The best prices and the state; the levels are many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bid, ask) = (self.bids().best(), self.asks().best());
        let mut debug = f.debug_struct("Book");
        debug.field("state", &self.state()).field("bid", &bid).field("ask", &ask).finish()
    }
}
