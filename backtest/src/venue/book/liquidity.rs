//! What is there to be had in the book, our own fills taken off.

use qt_engine::LedgerError;
use qt_types::{InstrumentId, Price, Side};
use serde::{Deserialize, Serialize};

use super::BookMarket;
use crate::venue::{FillPath, SimVenue};

/// What our fills took of one level since the venue told it last.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Taken {
    side: Side,
    price: Price,
    lots: i64,
}

impl BookMarket {
    /// What is left of a displayed level of `side`.
    fn left_of(&self, side: Side, price: Price, displayed: i64) -> i64 {
        let taken = self.taken.iter().find(|taken| taken.side == side && taken.price == price);
        displayed - taken.map_or(0, |taken| taken.lots.min(displayed))
    }

    /// The lots that an order of `side` can have at its limit `limit` (mirrored) or better;
    /// counts no further than `wanted`.
    pub(super) fn available(&self, side: Side, limit: i64, wanted: i64) -> i64 {
        let opposite = side.opposite();
        let mut sum = 0_i64;
        for (price, qty) in self.view().levels(opposite) {
            if price.ticks() * side.sign() > limit || sum >= wanted {
                break;
            }
            sum = sum.saturating_add(self.left_of(opposite, price, qty.lots()));
        }
        sum.min(wanted)
    }

    /// The best level that an order of `side` can still have something of: its price (mirrored)
    /// and the lots left.
    fn best_left(&self, side: Side) -> Option<(i64, i64)> {
        let opposite = side.opposite();
        self.view().levels(opposite).find_map(|(price, qty)| {
            let left = self.left_of(opposite, price, qty.lots());
            (left > 0).then_some((price.ticks() * side.sign(), left))
        })
    }

    /// Notes that an order of `side` took `lots` lots at `price` (mirrored).
    fn take(&mut self, side: Side, price: i64, lots: i64) {
        let (side, price) = (side.opposite(), Price::from_ticks(price * side.sign()));
        let known = self.taken.iter_mut().find(|t| t.side == side && t.price == price);
        match known {
            Some(taken) => taken.lots = taken.lots.saturating_add(lots),
            None => {
                self.taken.push(Taken { side, price, lots });
                self.taken_mask[side as usize] |= 1 << (price.ticks() & 63);
            }
        }
    }

    /// An order of `side` that rested took `lots` lots at `limit` (mirrored) or better.
    pub(super) fn take_up_to(&mut self, side: Side, limit: i64, mut lots: i64) {
        while lots > 0
            && let Some((price, left)) = self.best_left(side).filter(|&(p, _)| p <= limit)
        {
            self.take(side, price, left.min(lots));
            lots -= left.min(lots);
        }
    }

    /// Gives back what an order of `side` took at `price` (mirrored).
    fn give_back(&mut self, side: Side, price: i64, lots: i64) {
        let (side, price) = (side.opposite(), Price::from_ticks(price * side.sign()));
        if let Some(at) = self.taken.iter().position(|t| t.side == side && t.price == price) {
            self.taken[at].lots -= lots;
            if self.taken[at].lots <= 0 {
                self.taken.remove(at);
            }
        }
    }

    /// The venue told the level: what we took of it is in what it shows now.
    #[inline]
    pub(super) fn refresh(&mut self, side: Side, price: Price) {
        if self.taken_mask[side as usize] >> (price.ticks() & 63) & 1 != 0 {
            self.taken.retain(|taken| taken.side != side || taken.price != price);
            self.note_taken();
        }
    }

    /// Whether an order of ours could rest at `price` (ticks), or something have been taken there
    /// of `side`. No means no.
    #[inline(always)]
    pub(super) const fn is_ours(&self, side: usize, price: i64) -> bool {
        self.our_prices()[side] >> (price & 63) & 1 != 0
    }

    /// A bit for each price modulo 64 for which [`Self::is_ours`] holds, by side.
    #[inline(always)]
    pub(super) const fn our_prices(&self) -> [u64; 2] {
        let [bids, asks] = &self.own;
        [bids.mask | self.taken_mask[0], asks.mask | self.taken_mask[1]]
    }

    /// Forgets what was taken of levels that the book does not show any more: they are told anew
    /// before they are there again.
    pub(super) fn forget_gone(&mut self) {
        if self.taken.is_empty() {
            return;
        }
        let view = self.book.view();
        self.taken.retain(|taken| !view.qty_at(taken.side, taken.price).is_zero());
        self.note_taken();
    }

    fn note_taken(&mut self) {
        self.taken_mask = [0; 2];
        for taken in &self.taken {
            self.taken_mask[taken.side as usize] |= 1 << (taken.price.ticks() & 63);
        }
    }

    /// The venue told the best price of a side: better ones are gone.
    pub(super) fn refresh_top(&mut self, side: Side, price: Price) {
        let is_behind = |other: Price| (price.ticks() - other.ticks()) * side.sign() > 0;
        self.taken.retain(|taken| taken.side != side || is_behind(taken.price));
        self.note_taken();
    }

    /// The venue tells a side anew.
    pub(super) fn refresh_side(&mut self, side: Side) {
        self.taken.retain(|taken| taken.side != side);
        self.note_taken();
    }
}

impl SimVenue {
    /// Lets the order at `at` take what it can have at `limit` (mirrored) or better, level by
    /// level. With whole fills the best level gives it all.
    pub(super) fn take_levels(
        &mut self,
        at: usize,
        limit: i64,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let (instrument, side): (InstrumentId, Side) =
            (self.orders[at].instrument, self.orders[at].side);
        loop {
            let order = &self.orders[at];
            if order.ended || order.leaves() == 0 {
                return Ok(());
            }
            let (leaves, filled) = (order.leaves(), order.filled);
            let (impact, whole) = (!self.config.no_impact, self.config.whole_fills);
            let Some(market) = self.market(instrument) else { return Ok(()) };
            if market.opposite_best(side).is_none_or(|best| best > limit) {
                // Nothing there, whatever was taken: most orders rest.
                return Ok(());
            }
            let Some((price, left)) = market.best_left(side).filter(|&(p, _)| p <= limit) else {
                return Ok(());
            };
            let wanted = if whole { leaves } else { leaves.min(left) };
            self.fill_lots(at, price, wanted, FillPath::Took, now_ns)?;
            let got = self.orders[at].filled - filled;
            if got == 0 {
                return Ok(());
            }
            // Without impact the level stays as it was for other orders, but one order cannot
            // have the same lots twice.
            if let Some(market) = self.market(instrument) {
                market.take(side, price, got);
            }
            if !impact {
                self.own_sweep.push((price, got));
            }
        }
    }

    /// Gives back to the book what an order took, where orders have no impact.
    pub(super) fn end_sweep(&mut self, instrument: InstrumentId, side: Side) {
        while let Some((price, lots)) = self.own_sweep.pop() {
            if let Some(market) = self.market(instrument) {
                market.give_back(side, price, lots);
            }
        }
    }
}
