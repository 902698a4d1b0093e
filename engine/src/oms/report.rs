//! What a report does to an order: every legal transition; anything else changes nothing.

use qt_types::{ExecId, OrderKind, Qty, RejectReason, Replace, Report, ReportKind};

use super::execs::{Exec, ExecLog, ExecState};
use super::{Anomaly, Effect, Life, Movement, Order, OrderEnd, Revision};

impl Order {
    /// Takes in a report; `change` is what was asked for where it answers a change. What the
    /// ledger has to book is handed to `book`. `execs_rise`: see [`super::Reporting`].
    pub(super) fn on_report(
        &mut self,
        log: &mut ExecLog,
        report: &Report,
        change: Option<&Replace>,
        execs_rise: bool,
        book: &mut impl FnMut(Movement),
    ) -> Effect {
        if self.life == Life::New {
            return Effect::Illegal(Anomaly::NotSent);
        }
        match report.kind {
            ReportKind::Accepted => self.on_accepted(),
            ReportKind::Rejected if self.end() == Some(OrderEnd::Filled) => {
                Effect::Illegal(Anomaly::AfterEnd)
            }
            ReportKind::Rejected => self.on_end(OrderEnd::Rejected(report.reason), report.qty),
            ReportKind::Cancelled => self.on_end(OrderEnd::Cancelled(report.reason), report.qty),
            ReportKind::Expired => self.on_end(OrderEnd::Expired, report.qty),
            ReportKind::Unknown => self.on_unknown(),
            ReportKind::RequestRejected => self.on_request_rejected(report),
            ReportKind::Replaced => self.on_replaced(log, report, change, book),
            ReportKind::Filled => self.on_fill(log, report, execs_rise, book),
            ReportKind::Busted => {
                let effect = self.on_bust(log, (report.exec, report.qty), execs_rise, book);
                self.release(log, effect, book)
            }
            ReportKind::Corrected => self.on_correction(log, report, execs_rise, book),
            ReportKind::Carry
            | ReportKind::Funding
            | ReportKind::Liquidated
            | ReportKind::Status
            | ReportKind::Settled
            | ReportKind::Rate
            | ReportKind::Exchanged => Effect::Illegal(Anomaly::NotAnOrder),
        }
    }

    /// What [`Self::on_report`] does to an open order on its way that the venue says it has.
    pub(super) fn arrive(&mut self) -> bool {
        let was_sent = self.life == Life::Sent;
        if was_sent {
            self.life = Life::Live;
        }
        was_sent
    }

    fn on_accepted(&mut self) -> Effect {
        match self.life {
            Life::Sent | Life::Unknown => {
                self.life = Life::Live;
                if self.is_ended() { Effect::Nothing } else { Effect::Changed }
            }
            // Said once more it is no answer to anything: it was doubled on its way.
            Life::New | Life::Live | Life::Done(_) => Effect::Nothing,
        }
    }

    /// The venue says that the order is over. For one that is filled by what was executed the
    /// fact is kept (an execution may be taken back), but there is nothing to tell. `executed`: as
    /// the venue counts, which may be more than we have heard of.
    fn on_end(&mut self, end: OrderEnd, executed: Qty) -> Effect {
        self.counted = self.counted.max(executed);
        if let Life::Done(known) = self.life {
            let same = std::mem::discriminant(&known) == std::mem::discriminant(&end);
            return if same { Effect::Nothing } else { Effect::Illegal(Anomaly::EndsTwice) };
        }
        let was_filled = self.is_ended();
        self.life = Life::Done(end);
        self.nothing_asked();
        if was_filled { Effect::Nothing } else { Effect::Changed }
    }

    pub(super) const fn nothing_asked(&mut self) {
        (self.cancel_asked, self.replaces_asked) = (false, 0);
    }

    fn on_unknown(&mut self) -> Effect {
        match self.life {
            _ if self.is_ended() => Effect::Illegal(Anomaly::AfterEnd),
            Life::Unknown => Effect::Nothing,
            _ => {
                self.life = Life::Unknown;
                Effect::Changed
            }
        }
    }

    fn on_request_rejected(&mut self, report: &Report) -> Effect {
        if self.is_ended() {
            // Too late: the end was the answer.
            return Effect::Nothing;
        }
        if self.answers_change(report) {
            if self.replaces_asked == 0 {
                return Effect::Illegal(Anomaly::NotAsked);
            }
            self.replaces_asked -= 1;
        } else {
            self.cancel_asked = false;
        }
        Effect::Changed
    }

