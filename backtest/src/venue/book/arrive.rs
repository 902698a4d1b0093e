//! Orders that come to the book: new ones, triggered ones, protective ones that come to life.

use qt_engine::LedgerError;
use qt_types::{InstrumentId, OrderKind, Price, RejectReason, Side, TimeInForce};

use super::BookMarket;
use crate::venue::order::{Queue, Since};
use crate::venue::queue::QueuePlace;
use crate::venue::side_bar::mirrored;
use crate::venue::{QueueModel, Rested, SelfTrade, SimVenue};

impl SimVenue {
    /// The order at `at` comes to the book: it takes what it can have, and rests, waits for its
    /// trigger, or ends.
    pub(in crate::venue) fn enter_book(
        &mut self,
        at: usize,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let order = &self.orders[at];
        let (instrument, side) = (order.instrument, order.side);
        let has_book = self.markets.get(instrument.index()).is_some_and(Option::is_some);
        if !has_book || order.ended || order.since == Since::Held || !self.is_open(instrument) {
            return Ok(());
        }
        if order.is_waiting() {
            self.start_trailing(at);
            if !self.is_triggered_now(at) {
                return Ok(());
            }
            self.orders[at].triggered = true;
        }
        if !self.has_price(at) {
            return Ok(());
        }
        let order = &self.orders[at];
        // Without a limit any price will do.
        let limit = order.limit();
        let reach = limit.unwrap_or(i64::MAX);
        if !self.passes(at, reach, now_ns) {
            return Ok(());
        }
        // Most orders rest: nothing of the other side is within their reach.
        if self.market(instrument).is_some_and(|market| market.has_within(side, reach)) {
            self.take_up_to_own(at, reach, now_ns)?;
            self.end_sweep(instrument, side);
        }
        let order = &self.orders[at];
        if order.ended || order.leaves() == 0 {
            return Ok(());
        }
        let at_once = matches!(order.tif, TimeInForce::Ioc | TimeInForce::Fok);
        match limit {
            Some(limit) if !at_once => self.rest(at, limit),
            Some(_) => self.end(at, RejectReason::NotImmediate, now_ns),
            None => self.end(at, RejectReason::NoLiquidity, now_ns),
        }
        Ok(())
    }

    /// The checks of an order that could trade at once: post-only, all or nothing.
    fn passes(&mut self, at: usize, reach: i64, now_ns: i64) -> bool {
        let order = &self.orders[at];
        let Some(Some(market)) = self.markets.get(order.instrument.index()) else { return false };
        let would_take = market.opposite_best(order.side).is_some_and(|best| best <= reach);
        if order.post_only && would_take {
            self.end(at, RejectReason::WouldTake, now_ns);
            return false;
        }
        if order.tif != TimeInForce::Fok {
            return true;
        }
        let own = self.own_before(at, reach).map(|(_, price)| price.saturating_sub(1));
        let is_enough = |reach: i64| {
            let available = market.available(order.side, reach, order.leaves());
            available == order.leaves() || (self.config.whole_fills && available > 0)
        };
        let ends = if !is_enough(reach) {
            Some(RejectReason::NotImmediate)
        } else if self.config.self_trade != SelfTrade::ExpireMaker
            && own.is_some_and(|before_own| !is_enough(before_own))
        {
            Some(RejectReason::SelfTrade)
        } else {
            None
        };
        match ends {
            Some(reason) => self.end(at, reason, now_ns),
            // All of it is there: from here on level by level.
            None => self.orders[at].tif = TimeInForce::Ioc,
        }
        ends.is_none()
    }

