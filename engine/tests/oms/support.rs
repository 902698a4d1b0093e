//! One order in a table of its own, and reports made by hand.

use qt_engine::oms::{Effect, Order, OrderEnd, OrderStatus, OrderTable, Reporting};
use qt_types::{
    Cash, ExecId, InstrumentId, OrderId, OrderKind, Price, Qty, RejectReason, Report, ReportKind,
    Side, TimeInForce,
};

pub const KIND: OrderKind = OrderKind::Limit { price: Price::from_ticks(100) };

/// An order in a table, and what a ledger would have booked for it.
#[derive(Clone, Debug)]
pub struct Desk {
    pub table: OrderTable,
    pub id: OrderId,
    /// Lots bought, less those taken back.
    pub position: i64,
    /// What they cost, and the fees, in ticks and nano-units.
    pub paid: i128,
    pub fees: i128,
}

impl Desk {
    /// A buy of `lots` lots on its way to a venue that reports in any order.
    pub fn sent(lots: i64) -> Self {
        Self::with(lots, Reporting::ANY_ORDER, true)
    }

    pub fn with(lots: i64, reporting: Reporting, is_sent: bool) -> Self {
        let mut table = OrderTable::with_reporting(1, 1, reporting);
        let id = table.next_id();
        let make = if is_sent { Order::sent } else { Order::new };
        table.insert(make(id, InstrumentId(0), Side::Buy, KIND, TimeInForce::Gtc, lots));
        Self { table, id, position: 0, paid: 0, fees: 0 }
    }

    pub fn tell(&mut self, report: &Report) -> Effect {
        let (position, paid, fees) = (&mut self.position, &mut self.paid, &mut self.fees);
        let told = self.table.on_report(report, None, &mut |movement| {
            let sign = if movement.is_taken_back { -1 } else { 1 };
            *position += sign * movement.qty.lots();
            *paid += i128::from(sign * movement.qty.lots() * movement.price.ticks());
            *fees += movement.fee.nano();
        });
        told.expect("the order is known").1
    }

    pub fn order(&self) -> Order {
        *self.table.find(self.id).expect("the order is known")
    }

    /// Status, executed and open lots, as text.
    pub fn line(&self) -> String {
        let order = self.order();
        let [filled, leaves] = [order.filled, order.leaves()].map(Qty::lots);
        format!("{} {filled}/{leaves}", name(order.status()))
    }

    pub fn plain(&mut self, kind: ReportKind) -> Effect {
        let reason = match kind {
            ReportKind::Cancelled => RejectReason::Requested,
            ReportKind::Rejected => RejectReason::OrdersOpenMax,
            ReportKind::RequestRejected => RejectReason::UnknownOrder,
            _ => RejectReason::None,
        };
        self.tell(&Report::plain(self.id, kind, reason))
    }

    pub fn fill(&mut self, exec: u64, lots: i64) -> Effect {
        // Enough to be left open: the last fill is known by the quantity.
        self.tell(&fill(exec, lots, 1))
    }

    pub fn bust(&mut self, exec: u64) -> Effect {
        self.tell(&Report { exec: ExecId(exec), ..plain(ReportKind::Busted) })
    }

    pub fn replaced(&mut self, total: i64) -> Effect {
        self.tell(&replaced(0, total))
    }

    pub fn replace_refused(&mut self) -> Effect {
        let reason = RejectReason::InvalidReplace;
        self.tell(&Report::plain(self.id, ReportKind::RequestRejected, reason))
    }
}

pub fn name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::New => "new",
        OrderStatus::Sent => "sent",
        OrderStatus::Working => "working",
        OrderStatus::PartiallyFilled => "partial",
        OrderStatus::PendingReplace => "replacing",
        OrderStatus::PendingCancel => "cancelling",
        OrderStatus::Unknown => "unknown",
        OrderStatus::Ended(OrderEnd::Filled) => "filled",
        OrderStatus::Ended(OrderEnd::Cancelled(_)) => "cancelled",
        OrderStatus::Ended(OrderEnd::Rejected(_)) => "rejected",
        OrderStatus::Ended(OrderEnd::Expired) => "expired",
    }
}

/// The first order of every table here.
pub const ID: OrderId = OrderId::new(1, 1);

pub fn plain(kind: ReportKind) -> Report {
    Report::plain(ID, kind, RejectReason::None)
}

/// Execution `exec` of `lots` lots, at a price and a fee that its number tells.
pub fn fill(exec: u64, lots: i64, leaves: i64) -> Report {
    Report {
        exec: ExecId(exec),
        price: Price::from_ticks(90 + exec as i64),
        qty: Qty::from_lots(lots),
        leaves: Qty::from_lots(leaves),
        fee: Cash::from_nano(i128::from(exec)),
        ..plain(ReportKind::Filled)
    }
}

/// Execution `exec` takes the place of execution `of`.
pub fn corrected(of: u64, exec: u64, lots: i64, leaves: i64) -> Report {
    Report { kind: ReportKind::Corrected, of: ExecId(of), ..fill(exec, lots, leaves) }
}

/// Change number `revision` (0: without a number) to a total of `total` lots.
pub fn replaced(revision: u64, total: i64) -> Report {
    Report {
        exec: ExecId(revision),
        price: Price::from_ticks(100),
        qty: Qty::from_lots(total),
        ..plain(ReportKind::Replaced)
    }
}
