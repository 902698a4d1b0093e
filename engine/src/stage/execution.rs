//! The execution stage: order table and ledger, and the commands that leave.

mod stored;

use qt_types::{
    Activation, Cancel, InstrumentId, InstrumentSpec, Intent, Lacks, OrderId, OrderKind, Place,
    Qty, RejectReason, Replace, Report, ReportKind, Side, StrategyId, TimeInForce,
};

use crate::command::{
    Approved, CancelOrder, Command, NewOrder, Proof, ReplaceOrder, bracket_kinds,
};
use crate::emulate::{Emulator, Pair};
use crate::ledger::{Deal, Ledger, LedgerError};
use crate::market::Market;
use crate::oms::{Booked, EXECS_MAX, Effect, Movement, Order, OrderTable, Pending};
use crate::outbox::Notice;
use crate::sink::{Bounded, Sink};

/// The one writer of ledger and order table.
#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) ledger: Ledger,
    pub(crate) orders: OrderTable,
    /// Changes that were sent and not answered yet, oldest first.
    changes: Vec<Replace>,
    changes_max: usize,
    /// What the last report moved in the books.
    pub(crate) booked: Bounded<Booked>,
    /// What the venue lacks and is done here.
    pub(super) emulator: Emulator,
    /// New orders that stay with us, or go out in parts; the gate is to be told that they were
    /// approved.
    pub(crate) kept: Bounded<NewOrder>,
    /// What became of orders that stay with us.
    pub(crate) notices: Bounded<Notice>,
}

/// What a new order hangs on, by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ties {
    /// The order that brings it to life, or none.
    pub(crate) parent: OrderId,
    /// The other one of a pair, or none.
    pub(crate) oco: OrderId,
    /// Whether those are asked for in the same call, so that a venue can be told of all at once.
    pub(crate) is_one_message: bool,
    /// Whose order it is.
    pub(crate) strategy: StrategyId,
}

impl Ties {
    /// None.
    pub(crate) const NONE: Self = Self {
        parent: OrderId::NONE,
        oco: OrderId::NONE,
        is_one_message: true,
        strategy: StrategyId::FIRST,
    };
}

/// A report can move as much as an order and both its protective orders remember.
const BOOKED_MAX: usize = EXECS_MAX * 4;

/// How many changes are remembered per order that may be open, on average. What is sent beyond
/// that is answered by the report alone.
const CHANGES_PER_ORDER_MAX: usize = 2;

impl Execution {
    /// The stage at rest, with `orders` empty.
    pub(crate) fn new(ledger: Ledger, orders: OrderTable) -> Self {
        let room = orders.room();
        let changes_max = room * CHANGES_PER_ORDER_MAX;
        Self {
            emulator: Emulator::new(room),
            kept: Bounded::new(room),
            // Each order that stays with us is taken in, changed and ended at most in one step.
            notices: Bounded::new(room * 3),
            ledger,
            orders,
            changes: Vec::with_capacity(changes_max),
            changes_max,
            booked: Bounded::new(BOOKED_MAX),
        }
    }

    /// Turns an approved intent into commands.
    pub(crate) fn on_approved(
        &mut self,
        approved: &Approved<&Intent>,
        ties: Ties,
        market: &Market,
        out: &mut impl Sink<Command>,
    ) {
        let proof = Proof::of(approved);
        match approved.get() {
            Intent::Place(place) => self.open(place, approved.qty(), ties, proof, market, out),
            Intent::Cancel(cancel) => {
                self.cancel(cancel.order, RejectReason::Requested, proof, out);
            }
            Intent::Replace(replace) => self.change(*replace, proof, out),
        }
    }

