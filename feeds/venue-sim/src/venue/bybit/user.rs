//! What an account is told of what happens to it.

use crate::exchange::{AccountId, Event, ExecutionKind, Nanos, NewOrder, Order, Qty, Report, Side};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place};
use crate::venue::shared::json::array;
use crate::venue::shared::reports::{self, FOREIGN_ID, Told};

use super::Bybit;
use super::ledger::Forced;
use super::sessions::{Session, Subject};
use super::shapes::{HAS_LINK_ID, Shapes};

/// What of the account is told by an event, as data of messages.
fn subjects(shapes: &Shapes<'_>, account: AccountId, event: &Event) -> Vec<(Subject, String)> {
    match event {
        Event::Report(report) => report_subjects(shapes, report),
        Event::Balances { balances, .. } => {
            let mut told: Vec<_> = balances
                .positions
                .iter()
                .map(|one| (Subject::Position, shapes.position(account, one.symbol, true)))
                .collect();
            let names: Vec<&str> =
                balances.changed.iter().map(|balance| shapes.asset(balance.asset)).collect();
            if !names.is_empty() {
                told.push((Subject::Wallet, shapes.wallet(account, Some(&names))));
            }
            told
        }
        Event::Funding { funding, .. } => {
            vec![(Subject::Execution, shapes.funding(account, funding))]
        }
        Event::Leverage { symbol, .. } => {
            vec![(Subject::Position, shapes.position(account, *symbol, true))]
        }
        _ => Vec::new(),
    }
}

fn report_subjects(shapes: &Shapes<'_>, report: &Report) -> Vec<(Subject, String)> {
    let order = &report.order;
    let mut told = Vec::new();
    if let Some(fill) = &report.fill {
        let left = order.qty - order.filled;
        told.push((Subject::Fast, shapes.fast_execution(fill, order)));
        told.push((Subject::Execution, shapes.execution(fill, order, left)));
    }
    told.push((Subject::Order, shapes.order_event(order)));
    told
}

/// The messages of an event for one who has asked for some of it.
fn messages(
    shapes: &Shapes<'_>,
    session: &Session,
    told: &[(Subject, String)],
    now_ns: Nanos,
) -> Vec<String> {
    let mut all = Vec::new();
    for (at, (subject, data)) in told.iter().enumerate() {
        for (_, topic) in session.topics.iter().filter(|(asked, _)| asked == subject) {
            let object = shapes.object();
            let id = format!("{:016x}-{:x}-{at}", now_ns.unsigned_abs(), session.link.id);
            let object = match subject {
                Subject::Fast => object,
                _ => object.text("id", &id),
            };
            let object = object.text("topic", topic).time("creationTime", now_ns);
            all.push(object.raw("data", &array([data.clone()])).done());
        }
    }
    all
}

/// A report of an order that nobody has placed.
fn foreign(report: &Report) -> Report {
    let mut other = report.clone();
    other.order.id = FOREIGN_ID;
    other.order.client_id = "nobody".into();
    other.order.marks.strategy_id = Some(HAS_LINK_ID);
    other.kind = ExecutionKind::New;
    other.fill = None;
    other
}

/// The last message about an order again, as after a cancel that came too late.
fn too_late(messages: &mut Vec<String>) {
    let last = messages.iter().rev().find(|text| text.contains("\"orderStatus\":"));
    let Some(last) = last else { return };
    let again = last
        .replace("\"cancelType\":\"UNKNOWN\"", "\"cancelType\":\"CancelByUser\"")
        .replace("\"EC_NoError\"", "\"EC_OrigClOrdIDDoesNotExist\"");
    messages.push(again);
}

impl Bybit {
    /// Tells what has happened since the last time to everyone whom it concerns.
    pub(super) fn tell(&mut self, now_ns: Nanos) {
        let events = self.sim.drain();
        let mut frames = Vec::new();
        for event in &events {
            self.truth.keep(&self.sim.exchange, event);
            self.ledger.note(event);
            self.streams.event(event);
            self.tell_account(event, now_ns);
        }
        let (exchange, category, ledger) = (&self.sim.exchange, self.category, &self.ledger);
        let shapes = Shapes { exchange, category, ledger };
        self.streams.trades(&shapes, now_ns, &mut frames);
        self.send(frames, now_ns);
    }

