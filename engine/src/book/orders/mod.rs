//! The order book by order: who rests where, and in which order they are served.

mod ids;
mod queue;
mod stored;

use std::fmt;

use qt_types::{OrderTick, OrderTickKind, Price, Qty, Side, TickFlags};
use serde::{Deserialize, Serialize};

use self::ids::{IdPlace, Noted, OrderIds};
use self::queue::{Ends, Queues};
use super::limits::{BookLimits, CrossPolicy};
use super::side::{is_in_range, key_of};
use super::{Book, BookView};

/// The memory of an [`OrderBook`], all of which it takes when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderBookLimits {
    /// How many orders may rest, at most [`Self::ORDERS_MAX`]. There is also room for as many
    /// levels, so levels never run out before orders do.
    pub orders_max: usize,
    /// [`BookLimits::window_ticks`].
    pub window_ticks: usize,
    /// What to do about crossed prices.
    pub crosses: CrossPolicy,
}

impl OrderBookLimits {
    /// The most orders that a book can be made for.
    pub const ORDERS_MAX: usize = 1 << 24;
}

impl Default for OrderBookLimits {
    /// 65,536 orders, a window of 16,384 ticks: 16 MiB, of which only what is used is touched.
    fn default() -> Self {
        Self { orders_max: 65_536, window_ticks: 16_384, crosses: CrossPolicy::default() }
    }
}

/// How often an order book was told what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderBookFaults {
    /// Changes of an order that does not rest; they are ignored.
    pub unknown_order: u64,
    /// New orders with the id of one that rests; they are ignored.
    pub duplicate_order: u64,
    /// Reductions by more than what rested; the order is gone.
    pub over_reduced: u64,
    /// Executions of more than what rested; the order is gone.
    pub over_executed: u64,
    /// Orders that changed their side; they rest where they were last told to.
    pub side_changed: u64,
    /// Quantities below zero, new orders of nothing, prices that no book can hold, levels whose
    /// sum is too large; they are ignored.
    pub invalid: u64,
    /// New orders for which there was no room; the book is stale.
    pub overflow: u64,
}

/// An order that rests in a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    /// The venue's id.
    pub id: u64,
    /// Its side.
    pub side: Side,
    /// Its price.
    pub price: Price,
    /// What is left of it.
    pub qty: Qty,
    /// Counts up with each order of the book that goes to the end of a queue. Who came to a
    /// price earlier has the smaller one and is served first.
    pub stamp: u64,
}

/// The order book of one instrument by order. Keeps a [`Book`] in step: the same levels, the
/// same state, the same view.
#[derive(Clone)]
pub struct OrderBook {
    book: Book,
    queues: Queues,
    ids: OrderIds,
    faults: OrderBookFaults,
}

impl OrderBook {
    /// An empty book.
    #[must_use]
    pub fn new(limits: &OrderBookLimits) -> Self {
        let orders_max = limits.orders_max.clamp(1, OrderBookLimits::ORDERS_MAX);
        let book_limits = BookLimits {
            window_ticks: limits.window_ticks,
            // A level has an order: the levels cannot overflow.
            far_levels_max: orders_max,
            crosses: limits.crosses,
        };
        Self {
            book: Book::with_tags(&book_limits, true),
            queues: Queues::new(orders_max),
            ids: OrderIds::new(orders_max),
            faults: OrderBookFaults::default(),
        }
    }

    /// Takes in one tick of its instrument. Returns whether a best price or the quantity at it
    /// changed.
    #[inline]
    pub fn apply(&mut self, tick: &OrderTick) -> bool {
        let changed = if tick.kind == OrderTickKind::Add as u8 {
            self.book.venue_ns = tick.venue_ns;
            self.add(tick)
        } else if tick.kind == OrderTickKind::Delete as u8 {
            self.book.venue_ns = tick.venue_ns;
            self.delete(tick)
        } else {
            self.apply_other(tick)
        };
        changed | self.close(tick.flags)
    }

    #[inline(never)]
    fn apply_other(&mut self, tick: &OrderTick) -> bool {
        let Some(kind) = tick.kind() else {
            self.book.faults.unknown_kind += 1;
            return false;
        };
        let side = tick.side() as usize;
        if !matches!(kind, OrderTickKind::Trade | OrderTickKind::Status) {
            self.book.venue_ns = tick.venue_ns;
        }
        match kind {
            OrderTickKind::Add => self.add(tick),
            OrderTickKind::Reduce => self.reduce(tick),
            OrderTickKind::Execute => self.execute(tick),
            OrderTickKind::Delete => self.delete(tick),
            OrderTickKind::Modify => self.modify(side, tick),
            OrderTickKind::Clear => self.clear_side(side),
            OrderTickKind::Trade => false,
            OrderTickKind::Status => {
                self.book.is_halted = tick.qty == 0;
                false
            }
        }
    }

    #[inline(always)]
    fn close(&mut self, flags: u8) -> bool {
        self.book.flags = flags;
        if self.book.is_crossed_at_last(flags) { self.end_crossed() } else { false }
    }

