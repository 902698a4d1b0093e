//! The part of the execution stage that works orders in parts which the venue could not do by
//! itself: from approval to the commands, and from reports on parts to the order.

use qt_types::{
    InstrumentId, Nanos, OrderId, Qty, RejectReason, Replace, Report, ReportKind, StrategyId,
    TimeInForce,
};

use super::Execution;
use crate::command::{Command, NewOrder, Proof};
use crate::emulate::{Act, Heard, Sight, Work, lacking, leaves_after, still_there};
use crate::market::Market;
use crate::oms::{Effect, Order};
use crate::sink::Sink;

/// A day of UTC in nanoseconds: the session of an instrument with a book, which knows no other.
const DAY_NS: i64 = 86_400_000_000_000;

/// When the time of `new` is over (UTC ns), where that can be known now: on bars a session ends
/// with the bar that says so. What happens at a GTD order's time still meets it: with a book what
/// reaches us then comes before a timer, and a bar that ends then counts.
pub(super) fn until_ns(new: &NewOrder, market: &Market) -> Nanos {
    let has_book = market.book(new.instrument).is_some();
    match new.tif {
        TimeInForce::Gtd(time) if has_book => time,
        TimeInForce::Gtd(time) => time.saturating_add_ns(1),
        TimeInForce::Day if has_book => {
            let day = market.now_ns().get().div_euclid(DAY_NS).saturating_add(1);
            Nanos::new(day.saturating_mul(DAY_NS))
        }
        _ => Nanos::MAX,
    }
}

impl Execution {
    /// Works the order `new` from now on, where the venue could not do it by itself: then it does
    /// not go out as it is.
    pub(super) fn work_on(&mut self, new: NewOrder, market: &Market) -> (NewOrder, bool) {
        let does = lacking(self.lacks_of(&new), &new);
        if does.is_nothing() {
            return (new, false);
        }
        // A time that the venue knows it keeps itself.
        let keeps_time = !does.both(qt_types::Lacks::GTD.with(qt_types::Lacks::DAY)).is_nothing();
        let until_ns = if keeps_time { until_ns(&new, market) } else { Nanos::MAX };
        let new = NewOrder { parent: OrderId::NONE, oco: OrderId::NONE, ..new };
        self.emulator.works.push(Work::new(new, does, until_ns));
        self.emulator.is_due = true;
        (new, true)
    }

    /// Changes the order that is worked; `false` where it is not.
    pub(super) fn change_worked(&mut self, instrument: InstrumentId, change: &Replace) -> bool {
        let Some(at) = self.emulator.place_of(change.order) else { return false };
        if self.emulator.works[at].change(*change) {
            // One change at a time: the other one will not be.
            let (kind, reason) = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
            self.tell(instrument, change.order, kind, reason);
        }
        self.emulator.is_due = true;
        true
    }

    /// Ends the order that is worked; `false` where it is not.
    pub(super) fn cancel_worked(&mut self, id: OrderId, reason: RejectReason) -> bool {
        let Some(at) = self.emulator.place_of(id) else { return false };
        self.emulator.works[at].cancel(reason);
        self.emulator.is_due = true;
        true
    }

    /// What `report` about a part means for the order that it is a part of; `None` where nothing.
    pub(super) fn of_whole(&mut self, report: &Report, market: &Market) -> Option<Report> {
        let id = report.order.whole();
        let &order = self.orders.find(id)?;
        let told = Report { order: id, leaves: leaves_after(&order, report), ..*report };
        let Some(at) = self.emulator.place_of(id) else {
            if still_there(report) {
                let at = self.reopen(report.order, &order);
                self.emulator.works[at].end_again(report.order, market.now_ns());
            }
            // It is over for us. What was executed was; how a part of it began or was changed
            // tells nothing.
            let tells = !matches!(
                report.kind,
                ReportKind::Accepted | ReportKind::Replaced | ReportKind::RequestRejected
            );
            return tells.then_some(told);
        };
        self.emulator.is_due = true;
        let (number, now_ns) = (report.order.part_number(), market.now_ns());
        let has_book = market.book(order.instrument).is_some();
        let work = &mut self.emulator.works[at];
        match work.on_report(number, report, told, &order, now_ns, has_book) {
            Heard::Order(told) => Some(told),
            Heard::Nothing => None,
        }
    }

    /// The order table has taken in `report` about a part, with `effect`.
    pub(super) fn part_reported(&mut self, report: &Report, effect: Effect) {
        if let Some(at) = self.emulator.place_of(report.order.whole()) {
            let booked = self.booked.as_slice();
            let number = report.order.part_number();
            self.emulator.works[at].on_executed(number, report, effect, booked);
        } else if matches!(report.kind, ReportKind::Busted | ReportKind::Corrected)
            && let Some(&order) = self.orders.find(report.order.whole())
        {
            self.reopen(report.order, &order);
        }
    }

