//! The books as one would write them down: sorted maps and lists, nothing clever. Says what
//! [`super::Book`] and [`super::OrderBook`] mean, and is what their tests compare them with.
//! It has room for everything, and allocates.

use std::collections::BTreeMap;

use qt_types::{OrderTick, OrderTickKind, Price, Qty, Side, Tick, TickFlags, TickKind};

use super::{BOOK_TICKS_MAX, BookFaults, BookState, CrossPolicy, OrderBookFaults, StaleReason};

/// [`super::Book`] without a bound.
#[derive(Clone, Debug)]
pub struct NaiveBook {
    /// Lots by price: bids, asks.
    levels: [BTreeMap<i64, i64>; 2],
    /// Whether the feed tells levels of the side, and not only the best price.
    has_levels: [bool; 2],
    newest: usize,
    is_halted: bool,
    stale: Option<StaleReason>,
    cleared: [bool; 2],
    crosses: CrossPolicy,
    faults: BookFaults,
}

impl NaiveBook {
    /// An empty book.
    #[must_use]
    pub fn new(crosses: CrossPolicy) -> Self {
        Self {
            levels: [BTreeMap::new(), BTreeMap::new()],
            has_levels: [false; 2],
            newest: 0,
            is_halted: false,
            stale: None,
            cleared: [false; 2],
            crosses,
            faults: BookFaults::default(),
        }
    }

    /// Takes in one tick. Returns whether a best price or the quantity at it changed.
    pub fn apply(&mut self, tick: &Tick) -> bool {
        let before = self.tops();
        let side = tick.side();
        match tick.kind() {
            Some(TickKind::Level) => {
                self.has_levels[side as usize] = true;
                self.tell(side, tick.qty, |book| book.set(side, tick.price, tick.qty));
            }
            Some(TickKind::Top) => {
                self.tell(side, tick.qty, |book| book.set_top(side, tick.price, tick.qty));
            }
            Some(TickKind::Clear) => self.clear(side),
            Some(TickKind::Gap) => {
                self.faults.gaps += 1;
                self.make_stale(StaleReason::Gap);
            }
            Some(TickKind::Status) => self.is_halted = tick.qty == 0,
            Some(TickKind::Trade | TickKind::Mark | TickKind::Funding) => {}
            None => self.faults.unknown_kind += 1,
        }
        if tick.flags().has(TickFlags::LAST) {
            for (side, price) in self.end_update() {
                self.set(side, price, 0);
            }
        }
        self.tops() != before
    }

    /// Does `what` about a side and keeps in mind which side's best was told last.
    fn tell(&mut self, side: Side, lots: i64, what: impl FnOnce(&mut Self)) {
        if lots < 0 {
            self.faults.negative_qty += 1;
            return;
        }
        let before = self.best(side);
        what(self);
        if self.best(side) != before && lots > 0 {
            self.newest = side as usize;
        }
    }

    fn set(&mut self, side: Side, price: i64, lots: i64) {
        if lots == 0 {
            self.levels[side as usize].remove(&price);
        } else if is_in_range(price) {
            self.levels[side as usize].insert(price, lots);
        } else {
            self.faults.overflow += 1;
            self.make_stale(StaleReason::Overflow);
        }
    }

    /// What is better goes; what is worse is only known of if the feed tells levels.
    fn set_top(&mut self, side: Side, price: i64, lots: i64) {
        if is_in_range(price) {
            let has_levels = self.has_levels[side as usize];
            let is_worse = |other: i64| (other - price) * side.sign() < 0;
            self.levels[side as usize].retain(|&other, _| has_levels && is_worse(other));
        }
        self.set(side, price, lots);
    }

    fn clear(&mut self, side: Side) {
        self.levels[side as usize].clear();
        self.has_levels[side as usize] = false;
        self.cleared[side as usize] = true;
        if self.cleared == [true; 2] {
            self.stale = None;
        }
    }

    fn make_stale(&mut self, reason: StaleReason) {
        self.cleared = [false; 2];
        self.stale = self.stale.or(Some(reason));
    }

    fn is_crossed(&self) -> bool {
        let [bid, ask] = self.tops();
        matches!((bid, ask), (Some((bid, _)), Some((ask, _))) if bid >= ask)
    }

