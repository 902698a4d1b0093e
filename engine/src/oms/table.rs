//! The order table: every open order, in memory that is taken once.

mod stored;

use std::collections::VecDeque;

use qt_types::{InstrumentId, OrderId, Qty, Replace, Report, Side};

use super::execs::ExecLog;
use super::{Anomaly, Effect, Movement, Order, Reporting};

/// All open orders, and as many of those that ended as late reports need. An order's slot is the
/// low bits of its id, so a look-up needs no search; a counter whose slot is taken is skipped.
/// The slots only name places: the places themselves are used again, last left first, so that few
/// open orders touch little memory.
#[derive(Clone, Debug)]
pub struct OrderTable {
    slots: Vec<Place>,
    places: Vec<Order>,
    /// The executions of the order in the place of the same index.
    logs: Vec<ExecLog>,
    left: Vec<Place>,
    open: Vec<OrderId>,
    /// Whether an order that does not stand alone was open since there was none at all.
    has_ties: bool,
    /// Orders that ended and are not forgotten yet, first ended first.
    ended: VecDeque<OrderId>,
    reporting: Reporting,
    anomalies: [u64; Anomaly::ALL.len()],
    epoch: u16,
    counter: u64,
    open_max: usize,
}

/// An index into the places of a table, or [`NOWHERE`].
type Place = u32;

const NOWHERE: Place = Place::MAX;

impl OrderTable {
    /// A table for at most `open_max` open orders in run `epoch`, at a venue that reports in
    /// order.
    #[must_use]
    pub fn new(epoch: u16, open_max: usize) -> Self {
        Self::with_reporting(epoch, open_max, Reporting::IN_ORDER)
    }

    /// The same for a venue that reports as `reporting` says.
    #[must_use]
    pub fn with_reporting(epoch: u16, open_max: usize, reporting: Reporting) -> Self {
        let kept = open_max + reporting.ended_kept;
        // Twice the room keeps the search for a free slot short.
        let slots = (kept.max(1) * 2).next_power_of_two();
        Self {
            slots: vec![NOWHERE; slots],
            places: Vec::with_capacity(kept),
            logs: Vec::with_capacity(kept),
            left: Vec::with_capacity(kept),
            // An order that ended may come back when its last execution is taken back.
            open: Vec::with_capacity(kept),
            has_ties: false,
            ended: VecDeque::with_capacity(reporting.ended_kept + 1),
            reporting,
            anomalies: [0; Anomaly::ALL.len()],
            epoch,
            counter: 0,
            open_max,
        }
    }

    /// How many more orders may be opened.
    #[must_use]
    #[inline]
    pub fn room(&self) -> usize {
        self.open_max.saturating_sub(self.open.len())
    }

    /// The id that the next order will get.
    ///
    /// The search ends because the table has more slots than orders.
    #[must_use]
    pub fn next_id(&self) -> OrderId {
        self.nth_next_id(0)
    }

    /// The id of the `n`-th order from now (0: the next), if nothing ends in between.
    #[must_use]
    pub fn nth_next_id(&self, n: usize) -> OrderId {
        let mut counter = self.counter + 1;
        let mut left = n;
        loop {
            if self.slots[self.slot_of(counter)] == NOWHERE {
                if left == 0 {
                    return OrderId::new(self.epoch, counter);
                }
                left -= 1;
            }
            counter += 1;
        }
    }

    /// Opens `order` under its id, which must come from [`Self::next_id`].
    pub fn insert(&mut self, order: Order) {
        let slot = self.slot_of(order.id.counter());
        debug_assert!(self.slots[slot] == NOWHERE, "the id of a new order has a free slot");
        self.counter = order.id.counter();
        self.open.push(order.id);
        self.has_ties |= !order.stands_alone();
        self.slots[slot] = match self.left.pop() {
            Some(place) => {
                self.places[place as usize] = order;
                self.logs[place as usize].clear();
                place
            }
            None => {
                self.places.push(order);
                self.logs.push(ExecLog::EMPTY);
                (self.places.len() - 1) as Place
            }
        };
    }

    /// The open order `id`.
    #[must_use]
    #[inline]
    pub fn get(&self, id: OrderId) -> Option<&Order> {
        self.find(id).filter(|order| !order.is_ended())
    }

