//! What a venue lacks and the engine does in its place: orders that wait for a price or for
//! another order, pairs of which one cancels the other, and orders that are worked in parts
//! ([`Work`]).
//!
//! An order that waits stays with us under its own id until it has nothing to wait for; then it
//! goes to the venue as what the venue knows. Everything is a function of the pipeline's events:
//! the prices that we see, which are later than the venue's.

mod trigger;
mod work;

use qt_types::{Activation, InstrumentId, Lacks, Nanos, OrderId, OrderKind, Price, Qty};
use serde::{Deserialize, Serialize};

use crate::command::NewOrder;
use crate::{stored, values};
pub(crate) use trigger::{Seen, after_trigger, named};
use trigger::{follow, is_met};
pub(crate) use work::{Act, Heard, Sight, Work, lacking, leaves_after, needs_trigger, still_there};

/// What an order that stays with us waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Waits {
    /// Its parent: to be filled, in part or whole.
    Parent,
    /// A price.
    Price,
    /// Nothing any more: it goes out with this event.
    Nothing,
}

/// An order that stays with us for the time being.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    /// As it would go out.
    #[serde(with = "crate::command::stored::Kept")]
    pub(crate) new: NewOrder,
    /// The order that brings it to life, or none: the venue need not know.
    pub(crate) parent: OrderId,
    pub(crate) waits: Waits,
    /// Trailing stops: the best price so far (mirrored: the lowest).
    best: Option<i64>,
    /// Whether it goes out as what it is once its price was seen.
    waits_for_price: bool,
    /// When its time is over (UTC ns).
    pub(crate) until_ns: Nanos,
}

/// Two orders of which one cancels the other, where the venue does not see to it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Pair {
    /// The orders and their totals when they were paired.
    pub(crate) legs: [(OrderId, Qty); 2],
    /// Whether a partial fill of one leaves less of the other; protective orders cover a
    /// position and never fill more than there is of it.
    pub(crate) shares: bool,
}

impl Pair {
    /// The other leg of `order` with its total.
    pub(crate) fn other(&self, order: OrderId) -> Option<(OrderId, Qty)> {
        let [one, two] = self.legs;
        match order {
            id if id == one.0 => Some(two),
            id if id == two.0 => Some(one),
            _ => None,
        }
    }
}

/// Orders that wait here, oldest first, and pairs. No more of them than there are open orders.
#[derive(Clone, Debug)]
pub(crate) struct Emulator {
    lacks: Lacks,
    held: Vec<Held>,
    pairs: Vec<Pair>,
    is_used: bool,
    /// Orders that are worked, oldest first.
    pub(crate) works: Vec<Work>,
    /// Whether something happened that they have to look at.
    pub(crate) is_due: bool,
}

values!(Held, Pair, Work);
stored!(Emulator {
    state: held, pairs, is_used, works, is_due;
    same: lacks;
});

impl Emulator {
    /// For a venue that lacks nothing, with room for `orders_max` orders.
    pub(crate) fn new(orders_max: usize) -> Self {
        Self {
            lacks: Lacks::NOTHING,
            held: Vec::with_capacity(orders_max),
            pairs: Vec::with_capacity(orders_max),
            is_used: false,
            works: Vec::with_capacity(orders_max),
            is_due: false,
        }
    }

    /// The same for a venue that lacks `lacks`.
    pub(crate) fn set_lacks(&mut self, lacks: Lacks) {
        self.lacks = lacks;
    }

    pub(crate) const fn lacks(&self) -> Lacks {
        self.lacks
    }

    /// Whether any order has ever waited here.
    #[inline]
    pub(crate) const fn is_used(&self) -> bool {
        self.is_used
    }

    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether anything is here that has to do with orders, or ever was.
    #[inline]
    pub(crate) fn has_orders(&self) -> bool {
        self.is_used || !self.pairs.is_empty() || !self.has_nothing()
    }

    /// Whether nothing waits here and nothing is worked.
    #[inline]
    pub(crate) fn has_nothing(&self) -> bool {
        self.held.is_empty() && self.works.is_empty()
    }

    /// Whether the venue does not know orders of `kind`.
    pub(crate) const fn lacks_kind(&self, kind: &OrderKind) -> bool {
        let what = match kind {
            OrderKind::Stop { .. } => Lacks::STOP,
            OrderKind::StopLimit { .. } => Lacks::STOP_LIMIT,
            OrderKind::TakeProfit { .. } => Lacks::TAKE_PROFIT,
            OrderKind::LimitIfTouched { .. } => Lacks::LIMIT_IF_TOUCHED,
            OrderKind::TrailingStop { .. } => Lacks::TRAILING_STOP,
            OrderKind::Market | OrderKind::Limit { .. } | OrderKind::Pegged { .. } => return false,
        };
        self.lacks.has(what)
    }

    pub(crate) fn hold(&mut self, held: Held) {
        self.held.push(held);
        self.is_used = true;
    }

    pub(crate) fn pair(&mut self, pair: Pair) {
        self.pairs.push(pair);
    }

    /// The held order `id`.
    pub(crate) fn get_mut(&mut self, id: OrderId) -> Option<&mut Held> {
        self.held.iter_mut().find(|held| held.new.order == id)
    }

