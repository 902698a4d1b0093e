//! The execution stage: order table and ledger, and the commands that leave.

use qt_types::{
    Cancel, InstrumentId, InstrumentSpec, Intent, OrderId, OrderKind, Place, Qty, Replace, Report,
    ReportKind, Side, TimeInForce,
};

use crate::command::{
    Approved, CancelOrder, Command, NewOrder, Proof, ReplaceOrder, bracket_kinds,
};
use crate::ledger::{Ledger, LedgerError};
use crate::oms::{Booked, EXECS_MAX, Effect, Movement, Order, OrderTable, Pending};
use crate::port::OrderUpdate;
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
}

/// A report can move as much as an order and both its protective orders remember.
const BOOKED_MAX: usize = EXECS_MAX * 4;

/// How many changes are remembered per order that may be open, on average. What is sent beyond
/// that is answered by the report alone.
const CHANGES_PER_ORDER_MAX: usize = 2;

impl Execution {
    /// The stage at rest, with `orders` empty.
    pub(crate) fn new(ledger: Ledger, orders: OrderTable) -> Self {
        let changes_max = orders.room() * CHANGES_PER_ORDER_MAX;
        Self {
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
        approved: &Approved<Intent>,
        out: &mut impl Sink<Command>,
    ) {
        let proof = Proof::of(approved);
        match approved.get() {
            Intent::Place(place) => self.open(&place, approved.qty(), proof, out),
            Intent::Cancel(cancel) => self.cancel(cancel.order, proof, out),
            Intent::Replace(replace) => {
                if let Some(order) = self.orders.ask_replace(replace.order) {
                    let instrument = order.instrument;
                    if self.changes.len() < self.changes_max {
                        self.changes.push(replace);
                    }
                    out.push(Command::Replace(ReplaceOrder { instrument, replace, proof }));
                }
            }
        }
    }

    fn open(&mut self, place: &Place, qty: Qty, proof: Proof, out: &mut impl Sink<Command>) {
        let entry = self.orders.next_id();
        self.send(entry, place, qty, (OrderId::NONE, OrderId::NONE), proof, out);
        let [stop, target] = bracket_kinds(&place.bracket);
        let stop_id = self.orders.next_id();
        let both = stop.is_some() && target.is_some();
        let target_id = if both { self.orders.nth_next_id(1) } else { stop_id };
        let pair = |other: OrderId| if both { other } else { OrderId::NONE };
        let legs = [(stop, stop_id, pair(target_id)), (target, target_id, pair(stop_id))];
        for (kind, id, oco) in legs {
            if let Some(kind) = kind {
                let mut leg = Place::new(place.instrument, place.side.opposite(), kind);
                leg.reduce_only = true;
                leg.tif = TimeInForce::Gtc;
                self.send(id, &leg, qty, (entry, oco), proof, out);
            }
        }
    }

    fn send(
        &mut self,
        id: OrderId,
        place: &Place,
        qty: Qty,
        (parent, oco): (OrderId, OrderId),
        proof: Proof,
        out: &mut impl Sink<Command>,
    ) {
        let mut order =
            Order::sent(id, place.instrument, place.side, place.kind, place.tif, qty.lots());
        order.reduce_only = place.reduce_only;
        order.parent = parent;
        order.oco = oco;
        order.armed = parent.is_none();
        self.orders.insert(order);
        out.push(Command::New(NewOrder {
            order: id,
            instrument: place.instrument,
            side: place.side,
            kind: place.kind,
            tif: place.tif,
            qty,
            reduce_only: place.reduce_only,
            post_only: place.post_only,
            display: place.display,
            parent,
            oco,
            proof,
        }));
    }

    fn cancel(&mut self, id: OrderId, proof: Proof, out: &mut impl Sink<Command>) {
        if let Some(order) = self.orders.ask_cancel(id) {
            let instrument = order.instrument;
            out.push(Command::Cancel(CancelOrder {
                instrument,
                cancel: Cancel { order: id },
                proof,
            }));
        }
    }

    /// Takes in a report: order first, then ledger. `None` where there is nothing to tell: for an
    /// order that is not known, for what was known before, for what cannot be, and for what is
    /// about no order.
    pub(crate) fn on_report(
        &mut self,
        specs: &[InstrumentSpec],
        report: &Report,
        out: &mut impl Sink<Command>,
    ) -> Result<Option<OrderUpdate>, LedgerError> {
        self.booked.clear();
        if report.kind == ReportKind::Carry {
            return self.ledger.charge(report.fee).map(|()| None);
        }
        let Some(&before) = self.orders.find(report.order) else { return Ok(None) };
        let asked = self.changes.iter().position(|change| change.order == report.order);
        let asked = asked.filter(|_| before.answers_change(report));
        let change = asked.and_then(|at| self.changes.get(at).copied());
        let spec = specs.get(before.instrument.index()).ok_or(LedgerError::Overflow)?;
        let (ledger, list) = (&mut self.ledger, &mut self.booked);
        let mut booked = Ok(());
        let told = self.orders.on_report(report, change.as_ref(), &mut |movement| {
            list.push(Booked { order: before.id, movement });
            if booked.is_ok() {
                booked = book(ledger, spec, &before, &movement);
            }
        });
        booked?;
        let Some((order, effect)) = told else { return Ok(None) };
        if let (Some(at), Effect::Changed | Effect::Executed) = (asked, effect) {
            self.changes.remove(at);
        }
        if effect == Effect::Executed {
            self.after_fill(spec, &order, out)?;
        }
        if order.is_ended() {
            self.changes.retain(|change| change.order != order.id);
        }
        let is_news = matches!(effect, Effect::Changed | Effect::Executed);
        Ok(is_news.then_some(OrderUpdate { order, report: *report }))
    }

    /// Arms the protective orders of an entry, and ends the ones that have nothing left to
    /// protect.
    fn after_fill(
        &mut self,
        spec: &InstrumentSpec,
        filled: &Order,
        out: &mut impl Sink<Command>,
    ) -> Result<(), LedgerError> {
        let flat = self.ledger.position(filled.instrument).qty().is_zero();
        if self.orders.is_empty() {
            return Ok(());
        }
        let mut at = 0;
        while let Some(id) = self.nth_linked(filled, flat, at) {
            let Some(&order) = self.orders.get(id) else { break };
            if order.parent == filled.id {
                let (ledger, list) = (&mut self.ledger, &mut self.booked);
                let mut booked = Ok(());
                self.orders.arm(id, filled.filled, &mut |movement| {
                    list.push(Booked { order: id, movement });
                    if booked.is_ok() {
                        booked = book(ledger, spec, &order, &movement);
                    }
                });
                booked?;
            } else {
                self.cancel(id, Proof::of_cleanup(), out);
            }
            at += usize::from(self.orders.get(id).is_some());
        }
        Ok(())
    }

    /// The `n`-th open order that `filled` has to do with: its children, and once the position
    /// is flat the armed orders that could only reduce it.
    fn nth_linked(&self, filled: &Order, flat: bool, n: usize) -> Option<OrderId> {
        self.orders
            .iter()
            .filter(|order| order.id != filled.id && order.instrument == filled.instrument)
            .filter(|order| order.parent == filled.id || (flat && is_orphaned(order, filled.oco)))
            .nth(n)
            .map(|order| order.id)
    }

    /// The oldest order that could open a position and whose end was not asked for yet.
    pub(crate) fn first_opening(&self) -> Option<OrderId> {
        self.orders
            .iter()
            .find(|order| !order.reduce_only && order.pending() != Pending::Cancel)
            .map(|order| order.id)
    }

    /// Whether market orders that close all of the position in `instrument` are under way.
    pub(crate) fn is_closing(&self, instrument: InstrumentId) -> bool {
        let held = self.ledger.position(instrument).qty().lots();
        let closing = self
            .orders
            .iter()
            .filter(|order| order.instrument == instrument && order.kind == OrderKind::Market)
            .filter(|order| order.reduce_only && (order.side == Side::Sell) == (held > 0))
            .filter(|order| order.pending() != Pending::Cancel)
            .fold(0_i64, |lots, order| lots.saturating_add(order.leaves().lots()));
        closing >= held.saturating_abs()
    }
}

/// Books what was executed, or what was taken back, as a fill of the other side.
fn book(
    ledger: &mut Ledger,
    spec: &InstrumentSpec,
    order: &Order,
    movement: &Movement,
) -> Result<(), LedgerError> {
    let side = if movement.is_taken_back { order.side.opposite() } else { order.side };
    ledger.fill(spec, order.instrument, side, movement.price, movement.qty, movement.fee)
}

/// The venue itself ends the other half of an OCO pair; asking for it again would be noise.
fn is_orphaned(order: &Order, oco_of_filled: OrderId) -> bool {
    let resting_protection = order.reduce_only && order.armed && !order.is_ended();
    resting_protection && order.id != oco_of_filled
}

#[cfg(test)]
mod tests {
    use qt_types::{Cash, E9, ExecId, InstrumentKind, Price, RejectReason};

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
        let approved = Approved::new(Intent::Place(place), Qty::from_lots(10));
        execution.on_approved(&approved, &mut out);
        let id = OrderId::new(1, 1);
        let cancelled = Report::plain(id, ReportKind::Cancelled, RejectReason::Requested);
        let mut fill = Report::plain(id, ReportKind::Filled, RejectReason::None);
        (fill.exec, fill.price) = (ExecId(7), Price::from_ticks(5));
        (fill.qty, fill.leaves) = (Qty::from_lots(4), Qty::from_lots(6));
        let bust = Report { kind: ReportKind::Busted, ..fill };
        let mut told = Vec::new();
        for report in [cancelled, cancelled, fill, fill, bust, bust] {
            let update = execution.on_report(&specs, &report, &mut out).expect("sound books");
            let held = execution.ledger.position(InstrumentId(0)).qty().lots();
            told.push((update.map(|update| update.report.kind), held));
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
