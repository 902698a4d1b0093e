//! What the venue has, held against what we have. Only what is missing here is made up for, by the
//! reports that would have told it; where both agree nothing happens.

use qt_engine::{Delivery, Gate, Halt, Strategy, VenueOrder, VenueState};
use qt_types::{KillState, Nanos, OrderId, Payload, Price, Qty, RejectReason, Report, ReportKind};

use super::blotter::{Known, Line, Stand};
use super::booked::is_of_account;
use super::driver::Driver;
use super::link::Phase;
use super::reconcile::{Break, Reconciler, Step, Told};

/// What came of an order.
enum Resolved {
    /// Both sides agree.
    Agreed,
    /// It cannot be told before then (UTC ns).
    Later(Nanos),
    Broken(Break),
}

impl<S: Strategy, G: Gate> Driver<S, G> {
    /// All orders are known: what was not heard of is made up for.
    pub(super) fn orders_are_there(&mut self) -> Result<(), Halt> {
        let is_all = self.reconciler.is_of_all();
        self.make_up_executions()?;
        if self.ask_about_reopened() {
            return Ok(());
        }
        let mut later_ns: Option<Nanos> = None;
        let looked_up = std::mem::take(&mut self.reconciler.looked_up);
        for order in self.lines_where(|_| true) {
            let asked = looked_up.iter().rev().find(|(id, _)| *id == order).map(|it| it.1);
            let found = self.reconciler.found(order);
            if asked.is_none() && found.is_none() {
                continue;
            }
            match self.resolve(order, found, asked)? {
                Resolved::Agreed => self.is_resolved(order),
                Resolved::Later(at_ns) => {
                    if let Some(line) = self.blotter.line_mut(order) {
                        line.ask_ns = at_ns;
                    }
                    later_ns = Some(later_ns.map_or(at_ns, |sooner| sooner.min(at_ns)));
                }
                Resolved::Broken(broken) => self.reconciler.breaks.push(broken),
            }
        }
        if !is_all {
            let is_broken = !self.reconciler.breaks.is_empty();
            self.reconciler.stop();
            if is_broken {
                self.compare_all();
            }
            return Ok(());
        }
        self.open_larger()?;
        self.find_strangers();
        // While orders come and go, one that was sent just now is no reason to wait.
        if let Some(later_ns) = later_ns.filter(|_| !self.link.is_ready()) {
            self.reconciler.step = Step::Pause(later_ns.max(self.next_try_ns()));
            return Ok(());
        }
        self.reconciler.ask_positions();
        Ok(())
    }

    /// An execution that was taken back has opened orders again that nobody has asked about.
    fn ask_about_reopened(&mut self) -> bool {
        let Self { blotter, reconciler, .. } = &*self;
        let is_known = |order: OrderId| {
            reconciler.found(order).is_some() || reconciler.looked_up.iter().any(|it| it.0 == order)
        };
        let lines = blotter.open().filter(|line| line.was_there && !is_known(line.order));
        let orders: Vec<OrderId> = lines.map(|line| line.order).collect();
        if !reconciler.is_of_all() || reconciler.is_second || orders.is_empty() {
            return false;
        }
        self.reconciler.is_second = true;
        self.ask_about(|line| orders.contains(&line.order));
        true
    }

    /// An order was asked about, and there is nothing to be asked any more, but for the answer to
    /// a cancel.
    fn is_resolved(&mut self, order: OrderId) {
        let due_ns = self.watch.now_ns().saturating_add_ns(self.settings.answer_ns);
        if let Some(line) = self.blotter.line_mut(order) {
            line.ask_ns = if line.is_unanswered() { due_ns } else { Nanos::MAX };
        }
    }

    /// Open orders at the venue that are not ours, or over with us.
    fn find_strangers(&mut self) {
        let Self { blotter, reconciler, settings, .. } = self;
        let orders = reconciler.orders.iter().map(|told| &told.order);
        for it in orders.filter(|it| it.state == VenueState::Open) {
            let broken = match blotter.line(it.order) {
                Some(line) if line.is_open() => continue,
                // It may have ended since: then it is not there the next time.
                Some(_) => Break::Orphan(*it),
                None if it.order.is_none() && settings.accepts_foreign => continue,
                None => Break::Foreign(*it),
            };
            if !reconciler.breaks.contains(&broken) {
                reconciler.breaks.push(broken);
            }
        }
    }

    /// Whether an answer is newer than all that was reported: reports come in only while the link
    /// stands, but what is still so the third time is so.
    const fn is_sure(&self) -> bool {
        !matches!(self.link.phase, Phase::Ready) || self.reconciler.tries >= 2
    }