    /// An update ended. Returns the levels that must go for the book not to be crossed.
    fn end_update(&mut self) -> Vec<(Side, i64)> {
        if !self.is_crossed() || self.is_halted {
            return Vec::new();
        }
        self.faults.crossed += 1;
        if self.crosses == CrossPolicy::Stale {
            self.make_stale(StaleReason::Crossed);
            return Vec::new();
        }
        let (loser, levels) = if self.newest == Side::Buy as usize {
            let bid = self.best(Side::Buy).map_or(i64::MIN, |(price, _)| price.ticks());
            let crossed = self.levels[1].keys().filter(|&&price| price <= bid);
            (Side::Sell, crossed.copied().collect::<Vec<_>>())
        } else {
            let ask = self.best(Side::Sell).map_or(i64::MAX, |(price, _)| price.ticks());
            let crossed = self.levels[0].keys().filter(|&&price| price >= ask);
            (Side::Buy, crossed.copied().collect())
        };
        self.faults.uncrossed_levels += levels.len() as u64;
        levels.into_iter().map(|price| (loser, price)).collect()
    }

    fn tops(&self) -> [Option<(Price, Qty)>; 2] {
        [self.best(Side::Buy), self.best(Side::Sell)]
    }

    /// The best price of `side` and what rests there.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<(Price, Qty)> {
        self.levels(side).next()
    }

    /// The levels of `side`, the best one first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = (Price, Qty)> {
        let levels = &self.levels[side as usize];
        let (bids, asks) = match side {
            Side::Buy => (Some(levels.iter().rev()), None),
            Side::Sell => (None, Some(levels.iter())),
        };
        let all = bids.into_iter().flatten().chain(asks.into_iter().flatten());
        all.map(|(&price, &qty)| (Price::from_ticks(price), Qty::from_lots(qty)))
    }

    /// What rests at `price` on `side`.
    #[must_use]
    pub fn qty_at(&self, side: Side, price: Price) -> Qty {
        let lots = self.levels[side as usize].get(&price.ticks()).copied();
        Qty::from_lots(lots.unwrap_or(0))
    }

    /// What it is good for.
    #[must_use]
    pub fn state(&self) -> BookState {
        if let Some(reason) = self.stale {
            BookState::Stale(reason)
        } else if self.is_halted && self.is_crossed() {
            BookState::Stale(StaleReason::Crossed)
        } else if self.tops() == [None; 2] {
            BookState::Empty
        } else {
            BookState::Live
        }
    }

    /// What was wrong so far.
    #[must_use]
    pub const fn faults(&self) -> &BookFaults {
        &self.faults
    }
}

fn is_in_range(price: i64) -> bool {
    (-BOOK_TICKS_MAX..BOOK_TICKS_MAX).contains(&price)
}

/// An order of a [`NaiveOrderBook`].
#[derive(Clone, Copy, Debug)]
struct NaiveOrder {
    side: Side,
    at: i64,
    lots: i64,
    /// Larger than that of every order that came to its place earlier.
    stamp: u64,
}

/// [`super::OrderBook`] without a bound: all sums are taken anew.
#[derive(Clone, Debug)]
pub struct NaiveOrderBook {
    book: NaiveBook,
    orders: BTreeMap<u64, NaiveOrder>,
    stamp: u64,
    faults: OrderBookFaults,
}

impl NaiveOrderBook {
    /// An empty book.
    #[must_use]
    pub fn new(crosses: CrossPolicy) -> Self {
        let book = NaiveBook::new(crosses);
        Self { book, orders: BTreeMap::new(), stamp: 0, faults: OrderBookFaults::default() }
    }

    /// Takes in one tick. Returns whether a best price or the quantity at it changed.
    pub fn apply(&mut self, tick: &OrderTick) -> bool {
        let before = self.book.tops();
        match tick.kind() {
            Some(OrderTickKind::Add) => self.add(tick),
            Some(OrderTickKind::Reduce | OrderTickKind::Execute) => self.take_lots(tick),
            Some(OrderTickKind::Delete) => {
                if self.is_known(tick.order) {
                    self.change(tick.order, None);
                }
            }
            Some(OrderTickKind::Modify) => self.modify(tick),
            Some(OrderTickKind::Clear) => {
                self.orders.retain(|_, order| order.side != tick.side());
                self.book.clear(tick.side());
            }
            Some(OrderTickKind::Status) => self.book.is_halted = tick.qty == 0,
            Some(OrderTickKind::Trade) => {}
            None => self.book.faults.unknown_kind += 1,
        }
        if tick.flags().has(TickFlags::LAST) {
            for (side, price) in self.book.end_update() {
                self.orders.retain(|_, order| (order.side, order.at) != (side, price));
                self.book.set(side, price, 0);
            }
        }
        self.book.tops() != before
    }

    fn is_known(&mut self, id: u64) -> bool {
        let is_known = self.orders.contains_key(&id);
        self.faults.unknown_order += u64::from(!is_known);
        is_known
    }