    /// Takes level by level. An order that comes to the price of one of our own does not trade
    /// with it: one of them ends, or both.
    fn take_up_to_own(&mut self, at: usize, reach: i64, now_ns: i64) -> Result<(), LedgerError> {
        loop {
            let own = self.own_before(at, reach);
            let stop = own.map_or(reach, |(_, price)| price.saturating_sub(1));
            self.take_levels(at, stop, now_ns)?;
            let Some((resting, _)) = own else { return Ok(()) };
            if self.orders[at].ended || self.orders[at].leaves() == 0 {
                return Ok(());
            }
            if !self.orders[resting].rests() {
                // What was taken ended it: it was the entry that the order protects.
                continue;
            }
            let mode = self.config.self_trade;
            if mode != SelfTrade::ExpireTaker {
                self.end(resting, RejectReason::SelfTrade, now_ns);
            }
            if mode != SelfTrade::ExpireMaker {
                self.end(at, RejectReason::SelfTrade, now_ns);
                return Ok(());
            }
        }
    }

    /// The resting order of our own that the order at `at` comes to first on its way to `reach`,
    /// and its price (mirrored for the order that comes).
    fn own_before(&self, at: usize, reach: i64) -> Option<(usize, i64)> {
        let order = &self.orders[at];
        let market = self.markets.get(order.instrument.index())?.as_ref()?;
        // In the mirror of the other side the reach is negated.
        if !market.own[order.side.opposite() as usize].reaches(reach.saturating_neg()) {
            return None;
        }
        let others = self.orders.iter().enumerate().filter(|(_, other)| {
            other.instrument == order.instrument && other.side != order.side && other.rests()
        });
        let prices = others.filter_map(|(place, other)| Some((place, -other.limit()?)));
        prices.filter(|&(_, price)| price <= reach).min_by_key(|&(place, price)| (price, place))
    }

    /// The order at `at` joins the queue at `limit` (mirrored).
    pub(super) fn rest(&mut self, at: usize, limit: i64) {
        let order = &mut self.orders[at];
        order.shown = order.display.min(order.leaves());
        let order = &self.orders[at];
        let Some(Some(market)) = self.markets.get_mut(order.instrument.index()) else { return };
        // The next order of the same moment must see it.
        market.own[order.side as usize].add(limit, order.actual(limit));
        let place = market.place_at(order.side, order.actual(limit), self.config.queue_model);
        let ahead = market.ahead_of(order.side, order.actual(limit), place);
        self.rested.push(Rested { order: order.id, ahead });
        self.orders[at].queue = Some(place);
    }

    /// Protective orders whose entry was filled come to the book.
    #[inline]
    pub(in crate::venue) fn activate_children(
        &mut self,
        instrument: InstrumentId,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        if self.has_children { self.activate_woken(instrument, now_ns) } else { Ok(()) }
    }

    #[inline(never)]
    fn activate_woken(&mut self, instrument: InstrumentId, now_ns: i64) -> Result<(), LedgerError> {
        let mut any = false;
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            let is_new = order.instrument == instrument
                && !order.ended
                && order.queue.is_none()
                && !order.parent.is_none()
                && order.since != Since::Held
                && !order.is_waiting();
            if is_new {
                self.enter_book(at, now_ns)?;
                any = true;
            }
        }
        if any {
            self.tidy(instrument);
        }
        Ok(())
    }

    /// A trade at `price` triggers what waits for it.
    #[inline]
    pub(super) fn trigger_by_trade(
        &mut self,
        instrument: InstrumentId,
        price: Price,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        if !self.has_triggers {
            return Ok(());
        }
        self.trigger(instrument, [price, price], now_ns)
    }

    /// Without trades the best prices trigger: a buy by the ask, a sell by the bid.
    pub(super) fn trigger_by_best(
        &mut self,
        instrument: InstrumentId,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        if !self.has_triggers {
            return Ok(());
        }
        let Some(view) = self.book(instrument) else { return Ok(()) };
        let Some((bid, ask)) = view.best_prices() else { return Ok(()) };
        self.trigger(instrument, [ask, bid], now_ns)
    }

    /// `prices`: what buys and what sells are triggered by.
    fn trigger(
        &mut self,
        instrument: InstrumentId,
        prices: [Price; 2],
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let mut any = false;
        for at in 0..self.orders.len() {
            let order = &mut self.orders[at];
            let waits = order.instrument == instrument
                && !order.ended
                && order.since != Since::Held
                && order.is_waiting();
            if !waits {
                continue;
            }
            let price = mirrored(prices[order.side as usize], order.side);
            if order.meets_trigger(price) {
                order.triggered = true;
                any = true;
                self.enter_book(at, now_ns)?;
            } else {
                order.follow(price);
            }
        }
        if any {
            self.tidy(instrument);
            self.activate_children(instrument, now_ns)?;
        }
        Ok(())
    }

    /// A trailing stop starts from the last price.
    fn start_trailing(&mut self, at: usize) {
        let order = &self.orders[at];
        if order.best.is_none()
            && let Some(price) = self.reference(order.instrument, order.side)
        {
            self.orders[at].follow(price);
        }
    }

    fn is_triggered_now(&self, at: usize) -> bool {
        let order = &self.orders[at];
        let price = self.reference(order.instrument, order.side);
        price.is_some_and(|price| order.meets_trigger(price))
    }

    /// The price that triggers orders of `side`, mirrored: the last trade, or without trades the
    /// best opposite price.
    fn reference(&self, instrument: InstrumentId, side: Side) -> Option<i64> {
        let market = self.markets.get(instrument.index())?.as_ref()?;
        match market.last_trade {
            Some(price) => Some(mirrored(price, side)),
            None => market.opposite_best(side),
        }
    }
}

