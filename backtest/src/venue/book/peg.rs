//! Orders that a book lets do more than rest: pegged ones follow its best prices, icebergs show
//! only a part of themselves.

use qt_engine::LedgerError;
use qt_engine::book::BOOK_TICKS_MAX;
use qt_types::{InstrumentId, OrderKind, PegReference, Side, TickFlags};

use super::BookMarket;
use crate::venue::{SimOrder, SimVenue};

impl SimVenue {
    /// Gives a pegged order its price; `false` while it has none, because there is nothing to
    /// follow. Any other order has what it needs.
    pub(super) fn has_price(&mut self, at: usize) -> bool {
        let order = &self.orders[at];
        let OrderKind::Pegged { to, offset } = order.kind else { return true };
        let market = self.markets.get(order.instrument.index()).and_then(Option::as_ref);
        let Some(price) = market.and_then(|market| market.peg(order.side, to, offset)) else {
            return order.peg.is_some();
        };
        self.orders[at].peg = Some(price);
        true
    }

    /// After an update of the book: pegged orders follow its best prices. One whose price moves
    /// leaves its place and comes to the book anew; while there is nothing to follow it stays.
    #[inline]
    pub(super) fn follow_best(
        &mut self,
        instrument: InstrumentId,
        flags: TickFlags,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let Some(market) = self.market(instrument) else { return Ok(()) };
        // Between the parts of one update the best price may be none at all.
        if !market.pegs_due || !flags.has(TickFlags::LAST) {
            return Ok(());
        }
        market.pegs_due = false;
        self.move_pegs(instrument, now_ns)
    }

    #[inline(never)]
    fn move_pegs(&mut self, instrument: InstrumentId, now_ns: i64) -> Result<(), LedgerError> {
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            let follows = matches!(order.kind, OrderKind::Pegged { .. });
            if !follows || order.ended || order.instrument != instrument {
                continue;
            }
            let before = order.peg;
            if self.has_price(at) && self.orders[at].peg != before {
                self.orders[at].queue = None;
                // Nothing of it is at the old price any more.
                self.tidy_own(instrument);
                self.enter_book(at, now_ns)?;
            }
        }
        if self.is_watched(instrument) {
            self.note_mark(instrument);
            self.check_margin(instrument, now_ns)?;
        }
        self.tidy(instrument);
        self.activate_children(instrument, now_ns)
    }

    /// After a fill of the order at `at`, which had `filled` lots before: an iceberg of which
    /// nothing is in sight any more shows as much again, at the end of the queue.
    pub(super) fn show_more(&mut self, at: usize, limit: i64, filled: i64) {
        let order = &mut self.orders[at];
        if order.display <= 0 || order.ended {
            return;
        }
        order.shown -= order.filled - filled;
        if order.shown <= 0 && order.leaves() > 0 {
            self.rest(at, limit);
        }
    }
}

impl SimOrder {
    /// How many of `lots` lots meet what is in sight.
    pub(super) fn in_sight(&self, lots: i64) -> i64 {
        if self.display > 0 { lots.min(self.shown) } else { lots }
    }
}

impl BookMarket {
    /// The price (mirrored) of an order of `side` that follows `to` at `offset`.
    fn peg(&self, side: Side, to: PegReference, offset: i64) -> Option<i64> {
        let same = self.view().best(side).map(|(price, _)| price.ticks() * side.sign());
        let reference = match to {
            PegReference::SameSide => same?,
            PegReference::Opposite => self.opposite_best(side)?,
            // In the mirror "away from the other side" is down.
            PegReference::Mid => (same? + self.opposite_best(side)?).div_euclid(2),
        };
        let price = reference.checked_sub(offset)?;
        let actual = price.checked_mul(side.sign())?;
        (actual > 0 && actual < BOOK_TICKS_MAX).then_some(price)
    }
}