    /// Order `id` is now `order`, or gone; its old and its new level are told anew.
    fn change(&mut self, id: u64, order: Option<NaiveOrder>) {
        let old = self.orders.remove(&id);
        if let Some(order) = order {
            self.orders.insert(id, order);
        }
        let is_same = |a: NaiveOrder, b: NaiveOrder| (a.side, a.at) == (b.side, b.at);
        let stays = matches!((old, order), (Some(old), Some(order)) if is_same(old, order));
        for touched in [old.filter(|_| !stays), order].into_iter().flatten() {
            let lots = self.lots_at(touched.side, touched.at);
            self.book.tell(touched.side, lots, |book| book.set(touched.side, touched.at, lots));
        }
    }

    fn lots_at(&self, side: Side, at: i64) -> i64 {
        let there = |order: &&NaiveOrder| (order.side, order.at) == (side, at);
        self.orders.values().filter(there).map(|order| order.lots).sum()
    }

    fn can_rest(&self, side: Side, at: i64, lots: i64) -> bool {
        lots > 0 && is_in_range(at) && self.lots_at(side, at).checked_add(lots).is_some()
    }

    fn add(&mut self, tick: &OrderTick) {
        if !self.can_rest(tick.side(), tick.price, tick.qty) {
            self.faults.invalid += 1;
        } else if self.orders.contains_key(&tick.order) {
            self.faults.duplicate_order += 1;
        } else {
            self.join(tick);
        }
    }

    /// The order of `tick` goes to the end of the queue.
    fn join(&mut self, tick: &OrderTick) {
        self.stamp += 1;
        let (at, lots, stamp) = (tick.price, tick.qty, self.stamp);
        self.change(tick.order, Some(NaiveOrder { side: tick.side(), at, lots, stamp }));
    }

    fn take_lots(&mut self, tick: &OrderTick) {
        if tick.qty < 0 {
            self.faults.invalid += 1;
            return;
        }
        if !self.is_known(tick.order) {
            return;
        }
        let order = self.orders[&tick.order];
        let lots = order.lots.saturating_sub(tick.qty);
        let is_over = u64::from(lots < 0);
        if tick.kind() == Some(OrderTickKind::Execute) {
            self.faults.over_executed += is_over;
        } else {
            self.faults.over_reduced += is_over;
        }
        self.change(tick.order, (lots > 0).then_some(NaiveOrder { lots, ..order }));
    }

    fn modify(&mut self, tick: &OrderTick) {
        if tick.qty < 0 || !is_in_range(tick.price) {
            self.faults.invalid += 1;
            return;
        }
        if !self.is_known(tick.order) {
            return;
        }
        let order = self.orders[&tick.order];
        if tick.qty == 0 {
            self.change(tick.order, None);
            return;
        }
        let has_moved = (order.side, order.at) != (tick.side(), tick.price);
        let lots = tick.qty;
        if !has_moved && lots <= order.lots {
            self.change(tick.order, Some(NaiveOrder { lots, ..order }));
            return;
        }
        let more = if has_moved { lots } else { lots - order.lots };
        if !self.can_rest(tick.side(), tick.price, more) {
            self.faults.invalid += 1;
            return;
        }
        self.faults.side_changed += u64::from(order.side != tick.side());
        self.join(tick);
    }

    /// The book by price.
    #[must_use]
    pub const fn book(&self) -> &NaiveBook {
        &self.book
    }

    /// What was wrong so far with orders.
    #[must_use]
    pub const fn faults(&self) -> &OrderBookFaults {
        &self.faults
    }

    /// How many orders rest.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// The orders at `price`, id and lots, the first one to be served first.
    #[must_use]
    pub fn queue_at(&self, side: Side, price: Price) -> Vec<(u64, Qty)> {
        let there =
            |(_, order): &(&u64, &NaiveOrder)| (order.side, order.at) == (side, price.ticks());
        let mut queue: Vec<_> = self.orders.iter().filter(there).collect();
        queue.sort_by_key(|(_, order)| order.stamp);
        queue.into_iter().map(|(&id, order)| (id, Qty::from_lots(order.lots))).collect()
    }

    /// The lots that are served before order `id`; `None` if it does not rest.
    #[must_use]
    pub fn lots_ahead(&self, id: u64) -> Option<Qty> {
        let order = self.orders.get(&id)?;
        let queue = self.queue_at(order.side, Price::from_ticks(order.at));
        let before = queue.iter().take_while(|(other, _)| *other != id);
        Some(Qty::from_lots(before.map(|(_, qty)| qty.lots()).sum()))
    }
}