impl BookMarket {
    /// The place behind all that rests at `price`; with the kindest model before it.
    fn place_at(&self, side: Side, price: Price, model: QueueModel) -> Queue {
        match self.end_of_queue(side, price) {
            Queue::Levels(_) if model == QueueModel::Front => Queue::Levels(QueuePlace::behind(0)),
            // Orders are stamped from 1 on.
            Queue::Behind(_) if model == QueueModel::Front => Queue::Behind(0),
            place => place,
        }
    }

    /// The place behind all that rests at `price`.
    fn end_of_queue(&self, side: Side, price: Price) -> Queue {
        match &self.book {
            super::VenueBook::Levels(_) => {
                let displayed = self.view().qty_at(side, price).lots();
                let is_behind = |best: Price| (best.ticks() - price.ticks()) * side.sign() > 0;
                // A feed of best prices does not tell what rests behind them.
                let is_unknown = self.has_tops
                    && displayed == 0
                    && self.view().best_price(side).is_some_and(is_behind);
                Queue::Levels(if is_unknown {
                    QueuePlace::unknown()
                } else {
                    QueuePlace::behind(displayed)
                })
            }
            super::VenueBook::Orders(book) => Queue::Behind(book.last_stamp()),
        }
    }
}

impl BookMarket {
    /// Whether a level, or an order of our own, is where an order of `side` that reaches `reach`
    /// (mirrored) would trade.
    #[inline]
    fn has_within(&self, side: Side, reach: i64) -> bool {
        // In the mirror of the other side the reach is negated.
        self.own[side.opposite() as usize].reaches(reach.saturating_neg())
            || self.opposite_best(side).is_some_and(|best| best <= reach)
    }

    /// The lots displayed ahead of `place` at `price`, which was the end of the queue just now.
    fn ahead_of(&self, side: Side, price: Price, place: Queue) -> Option<i64> {
        match place {
            Queue::Levels(place) => place.lots_ahead(),
            Queue::Behind(0) => Some(0),
            Queue::Behind(_) => Some(self.view().qty_at(side, price).lots()),
        }
    }
}

impl crate::venue::SimOrder {
    /// Whether `price` (mirrored) releases it.
    fn meets_trigger(&self, price: i64) -> bool {
        match self.kind {
            OrderKind::TakeProfit { trigger } | OrderKind::LimitIfTouched { trigger, .. } => {
                price <= mirrored(trigger, self.side)
            }
            _ => self.trigger().is_some_and(|trigger| price >= trigger),
        }
    }
}
