//! How an order comes to the book of the naive venue, and what a fill means.

use std::collections::BTreeSet;

use qt_backtest::venue::{QueueModel, SelfTrade};
use qt_types::{Cash, Liquidity, Price, RejectReason, Report, ReportKind, Side, TimeInForce};

use crate::naive::{NaiveMarket, NaiveVenue, Place, is_better_for};

/// Coming to the book.
impl NaiveVenue {
    /// What is displayed opposite to `side`, best first, less what our own fills took.
    pub fn offers(&self, side: Side) -> Vec<(i64, i64)> {
        let other = side.opposite();
        let left = |(price, qty): (Price, qt_types::Qty)| {
            let taken = self.taken.get(&(other as u8, price.ticks())).copied().unwrap_or(0);
            (price.ticks(), (qty.lots() - taken).max(0))
        };
        match &self.market {
            NaiveMarket::Levels(book) => book.levels(other).map(left).collect(),
            NaiveMarket::Orders(book) => book.book().levels(other).map(left).collect(),
        }
    }

    pub fn displayed(&self, side: Side, price: i64) -> i64 {
        match &self.market {
            NaiveMarket::Levels(book) => book.qty_at(side, Price::from_ticks(price)).lots(),
            NaiveMarket::Orders(book) => book.book().qty_at(side, Price::from_ticks(price)).lots(),
        }
    }

    pub fn best(&self, side: Side) -> Option<i64> {
        self.offers(side.opposite()).first().map(|offer| offer.0)
    }

    /// The price that releases what waits on `side`.
    fn reference(&self, side: Side) -> Option<i64> {
        self.last_trade.or_else(|| self.best(side.opposite()))
    }

    /// Our own order that an order of the other side meets first within `limit`.
    fn own_opposite(&self, at: usize) -> Option<(usize, i64)> {
        let order = &self.orders[at];
        let mut found: Option<(usize, i64)> = None;
        for (place, other) in self.orders.iter().enumerate() {
            let Some(price) = other.limit().filter(|_| other.rests()) else { continue };
            if other.new.side == order.new.side || !order.accepts(price) {
                continue;
            }
            if found.is_none_or(|(_, best)| is_better_for(order.new.side, price, best)) {
                found = Some((place, price));
            }
        }
        found
    }

    pub fn come(&mut self, at: usize, now_ns: i64) {
        let order = &self.orders[at];
        let side = order.new.side;
        if order.is_over || order.is_asleep {
            return;
        }
        if order.waits() {
            if let Some(seen) = self.reference(side) {
                if self.orders[at].best.is_none() {
                    self.orders[at].follow(seen);
                }
                if !self.orders[at].is_released_by(seen) {
                    return;
                }
            } else {
                return;
            }
            self.orders[at].is_released = true;
        }
        let order = self.orders[at].clone();
        let first = self.best(side.opposite());
        if order.new.post_only && first.is_some_and(|price| order.accepts(price)) {
            return self.end(at, RejectReason::WouldTake, now_ns);
        }
        if order.new.tif == TimeInForce::Fok
            && let Some(reason) = self.all_or_nothing(at)
        {
            return self.end(at, reason, now_ns);
        }
        self.sweep(at, now_ns);
        let order = &self.orders[at];
        if order.is_over || order.leaves() == 0 {
            return;
        }
        let rests = !matches!(order.new.tif, TimeInForce::Ioc | TimeInForce::Fok);
        match order.limit() {
            None => self.end(at, RejectReason::NoLiquidity, now_ns),
            Some(_) if !rests => self.end(at, RejectReason::NotImmediate, now_ns),
            Some(limit) => self.orders[at].place = self.last_place(side, limit),
        }
    }

    /// Why a fill-or-kill order gets nothing, if it does not get all.
    fn all_or_nothing(&self, at: usize) -> Option<RejectReason> {
        let order = &self.orders[at];
        let enough = |offers: &[(i64, i64)]| {
            let sum: i64 = offers.iter().map(|offer| offer.1).sum();
            sum >= order.leaves() || (self.config.whole_fills && sum > 0)
        };
        let mut offers = self.offers(order.new.side);
        offers.retain(|offer| order.accepts(offer.0));
        if !enough(&offers) {
            return Some(RejectReason::NotImmediate);
        }
        let (_, own) = self.own_opposite(at)?;
        offers.retain(|offer| is_better_for(order.new.side, offer.0, own));
        let is_in_the_way = self.config.self_trade != SelfTrade::ExpireMaker && !enough(&offers);
        is_in_the_way.then_some(RejectReason::SelfTrade)
    }

    /// Takes level by level.
    fn sweep(&mut self, at: usize, now_ns: i64) {
        let before = self.taken.clone();
        while !self.orders[at].is_over && self.orders[at].leaves() > 0 {
            let order = self.orders[at].clone();
            let side = order.new.side;
            let offers = self.offers(side);
            let offer = offers.into_iter().find(|o| o.1 > 0 && order.accepts(o.0));
            let own = self.own_opposite(at);
            if let Some((resting, price)) = own
                && offer.is_none_or(|offer| !is_better_for(side, offer.0, price))
            {
                if self.config.self_trade != SelfTrade::ExpireTaker {
                    self.end(resting, RejectReason::SelfTrade, now_ns);
                }
                if self.config.self_trade != SelfTrade::ExpireMaker {
                    self.end(at, RejectReason::SelfTrade, now_ns);
                }
                continue;
            }
            let Some((price, left)) = offer else { break };
            let lots = if self.config.whole_fills { order.leaves() } else { left };
            let got = self.fill(at, price, lots, Liquidity::Taker, now_ns);
            *self.taken.entry((side.opposite() as u8, price)).or_default() += got;
            if got == 0 {
                break;
            }
        }
        if self.config.no_impact {
            self.taken = before;
        }
    }

