//! One order as we know it.

use qt_types::{
    ExecId, InstrumentId, OrderId, OrderKind, Qty, RejectReason, Replace, Report, ReportKind, Side,
    TimeInForce,
};

use super::{OrderEnd, OrderStatus};

/// An order and the facts about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Our id.
    pub id: OrderId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Type and prices.
    pub kind: OrderKind,
    /// How long it lives.
    pub tif: TimeInForce,
    /// Total quantity in lots.
    pub qty: Qty,
    /// Executed quantity in lots.
    pub filled: Qty,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// The entry that this order protects, or none.
    pub parent: OrderId,
    /// The order that ends when this one is filled, or none.
    pub oco: OrderId,
    /// Whether the entry that this order protects has fills (true for any other order).
    pub armed: bool,
    accepted: bool,
    cancel_pending: bool,
    end: Option<OrderEnd>,
    last_exec: ExecId,
}

impl Order {
    /// A new order of `lots` lots on its way to the venue.
    #[must_use]
    pub const fn sent(
        id: OrderId,
        instrument: InstrumentId,
        side: Side,
        kind: OrderKind,
        tif: TimeInForce,
        lots: i64,
    ) -> Self {
        Self {
            id,
            instrument,
            side,
            kind,
            tif,
            qty: Qty::from_lots(lots),
            filled: Qty::ZERO,
            reduce_only: false,
            parent: OrderId::NONE,
            oco: OrderId::NONE,
            armed: true,
            accepted: false,
            cancel_pending: false,
            end: None,
            last_exec: ExecId(0),
        }
    }

    /// Lots that are still open; none once the order is over.
    #[must_use]
    #[inline]
    pub const fn leaves(&self) -> Qty {
        if self.end.is_some() {
            return Qty::ZERO;
        }
        Qty::from_lots(self.qty.lots() - self.filled.lots())
    }

    /// Where the order stands.
    #[must_use]
    pub const fn status(&self) -> OrderStatus {
        match (self.end, self.cancel_pending, self.accepted, self.filled.is_zero()) {
            (Some(end), ..) => OrderStatus::Ended(end),
            (None, true, ..) => OrderStatus::PendingCancel,
            (None, false, _, false) => OrderStatus::PartiallyFilled,
            (None, false, true, true) => OrderStatus::Working,
            (None, false, false, true) => OrderStatus::Sent,
        }
    }

    /// Whether the order is over.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn ask_cancel(&mut self) {
        self.cancel_pending = true;
    }

    /// Whether `report` answers a change that was asked for, and not a cancel. A refusal does not
    /// say what it refuses where the reason fits both: then the cancel is the one that waits.
    pub(crate) fn answers_change(&self, report: &Report) -> bool {
        match report.kind {
            ReportKind::Replaced => true,
            ReportKind::RequestRejected => {
                report.reason == RejectReason::InvalidReplace || !self.cancel_pending
            }
            _ => false,
        }
    }

    /// Takes in a report; `change` is what was asked for where it answers a change. Returns the
    /// lots newly executed: zero for anything but a fill, and for a fill that was seen before (a
    /// venue numbers the fills of an order upwards). Reports after the end change nothing:
    /// terminal states absorb.
    pub(crate) fn on_report(&mut self, report: &Report, change: Option<&Replace>) -> Qty {
        if self.end.is_some() {
            return Qty::ZERO;
        }
        match report.kind {
            ReportKind::Accepted => self.accepted = true,
            ReportKind::Rejected => self.end = Some(OrderEnd::Rejected(report.reason)),
            ReportKind::Cancelled => self.end = Some(OrderEnd::Cancelled(report.reason)),
            ReportKind::RequestRejected if self.answers_change(report) => {}
            ReportKind::RequestRejected => self.cancel_pending = false,
            ReportKind::Replaced => {
                // A report has room for one price: the trigger of a stop-limit and the distance
                // of a trailing stop are those that were asked for.
                let asked = change.map_or(self.kind, |change| change.kind);
                self.qty = report.qty;
                self.kind = with_price(asked, report);
            }
            ReportKind::Filled => return self.on_fill(report),
            ReportKind::Carry => {}
        }
        Qty::ZERO
    }

    fn on_fill(&mut self, report: &Report) -> Qty {
        if report.exec <= self.last_exec {
            return Qty::ZERO;
        }
        self.last_exec = report.exec;
        self.accepted = true;
        self.filled = self.filled.checked_add(report.qty).unwrap_or(self.qty);
        if report.leaves.is_zero() {
            self.end = Some(OrderEnd::Filled);
        }
        report.qty
    }

    /// Why the order ended early; `None` while it is open or when it was filled.
    #[must_use]
    pub const fn end_reason(&self) -> Option<RejectReason> {
        match self.end {
            Some(OrderEnd::Cancelled(reason) | OrderEnd::Rejected(reason)) => Some(reason),
            _ => None,
        }
    }
}

/// `kind` with the price that a report of a replacement names.
fn with_price(kind: OrderKind, report: &Report) -> OrderKind {
    match kind {
        OrderKind::Limit { .. } => OrderKind::Limit { price: report.price },
        OrderKind::Stop { .. } => OrderKind::Stop { trigger: report.price },
        OrderKind::TakeProfit { .. } => OrderKind::TakeProfit { trigger: report.price },
        OrderKind::StopLimit { trigger, .. } => {
            OrderKind::StopLimit { trigger, limit: report.price }
        }
        OrderKind::Market | OrderKind::TrailingStop { .. } => kind,
    }
}

#[cfg(test)]
mod tests {
    use qt_types::{Cash, Price};

    use super::*;

    fn fill(exec: u64, lots: i64, leaves: i64) -> Report {
        let mut report = Report::plain(OrderId::new(1, 1), ReportKind::Filled, RejectReason::None);
        report.exec = ExecId(exec);
        report.price = Price::from_ticks(10);
        report.qty = Qty::from_lots(lots);
        report.leaves = Qty::from_lots(leaves);
        report.fee = Cash::ZERO;
        report
    }

    #[test]
    fn fills_apply_once_and_terminal_states_absorb() {
        let id = OrderId::new(1, 1);
        let mut order =
            Order::sent(id, InstrumentId(0), Side::Buy, OrderKind::Market, TimeInForce::Gtc, 10);
        assert_eq!(order.status(), OrderStatus::Sent);
        order.on_report(&Report::plain(id, ReportKind::Accepted, RejectReason::None), None);
        assert_eq!(order.status(), OrderStatus::Working);
        assert_eq!(order.on_report(&fill(1, 4, 6), None), Qty::from_lots(4));
        assert_eq!(order.on_report(&fill(1, 4, 6), None), Qty::ZERO);
        assert_eq!(order.status(), OrderStatus::PartiallyFilled);
        assert_eq!(order.leaves(), Qty::from_lots(6));
        assert_eq!(order.on_report(&fill(2, 6, 0), None), Qty::from_lots(6));
        assert_eq!(order.status(), OrderStatus::Ended(OrderEnd::Filled));
        let late = Report::plain(id, ReportKind::Cancelled, RejectReason::Requested);
        order.on_report(&late, None);
        assert_eq!(order.status(), OrderStatus::Ended(OrderEnd::Filled));
        assert_eq!(order.leaves(), Qty::ZERO);
    }
}