    #[cold]
    fn end_crossed(&mut self) -> bool {
        let Some(loser) = self.book.judge_crossing() else { return false };
        while self.book.is_crossed() {
            let key = self.book.sides[loser].ladder.best();
            let ends = Ends::from_tag(self.book.sides[loser].level(key).1);
            self.forget_queue(ends.first);
            self.book.set_level(loser, key, 0);
            self.book.faults.uncrossed_levels += 1;
        }
        true
    }

    #[inline]
    fn find(&self, id: u64) -> Option<IdPlace> {
        self.ids.find(id, |slot| self.queues.at(slot).id == id)
    }

    /// Where order `id` lies; counts it as a fault if it does not.
    #[inline]
    fn find_known(&mut self, id: u64) -> Option<IdPlace> {
        let place = self.find(id);
        self.faults.unknown_order += u64::from(place.is_none());
        place
    }

    #[inline(always)]
    fn add(&mut self, tick: &OrderTick) -> bool {
        let side = usize::from(tick.flags & TickFlags::ASK.bits());
        let key = key_of(side, tick.price);
        let (had, tag) = self.book.sides[side].level(key);
        if !can_rest(key, tick.qty, had) {
            self.faults.invalid += 1;
            return false;
        }
        if self.ids.is_crowded() {
            self.ids.grow(|slot| self.queues.at(slot).id);
        }
        let Some(slot) = self.queues.vacancy() else { return self.no_room(tick.order) };
        match self.ids.note(tick.order, slot, |slot| self.queues.at(slot).id == tick.order) {
            Noted::New => {}
            Noted::Known => {
                self.faults.duplicate_order += 1;
                return false;
            }
            Noted::Full => return self.overflow(),
        }
        self.queues.take(slot, tick.order);
        let ends = if had == 0 { Ends::NONE } else { Ends::from_tag(tag) };
        let ends = self.queues.append(slot, (side, key, tick.qty), ends);
        self.book.set_tagged(side, key, had + tick.qty, ends.tag())
    }

    /// As many orders rest as can, and here is `id`.
    #[cold]
    fn no_room(&mut self, id: u64) -> bool {
        if self.find(id).is_some() {
            self.faults.duplicate_order += 1;
            return false;
        }
        self.overflow()
    }

    #[cold]
    fn overflow(&mut self) -> bool {
        self.faults.overflow += 1;
        self.book.note_overflow(1);
        false
    }

    /// Puts the order in `slot` at the end of the queue at `key`.
    #[inline]
    fn join(&mut self, slot: u32, side: usize, key: i64, lots: i64) -> bool {
        let (had, tag) = self.book.sides[side].level(key);
        let ends = if had == 0 { Ends::NONE } else { Ends::from_tag(tag) };
        let ends = self.queues.append(slot, (side, key, lots), ends);
        self.book.set_tagged(side, key, had + lots, ends.tag())
    }

    /// Takes the order in `slot` out of its queue and its level.
    #[inline(always)]
    fn part(&mut self, slot: u32) -> bool {
        let order = *self.queues.at(slot);
        let (side, key) = (order.side(), order.key());
        let (had, tag) = self.book.sides[side].level(key);
        let ends = self.queues.leave(slot, Ends::from_tag(tag));
        self.book.set_tagged(side, key, had - order.qty, ends.tag())
    }

    #[inline(always)]
    fn remove(&mut self, place: IdPlace) -> bool {
        let changed = self.part(place.slot);
        self.ids.remove(place);
        self.queues.give_back(place.slot);
        changed
    }

    /// The order in `slot` keeps its place with `lots`, which are fewer than before.
    #[inline]
    fn shrink(&mut self, slot: u32, lots: i64) -> bool {
        let order = *self.queues.at(slot);
        let (side, key) = (order.side(), order.key());
        self.queues.set_qty(slot, lots);
        let (had, tag) = self.book.sides[side].level(key);
        self.book.set_tagged(side, key, had - (order.qty - lots), tag)
    }

    #[inline(always)]
    fn delete(&mut self, tick: &OrderTick) -> bool {
        let Some(place) = self.find(tick.order) else {
            self.faults.unknown_order += 1;
            return false;
        };
        self.remove(place)
    }

    #[inline]
    fn reduce(&mut self, tick: &OrderTick) -> bool {
        let (changed, is_over) = self.take_lots(tick);
        self.faults.over_reduced += u64::from(is_over);
        changed
    }

    #[inline]
    fn execute(&mut self, tick: &OrderTick) -> bool {
        let (changed, is_over) = self.take_lots(tick);
        self.faults.over_executed += u64::from(is_over);
        changed
    }

    /// Fewer lots rest. Returns whether the top changed, and whether it was more than rested.
    #[inline]
    fn take_lots(&mut self, tick: &OrderTick) -> (bool, bool) {
        if tick.qty < 0 {
            self.faults.invalid += 1;
            return (false, false);
        }
        let Some(place) = self.find_known(tick.order) else { return (false, false) };
        let had = self.queues.at(place.slot).qty;
        if tick.qty < had {
            return (self.shrink(place.slot, had - tick.qty), false);
        }
        (self.remove(place), tick.qty > had)
    }