    /// The end of the queue at `price`.
    fn last_place(&self, side: Side, price: i64) -> Place {
        let displayed = self.displayed(side, price);
        let is_first = self.config.queue_model == QueueModel::Front;
        match &self.market {
            NaiveMarket::Levels(_) if is_first => Place::Behind { ahead: 0.0, traded: 0.0 },
            NaiveMarket::Orders(_) if is_first => Place::After(BTreeSet::new()),
            NaiveMarket::Levels(_) => {
                let is_behind =
                    self.best(side).is_some_and(|best| is_better_for(side.opposite(), best, price));
                let unknown = self.has_tops && displayed == 0 && is_behind;
                let ahead = if unknown { f64::INFINITY } else { displayed as f64 };
                Place::Behind { ahead, traded: 0.0 }
            }
            NaiveMarket::Orders(book) => {
                let queue = book.queue_at(side, Price::from_ticks(price));
                Place::After(queue.iter().map(|(id, _)| *id).collect())
            }
        }
    }

    /// Limit orders that protect an entry come to the book once it is filled.
    pub fn wake_limits(&mut self, now_ns: i64) {
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            let is_new = !order.is_over && !order.is_asleep && !order.new.parent.is_none();
            if is_new && !order.waits() && matches!(order.place, Place::None) {
                self.come(at, now_ns);
            }
        }
    }

    /// `seen` releases what waits: by side, buys and sells.
    pub fn release(&mut self, seen: [i64; 2], now_ns: i64) {
        let mut any = false;
        for at in 0..self.orders.len() {
            let order = &mut self.orders[at];
            let price = seen[order.new.side as usize];
            if order.waits() && order.is_released_by(price) {
                order.is_released = true;
                any = true;
                self.come(at, now_ns);
            } else if order.waits() {
                order.follow(price);
            }
        }
        if any {
            self.wake_limits(now_ns);
        }
    }

    /// Fills at most `lots`; what it means for other orders. Returns how many it were.
    pub fn fill(
        &mut self,
        at: usize,
        price: i64,
        lots: i64,
        liquidity: Liquidity,
        now_ns: i64,
    ) -> i64 {
        // Protection that is hit ends what is left of its entry.
        let protects = self.orders[at].new.is_protective();
        let parent = self.orders[at].new.parent;
        if let Some(entry) = self.find(parent).filter(|_| protects) {
            self.end(entry, RejectReason::OcoFilled, now_ns);
        }
        let order = &self.orders[at];
        let (new, sign) = (order.new, order.new.side.sign());
        let mut lots = lots.min(order.leaves());
        if new.reduce_only {
            lots = lots.min((-sign * self.position).max(0));
            if lots == 0 {
                self.end(at, RejectReason::NothingToReduce, now_ns);
                return 0;
            }
        }
        if liquidity == Liquidity::Taker {
            let own = self.own_opposite(at).map(|(_, own)| own);
            assert!(own.is_none_or(|own| is_better_for(new.side, price, own)), "a self-trade");
        }
        let order = &mut self.orders[at];
        order.filled += lots;
        self.position += sign * lots;
        let fees = self.config.fees;
        let rate = if liquidity == Liquidity::Maker { fees.maker_e9 } else { fees.taker_e9 };
        let mut report = Report::plain(new.order, ReportKind::Filled, RejectReason::None);
        report.price = Price::from_ticks(price);
        report.qty = qt_types::Qty::from_lots(lots);
        report.leaves = qt_types::Qty::from_lots(order.leaves());
        report.liquidity = liquidity;
        report.fee = Cash::from_nano(i128::from(price * lots) * i128::from(rate));
        self.say(report, now_ns);
        self.after_fill(at, price, lots, now_ns);
        lots
    }

    /// What a fill means for other orders.
    fn after_fill(&mut self, at: usize, price: i64, lots: i64, now_ns: i64) {
        let order = &self.orders[at];
        let (new, filled, leaves) = (order.new, order.filled, order.leaves());
        for leg in self.orders.iter_mut().filter(|leg| leg.new.parent == new.order) {
            if leg.new.is_protective() {
                leg.qty = filled.min(leg.asked);
            } else if leaves > 0 {
                continue;
            }
            if leg.is_asleep {
                leg.is_asleep = false;
                leg.follow(price);
            }
        }
        let is_spent = new.reduce_only && self.position == 0;
        if leaves == 0 {
            self.orders[at].is_over = true;
        }
        if (leaves == 0 || is_spent)
            && !new.oco.is_none()
            && let Some(other) = self.find(new.oco)
        {
            self.end(other, RejectReason::OcoFilled, now_ns);
        }
        if leaves > 0 && is_spent {
            self.end(at, RejectReason::NothingToReduce, now_ns);
        } else if leaves > 0
            && !new.is_protective()
            && let Some(other) = self.find(new.oco)
        {
            self.share(other, lots, now_ns);
        }
    }

    /// The other one of a pair was filled by `lots`.
    fn share(&mut self, at: usize, lots: i64, now_ns: i64) {
        let order = &mut self.orders[at];
        order.qty -= lots;
        order.asked = order.qty;
        if order.leaves() <= 0 {
            self.end(at, RejectReason::OcoFilled, now_ns);
        } else {
            self.say_change(at, RejectReason::OcoFilled, now_ns);
        }
    }
}
