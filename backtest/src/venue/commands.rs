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
        loop {
            self.expire(now_ns);
            if !self.markets.is_empty() {
                let next_ns = self.commands.front().map_or(i64::MAX, |&(arrival_ns, _)| arrival_ns);
                self.apply_plan(now_ns.min(next_ns))?;
            }
            let Some(&(arrival_ns, ref command)) = self.commands.front() else { break };
            if arrival_ns > now_ns {
                break;
            }
            let instrument = command.instrument();
            let is_change = matches!(command, Command::Replace(_));
            if self.faults.is_some() {
                let command = *command;
                if self.refuse_in_trouble(&command, arrival_ns) {
                    self.drop_command();
                    continue;
                }
            }
            self.apply_next(arrival_ns)?;
            if self.markets.is_empty() {
                self.sweep();
                continue;
            }
            if is_change {
                self.tidy(instrument);
            } else {
                self.tidy_ended(instrument);
            }
            self.activate_children(instrument, arrival_ns)?;
        }
        if self.config.fill_at == FillAt::Close { self.fill_on_arrival(now_ns) } else { Ok(()) }
    }

    /// Lets the command that comes next take effect at `arrival_ns`. What is needed of it is
    /// copied out of where it waits, and no more.
    #[inline(always)]
    fn apply_next(&mut self, arrival_ns: i64) -> Result<(), LedgerError> {
        let Some((_, command)) = self.commands.front() else { return Ok(()) };
        match command {
            Command::New(new) => {
                let order = SimOrder::arriving(new, arrival_ns, Since::Before);
                self.drop_command();
                let id = order.id;
                if let Some(at) = self.accept(order) {
                    let first = self.orders.len();
                    self.accept_rest(id, arrival_ns);
                    self.enter_book(at, arrival_ns)?;
                    for at in first..self.orders.len() {
                        self.enter_book(at, arrival_ns)?;
                    }
                }
                Ok(())
            }
            Command::Replace(change) => {
                let (instrument, replace) = (change.instrument, change.replace);
                self.drop_command();
                self.replace(instrument, &replace, arrival_ns)
            }
            Command::Cancel(end) => {
                let (instrument, order) = (end.instrument, end.cancel.order);
                self.drop_command();
                self.cancel(instrument, order, arrival_ns);
                Ok(())
            }
        }
    }

    fn drop_command(&mut self) {
        self.commands.pop_front();
        if self.commands.is_empty() {
            // Back to the start of its memory: what is used again is in the cache.
            self.commands.clear();
            self.has_ties_under_way = false;
        }
    }

    /// What hangs together is one message: with a book, in which an order may fill at once, the
    /// orders that wait for it or are paired with it come with it.
    fn accept_rest(&mut self, first: OrderId, arrival_ns: i64) {
        if self.markets.is_empty() || !self.has_ties_under_way {
            return;
        }
        let from = self.orders.len() - 1;
        loop {
            let news = self.commands.iter().map_while(|(_, command)| match command {
                Command::New(new) => Some(new),
                _ => None,
            });
            let is_in =
                |id: OrderId| id == first || self.orders[from..].iter().any(|order| order.id == id);
            let hangs = |new: &qt_engine::NewOrder| {
                (!new.parent.is_none() && is_in(new.parent))
                    || (!new.oco.is_none() && is_in(new.oco))
            };
            let found = news.enumerate().find(|(_, new)| hangs(new)).map(|(at, new)| (at, *new));
            let Some((at, new)) = found else { return };
            self.commands.remove(at);
            self.accept(SimOrder::arriving(&new, arrival_ns, Since::Before));
        }
    }

    /// Takes an order in, if there is room and its entry lives. Returns its place.
    fn accept(&mut self, mut order: SimOrder) -> Option<usize> {
        let full = self.orders.len() == self.config.limits.orders_open_max;
        let orphan = !order.parent.is_none() && self.find(order.parent).is_none();
        let partner = if order.oco.is_none() { None } else { self.find(order.oco) };
        // The other one of a pair comes before it or, in a bracket, with it.
        let widowed = !order.oco.is_none() && !order.is_protective() && partner.is_none();
        let refused = if full {
            Some(RejectReason::OrdersOpenMax)
        } else if orphan {
            Some(RejectReason::ParentEnded)
        } else if widowed {
            Some(RejectReason::OcoFilled)
        } else {
            self.lacks_book(&order)
                .or_else(|| self.session_refuses(&order))
                .or_else(|| self.rule_refuses(&order, order.arrival_ns))
        };
        if let Some(reason) = refused {
            let report = Report::plain(order.id, ReportKind::Rejected, reason);
            self.send(order.instrument, order.arrival_ns, report);
            return None;
        }
        self.tapes[order.instrument.index()].came();
        order.since = if order.parent.is_none() {
            self.since(order.instrument, order.arrival_ns)
        } else {
            Since::Held
        };
        // With a book there is a newer price than that of the last fill.
        let market = self.market(order.instrument);
        let has_book = market.is_some();
        if let Some(market) = market {
            market.note_new(&order);
        }
        if let Some(last) = self.account.last(order.instrument).filter(|_| !has_book) {
            order.follow(mirrored(last, order.side));
        }
        if let Some(partner) = partner {
            self.orders[partner].oco = order.id;
        }
        let accepted = Report::plain(order.id, ReportKind::Accepted, RejectReason::None);
        self.send(order.instrument, order.arrival_ns, accepted);
        self.note_expiry(&mut order);
        self.has_children |= !order.parent.is_none();
        self.has_triggers |= order.is_waiting();
        self.orders.push(order);
        // What comes after its time ends before it meets anything.
        (order.expires_ns > order.arrival_ns).then_some(self.orders.len() - 1)
    }

    /// From when on what arrives at `arrival_ns` could meet the bar that is being played.
    pub(super) fn since(&self, instrument: InstrumentId, arrival_ns: i64) -> Since {
        let tape = &self.tapes[instrument.index()];
        match tape.is_open {
            false => Since::Before,
            true if arrival_ns <= tape.bar.open_ns.get() => Since::Open,
            true => Since::Later,
        }
    }

    fn replace(
        &mut self,
        instrument: InstrumentId,
        change: &Replace,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let Some(at) = self.find(change.order) else {
            let reason = RejectReason::UnknownOrder;
            let report = Report::plain(change.order, ReportKind::RequestRejected, reason);
            self.send(instrument, now_ns, report);
            return Ok(());
        };
        let since = self.since(instrument, now_ns);
        let order = &mut self.orders[at];
        let same = std::mem::discriminant(&order.kind) == std::mem::discriminant(&change.kind);
        let asked = SimOrder { kind: change.kind, qty: change.qty.lots(), ..*order };
        let is_possible = same && change.qty.lots() > order.filled && !order.triggered;
        if !is_possible || self.rule_refuses(&asked, now_ns).is_some() {
            let reason = RejectReason::InvalidReplace;
            let report = Report::plain(change.order, ReportKind::RequestRejected, reason);
            self.send(instrument, now_ns, report);
            return Ok(());
        }
        let order = &mut self.orders[at];
        // Less at the same price keeps its place in the queue; anything else goes to the end.
        let keeps = order.kind == change.kind && change.qty.lots() <= order.qty;
        order.kind = change.kind;
        order.qty = change.qty.lots();
        order.asked = order.qty;
        if !keeps {
            order.queue = None;
        }
        // The new price must not meet what the bar did before the change arrived.
        if order.since != Since::Held && since != Since::Before {
            order.since = since;
        }
        self.tell_change(at, RejectReason::None, now_ns);
        if keeps { Ok(()) } else { self.enter_book(at, now_ns) }
    }

    /// Says how the order at `at` stands after a change, and why where nobody asked for it.
    pub(super) fn tell_change(&mut self, at: usize, reason: RejectReason, now_ns: i64) {
        let order = &self.orders[at];
        let mut report = Report::plain(order.id, ReportKind::Replaced, reason);
        report.qty = Qty::from_lots(order.qty);
        report.leaves = Qty::from_lots(order.leaves());
        report.price = match order.kind {
            OrderKind::Limit { price } | OrderKind::StopLimit { limit: price, .. } => price,
            OrderKind::Stop { trigger } | OrderKind::TakeProfit { trigger } => trigger,
            OrderKind::LimitIfTouched { limit, .. } => limit,
            OrderKind::Market | OrderKind::TrailingStop { .. } | OrderKind::Pegged { .. } => {
                Price::ZERO
            }
        };
        let instrument = order.instrument;
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