    /// Price or quantity were changed, asked for or not. A number on the report tells an older
    /// one from a newer one.
    fn on_replaced(
        &mut self,
        log: &mut ExecLog,
        report: &Report,
        change: Option<&Replace>,
        book: &mut impl FnMut(Movement),
    ) -> Effect {
        if matches!(self.life, Life::Done(OrderEnd::Rejected(_))) {
            return Effect::Illegal(Anomaly::AfterEnd);
        }
        if report.exec.0 != 0 && report.exec <= self.revision {
            return Effect::Nothing;
        }
        if report.qty.lots() <= 0 {
            return Effect::Illegal(Anomaly::BadQuantity);
        }
        // A report has room for one price: the trigger of a stop-limit and the distance of a
        // trailing stop are those that were asked for.
        let kind = with_price(change.map_or(self.kind, |change| change.kind), report);
        let revision = Revision { number: report.exec, total: report.qty, kind };
        if report.qty < self.filled {
            if revision.number.0 != 0 && self.waiting.is_none_or(|w| w.number < revision.number) {
                self.waiting = Some(revision);
            }
            return Effect::Illegal(Anomaly::BelowFilled);
        }
        let before = *self;
        self.revise(&revision);
        if report.reason == RejectReason::None {
            self.replaces_asked = self.replaces_asked.saturating_sub(1);
        }
        if self.qty > self.filled && before.is_ended() {
            // The venue made a filled order larger: it is open again.
            self.closing = ExecId(0);
        }
        if !matches!(self.life, Life::Done(_)) {
            self.life = Life::Live;
        }
        let told = self.status() != before.status() || (!before.is_ended() && *self != before);
        self.release(log, if told { Effect::Changed } else { Effect::Nothing }, book)
    }

    /// Makes the order at least `total` lots large.
    pub(super) fn grow(&mut self, log: &mut ExecLog, total: Qty, book: &mut impl FnMut(Movement)) {
        if total > self.qty {
            self.qty = total;
            self.release(log, Effect::Nothing, book);
        }
    }

    fn revise(&mut self, revision: &Revision) {
        self.kind = revision.kind;
        self.qty = revision.total;
        self.revision = revision.number.max(self.revision);
    }

    /// Applies an execution once, whatever else is known of the order: it happened.
    fn on_fill(
        &mut self,
        log: &mut ExecLog,
        report: &Report,
        execs_rise: bool,
        book: &mut impl FnMut(Movement),
    ) -> Effect {
        if report.exec.0 == 0 {
            return Effect::Illegal(Anomaly::NoExecId);
        }
        if report.qty.lots() <= 0 {
            return Effect::Illegal(Anomaly::BadQuantity);
        }
        if let Some(known) = log.get_mut(report.exec) {
            let same = (known.qty, known.price) == (report.qty, report.price);
            let is_known = same || known.state == ExecState::Busted;
            return if is_known { Effect::Nothing } else { Effect::Illegal(Anomaly::ExecDiffers) };
        }
        if execs_rise && report.exec <= log.newest() {
            return Effect::Nothing;
        }
        if log.may_be_forgotten(report.exec) {
            return Effect::Illegal(Anomaly::TooOld);
        }
        let mut exec = Exec {
            id: report.exec,
            price: report.price,
            qty: report.qty,
            fee: report.fee,
            fee_in: report.fee_in,
            state: ExecState::Parked,
            // A protective order is as large as what its entry has filled, which we may hear of
            // later: that nothing is open any more the venue must say. Of any other order we know
            // the total ourselves, and what is missing to it is on its way.
            is_last: report.leaves.is_zero() && (execs_rise || !self.parent.is_none()),
        };
        let fits = self.fits(&exec);
        if fits {
            self.apply(&mut exec, book);
        } else {
            self.overfill = Qty::from_lots(self.overfill.lots().saturating_add(exec.qty.lots()));
        }
        log.add(exec);
        if fits { Effect::Executed } else { Effect::Illegal(Anomaly::Overfill) }
    }

    const fn fits(&self, exec: &Exec) -> bool {
        exec.qty.lots() <= self.qty.lots() - self.filled.lots()
    }

    fn apply(&mut self, exec: &mut Exec, book: &mut impl FnMut(Movement)) {
        exec.state = ExecState::Applied;
        self.filled = Qty::from_lots(self.filled.lots() + exec.qty.lots());
        self.cost += cost_of(exec);
        if exec.is_last {
            self.closing = exec.id;
        }
        if matches!(self.life, Life::Sent | Life::Unknown) {
            self.life = Life::Live;
        }
        let (price, qty, fee, fee_in) = (exec.price, exec.qty, exec.fee, exec.fee_in);
        book(Movement { exec: exec.id, price, qty, fee, fee_in, is_taken_back: false });
    }

