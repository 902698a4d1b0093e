//! What the market does to the orders of the naive venue: ticks by price and by order.

use qt_backtest::venue::QueueModel;
use qt_types::{Liquidity, OrderTick, OrderTickKind, Price, Side, Tick, TickFlags, TickKind};

use crate::naive::{NaiveMarket, NaiveVenue, Place, is_better_for};

/// The market moves.
impl NaiveVenue {
    pub fn on_tick(&mut self, tick: &Tick) {
        let NaiveMarket::Levels(book) = &mut self.market else { return };
        let (side, price, now_ns) = (tick.side(), tick.price, tick.venue_ns);
        let before = book.qty_at(side, tick.price()).lots();
        let changed = book.apply(tick);
        match tick.kind() {
            Some(TickKind::Level) => {
                self.taken.remove(&(side as u8, price));
                let now = self.displayed(side, price);
                self.move_queues(side, price, before, now);
            }
            Some(TickKind::Top) => {
                self.has_tops = true;
                self.taken.retain(|&(s, p), _| s != side as u8 || is_better_for(side, p, price));
                self.cap_queues(|s, p| s == side && !is_better_for(side, p, price));
            }
            Some(TickKind::Clear) => self.taken.retain(|&(s, _), _| s != side as u8),
            Some(TickKind::Trade) => {
                let known = !tick.flags().has(TickFlags::NO_AGGRESSOR);
                self.trade(price, tick.qty, known.then_some(side), now_ns);
                return;
            }
            _ => {}
        }
        // A best price that reaches our orders fills them.
        if changed && matches!(tick.kind(), Some(TickKind::Level | TickKind::Top)) {
            self.reach(side.opposite(), now_ns);
        }
        if tick.flags().has(TickFlags::SNAPSHOT) && tick.flags().has(TickFlags::LAST) {
            self.cap_queues(|_, _| true);
        }
    }

    fn move_queues(&mut self, side: Side, price: i64, before: i64, now: i64) {
        let model = self.config.queue_model;
        for order in self.orders.iter_mut().filter(|o| o.rests() && o.new.side == side) {
            let is_there = order.limit() == Some(price);
            let Place::Behind { ahead, traded } = &mut order.place else { continue };
            if !is_there {
                continue;
            }
            let left_over = before as f64 - now as f64 - *traded;
            *traded = 0.0;
            if left_over > 0.0 && !matches!(model, QueueModel::RiskAverse | QueueModel::Front) {
                let behind = (before as f64 - *ahead).max(0.0);
                let weight = |lots: f64| match model {
                    QueueModel::ProbPower { n } => {
                        let mut product = 1.0;
                        for _ in 0..n {
                            product *= lots;
                        }
                        product
                    }
                    _ => libm::log1p(lots),
                };
                let sum = weight(behind) + weight(*ahead);
                let share = if sum > 0.0 { weight(behind) / sum } else { 1.0 };
                let from_behind = (share * left_over).min(behind);
                *ahead = (*ahead - (left_over - from_behind)).max(0.0);
            }
            *ahead = ahead.min(now as f64);
        }
    }

    /// Nobody is ahead of our orders who is not displayed, at the prices that are told.
    fn cap_queues(&mut self, is_told: impl Fn(Side, i64) -> bool) {
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            let (side, Some(limit)) = (order.new.side, order.limit()) else { continue };
            if !order.rests() || !is_told(side, limit) {
                continue;
            }
            let displayed = self.displayed(side, limit) as f64;
            if let Place::Behind { ahead, traded } = &mut self.orders[at].place {
                *ahead = ahead.min(displayed);
                *traded = 0.0;
            }
        }
    }

    /// Our resting orders of `side`: best price first, then the oldest.
    pub fn resting(&self, side: Side) -> Vec<usize> {
        let rests = |at: &usize| self.orders[*at].rests() && self.orders[*at].new.side == side;
        let mut list: Vec<usize> = (0..self.orders.len()).filter(rests).collect();
        list.sort_by_key(|&at| -side.sign() * self.orders[at].limit().unwrap());
        list
    }

    /// The best price opposite to our orders of `side` changed.
    pub fn reach(&mut self, side: Side, now_ns: i64) {
        let mut any = false;
        for at in self.resting(side) {
            let order = self.orders[at].clone();
            let offers = self.offers(side).into_iter().filter(|offer| order.accepts(offer.0));
            let offers: Vec<(i64, i64)> = offers.collect();
            any |= !offers.is_empty();
            let sum: i64 = offers.iter().map(|offer| offer.1).sum();
            if order.is_over || sum == 0 {
                continue;
            }
            let lots = if self.config.whole_fills { order.leaves() } else { sum };
            let limit = order.limit().unwrap();
            let mut got = self.fill(at, limit, lots, Liquidity::Maker, now_ns);
            for (price, left) in offers {
                if !self.config.no_impact {
                    let part = got.min(left);
                    *self.taken.entry((side.opposite() as u8, price)).or_default() += part;
                    got -= part;
                }
            }
        }
        if any {
            self.wake_limits(now_ns);
        }
        if self.last_trade.is_none()
            && let (Some(bid), Some(ask)) = (self.best(Side::Buy), self.best(Side::Sell))
        {
            self.release([ask, bid], now_ns);
        }
    }

    /// A trade.
    pub fn trade(&mut self, price: i64, qty: i64, aggressor: Option<Side>, now_ns: i64) {
        self.last_trade = Some(price);
        let supposed = || {
            if self.best(Side::Buy).is_some_and(|bid| price <= bid) {
                Some(Side::Sell)
            } else if self.best(Side::Sell).is_some_and(|ask| price >= ask) {
                Some(Side::Buy)
            } else {
                None
            }
        };
        let sides = match aggressor.or_else(supposed) {
            Some(side) => vec![side.opposite()],
            None => vec![Side::Buy, Side::Sell],
        };
        for side in sides {
            self.hit(side, price, qty, now_ns);
        }
        self.release([price, price], now_ns);
    }

    fn hit(&mut self, side: Side, price: i64, qty: i64, now_ns: i64) {
        let mut left = qty;
        let mut any = false;
        for at in self.resting(side) {
            let whole = self.config.whole_fills;
            let order = &mut self.orders[at];
            let limit = order.limit().unwrap();
            if order.is_over || is_better_for(side, limit, price) {
                continue;
            }
            any = true;
            let mut lots = left;
            if limit == price {
                lots = match &mut order.place {
                    Place::Behind { ahead, traded } => {
                        *traded += qty as f64;
                        *ahead -= left as f64;
                        let over = (-*ahead).max(0.0).round().min(left as f64) as i64;
                        *ahead = ahead.max(0.0);
                        over
                    }
                    _ => 0,
                };
            }
            if lots > 0 {
                let lots = if whole { order.leaves() } else { lots };
                left -= self.fill(at, limit, lots, Liquidity::Maker, now_ns).min(left);
            }
        }
        if any {
            self.wake_limits(now_ns);
        }
    }
}