    #[inline(always)]
    fn open(
        &mut self,
        place: &Place,
        qty: Qty,
        ties: Ties,
        proof: Proof,
        market: &Market,
        out: &mut impl Sink<Command>,
    ) {
        let entry = self.orders.next_id();
        let activation = Activation::CompleteFill;
        let new = new_order(entry, place, qty, proof);
        let new = NewOrder { parent: ties.parent, oco: ties.oco, activation, ..new };
        self.send(new, ties.strategy, ties.is_one_message, market, out);
        if place.bracket.is_empty() {
            return;
        }
        let [stop, target] = bracket_kinds(&place.bracket);
        let stop_id = self.orders.next_id();
        let both = stop.is_some() && target.is_some();
        let target_id = if both { self.orders.nth_next_id(1) } else { stop_id };
        let pair = |other: OrderId| if both { other } else { OrderId::NONE };
        let legs = [(stop, stop_id, pair(target_id)), (target, target_id, pair(stop_id))];
        // The venue sees to the pair if it sees both of them.
        let lacks = |kind: Option<OrderKind>| kind.is_some_and(|k| self.emulator.lacks_kind(&k));
        let venue_pairs = !self.emulator.lacks().has(Lacks::OCO)
            && !self.emulator.lacks().has(Lacks::OTO)
            && !self.emulator.is_ours(entry)
            && !lacks(stop)
            && !lacks(target)
            && !self.ledger.is_shared(place.instrument)
            && self.emulator.lacks().both(Lacks::AMEND.with(Lacks::REDUCE_ONLY)).is_nothing();
        if both && !venue_pairs {
            let legs = [(stop_id, qty), (target_id, qty)];
            self.emulator.pair(Pair { legs, shares: false });
        }
        for (kind, id, oco) in legs {
            if let Some(kind) = kind {
                let mut leg = Place::new(place.instrument, place.side.opposite(), kind);
                leg.reduce_only = true;
                leg.tif = TimeInForce::Gtc;
                let new = new_order(id, &leg, qty, proof);
                let activation = Activation::FirstFill;
                let told = if venue_pairs { oco } else { OrderId::NONE };
                let new = NewOrder { parent: entry, oco: told, activation, ..new };
                self.send(new, ties.strategy, true, market, out);
                if !venue_pairs {
                    self.orders.pair(id, oco);
                }
            }
        }
    }

    /// Opens the order `new`. It goes to the venue, or stays with us where the venue could not
    /// hold it.
    fn send(
        &mut self,
        new: NewOrder,
        strategy: StrategyId,
        is_one_message: bool,
        market: &Market,
        out: &mut impl Sink<Command>,
    ) {
        let mut order =
            Order::sent(new.order, new.instrument, new.side, new.kind, new.tif, new.qty.lots());
        order.reduce_only = new.reduce_only;
        order.parent = new.parent;
        order.activation = new.activation;
        order.oco = new.oco;
        order.armed = new.parent.is_none();
        order.strategy = strategy;
        self.ledger.note_order(strategy);
        let is_alone = new.parent.is_none() && new.oco.is_none();
        if is_alone && self.lacks_of(&new) == Lacks::NOTHING {
            self.orders.insert(order);
            out.push(Command::New(new));
            return;
        }
        let (new, stays) = self.keep(new, is_one_message, market);
        order.emulated = stays || new.kind != order.kind;
        self.orders.insert(order);
        if stays {
            self.emulator.is_due = true;
        } else {
            out.push(Command::New(new));
        }
    }

    /// What the venue lacks to hold `new`. Of an instrument that several strategies trade it does
    /// not know what one of them holds.
    #[inline]
    pub(super) fn lacks_of(&self, new: &NewOrder) -> Lacks {
        let lacks = self.emulator.lacks();
        if new.reduce_only && self.ledger.is_shared(new.instrument) {
            return lacks.with(Lacks::REDUCE_ONLY);
        }
        lacks
    }

    /// Asks for another price or quantity.
    pub(super) fn change(&mut self, replace: Replace, proof: Proof, out: &mut impl Sink<Command>) {
        let Some(order) = self.orders.ask_replace(replace.order) else { return };
        let instrument = order.instrument;
        if self.changes.len() < self.changes_max {
            self.changes.push(replace);
        }
        if !self.change_held(&replace) && !self.change_worked(instrument, &replace) {
            out.push(Command::Replace(ReplaceOrder { instrument, replace, proof }));
        }
    }

    /// Asks for the end of an order. `reason` is what an order is told that waits with us.
    pub(super) fn cancel(
        &mut self,
        id: OrderId,
        reason: RejectReason,
        proof: Proof,
        out: &mut impl Sink<Command>,
    ) {
        let Some(before) = self.orders.get(id) else { return };
        let (is_emulated, pending) = (before.emulated, before.pending());
        if let Some(order) = self.orders.ask_cancel(id) {
            let instrument = order.instrument;
            // What we see to ourselves is ended once: the second time it is gone or under way.
            let is_ours = is_emulated || self.emulator.pair_of(id).is_some();
            let was_asked = is_ours && pending == Pending::Cancel;
            if self.end_held(id, reason) || self.cancel_worked(id, reason) || was_asked {
                return;
            }
            let cancel = Cancel { order: id };
            out.push(Command::Cancel(CancelOrder { instrument, cancel, proof }));
        }
    }