    /// Whether the venue does not know order `id` by its id: it waits here, or is worked.
    pub(crate) fn is_ours(&self, id: OrderId) -> bool {
        self.held.iter().any(|held| held.new.order == id) || self.place_of(id).is_some()
    }

    /// Where the order `id` is among those that are worked.
    pub(crate) fn place_of(&self, id: OrderId) -> Option<usize> {
        self.works.iter().position(|work| work.order() == id)
    }

    /// When the next of them looks at the clock (UTC ns).
    #[inline]
    pub(crate) fn next_ns(&self) -> Option<Nanos> {
        if self.has_nothing() {
            return None;
        }
        let works = self.works.iter().map(|work| work.wake_ns);
        let held = self.held.iter().map(|held| held.until_ns);
        works.chain(held).min().filter(|next_ns| *next_ns < Nanos::MAX)
    }

    /// The oldest held order whose time is over at `now_ns`.
    pub(crate) fn first_over(&self, now_ns: Nanos) -> Option<&Held> {
        self.held.iter().find(|held| held.until_ns <= now_ns)
    }

    /// The session of `instrument` ended.
    pub(crate) fn end_session(&mut self, instrument: InstrumentId, now_ns: Nanos) {
        for held in self.held.iter_mut().filter(|held| held.new.instrument == instrument) {
            if held.new.tif == qt_types::TimeInForce::Day {
                held.until_ns = now_ns;
            }
        }
        for work in self.works.iter_mut().filter(|work| work.new.instrument == instrument) {
            work.end_session();
        }
        self.is_due = true;
    }

    /// Lets the held order `id` go.
    pub(crate) fn take(&mut self, id: OrderId) -> Option<Held> {
        let at = self.held.iter().position(|held| held.new.order == id)?;
        Some(self.held.remove(at))
    }

    /// The same of those that a fill of it brings to life: with `is_whole` all of them, else the
    /// protective ones.
    pub(crate) fn first_child_for(&self, parent: OrderId, is_whole: bool) -> Option<OrderId> {
        let waits = |held: &&Held| {
            let wakes = is_whole || held.new.activation == Activation::FirstFill;
            held.waits == Waits::Parent && held.parent == parent && wakes
        };
        self.held.iter().find(waits).map(|held| held.new.order)
    }

    /// The oldest held order that waits for `parent`.
    pub(crate) fn first_child(&self, parent: OrderId) -> Option<OrderId> {
        let waits = |held: &&Held| held.waits == Waits::Parent && held.parent == parent;
        self.held.iter().find(waits).map(|held| held.new.order)
    }

    /// The pair of `order` that the venue does not see to.
    pub(crate) fn pair_of(&self, order: OrderId) -> Option<Pair> {
        self.pairs.iter().find(|pair| pair.other(order).is_some()).copied()
    }

    /// An order is over: its pair is none any more.
    pub(crate) fn forget(&mut self, order: OrderId) {
        if !self.pairs.is_empty() {
            self.pairs.retain(|pair| pair.other(order).is_none());
        }
    }

    /// A price was seen: the orders in `instrument` that it releases wait for nothing any more,
    /// the others follow it.
    pub(crate) fn on_price(&mut self, instrument: InstrumentId, seen: &Seen) {
        for work in self.works.iter_mut().filter(|work| work.new.instrument == instrument) {
            work.on_price();
            self.is_due = true;
        }
        for held in &mut self.held {
            let is_waiting = held.waits == Waits::Price && held.new.instrument == instrument;
            if is_waiting && held.meets(seen) {
                held.waits = Waits::Nothing;
            }
        }
    }

    /// The oldest order that waits for nothing any more.
    pub(crate) fn first_ready(&self) -> Option<&NewOrder> {
        let ready = self.held.iter().find(|held| held.waits == Waits::Nothing);
        ready.map(|held| &held.new)
    }
}

impl Held {
    /// `new` as it waits, until `until_ns` (UTC) at most; the venue is not told of `parent`.
    /// `waits_for_price`: whether the venue cannot wait for its price.
    pub(crate) const fn new(
        new: NewOrder,
        parent: OrderId,
        waits: Waits,
        waits_for_price: bool,
        until_ns: Nanos,
    ) -> Self {
        let new = NewOrder { parent: OrderId::NONE, oco: OrderId::NONE, ..new };
        Self { new, parent, waits, best: None, waits_for_price, until_ns }
    }

    /// Its parent was filled at `price`: it waits for its price, or for nothing any more.
    pub(crate) fn wake(&mut self, price: Price) {
        self.waits = if self.waits_for_price { Waits::Price } else { Waits::Nothing };
        self.start_at(price);
    }

    /// As it goes out.
    pub(crate) const fn released(&self) -> NewOrder {
        let kind = if self.waits_for_price { after_trigger(self.new.kind) } else { self.new.kind };
        NewOrder { kind, ..self.new }
    }

    /// Whether `seen` releases the order; if not, it follows it.
    pub(crate) fn meets(&mut self, seen: &Seen) -> bool {
        let (low, high) = seen.mirrored(self.new.side);
        if is_met(&self.new.kind, self.new.side, self.best, low, high) {
            return true;
        }
        follow(&self.new.kind, &mut self.best, low);
        false
    }

    /// A trailing stop starts from `price`.
    fn start_at(&mut self, price: Price) {
        self.best = None;
        follow(&self.new.kind, &mut self.best, price.ticks() * self.new.side.sign());
    }
}