    fn modify(&mut self, side: usize, tick: &OrderTick) -> bool {
        let key = key_of(side, tick.price);
        if tick.qty < 0 || !is_in_range(key) {
            self.faults.invalid += 1;
            return false;
        }
        let Some(place) = self.find_known(tick.order) else { return false };
        let order = *self.queues.at(place.slot);
        if tick.qty == 0 {
            return self.remove(place);
        }
        let has_moved = order.side() != side || order.key() != key;
        if !has_moved && tick.qty <= order.qty {
            return self.shrink(place.slot, tick.qty);
        }
        let lots_more = if has_moved { tick.qty } else { tick.qty - order.qty };
        if !can_rest(key, lots_more, self.book.sides[side].qty(key)) {
            self.faults.invalid += 1;
            return false;
        }
        self.faults.side_changed += u64::from(order.side() != side);
        if has_moved {
            let changed = self.part(place.slot);
            return changed | self.join(place.slot, side, key, tick.qty);
        }
        self.requeue(place.slot, tick.qty)
    }

    /// The order in `slot` goes to the end of its own queue with more lots.
    fn requeue(&mut self, slot: u32, lots: i64) -> bool {
        let order = *self.queues.at(slot);
        let (side, key) = (order.side(), order.key());
        let (had, tag) = self.book.sides[side].level(key);
        let others = self.queues.leave(slot, Ends::from_tag(tag));
        let ends = self.queues.append(slot, (side, key, lots), others);
        self.book.set_tagged(side, key, had + (lots - order.qty), ends.tag())
    }

    fn clear_side(&mut self, side: usize) -> bool {
        let book_side = &self.book.sides[side];
        let mut levels = book_side.levels();
        while let Some((_, _, tag)) = levels.next_entry() {
            forget_queue(&mut self.queues, &mut self.ids, Ends::from_tag(tag).first);
        }
        self.book.clear_side(side)
    }

    fn forget_queue(&mut self, first: u32) {
        forget_queue(&mut self.queues, &mut self.ids, first);
    }

    /// The feed may have lost something: stale until both sides have been cleared.
    pub fn mark_gap(&mut self) {
        self.book.mark_gap();
    }

    /// What may be seen of it by price.
    #[must_use]
    #[inline]
    pub const fn view(&self) -> BookView<'_> {
        self.book.view()
    }

    /// The book by price: its state and faults.
    #[must_use]
    #[inline]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// What was wrong so far with orders.
    #[must_use]
    #[inline]
    pub const fn faults(&self) -> &OrderBookFaults {
        &self.faults
    }

    /// How many orders rest.
    #[must_use]
    #[inline]
    pub const fn order_count(&self) -> usize {
        self.queues.len()
    }

    /// The order `id`, if it rests.
    #[must_use]
    #[inline]
    pub fn order(&self, id: u64) -> Option<RestingOrder> {
        self.find(id).map(|place| self.resting(place.slot))
    }

    fn resting(&self, slot: u32) -> RestingOrder {
        let order = self.queues.at(slot);
        let side = &self.book.sides[order.side()];
        RestingOrder {
            id: order.id,
            side: side.side(),
            price: side.price(order.key()),
            qty: Qty::from_lots(order.qty),
            stamp: self.queues.stamp(slot),
        }
    }

    /// The lots that are served before order `id`; `None` if it does not rest. Visits each of
    /// the orders before it.
    #[must_use]
    pub fn lots_ahead(&self, id: u64) -> Option<Qty> {
        let place = self.find(id)?;
        let lots = self.queues.before(place.slot).map(|order| order.qty).sum();
        Some(Qty::from_lots(lots))
    }

    /// The orders at `price`, the first one to be served first.
    pub fn queue_at(&self, side: Side, price: Price) -> impl Iterator<Item = RestingOrder> {
        let book_side = self.book.side(side);
        let key = book_side.key(price.ticks());
        let (had, tag) = book_side.level(key);
        let first = if had == 0 { queue::NIL } else { Ends::from_tag(tag).first };
        self.queues.from(first).map(|(slot, _)| self.resting(slot))
    }

    /// The stamp of the order that joined a queue last; zero before the first.
    #[must_use]
    #[inline]
    pub const fn last_stamp(&self) -> u64 {
        self.queues.last_stamp()
    }
}

impl fmt::Debug for OrderBook {
    /// The best prices, the state and how many orders there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("OrderBook");
        debug.field("book", &self.book).field("orders", &self.order_count()).finish()
    }
}

/// Whether `lots` more at `key`, where there are `had`, make sense.
#[inline(always)]
fn can_rest(key: i64, lots: i64, had: i64) -> bool {
    (lots > 0) & is_in_range(key) & had.checked_add(lots).is_some()
}

/// Forgets all orders from `first` to the end of their queue.
fn forget_queue(queues: &mut Queues, ids: &mut OrderIds, first: u32) {
    let mut slot = first;
    while let Some(&order) = queues.get(slot) {
        if let Some(place) = ids.find(order.id, |slot| queues.at(slot).id == order.id) {
            ids.remove(place);
        }
        queues.give_back(slot);
        slot = order.next;
    }
}