    /// Takes in a report that is about no part of an order: order first, then ledger. Returns
    /// whether there is something to tell of the order; there is not for one that is not known,
    /// for what was known before, for what cannot be, and for what is about no order.
    pub(crate) fn on_report(
        &mut self,
        specs: &[InstrumentSpec],
        instrument: InstrumentId,
        report: &Report,
        out: &mut impl Sink<Command>,
    ) -> Result<bool, LedgerError> {
        self.booked.clear();
        if report.kind == ReportKind::Accepted && self.orders.accept(report.order) {
            return Ok(true);
        }
        if self.is_of_account(specs, instrument, report, out)? {
            return Ok(false);
        }
        self.take_in(specs, report, report, out)
    }

    /// The same for a report about a part. Returns what there is to tell of the whole.
    #[cold]
    pub(crate) fn on_part_report(
        &mut self,
        specs: &[InstrumentSpec],
        instrument: InstrumentId,
        report: &Report,
        market: &Market,
        out: &mut impl Sink<Command>,
    ) -> Result<Option<Report>, LedgerError> {
        self.booked.clear();
        if self.is_of_account(specs, instrument, report, out)? {
            return Ok(None);
        }
        let Some(whole) = self.of_whole(report, market) else { return Ok(None) };
        Ok(self.take_in(specs, &whole, report, out)?.then_some(whole))
    }

    /// Takes in `report`, which the venue gave as `of_part`.
    fn take_in(
        &mut self,
        specs: &[InstrumentSpec],
        report: &Report,
        of_part: &Report,
        out: &mut impl Sink<Command>,
    ) -> Result<bool, LedgerError> {
        let Some(before) = self.orders.find(report.order) else { return Ok(false) };
        let asked = self.changes.iter().position(|change| change.order == report.order);
        let asked = asked.filter(|_| before.answers_change(report));
        let change = asked.and_then(|at| self.changes.get(at));
        let spec = specs.get(before.instrument.index()).ok_or(LedgerError::Overflow)?;
        let (id, of) = (before.id, Traded::of(before));
        // Of an order that stands alone, among others that do, a fill means nothing to any of them.
        let are_linked = !self.orders.all_stand_alone() || self.emulator.has_orders();
        let (ledger, list) = (&mut self.ledger, &mut self.booked);
        let mut booked = Ok(());
        let told = self.orders.on_report(report, change, &mut |movement| {
            list.push(Booked { order: id, movement });
            if booked.is_ok() {
                booked = book(ledger, spec, of, &movement);
            }
        });
        booked?;
        let Some((order, effect)) = told else { return Ok(false) };
        let is_ended = order.is_ended();
        let is_minded = are_linked || !order.stands_alone();
        let filled = if effect == Effect::Executed && is_minded { Some(*order) } else { None };
        if of_part.order.is_part() {
            self.part_reported(of_part, effect);
        }
        if let (Some(at), Effect::Changed | Effect::Executed) = (asked, effect) {
            self.changes.remove(at);
        }
        if let Some(filled) = &filled {
            self.after_fill_here(filled, report.price, out);
            self.after_fill(spec, filled, out)?;
        }
        if is_ended {
            self.changes.retain(|change| change.order != id);
            self.after_end(id);
        }
        Ok(matches!(effect, Effect::Changed | Effect::Executed))
    }

    /// Arms the protective orders of an entry, and ends the ones that have nothing left to
    /// protect.
    fn after_fill(
        &mut self,
        spec: &InstrumentSpec,
        filled: &Order,
        out: &mut impl Sink<Command>,
    ) -> Result<(), LedgerError> {
        let flat = self.ledger.held_by(filled.strategy, filled.instrument).is_zero();
        if self.orders.is_empty() {
            return Ok(());
        }
        // The venue itself ends the other half of a pair that it knows of.
        let is_ours = self.emulator.pair_of(filled.id).is_some();
        let oco = if is_ours { OrderId::NONE } else { filled.oco };
        let mut at = 0;
        while let Some(id) = self.nth_linked(filled, oco, flat, at) {
            let Some(order) = self.orders.get(id) else { break };
            let wakes = order.activation == Activation::FirstFill || filled.is_ended();
            if order.parent == filled.id && wakes {
                // One that is not protective is as large as it was asked for; one that we see to
                // ourselves is as large as we make it.
                let covers = match order.activation {
                    Activation::FirstFill if !order.emulated => filled.filled,
                    _ => Qty::ZERO,
                };
                let of = Traded::of(order);
                let (ledger, list) = (&mut self.ledger, &mut self.booked);
                let mut booked = Ok(());
                self.orders.arm(id, covers, &mut |movement| {
                    list.push(Booked { order: id, movement });
                    if booked.is_ok() {
                        booked = book(ledger, spec, of, &movement);
                    }
                });
                booked?;
            } else if order.parent != filled.id {
                self.cancel(id, RejectReason::NothingToReduce, Proof::of_cleanup(), out);
            }
            at += usize::from(self.orders.get(id).is_some());
        }
        Ok(())
    }

