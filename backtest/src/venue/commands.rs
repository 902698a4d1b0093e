//! What commands do when they reach the venue.

use qt_engine::{Command, LedgerError};
use qt_types::{
    InstrumentId, OrderId, OrderKind, Price, Qty, RejectReason, Replace, Report, ReportKind,
};

use super::SimVenue;
use super::config::FillAt;
use super::order::{SimOrder, Since};
use super::side_bar::mirrored;

impl SimVenue {
    /// Lets every command that has arrived by `now_ns` take effect, in order of arrival.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    pub fn apply_commands(&mut self, now_ns: i64) -> Result<(), LedgerError> {
        while let Some(&(arrival_ns, command)) = self.commands.front() {
            if arrival_ns > now_ns {
                break;
            }
            self.commands.pop_front();
            if self.commands.is_empty() {
                // Back to the start of its memory: what is used again is in the cache.
                self.commands.clear();
            }
            match command {
                Command::New(new) => {
                    let order = SimOrder::arriving(&new, arrival_ns, Since::Before);
                    self.accept(order);
                }
                Command::Replace(change) => {
                    self.replace(change.instrument, &change.replace, arrival_ns);
                }
                Command::Cancel(end) => {
                    self.cancel(end.instrument, end.cancel.order, arrival_ns);
                }
            }
            self.sweep();
        }
        if self.config.fill_at == FillAt::Close { self.fill_on_arrival(now_ns) } else { Ok(()) }
    }

    fn accept(&mut self, mut order: SimOrder) {
        let full = self.orders.len() == self.config.limits.orders_open_max;
        let orphan = !order.parent.is_none() && self.find(order.parent).is_none();
        if full || orphan {
            let reason = if full { RejectReason::OrdersOpenMax } else { RejectReason::ParentEnded };
            let report = Report::plain(order.id, ReportKind::Rejected, reason);
            return self.send(order.instrument, order.arrival_ns, report);
        }
        self.tapes[order.instrument.index()].live += 1;
        order.since = if order.parent.is_none() {
            self.since(order.instrument, order.arrival_ns)
        } else {
            Since::Held
        };
        if let Some(last) = self.account.last(order.instrument) {
            order.follow(mirrored(last, order.side));
        }
        let accepted = Report::plain(order.id, ReportKind::Accepted, RejectReason::None);
        self.send(order.instrument, order.arrival_ns, accepted);
        self.orders.push(order);
    }

    /// From when on what arrives at `arrival_ns` could meet the bar that is being played.
    fn since(&self, instrument: InstrumentId, arrival_ns: i64) -> Since {
        let tape = &self.tapes[instrument.index()];
        match tape.is_open {
            false => Since::Before,
            true if arrival_ns <= tape.bar.open_ns.get() => Since::Open,
            true => Since::Later,
        }
    }

    fn replace(&mut self, instrument: InstrumentId, change: &Replace, now_ns: i64) {
        let Some(at) = self.find(change.order) else {
            let reason = RejectReason::UnknownOrder;
            let report = Report::plain(change.order, ReportKind::RequestRejected, reason);
            return self.send(instrument, now_ns, report);
        };
        let since = self.since(instrument, now_ns);
        let order = &mut self.orders[at];
        let same = std::mem::discriminant(&order.kind) == std::mem::discriminant(&change.kind);
        if !same || change.qty.lots() <= order.filled || order.triggered {
            let reason = RejectReason::InvalidReplace;
            let report = Report::plain(change.order, ReportKind::RequestRejected, reason);
            return self.send(instrument, now_ns, report);
        }
        order.kind = change.kind;
        order.qty = change.qty.lots();
        // The new price must not meet what the bar did before the change arrived.
        if order.since != Since::Held && since != Since::Before {
            order.since = since;
        }
        let mut report = Report::plain(order.id, ReportKind::Replaced, RejectReason::None);
        report.qty = change.qty;
        report.leaves = Qty::from_lots(order.leaves());
        report.price = match change.kind {
            OrderKind::Limit { price } | OrderKind::StopLimit { limit: price, .. } => price,
            OrderKind::Stop { trigger } | OrderKind::TakeProfit { trigger } => trigger,
            OrderKind::Market | OrderKind::TrailingStop { .. } => Price::ZERO,
        };
        self.send(instrument, now_ns, report);
    }

    fn cancel(&mut self, instrument: InstrumentId, id: OrderId, now_ns: i64) {
        match self.find(id) {
            Some(at) => self.end(at, RejectReason::Requested, now_ns),
            None => {
                let reason = RejectReason::UnknownOrder;
                let report = Report::plain(id, ReportKind::RequestRejected, reason);
                self.send(instrument, now_ns, report);
            }
        }
    }
}
