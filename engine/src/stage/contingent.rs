//! The part of the execution stage that does what a venue lacks: orders that stay with us until
//! they have nothing to wait for, and pairs of which one cancels the other.

use qt_types::{
    Activation, InstrumentId, Lacks, OrderId, Price, Qty, RejectReason, Replace, Report, ReportKind,
};

use super::Execution;
use super::working::until_ns;
use crate::command::{Command, NewOrder, Proof};
use crate::emulate::{Held, Pair, Seen, Waits, after_trigger, lacking, named, needs_trigger};
use crate::market::Market;
use crate::oms::{Order, OrderEnd, Pending};
use crate::outbox::Notice;
use crate::sink::Sink;

impl Execution {
    /// What the venue lacks from now on.
    pub(crate) fn set_lacks(&mut self, lacks: Lacks) {
        self.emulator.set_lacks(lacks);
    }

    /// Decides whether the new order stays with us; if not, returns it as the venue is to have
    /// it. `is_one_message`: whether what it hangs on goes out with it.
    pub(super) fn keep(
        &mut self,
        mut new: NewOrder,
        is_one_message: bool,
        market: &Market,
    ) -> (NewOrder, bool) {
        let lacks = self.lacks_of(&new);
        let works = lacking(lacks, &new);
        let waits_here = self.waits_here(&new);
        let (parent, oco) = (new.parent, new.oco);
        let is_here = |id: OrderId| {
            let order = self.orders.get(id);
            order.is_some_and(|order| order.instrument == new.instrument)
        };
        let venue_holds = is_one_message
            && !lacks.has(Lacks::OTO)
            && !waits_here
            && works.is_nothing()
            && is_here(parent)
            && !self.emulator.is_ours(parent);
        let waits = if !parent.is_none() && !venue_holds {
            Some(Waits::Parent)
        } else if waits_here {
            Some(Waits::Price)
        } else {
            None
        };
        if !oco.is_none() && new.activation == Activation::CompleteFill {
            let venue_pairs = is_one_message
                && !lacks.has(Lacks::OCO)
                && waits.is_none()
                && works.is_nothing()
                && is_here(oco)
                && !self.emulator.is_ours(oco);
            self.pair(&mut new, venue_pairs);
        }
        let Some(waits) = waits else { return self.work_new(new, market) };
        let until_ns = until_ns(&new, market);
        let mut held = Held::new(new, parent, waits, waits_here, until_ns);
        let reference = reference(market, new.instrument);
        if waits == Waits::Price && reference.is_some_and(|seen| held.meets(&seen)) {
            let kind = after_trigger(new.kind);
            return self.work_new(NewOrder { kind, ..held.new }, market);
        }
        self.emulator.hold(held);
        self.kept.push(held.new);
        self.tell(new.instrument, new.order, ReportKind::Accepted, RejectReason::None);
        (new, true)
    }

    /// Works the new order where the venue could not do it; the gate is told that it was approved.
    fn work_new(&mut self, new: NewOrder, market: &Market) -> (NewOrder, bool) {
        let (new, is_worked) = self.work_on(new, market);
        if is_worked {
            self.kept.push(new);
        }
        (new, is_worked)
    }

    /// Whether `new` waits for its price here: the venue does not know such orders, or we have to
    /// know when it is triggered.
    pub(super) fn waits_here(&self, new: &NewOrder) -> bool {
        let waits = after_trigger(new.kind) != new.kind;
        let works = lacking(self.emulator.lacks(), new);
        waits && (self.emulator.lacks_kind(&new.kind) || needs_trigger(works))
    }

    /// Makes `new` one of a pair with the open order that it names. Where the venue does not see
    /// to it, it is not told.
    fn pair(&mut self, new: &mut NewOrder, venue_pairs: bool) {
        let other = new.oco;
        self.orders.pair(other, new.order);
        let total = self.orders.get(other).map_or(Qty::ZERO, |order| order.qty);
        if !venue_pairs {
            let legs = [(new.order, new.qty), (other, total)];
            self.emulator.pair(Pair { legs, shares: true });
            new.oco = OrderId::NONE;
        }
    }

    /// A report of our own about an order that the venue does not know by its id.
    pub(super) fn tell(
        &mut self,
        instrument: InstrumentId,
        order: OrderId,
        kind: ReportKind,
        reason: RejectReason,
    ) {
        self.notices.push(Notice { instrument, report: Report::plain(order, kind, reason) });
    }

    /// Changes the order that waits with us; `false` where it does not.
    pub(super) fn change_held(&mut self, change: &Replace) -> bool {
        let Some(held) = self.emulator.get_mut(change.order) else { return false };
        (held.new.kind, held.new.qty) = (change.kind, change.qty);
        let new = held.new;
        self.tell_change(&new, RejectReason::None);
        true
    }

    fn tell_change(&mut self, new: &NewOrder, reason: RejectReason) {
        let change = Replace { order: new.order, kind: new.kind, qty: new.qty };
        self.tell_changed(new.instrument, &change, new.qty, reason);
    }

    /// A report of our own that `change` holds, with `leaves` open.
    pub(super) fn tell_changed(
        &mut self,
        instrument: InstrumentId,
        change: &Replace,
        leaves: Qty,
        reason: RejectReason,
    ) {
        let mut report = Report::plain(change.order, ReportKind::Replaced, reason);
        (report.price, report.qty, report.leaves) = (named(&change.kind), change.qty, leaves);
        self.notices.push(Notice { instrument, report });
    }

    /// Ends the order that waits with us; `false` where it does not.
    pub(crate) fn end_held(&mut self, id: OrderId, reason: RejectReason) -> bool {
        let Some(held) = self.emulator.take(id) else { return false };
        self.tell(held.new.instrument, id, ReportKind::Cancelled, reason);
        true
    }