    /// An execution of `part` of `order` was taken back, which is not worked any more. If that
    /// opened the order again, it ends; and so does the part, in case it is open. Returns its
    /// place among those that are worked.
    fn reopen(&mut self, part: OrderId, order: &Order) -> usize {
        let new = NewOrder {
            order: order.id,
            instrument: order.instrument,
            side: order.side,
            kind: order.kind,
            tif: order.tif,
            qty: order.qty,
            reduce_only: order.reduce_only,
            post_only: false,
            display: Qty::ZERO,
            parent: OrderId::NONE,
            activation: order.activation,
            oco: OrderId::NONE,
            proof: Proof::of_cleanup(),
        };
        self.emulator.works.push(Work::reopened(new, part));
        self.emulator.is_due = true;
        self.emulator.works.len() - 1
    }

    /// Whether anything has happened that orders which are worked have to look at.
    #[inline]
    pub(crate) fn is_work_due(&self) -> bool {
        self.emulator.is_due
    }

    /// How many orders are worked.
    pub(crate) fn works_len(&self) -> usize {
        self.emulator.works.len()
    }

    /// They have looked.
    pub(crate) fn work_is_done(&mut self) {
        self.emulator.is_due = false;
    }

    /// The best prices changed: orders that follow them have to look.
    #[inline]
    pub(crate) fn best_changed(&mut self, instrument: InstrumentId) {
        let follows = |work: &Work| work.follows() && work.new.instrument == instrument;
        self.emulator.is_due |= self.emulator.works.iter().any(follows);
    }

    /// The session of `instrument` ended at `now_ns`.
    pub(crate) fn end_session(&mut self, instrument: InstrumentId, now_ns: Nanos) {
        self.emulator.end_session(instrument, now_ns);
    }

    /// When orders that wait here or are worked look at the clock next (UTC ns).
    #[inline]
    pub(crate) fn next_ns(&self) -> Option<Nanos> {
        self.emulator.next_ns()
    }

    /// Ends the orders that waited here until their time was over.
    pub(crate) fn end_overdue(&mut self, now_ns: Nanos) {
        while let Some(held) = self.emulator.first_over(now_ns) {
            let (id, instrument) = (held.new.order, held.new.instrument);
            let is_day = held.new.tif == TimeInForce::Day;
            let reason = if is_day { RejectReason::SessionEnd } else { RejectReason::None };
            self.emulator.take(id);
            self.tell(instrument, id, ReportKind::Expired, reason);
        }
    }

    /// Works the order at `at` once: what is to be sent now, and whether there may be more to do.
    /// A new part is returned, as the gate has to let it go; `at` is no order any more where
    /// `is_gone`.
    pub(crate) fn work(
        &mut self,
        at: usize,
        market: &Market,
        out: &mut impl Sink<Command>,
    ) -> Worked {
        let Some(work) = self.emulator.works.get_mut(at) else { return Worked::Done };
        let (id, instrument) = (work.order(), work.new.instrument);
        let order = self.orders.find(id);
        let of = order.map_or(StrategyId::FIRST, |order| order.strategy);
        let held = self.ledger.held_by(of, instrument);
        let sight = Sight { order, market, held, now_ns: market.now_ns() };
        match work.next(&sight) {
            None => Worked::Done,
            Some(Act::Send(part)) => Worked::Sends { part, is_reduce_only: work.new.reduce_only },
            Some(Act::Change(change)) => {
                out.push(Command::Replace(change));
                Worked::More
            }
            Some(Act::Cancel(end)) => {
                out.push(Command::Cancel(end));
                Worked::More
            }
            Some(Act::End(kind, reason)) => {
                self.tell(instrument, id, kind, reason);
                Worked::Done
            }
            Some(Act::Changed(change)) => {
                let filled = order.map_or(0, |order| order.filled.lots());
                let leaves = Qty::from_lots(change.qty.lots() - filled);
                self.tell_changed(instrument, &change, leaves, RejectReason::None);
                Worked::More
            }
            Some(Act::Forget) => {
                self.emulator.works.remove(at);
                Worked::Gone
            }
        }
    }

    /// The part that the order at `at` was to send may not go.
    pub(crate) fn hold_back(&mut self, at: usize) {
        if let Some(work) = self.emulator.works.get_mut(at) {
            work.hold_back();
        }
    }
}

/// What working an order came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Worked {
    /// Nothing more for now.
    Done,
    /// There may be more to do.
    More,
    /// A part of an order is to go out, which may be reduce-only though its venue does not know.
    Sends { part: NewOrder, is_reduce_only: bool },
    /// The order is none any more.
    Gone,
}