    /// The `n`-th open order that `filled` has to do with: its children, and once the position
    /// is flat the armed orders that could only reduce it.
    fn nth_linked(&self, filled: &Order, oco: OrderId, flat: bool, n: usize) -> Option<OrderId> {
        self.orders
            .iter()
            .filter(|order| order.id != filled.id && order.instrument == filled.instrument)
            .filter(|order| order.strategy == filled.strategy)
            .filter(|order| order.parent == filled.id || (flat && is_orphaned(order, oco)))
            .nth(n)
            .map(|order| order.id)
    }
}

/// `place` as an order of its own.
#[inline(always)]
const fn new_order(order: OrderId, place: &Place, qty: Qty, proof: Proof) -> NewOrder {
    NewOrder {
        order,
        instrument: place.instrument,
        side: place.side,
        kind: place.kind,
        tif: place.tif,
        qty,
        reduce_only: place.reduce_only,
        post_only: place.post_only,
        display: place.display,
        parent: OrderId::NONE,
        activation: Activation::FirstFill,
        oco: OrderId::NONE,
        proof,
    }
}

/// What an order trades.
#[derive(Clone, Copy)]
struct Traded {
    instrument: InstrumentId,
    side: Side,
    strategy: StrategyId,
}

impl Traded {
    const fn of(order: &Order) -> Self {
        Self { instrument: order.instrument, side: order.side, strategy: order.strategy }
    }
}

/// Books what was executed, or what was taken back, as a fill of the other side.
fn book(
    ledger: &mut Ledger,
    spec: &InstrumentSpec,
    of: Traded,
    movement: &Movement,
) -> Result<(), LedgerError> {
    let side = if movement.is_taken_back { of.side.opposite() } else { of.side };
    let Movement { price, qty, fee, fee_in, .. } = *movement;
    let deal = Deal { instrument: of.instrument, side, price, qty, fee, fee_in };
    ledger.fill(spec, &deal)?;
    ledger.fill_own(of.strategy, spec, &deal, movement.is_taken_back)
}

/// The venue itself ends the other half of an OCO pair; asking for it again would be noise.
fn is_orphaned(order: &Order, oco_of_filled: OrderId) -> bool {
    let resting_protection = order.reduce_only && order.armed && !order.is_ended();
    resting_protection && order.id != oco_of_filled
}

#[cfg(test)]
mod tests {
    use qt_types::{Cash, E9, ExecId, InstrumentKind, Price};

    use super::*;
    use crate::oms::Reporting;

    /// A late fill of a cancelled order is in the books and is told; what was known is neither.
    #[test]
    fn a_venue_behind_a_network_may_fill_what_it_cancelled() {
        let spec = InstrumentSpec::new("X", "USD", InstrumentKind::Equity, E9, E9, E9);
        let specs = [spec.expect("a sound instrument")];
        let orders = OrderTable::with_reporting(1, 4, Reporting::ANY_ORDER);
        let mut execution = Execution::new(Ledger::new(Cash::ZERO, 1), orders);
        let place = Place::new(InstrumentId(0), Side::Buy, OrderKind::Market);
        let mut out: Vec<Command> = Vec::new();
        let intent = Intent::Place(place);
        let approved = Approved::new(&intent, Qty::from_lots(10));
        execution.on_approved(&approved, Ties::NONE, &Market::new(1), &mut out);
        let id = OrderId::new(1, 1);
        let cancelled = Report::plain(id, ReportKind::Cancelled, RejectReason::Requested);
        let mut fill = Report::plain(id, ReportKind::Filled, RejectReason::None);
        (fill.exec, fill.price) = (ExecId(7), Price::from_ticks(5));
        (fill.qty, fill.leaves) = (Qty::from_lots(4), Qty::from_lots(6));
        let bust = Report { kind: ReportKind::Busted, ..fill };
        let mut told = Vec::new();
        for report in [cancelled, cancelled, fill, fill, bust, bust] {
            let news = execution
                .on_report(&specs, InstrumentId(0), &report, &mut out)
                .expect("sound books");
            let held = execution.ledger.position(InstrumentId(0)).qty().lots();
            told.push((news.then_some(report.kind), held));
        }
        let expected = [
            (Some(ReportKind::Cancelled), 0),
            (None, 0),
            (Some(ReportKind::Filled), 4),
            (None, 4),
            (Some(ReportKind::Busted), 0),
            (None, 0),
        ];
        assert_eq!(told, expected);
        assert_eq!(execution.ledger.cash(), Cash::ZERO);
        assert!(execution.orders.is_empty());
    }
}