/// A venue's order that rests: its side, price and lots.
type Rests = (Side, i64, i64);

/// Every price of the streams that are made up.
const PRICES: std::ops::Range<i64> = 80..120;

/// Order by order.
impl NaiveVenue {
    fn queue(&self, side: Side, price: i64) -> Vec<(u64, i64)> {
        let NaiveMarket::Orders(book) = &self.market else { return Vec::new() };
        let queue = book.queue_at(side, Price::from_ticks(price));
        queue.iter().map(|(id, qty)| (*id, qty.lots())).collect()
    }

    fn look_up(&self, id: u64) -> Option<Rests> {
        for side in [Side::Buy, Side::Sell] {
            for price in PRICES {
                let queue = self.queue(side, price);
                if let Some(&(_, qty)) = queue.iter().find(|(other, _)| *other == id) {
                    return Some((side, price, qty));
                }
            }
        }
        None
    }

    pub fn on_order_tick(&mut self, tick: &OrderTick) {
        let was = self.look_up(tick.order);
        let NaiveMarket::Orders(book) = &mut self.market else { return };
        let changed = book.apply(tick);
        match tick.kind() {
            Some(OrderTickKind::Clear) => {
                self.taken.retain(|&(side, _), _| side != tick.side() as u8)
            }
            Some(OrderTickKind::Trade) => {}
            _ => {
                self.taken.remove(&(tick.side() as u8, tick.price));
                if let Some((side, price, _)) = was {
                    self.taken.remove(&(side as u8, price));
                }
            }
        }
        match (tick.kind(), was) {
            (Some(OrderTickKind::Execute), Some(was)) => self.execution(tick, was),
            (Some(OrderTickKind::Execute | OrderTickKind::Trade), _) => {
                self.trade(tick.price, tick.qty, tick.aggressor(), tick.venue_ns);
            }
            _ => {}
        }
        self.keep_places(tick, was);
        if changed {
            let side = was.map_or(tick.side(), |was| was.0);
            self.reach(side.opposite(), tick.venue_ns);
        }
    }

    /// Who left a price, or went to the end of its queue, is not before us any more.
    fn keep_places(&mut self, tick: &OrderTick, was: Option<Rests>) {
        let grew = was.is_some_and(|was| tick.qty > was.2);
        let to_the_end = grew && tick.kind() == Some(OrderTickKind::Modify);
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            let (side, Some(limit)) = (order.new.side, order.limit()) else { continue };
            let there: Vec<u64> = self.queue(side, limit).iter().map(|entry| entry.0).collect();
            if let Place::After(before) = &mut self.orders[at].place {
                before.retain(|id| there.contains(id) && !(to_the_end && *id == tick.order));
            }
        }
    }

    /// An order of the venue is executed: ours that stand before it would have been first.
    fn execution(&mut self, tick: &OrderTick, (side, price, _): Rests) {
        self.last_trade = Some(tick.price);
        let mut left = tick.qty;
        for at in self.resting(side) {
            let order = &self.orders[at];
            let limit = order.limit().unwrap();
            let Place::After(before) = &order.place else { continue };
            let is_first = if limit == price {
                !before.contains(&tick.order)
            } else {
                is_better_for(side.opposite(), limit, price)
            };
            if order.is_over || !is_first || left == 0 {
                continue;
            }
            let lots = if self.config.whole_fills { order.leaves() } else { left };
            left -= self.fill(at, limit, lots, Liquidity::Maker, tick.venue_ns).min(left);
        }
        self.wake_limits(tick.venue_ns);
        self.release([tick.price, tick.price], tick.venue_ns);
    }
}