    /// The venue takes an execution back. If it is not known yet, it will not count when it
    /// comes. What was filled by it is open again, unless the venue said otherwise. `qty` is what
    /// the report says that it was.
    fn on_bust(
        &mut self,
        log: &mut ExecLog,
        (id, qty): (ExecId, Qty),
        execs_rise: bool,
        book: &mut impl FnMut(Movement),
    ) -> Effect {
        if id.0 == 0 {
            return Effect::Illegal(Anomaly::NoExecId);
        }
        let is_forgotten = log.may_be_forgotten(id) || (execs_rise && id <= log.newest());
        let Some(exec) = log.get_mut(id) else {
            if is_forgotten {
                return Effect::Illegal(Anomaly::TooOld);
            }
            log.add(Exec::busted(id));
            self.uncount(qty);
            return Effect::Nothing;
        };
        let before = std::mem::replace(&mut exec.state, ExecState::Busted);
        match before {
            ExecState::Busted => Effect::Nothing,
            ExecState::Parked => {
                self.overfill = Qty::from_lots(self.overfill.lots() - exec.qty.lots());
                Effect::Changed
            }
            ExecState::Applied => {
                self.filled = Qty::from_lots(self.filled.lots() - exec.qty.lots());
                self.cost -= cost_of(exec);
                self.closing = ExecId(0);
                let (price, qty, fee, fee_in) = (exec.price, exec.qty, -exec.fee, exec.fee_in);
                self.uncount(qty);
                book(Movement { exec: id, price, qty, fee, fee_in, is_taken_back: true });
                Effect::Executed
            }
        }
    }

    /// Of what the venue had executed when the order ended, `qty` counts no more.
    fn uncount(&mut self, qty: Qty) {
        self.counted = Qty::from_lots(self.counted.lots().saturating_sub(qty.lots()).max(0));
    }

    /// A correction is one execution taken back and another one in its place.
    fn on_correction(
        &mut self,
        log: &mut ExecLog,
        report: &Report,
        execs_rise: bool,
        book: &mut impl FnMut(Movement),
    ) -> Effect {
        if report.exec.0 == 0 || report.of.0 == 0 || report.exec == report.of {
            return Effect::Illegal(Anomaly::NoExecId);
        }
        if report.qty.lots() <= 0 {
            return Effect::Illegal(Anomaly::BadQuantity);
        }
        let taken_back = self.on_bust(log, (report.of, report.qty), execs_rise, book);
        if matches!(taken_back, Effect::Illegal(_)) {
            return taken_back;
        }
        if matches!(self.life, Life::Done(_)) {
            self.counted = Qty::from_lots(self.counted.lots().saturating_add(report.qty.lots()));
        }
        let placed = self.on_fill(log, report, execs_rise, book);
        let effect = match (taken_back, placed) {
            (Effect::Executed, _) | (_, Effect::Executed) => Effect::Executed,
            (Effect::Changed, Effect::Nothing) => Effect::Changed,
            (_, placed) => placed,
        };
        self.release(log, effect, book)
    }

    /// Applies what waited for room, or for executions to be taken back, and can be now.
    /// `effect`: of what made the room.
    fn release(
        &mut self,
        log: &mut ExecLog,
        effect: Effect,
        book: &mut impl FnMut(Movement),
    ) -> Effect {
        if let Some(waiting) = self.waiting.filter(|waiting| waiting.total >= self.filled) {
            self.waiting = None;
            if waiting.number > self.revision {
                self.revise(&waiting);
            }
        }
        if self.overfill.is_zero() {
            return effect;
        }
        let mut effect = effect;
        for exec in log.as_mut_slice() {
            if exec.state == ExecState::Parked && self.fits(exec) {
                self.overfill = Qty::from_lots(self.overfill.lots() - exec.qty.lots());
                self.apply(exec, book);
                effect = Effect::Executed;
            }
        }
        effect
    }
}

fn cost_of(exec: &Exec) -> i128 {
    i128::from(exec.price.ticks()) * i128::from(exec.qty.lots())
}

/// `kind` with the price that a report of a replacement names.
const fn with_price(kind: OrderKind, report: &Report) -> OrderKind {
    let price = report.price;
    match kind {
        OrderKind::Limit { .. } => OrderKind::Limit { price },
        OrderKind::Stop { .. } => OrderKind::Stop { trigger: price },
        OrderKind::TakeProfit { .. } => OrderKind::TakeProfit { trigger: price },
        OrderKind::StopLimit { trigger, .. } => OrderKind::StopLimit { trigger, limit: price },
        OrderKind::LimitIfTouched { trigger, .. } => {
            OrderKind::LimitIfTouched { trigger, limit: price }
        }
        OrderKind::Market | OrderKind::TrailingStop { .. } | OrderKind::Pegged { .. } => kind,
    }
}
