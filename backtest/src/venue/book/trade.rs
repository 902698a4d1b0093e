//! What a trade does to our orders.

use qt_engine::LedgerError;
use qt_engine::book::RestingOrder;
use qt_types::{InstrumentId, OrderTick, Price, Side};

use crate::venue::order::Queue;
use crate::venue::{FillPath, SimVenue};

impl SimVenue {
    /// A trade of `qty` lots at `price`. Our resting orders that it hits fill at their own
    /// prices: those it prints through, and at its price those that are next in the queue.
    pub(super) fn meet_trade(
        &mut self,
        instrument: InstrumentId,
        price: Price,
        qty: i64,
        aggressor: Option<Side>,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let aggressor = aggressor.or_else(|| self.supposed_aggressor(instrument, price));
        if aggressor != Some(Side::Buy) {
            self.hit(instrument, Side::Buy, price, qty, now_ns)?;
        }
        if aggressor != Some(Side::Sell) {
            self.hit(instrument, Side::Sell, price, qty, now_ns)?;
        }
        self.trigger_by_trade(instrument, price, now_ns)
    }

    /// The trade on our orders of `side`.
    #[inline(always)]
    fn hit(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: i64,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let mirrored = price.ticks() * side.sign();
        let Some(market) = self.market(instrument) else { return Ok(()) };
        if !market.own[side as usize].reaches(mirrored) {
            return Ok(());
        }
        self.fill_hit(instrument, side, mirrored, qty.max(0), now_ns)
    }

    /// Who took liquidity, where the trade does not say so: the side whose best price it is.
    fn supposed_aggressor(&self, instrument: InstrumentId, price: Price) -> Option<Side> {
        let view = self.book(instrument)?;
        if view.best_bid().is_some_and(|(bid, _)| price <= bid) {
            return Some(Side::Sell);
        }
        view.best_ask().is_some_and(|(ask, _)| price >= ask).then_some(Side::Buy)
    }

    #[inline(never)]
    fn fill_hit(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: i64,
        qty: i64,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        self.list_resting(instrument, side);
        let mut left = qty;
        for place in 0..self.scratch.len() {
            let at = self.scratch[place];
            let order = &mut self.orders[at];
            let (Some(limit), leaves) = (order.limit(), order.leaves()) else { continue };
            if limit < price || order.ended {
                continue;
            }
            let (filled, whole) = (order.filled, self.config.whole_fills);
            let lots = match &mut order.queue {
                // Orders of our own that stand before this one have had their part.
                Some(Queue::Levels(queue)) if limit == price => queue.on_trade(qty, left),
                Some(Queue::Behind(_)) if limit == price => 0,
                _ => left,
            };
            if lots == 0 {
                continue;
            }
            // What lies hidden at the price itself has no place in front.
            let lots = if limit == price { order.in_sight(lots) } else { lots };
            let lots = if whole { leaves } else { lots };
            self.fill_lots(at, limit, lots, FillPath::of_trade(limit, price), now_ns)?;
            left -= left.min(self.orders[at].filled - filled);
            self.show_more(at, limit, filled);
        }
        self.tidy_ended(instrument);
        self.activate_children(instrument, now_ns)
    }

    /// The venue's order `executed`, as it was before, is executed by `tick`. Our orders that
    /// stand before it would have been executed first.
    pub(super) fn meet_execution(
        &mut self,
        instrument: InstrumentId,
        executed: &RestingOrder,
        tick: &OrderTick,
    ) -> Result<(), LedgerError> {
        let (side, now_ns) = (executed.side, tick.venue_ns);
        let price = executed.price.ticks() * side.sign();
        let Some(market) = self.market(instrument) else { return Ok(()) };
        if market.own[side as usize].reaches(price) {
            self.list_resting(instrument, side);
            let mut left = tick.qty.max(0);
            for place in 0..self.scratch.len() {
                let at = self.scratch[place];
                let order = &self.orders[at];
                let (Some(limit), leaves) = (order.limit(), order.leaves()) else { continue };
                let is_before = match order.queue {
                    Some(Queue::Behind(last)) if limit == price => last < executed.stamp,
                    _ => limit > price,
                };
                if !is_before || order.ended || left == 0 {
                    continue;
                }
                let filled = order.filled;
                let lots = if limit == price { order.in_sight(left) } else { left };
                let lots = if self.config.whole_fills { leaves } else { lots };
                self.fill_lots(at, limit, lots, FillPath::of_trade(limit, price), now_ns)?;
                left -= left.min(self.orders[at].filled - filled);
                self.show_more(at, limit, filled);
            }
            self.tidy(instrument);
            self.activate_children(instrument, now_ns)?;
        }
        self.trigger_by_trade(instrument, Price::from_ticks(tick.price), now_ns)
    }
}