    /// Whether no order waits with us or is worked.
    #[inline]
    pub(crate) fn holds_nothing(&self) -> bool {
        self.emulator.has_nothing()
    }

    /// A price was seen: orders that waited for it are ready.
    pub(crate) fn on_price(&mut self, instrument: InstrumentId, seen: &Seen) {
        self.emulator.on_price(instrument, seen);
    }

    /// The oldest order that is ready to go out.
    pub(crate) fn first_ready(&self) -> Option<NewOrder> {
        self.emulator.first_ready().copied()
    }

    /// Sends an order off that waited with us.
    pub(crate) fn release(&mut self, id: OrderId, market: &Market, out: &mut impl Sink<Command>) {
        let Some(held) = self.emulator.take(id) else { return };
        if let Some(order) = self.orders.get_mut(id) {
            order.qty = held.new.qty;
        }
        let new = NewOrder { proof: Proof::of_cleanup(), ..held.released() };
        let (new, is_worked) = self.work_on(new, market);
        if !is_worked {
            out.push(Command::New(new));
        }
    }

    /// After a fill at `price`: wakes what waited for it, and takes as much from the other one of
    /// a pair.
    pub(super) fn after_fill_here(
        &mut self,
        filled: &Order,
        price: Price,
        out: &mut impl Sink<Command>,
    ) {
        if let Some(pair) = self.emulator.pair_of(filled.id) {
            self.share(&pair, filled, out);
        }
        let protects = filled.activation == Activation::FirstFill && !filled.parent.is_none();
        if protects && filled.emulated {
            // An entry that filled in part must not go on once its protection is hit.
            let asked = |entry: &Order| entry.pending() == Pending::Cancel;
            if self.orders.get(filled.parent).is_some_and(|entry| !asked(entry)) {
                self.cancel(filled.parent, RejectReason::OcoFilled, Proof::of_cleanup(), out);
            }
        }
        if filled.filled.is_zero() {
            return;
        }
        if !self.emulator.is_idle() {
            self.wake(filled, price);
        }
        if self.emulator.is_used() {
            self.cover(filled, out);
        }
    }

    /// The children of `filled` that waited with us for this fill wait for their price now, or
    /// for nothing.
    fn wake(&mut self, filled: &Order, price: Price) {
        let is_whole = filled.end() == Some(OrderEnd::Filled);
        while let Some(id) = self.emulator.first_child_for(filled.id, is_whole) {
            let Some(&order) = self.orders.get(id) else {
                self.emulator.take(id);
                continue;
            };
            let Some(held) = self.emulator.get_mut(id) else { return };
            held.wake(price);
            if order.activation == Activation::FirstFill {
                held.new.qty = order.qty.min(filled.filled);
            }
        }
    }

    /// Protective orders that are ours to see to cover what their entry has filled, also where
    /// that has become more.
    fn cover(&mut self, entry: &Order, out: &mut impl Sink<Command>) {
        let is_leg = |order: &&Order| {
            order.parent == entry.id && order.emulated && order.activation == Activation::FirstFill
        };
        let mut at = 0;
        loop {
            let leg = self.orders.iter().filter(is_leg).nth(at).copied();
            let Some(leg) = leg else { return };
            at += 1;
            let total = entry.filled;
            if let Some(held) = self.emulator.get_mut(leg.id) {
                held.new.qty = leg.qty.min(total);
            } else if leg.qty < total && !self.emulator.lacks_kind(&leg.kind) {
                let change = Replace { order: leg.id, kind: leg.kind, qty: total };
                self.change(change, Proof::of_cleanup(), out);
            }
        }
    }

    /// After the end of `order`: what waited for it with us ends unless it was filled.
    pub(super) fn after_end(&mut self, order: OrderId) {
        self.emulator.forget(order);
        self.emulator.is_due |= !self.emulator.works.is_empty();
        if self.emulator.is_idle() {
            return;
        }
        self.emulator.take(order);
        while let Some(child) = self.emulator.first_child(order) {
            self.end_held(child, RejectReason::ParentEnded);
        }
    }

    /// `filled` is one of `pair`: ends the other one, or leaves as much less of it.
    fn share(&mut self, pair: &Pair, filled: &Order, out: &mut impl Sink<Command>) {
        let Some((id, total)) = pair.other(filled.id) else { return };
        let Some(&other) = self.orders.get(id) else { return };
        let left = Qty::from_lots(total.lots() - filled.filled.lots());
        if filled.is_ended() || (pair.shares && left <= other.filled) {
            if other.pending() != Pending::Cancel {
                self.cancel(id, RejectReason::OcoFilled, Proof::of_cleanup(), out);
            }
        } else if pair.shares && left < other.qty {
            let kind = other.kind;
            match self.emulator.get_mut(id) {
                Some(held) => {
                    held.new.qty = left;
                    let new = held.new;
                    self.tell_change(&new, RejectReason::OcoFilled);
                }
                None => {
                    self.change(Replace { order: id, kind, qty: left }, Proof::of_cleanup(), out)
                }
            }
        }
    }
}

/// The prices that an order meets on arrival: the last trade, or without trades the best prices.
fn reference(market: &Market, instrument: InstrumentId) -> Option<Seen> {
    match market.last_trade(instrument) {
        Some(price) => Some(Seen::trade(price)),
        None => best(market, instrument),
    }
}

/// The best prices of a book of two sides.
pub(crate) fn best(market: &Market, instrument: InstrumentId) -> Option<Seen> {
    let book = market.book(instrument)?;
    let ((bid, _), (ask, _)) = (book.best_bid()?, book.best_ask()?);
    Some(Seen::best(bid, ask))
}