    /// The order `id`, open or over, unless it was forgotten.
    #[must_use]
    #[inline]
    pub fn find(&self, id: OrderId) -> Option<&Order> {
        let place = self.slots[self.slot_of(id.counter())];
        self.places.get(place as usize).filter(|order| order.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: OrderId) -> Option<&mut Order> {
        let place = self.slots[self.slot_of(id.counter())];
        self.places.get_mut(place as usize).filter(|order| order.id == id && !order.is_ended())
    }

    /// Takes in a report about an order; `change` is what was asked for where it answers a
    /// change. What the ledger has to book is handed to `book`. Returns the order as it stands
    /// now and what the report did to it; `None` for an order that is not known.
    pub fn on_report(
        &mut self,
        report: &Report,
        change: Option<&Replace>,
        book: &mut impl FnMut(Movement),
    ) -> Option<(&Order, Effect)> {
        let place = self.slots[self.slot_of(report.order.counter())] as usize;
        let order = self.places.get_mut(place).filter(|order| order.id == report.order)?;
        let was_ended = order.is_ended();
        let execs_rise = self.reporting.execs_rise;
        let effect = order.on_report(&mut self.logs[place], report, change, execs_rise, book);
        if was_ended && !order.is_ended() {
            // It came back: its end was the answer to what was asked before.
            order.nothing_asked();
        }
        let (id, is_ended) = (order.id, order.is_ended());
        if let Effect::Illegal(anomaly) = effect {
            self.anomalies[anomaly as usize] += 1;
        }
        match (was_ended, is_ended) {
            (false, true) => self.close(id),
            (true, false) => {
                self.has_ties |= !order.stands_alone();
                self.ended.retain(|&ended| ended != id);
                self.open.push(id);
            }
            _ => {}
        }
        // Also where it was forgotten just now: its place is not given away yet.
        self.places.get(place).map(|order| (order, effect))
    }

    /// The venue has the order `id`, which was on its way: what most reports say. `false` where it
    /// was not, and nothing was done.
    #[inline]
    pub(crate) fn accept(&mut self, id: OrderId) -> bool {
        self.get_mut(id).is_some_and(Order::arrive)
    }

    /// Asks for the end of the open order `id`.
    pub fn ask_cancel(&mut self, id: OrderId) -> Option<&Order> {
        let order = self.get_mut(id)?;
        order.ask_cancel();
        Some(order)
    }

    /// Asks for a change of the open order `id`.
    pub fn ask_replace(&mut self, id: OrderId) -> Option<&Order> {
        let order = self.get_mut(id)?;
        order.ask_replace();
        Some(order)
    }

    /// Order `id` is one of a pair with `other`.
    pub(crate) fn pair(&mut self, id: OrderId, other: OrderId) {
        if let Some(order) = self.get_mut(id) {
            order.oco = other;
            self.has_ties = true;
        }
    }

    /// The entry that order `id` protects has `filled` lots: its protection is armed, and for as
    /// much at least, as the entry may have been made larger meanwhile.
    pub(crate) fn arm(&mut self, id: OrderId, filled: Qty, book: &mut impl FnMut(Movement)) {
        let place = self.slots[self.slot_of(id.counter())] as usize;
        let Some(order) = self.places.get_mut(place).filter(|order| order.id == id) else { return };
        order.armed = true;
        order.grow(&mut self.logs[place], filled, book);
        if order.is_ended() {
            self.close(id);
        }
    }

    /// How often a report could not be, by anomaly.
    pub fn anomalies(&self) -> impl Iterator<Item = (Anomaly, u64)> {
        Anomaly::ALL.into_iter().zip(self.anomalies)
    }

    /// An order ended: it is forgotten at once, or once enough others have ended after it.
    fn close(&mut self, id: OrderId) {
        self.open.retain(|&open| open != id);
        self.has_ties &= !self.open.is_empty();
        self.ended.push_back(id);
        if self.ended.len() > self.reporting.ended_kept
            && let Some(oldest) = self.ended.pop_front()
        {
            let slot = self.slot_of(oldest.counter());
            self.left.push(std::mem::replace(&mut self.slots[slot], NOWHERE));
        }
    }

    /// All open orders, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.open.iter().filter_map(|&id| self.get(id))
    }

    /// Whether every open order stands alone ([`Order::stands_alone`]). `false` too often, never
    /// too seldom.
    #[must_use]
    #[inline]
    pub const fn all_stand_alone(&self) -> bool {
        !self.has_ties
    }

    /// Whether no order is open.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether an order in `instrument` is open.
    #[must_use]
    pub fn any_in(&self, instrument: InstrumentId) -> bool {
        !self.is_empty() && self.iter().any(|order| order.instrument == instrument)
    }

    /// Lots that open orders could still add on `side`. Reduce-only orders cannot add any.
    #[must_use]
    pub fn working(&self, instrument: InstrumentId, side: Side) -> Qty {
        let lots = self
            .iter()
            .filter(|order| order.instrument == instrument && order.side == side)
            .filter(|order| !order.reduce_only)
            .map(|order| order.leaves().lots())
            .fold(0_i64, i64::saturating_add);
        Qty::from_lots(lots)
    }