    /// Orders that are filled as far as we know, and were made larger at the venue before that.
    fn open_larger(&mut self) -> Result<(), Halt> {
        if !self.is_sure() {
            return Ok(());
        }
        for at in 0..self.reconciler.orders.len() {
            let found = self.reconciler.orders[at].order;
            let line = self.blotter.line(found.order).filter(|line| !line.is_open());
            let line = line.filter(|line| !line.is_done && found.qty > line.qty);
            if let Some(line) = line.copied().filter(|_| found.state == VenueState::Open) {
                self.is_changed_there(&line, &found)?;
            }
        }
        Ok(())
    }

    fn make_up_executions(&mut self) -> Result<(), Halt> {
        let mut executions = std::mem::take(&mut self.reconciler.executions);
        // An execution has the same number whichever question it answers.
        executions.sort_by_key(|(_, it)| (it.report.exec, it.report.kind as u8));
        for (_, it) in &executions {
            if self.is_news(it) {
                self.make_up(it)?;
            }
        }
        Ok(())
    }

    /// Whether an execution of ours, or what became of it, was not heard of.
    pub(super) fn is_news(&self, delivery: &Delivery) -> bool {
        if is_of_account(&delivery.report) {
            return self.books(delivery);
        }
        let Report { order, exec, of, kind, .. } = delivery.report;
        let line = self.blotter.line(order);
        let known = || self.blotter.knows(order, exec);
        let is_news = match kind {
            ReportKind::Filled => known() == Known::No,
            ReportKind::Busted => known() != Known::Busted,
            ReportKind::Corrected => {
                known() == Known::No || self.blotter.knows(order, of) == Known::Stands
            }
            _ => false,
        };
        is_news && line.is_some_and(|line| line.instrument == delivery.instrument)
    }

    fn make_up(&mut self, delivery: &Delivery) -> Result<(), Halt> {
        match is_of_account(&delivery.report) {
            true => self.figures.of_account += 1,
            false => self.figures.found += 1,
        }
        let payload = Payload::Report(delivery.report);
        let event = self.event(delivery.instrument, payload, delivery.venue_ns);
        self.feed(event)
    }

    fn say(&mut self, line: &Line, report: Report) -> Result<Resolved, Halt> {
        self.figures.found += 1;
        self.feed_now(line.instrument, Payload::Report(report))?;
        Ok(Resolved::Agreed)
    }

    /// `found`: the order as the venue has it. `asked`: when it was asked about by itself.
    fn resolve(
        &mut self,
        order: OrderId,
        found: Option<Told>,
        asked: Option<Nanos>,
    ) -> Result<Resolved, Halt> {
        let Some(line) = self.blotter.line(order).copied() else { return Ok(Resolved::Agreed) };
        let Some(told) = found else { return self.is_not_there(&line, asked) };
        let found = told.order;
        if found.executed > line.filled {
            return Ok(Resolved::Broken(Break::MissingExecutions {
                order,
                instrument: line.instrument,
                venue: found.executed,
                ours: line.filled,
                reaches_ns: self.reconciler.reaches_ns,
            }));
        }
        if found.executed < line.filled {
            // An old answer; or something was taken back, and the list does not tell of it.
            let (instrument, venue, ours) = (line.instrument, found.executed, line.filled);
            return Ok(Resolved::Broken(Break::FilledMore { order, instrument, venue, ours }));
        }
        if line.filled > line.qty && found.qty != line.qty {
            return self.is_changed_there(&line, &found);
        }
        let (kind, reason) = match found.state {
            VenueState::Open => return self.is_open_there(&line, &told),
            VenueState::Filled => return self.is_filled_there(&line, &found),
            VenueState::Cancelled(reason) => (ReportKind::Cancelled, reason),
            VenueState::Rejected(reason) => (ReportKind::Rejected, reason),
            VenueState::Expired => (ReportKind::Expired, RejectReason::None),
        };
        let report = Report { qty: found.executed, ..Report::plain(order, kind, reason) };
        self.say(&line, report)
    }

    /// The venue does not know the order.
    fn is_not_there(&mut self, line: &Line, asked: Option<Nanos>) -> Result<Resolved, Halt> {
        if line.was_there {
            let (order, instrument) = (line.order, line.instrument);
            return Ok(Resolved::Broken(Break::Forgotten { order, instrument }));
        }
        // What is still on its way the venue does not know yet, and would take.
        let proven_ns = line.sent_ns.saturating_add_ns(self.settings.absence_ns);
        if asked.is_none_or(|asked_ns| asked_ns < proven_ns) {
            return Ok(Resolved::Later(proven_ns.max(self.next_try_ns())));
        }
        let (kind, reason) = (ReportKind::Rejected, RejectReason::LinkLost);
        self.say(line, Report::plain(line.order, kind, reason))
    }