    /// Tells an account what happened to it, as the plan has it.
    fn tell_account(&mut self, event: &Event, now_ns: Nanos) {
        let (account, place) = match event {
            Event::Report(report) => (report.order.account, Some(Place::Report)),
            Event::Balances { account, .. } => (*account, Some(Place::Balances)),
            Event::Funding { account, .. } | Event::Leverage { account, .. } => (*account, None),
            _ => return,
        };
        let action = place.and_then(|place| self.told_of(account, place, event, now_ns));
        let action = action.filter(|action| self.is_told_so(action, account, event));
        let (exchange, category, ledger) = (&self.sim.exchange, self.category, &self.ledger);
        let shapes = Shapes { exchange, category, ledger };
        let told = subjects(&shapes, account, event);
        for session in self.sessions.values().filter(|one| one.account == Some(account)) {
            let mut json = messages(&shapes, session, &told, now_ns);
            let is_double = action.as_ref().is_some_and(|a| a.fault == Fault::DoubleFilled);
            let how = if is_double {
                too_late(&mut json);
                Told::Now(json.clone())
            } else {
                reports::texts(action.as_ref(), &json, || {
                    let Event::Report(report) = event else { return None };
                    let told = report_subjects(&shapes, &foreign(report));
                    messages(&shapes, session, &told, now_ns).pop()
                })
            };
            let again = |count: usize| {
                let all: Vec<_> = exchange.reports(account, 0).collect();
                let last = all[all.len().saturating_sub(count)..].iter();
                let told = last.flat_map(|report| {
                    messages(&shapes, session, &report_subjects(&shapes, report), now_ns)
                });
                told.collect()
            };
            let to = (&session.link, 0);
            self.swapped.send(to, (event, json), how, (&mut self.later, now_ns), again);
        }
    }

    /// Tells of an order once more, as a cancel that came too late does.
    pub(super) fn tell_too_late(&self, order: &Order, now_ns: Nanos) {
        let shapes = self.shapes();
        let told = [(Subject::Order, shapes.order_event(order))];
        let all = self.sessions.values();
        for session in all.filter(|session| session.account == Some(order.account)) {
            let mut json = messages(&shapes, session, &told, now_ns);
            let first = json.len();
            too_late(&mut json);
            json[first..].iter().for_each(|text| session.link.outbox.text(text.as_bytes()));
        }
    }

    /// The plan's word about what an account is told.
    fn told_of(
        &mut self,
        account: AccountId,
        place: Place,
        event: &Event,
        now_ns: Nanos,
    ) -> Option<Action> {
        if !self.sim.plan.has(place) {
            return None;
        }
        let exchange = &self.sim.exchange;
        let mut hook = Hook::new(place).connection(ConnectionKind::User);
        hook.account = exchange.account_name(account);
        let symbol = match event {
            Event::Report(report) => exchange.symbol(report.order.symbol),
            _ => None,
        };
        hook.symbol = symbol.map(|spec| &*spec.name);
        self.sim.plan.at(&hook, now_ns)
    }

    /// Whether somebody listens who can be told so, and the event is one that the fault is about.
    fn is_told_so(&mut self, action: &Action, account: AccountId, event: &Event) -> bool {
        let listens = |session: &Session| {
            let hears = session.link.outbox.is_heard() && !session.topics.is_empty();
            session.account == Some(account) && hears
        };
        let is_heard = self.sessions.values().any(listens);
        let is_told = match action.fault {
            Fault::Liquidation => self.take_over(account, event, ("BustTrade", "CreateByLiq")),
            Fault::Deleverage => {
                self.take_over(account, event, ("AdlTrade", "CreateByAdl_PassThrough"))
            }
            Fault::FundingFill => self.fund(account, event),
            fault => is_heard && reports::is_about(fault, event),
        };
        if !is_told {
            self.sim.plan.missed(action);
        }
        is_told
    }

    /// The venue closes the position of an account in a symbol; whether there was one.
    fn take_over(
        &mut self,
        account: AccountId,
        event: &Event,
        (exec_type, create_type): (&'static str, &'static str),
    ) -> bool {
        let Event::Report(report) = event else { return false };
        let symbol = report.order.symbol;
        let position = self.exchange().position(account, symbol);
        let size = Qty::try_from(position.qty.abs()).unwrap_or(Qty::MAX);
        if size == 0 || !self.exchange().has_positions() {
            return false;
        }
        let side = if position.qty > 0 { Side::Sell } else { Side::Buy };
        let mut order = NewOrder::market(symbol, side, size);
        order.reduce_only = true;
        let Ok(placed) = self.sim.exchange.place(account, &order) else { return false };
        self.ledger.force(placed.order.id, Forced { exec_type, create_type });
        true
    }

    /// A funding of the symbol now; whether the account has a position in it.
    fn fund(&mut self, account: AccountId, event: &Event) -> bool {
        let Event::Report(report) = event else { return false };
        let symbol = report.order.symbol;
        if self.exchange().position(account, symbol).qty == 0 {
            return false;
        }
        let rules = self.exchange().settings().margin.as_ref();
        let rate = rules.map_or(0, |rules| rules.funding);
        self.sim.exchange.fund(symbol, rate);
        true
    }
}