    const fn slot_of(&self, counter: u64) -> usize {
        (counter as usize) & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use qt_types::{ExecId, OrderKind, Price, RejectReason, ReportKind, TimeInForce};

    use super::*;

    fn order(id: OrderId) -> Order {
        Order::sent(id, InstrumentId(0), Side::Buy, OrderKind::Market, TimeInForce::Gtc, 7)
    }

    fn cancelled(id: OrderId) -> Report {
        Report::plain(id, ReportKind::Cancelled, RejectReason::Requested)
    }

    fn fill(id: OrderId, exec: u64, lots: i64, leaves: i64) -> Report {
        let mut report = Report::plain(id, ReportKind::Filled, RejectReason::None);
        (report.exec, report.price) = (ExecId(exec), Price::from_ticks(10));
        (report.qty, report.leaves) = (Qty::from_lots(lots), Qty::from_lots(leaves));
        report
    }

    #[test]
    fn slots_are_reused_but_ids_are_not() {
        let mut table = OrderTable::new(3, 2);
        let mut seen = std::collections::BTreeSet::new();
        let keep = table.next_id();
        table.insert(order(keep));
        for _ in 0..100 {
            let id = table.next_id();
            assert!(seen.insert(id) && id != keep && id > keep);
            assert_eq!(id, table.nth_next_id(0));
            table.insert(order(id));
            assert_eq!(table.room(), 0);
            assert_eq!(table.get(id).map(|order| order.id), Some(id));
            table.on_report(&cancelled(id), None, &mut |_| {});
            assert!(table.find(id).is_none());
        }
        assert_eq!(table.get(keep).map(|order| order.id), Some(keep));
        assert_eq!(table.working(InstrumentId(0), Side::Buy), Qty::from_lots(7));
    }

    #[test]
    fn what_ended_is_remembered_for_late_reports_and_no_longer() {
        let reporting = Reporting { execs_rise: false, ended_kept: 2 };
        let mut table = OrderTable::with_reporting(1, 1, reporting);
        let mut ids = Vec::new();
        for _ in 0..3 {
            let id = table.next_id();
            table.insert(order(id));
            table.on_report(&cancelled(id), None, &mut |_| {});
            assert!(table.is_empty() && table.room() == 1 && table.get(id).is_none());
            ids.push(id);
        }
        assert!(table.find(ids[0]).is_none());
        assert!(table.on_report(&fill(ids[0], 1, 3, 4), None, &mut |_| {}).is_none());
        let mut booked = 0;
        for exec in [2, 1, 2] {
            let report = fill(ids[2], exec, 3, 4);
            table.on_report(&report, None, &mut |movement| booked += movement.qty.lots());
        }
        assert_eq!(booked, 6);
        assert!(table.is_empty(), "a late fill does not open it again");
        // The last execution of a filled order is taken back: it is open again.
        let id = table.next_id();
        table.insert(order(id));
        table.on_report(&fill(id, 9, 7, 0), None, &mut |_| {});
        assert!(table.is_empty());
        let bust = Report { kind: ReportKind::Busted, ..fill(id, 9, 7, 7) };
        table.on_report(&bust, None, &mut |_| {});
        assert_eq!(table.get(id).map(Order::leaves), Some(Qty::from_lots(7)));
        assert_eq!(table.working(InstrumentId(0), Side::Buy), Qty::from_lots(7));
    }

    #[test]
    fn an_order_is_accepted_the_short_way_as_by_any_report() {
        for is_asked in [false, true] {
            let table = || OrderTable::with_reporting(1, 2, Reporting::ANY_ORDER);
            let (mut short, mut long) = (table(), table());
            let id = short.next_id();
            for table in [&mut short, &mut long] {
                table.insert(order(id));
                if is_asked {
                    table.ask_cancel(id);
                }
            }
            let accepted = Report::plain(id, ReportKind::Accepted, RejectReason::None);
            assert!(short.accept(id));
            let told = long.on_report(&accepted, None, &mut |_| {});
            assert_eq!(told.map(|(_, effect)| effect), Some(Effect::Changed));
            assert_eq!(short.get(id), long.get(id));
            assert!(!short.accept(id), "said once more it is no news");
            short.on_report(&cancelled(id), None, &mut |_| {});
            assert!(!short.accept(id), "nor after the end");
        }
    }

    #[test]
    fn a_venue_in_order_numbers_its_executions_upwards() {
        let mut table = OrderTable::new(1, 1);
        let id = table.next_id();
        table.insert(order(id));
        let mut booked = 0;
        for (exec, leaves) in [(5, 5), (4, 5), (5, 5), (6, 3)] {
            let report = fill(id, exec, 2, leaves);
            table.on_report(&report, None, &mut |movement| booked += movement.qty.lots());
        }
        assert_eq!(booked, 4);
    }
}