    /// All of it is executed, and we know of that: if it seems larger to us, it was made smaller.
    fn is_filled_there(&mut self, line: &Line, found: &VenueOrder) -> Result<Resolved, Halt> {
        if found.qty != line.qty {
            return self.is_changed_there(line, found);
        }
        self.blotter.end(line.order);
        Ok(Resolved::Agreed)
    }

    /// The order stands at the venue with another total or price than we knew.
    fn is_changed_there(&mut self, line: &Line, found: &VenueOrder) -> Result<Resolved, Halt> {
        // Without a reason it is the answer to a change that was asked for.
        let is_asked = line.replace.is_some();
        let reason = if is_asked { RejectReason::None } else { RejectReason::LinkLost };
        let (price, qty) = (found.price, found.qty);
        let leaves = Qty::from_lots(qty.lots() - found.executed.lots());
        let plain = Report::plain(line.order, ReportKind::Replaced, reason);
        self.say(line, Report { price, qty, leaves, ..plain })
    }

    /// The venue has the order, and it is open.
    fn is_open_there(&mut self, line: &Line, told: &Told) -> Result<Resolved, Halt> {
        let found = &told.order;
        // A part that the venue still has of an order that is over: told so, the engine ends it.
        let orders = self.pipeline.exposure().orders;
        if line.order.is_part() && orders.get(line.order.whole()).is_none() {
            let (kind, reason) = (ReportKind::RequestRejected, RejectReason::LinkLost);
            return self.say(line, Report::plain(line.order, kind, reason));
        }
        if matches!(line.stand, Stand::Sent | Stand::Unknown) {
            let (kind, reason) = (ReportKind::Accepted, RejectReason::None);
            self.say(line, Report::plain(line.order, kind, reason))?;
        }
        let Some((asked_for, sent_ns)) = line.replace else {
            // While reports come in, the answer may be older than the last of them.
            let is_other = found.qty != line.qty && self.is_sure();
            return if is_other {
                self.is_changed_there(line, found)
            } else {
                Ok(Resolved::Agreed)
            };
        };
        let price = price_of(&asked_for.kind).unwrap_or(found.price);
        if found.qty == asked_for.qty && found.price == price {
            return self.is_changed_there(line, found);
        }
        let proven_ns = sent_ns.saturating_add_ns(self.settings.absence_ns);
        // What arrived there after the question was asked is not in the answer.
        if told.asked_ns < proven_ns {
            return Ok(Resolved::Later(proven_ns.max(self.next_try_ns())));
        }
        let (kind, reason) = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
        self.say(line, Report::plain(line.order, kind, reason))
    }

    /// The positions are there: they are the sum of the fills and of what is beside the run, or
    /// something is wrong.
    pub(super) fn positions_are_there(&mut self) -> Result<(), Halt> {
        self.compare_positions()?;
        self.conclude()
    }

    /// A comparison is over. What is under way differs from one time to the next; what is broken
    /// stays the same, or something is always wrong.
    pub(super) fn conclude(&mut self) -> Result<(), Halt> {
        let was_broken = self.is_broken();
        let breaks = std::mem::take(&mut self.reconciler.breaks);
        self.reconciler.stop();
        if breaks.is_empty() {
            (self.reconciler.tries, self.reconciler.failures) = (0, 0);
            return self.in_step();
        }
        let is_same = self.breaks.len() == breaks.len()
            && self.breaks.iter().zip(&breaks).all(|(was, is)| was.is_same(is));
        self.breaks = breaks;
        self.reconciler.step = Step::Pause(self.next_try_ns());
        let Reconciler { tries, failures, .. } = &mut self.reconciler;
        *tries = if is_same { tries.saturating_add(1) } else { 1 };
        *failures = failures.saturating_add(1);
        if !self.is_broken() {
            return Ok(());
        }
        self.figures.breaks += u64::from(!was_broken);
        if self.link.has_begun {
            self.link.phase = Phase::Comparing;
            self.hold_venue(KillState::Halted)?;
        }
        Ok(())
    }

    /// Whether the same, or anything at all, was wrong so often that it will not go away by itself.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        let Reconciler { tries, failures, .. } = self.reconciler;
        tries >= self.settings.attempts || failures >= self.settings.attempts_max
    }

    fn next_try_ns(&self) -> Nanos {
        self.watch.now_ns().saturating_add_ns(self.settings.attempt_ns)
    }
}

/// The price that a report of a change names.
const fn price_of(kind: &qt_types::OrderKind) -> Option<Price> {
    use qt_types::OrderKind as Kind;
    match *kind {
        Kind::Limit { price } => Some(price),
        Kind::Stop { trigger } | Kind::TakeProfit { trigger } => Some(trigger),
        Kind::StopLimit { limit, .. } | Kind::LimitIfTouched { limit, .. } => Some(limit),
        Kind::Market | Kind::TrailingStop { .. } | Kind::Pegged { .. } => None,
    }
}
