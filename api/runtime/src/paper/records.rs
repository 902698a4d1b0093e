//! What a simulated venue tells when it is asked: orders and executions.

use std::collections::{HashMap, VecDeque};

use qt_engine::{Command, Delivery, VenueOrder, VenueState};
use qt_types::{Nanos, OrderId, OrderKind, Price, Qty, RejectReason, ReportKind};

/// Orders that are over and still known.
const ENDED_KEPT: usize = 2_048;
/// Executions that are known.
const EXECUTIONS_KEPT: usize = 8_192;

/// Orders and executions of one account.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) orders: HashMap<OrderId, VenueOrder>,
    /// Those that are open, oldest first.
    pub(super) open: Vec<OrderId>,
    pub(super) ended: VecDeque<OrderId>,
    pub(super) executions: VecDeque<Delivery>,
    pub(super) reaches_ns: Option<Nanos>,
}

impl Records {
    /// A command that is on its way to the venue. An order is known once the venue has said
    /// something about it.
    pub(super) fn sent(&mut self, command: &Command) {
        let Command::New(new) = command else { return };
        let order = VenueOrder {
            order: new.order,
            number: new.order.get(),
            instrument: new.instrument,
            side: new.side,
            state: VenueState::Rejected(RejectReason::None),
            qty: new.qty,
            executed: Qty::ZERO,
            price: price_of(new.kind),
        };
        self.orders.insert(new.order, order);
    }

    /// Something that the venue says.
    pub(super) fn told(&mut self, delivery: &Delivery) {
        let report = &delivery.report;
        let Some(order) = self.orders.get_mut(&report.order) else { return };
        let was_open = order.state == VenueState::Open;
        match report.kind {
            ReportKind::Accepted => {
                order.state = VenueState::Open;
                self.open.push(report.order);
            }
            ReportKind::Rejected => order.state = VenueState::Rejected(report.reason),
            ReportKind::Filled => {
                order.executed = Qty::from_lots(order.executed.lots() + report.qty.lots());
                if report.leaves.is_zero() {
                    order.state = VenueState::Filled;
                }
                self.executions.push_back(*delivery);
            }
            ReportKind::Cancelled => order.state = VenueState::Cancelled(report.reason),
            ReportKind::Expired => order.state = VenueState::Expired,
            ReportKind::Replaced => (order.qty, order.price) = (report.qty, report.price),
            _ => {}
        }
        let is_refused = report.kind == ReportKind::Rejected;
        if is_refused || (was_open && order.state != VenueState::Open) {
            self.open.retain(|open| *open != report.order);
            self.ended.push_back(report.order);
        }
        self.forget();
    }

    fn forget(&mut self) {
        if self.ended.len() > ENDED_KEPT
            && let Some(oldest) = self.ended.pop_front()
        {
            self.orders.remove(&oldest);
        }
        if self.executions.len() > EXECUTIONS_KEPT
            && let Some(oldest) = self.executions.pop_front()
        {
            self.reaches_ns = Some(oldest.venue_ns);
        }
    }

    /// The order, where the venue has it.
    pub(super) fn order(&self, order: OrderId) -> Option<VenueOrder> {
        let is_there = |it: &&VenueOrder| it.state != VenueState::Rejected(RejectReason::None);
        self.orders.get(&order).filter(is_there).copied()
    }

    pub(super) fn open(&self) -> impl Iterator<Item = VenueOrder> {
        self.open.iter().filter_map(|order| self.orders.get(order).copied())
    }

    pub(super) fn executions_of(&self, order: OrderId) -> impl Iterator<Item = Delivery> {
        self.executions.iter().filter(move |it| it.report.order == order).copied()
    }

    pub(super) fn executions_since(&self, since_ns: Nanos) -> impl Iterator<Item = Delivery> {
        self.executions.iter().filter(move |it| it.venue_ns >= since_ns).copied()
    }

    /// How far back the executions reach (UTC ns).
    pub(super) fn reaches_ns(&self) -> Nanos {
        self.reaches_ns.unwrap_or(Nanos::MIN)
    }
}

/// The price that an order names in a list.
const fn price_of(kind: OrderKind) -> Price {
    match kind {
        OrderKind::Limit { price } => price,
        OrderKind::Stop { trigger } | OrderKind::TakeProfit { trigger } => trigger,
        OrderKind::StopLimit { limit, .. } | OrderKind::LimitIfTouched { limit, .. } => limit,
        OrderKind::Market | OrderKind::TrailingStop { .. } | OrderKind::Pegged { .. } => {
            Price::ZERO
        }
    }
}
