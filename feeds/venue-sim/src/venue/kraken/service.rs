//! What the servers ask of the venue.

use std::net::IpAddr;
use std::time::Duration;

use crate::exchange::{AccountId, Event, Nanos, SymbolId};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place};
use crate::venue::shared::links;
use crate::venue::shared::reports::{FOREIGN_ID, is_about, texts};
use crate::wire::control;
use crate::wire::http::{Request, Response};
use crate::wire::service::{Admission, Answer, Link, Rules, Service};

use super::Kraken;
use super::executions::{is_begin_or_end, message};
use super::shapes::Shapes;
use super::sockets::{Private, Socket, status_message};

/// Where everybody listens, and where accounts are: two hosts of the venue, two paths here.
const PUBLIC: &str = "/v2";
const PRIVATE: &str = "/auth/v2";
/// How the host begins at which accounts are.
const PRIVATE_HOST: &str = "ws-auth";

impl Service for Kraken {
    fn admit(&mut self, _peer: IpAddr, _now_ns: i64) -> Admission {
        Admission::Taken
    }

    fn answer(&mut self, _peer: IpAddr, request: &Request, now_ns: i64) -> Answer {
        self.sim.exchange.set_time(now_ns);
        let slow = match self.connect_fault(ConnectionKind::Rest, now_ns) {
            Ok(slow) => slow,
            Err(answer) => return answer,
        };
        let mut answer = self.rest(request, now_ns);
        answer.after += slow;
        self.tell(now_ns);
        answer
    }

    fn open(&mut self, link: &Link, request: &Request, now_ns: i64) -> Result<Rules, Answer> {
        let host = request.header("host").unwrap_or_default();
        let is_private = match request.path.trim_end_matches('/') {
            PRIVATE => true,
            PUBLIC => host.starts_with(PRIVATE_HOST),
            _ => return Err(Response::text(404, "There is nothing here.").into()),
        };
        let socket = Socket::new(link, is_private, now_ns);
        let after = self.connect_fault(socket.connection(), now_ns)?;
        if let Err(seconds) = self.meters.connection(link.peer, now_ns) {
            let response = Response::text(429, "Too many connection attempts.");
            return Err(response.with("retry-after", seconds).into());
        }
        self.sockets.insert(link.id, socket);
        link.outbox.text(status_message(link.id, "online").as_bytes());
        Ok(Rules { messages_per_second_max: None, after })
    }

    fn text(&mut self, link: &Link, text: &str, now_ns: i64) {
        self.sim.exchange.set_time(now_ns);
        self.converse(link, text, now_ns);
        self.tell(now_ns);
    }

    fn closed(&mut self, link: &Link, _now_ns: i64) {
        self.sockets.remove(&link.id);
        self.keys.closed(link.id);
        self.holds.retain(|(id, _), _| *id != link.id);
        self.swapped.closed(link.id);
    }

    fn advance(&mut self, now_ns: i64) {
        // What is not reached now is reached in the next step.
        self.sim.advance(now_ns);
        self.timers(now_ns);
        self.tell(now_ns);
        let mut frames = Vec::new();
        self.feeds.pace(&self.sockets, &self.sim.exchange, now_ns, &mut frames);
        self.send(frames, now_ns);
        self.heartbeats(now_ns);
        self.connection_faults(now_ns);
        self.old_books.keep(&self.sim, self.feeds.has_told_books(), now_ns);
        self.later.run(now_ns);
    }

    fn control(&mut self, request: &Request, now_ns: i64) -> Response {
        self.sim.exchange.set_time(now_ns);
        if request.method == "POST" && request.path == "/sim/stop" {
            self.is_stop_asked = true;
            return Response::json(200, "{}".to_owned());
        }
        if request.method == "GET" && request.path == "/sim/limits" {
            return Response::json(200, self.meters.shown());
        }
        let response = control::answer(&mut self.sim, request, now_ns);
        self.tell(now_ns);
        response
    }

    fn stopping(&mut self, _now_ns: i64) {
        for socket in self.sockets.values() {
            let outbox = &socket.link.outbox;
            outbox.text(status_message(socket.link.id, "maintenance").as_bytes());
            outbox.close(1001, "the server stops");
        }
    }
}

impl Kraken {
    /// What the plan makes of somebody who wants in: how long it takes, or what he gets instead.
    fn connect_fault(&mut self, kind: ConnectionKind, now_ns: Nanos) -> Result<Duration, Answer> {
        let hook = Hook::new(Place::Connect).connection(kind);
        let action = self.sim.plan.at(&hook, now_ns);
        links::connect(action.as_ref(), 429, self.sockets.values().map(|s| &s.link.outbox))
    }

    /// Tells what has happened since the last time to everyone whom it concerns.
    pub(super) fn tell(&mut self, now_ns: Nanos) {
        for event in self.sim.drain() {
            self.truth.keep(&self.sim.exchange, &event);
            self.feeds.event(&event);
            self.tell_account(&event, now_ns);
            if let Event::Report(report) = &event
                && !report.order.status.is_open()
                && let Some(at) = self.expire_times.remove(&report.order.id)
            {
                self.expires.remove(&(at, report.order.id));
            }
        }
    }

    /// Tells an account what happened to it, as the plan has it.
    fn tell_account(&mut self, event: &Event, now_ns: Nanos) {
        let (account, action, channel) = match event {
            Event::Report(report) => {
                let (account, symbol) = (report.order.account, Some(report.order.symbol));
                let action = self.told_of(account, Place::Report, symbol, now_ns);
                (account, action, "executions")
            }
            Event::Balances { account, .. } => {
                let action = self.told_of(*account, Place::Balances, None, now_ns);
                (*account, action, "balances")
            }
            _ => return,
        };
        let action = action.filter(|action| self.is_told_so(action, account, event));
        let entries = self.entries(event);
        let is_foreign = action.as_ref().is_some_and(|a| a.fault == Fault::ForeignReport);
        let foreign = is_foreign.then(|| self.foreign(event)).flatten();
        let exchange = &self.sim.exchange;
        for socket in self.sockets.values_mut() {
            let private = match channel {
                "executions" => &mut socket.executions,
                _ => &mut socket.balances,
            };
            let Some(private) = private.as_mut().filter(|known| known.account == account) else {
                continue;
            };
            socket.told_ns = now_ns;
            let foreign = foreign.iter().find_map(|entry| wrapped(private, channel, entry));
            let messages: Vec<String> =
                entries.iter().filter_map(|entry| wrapped(private, channel, entry)).collect();
            let told = texts(action.as_ref(), &messages, || foreign);
            let again = |count: usize| {
                let all: Vec<_> = exchange.reports(account, 0).collect();
                let last = &all[all.len().saturating_sub(count)..];
                let shapes = Shapes { exchange };
                let entries = last.iter().flat_map(|report| shapes.report(report, None));
                entries.filter_map(|entry| wrapped(private, channel, &entry)).collect()
            };
            let later = (&mut self.later, now_ns);
            self.swapped.send((&socket.link, 0), (event, messages), told, later, again);
        }
    }

    /// What an event is on its channel, entry by entry.
    fn entries(&mut self, event: &Event) -> Vec<String> {
        let shapes = Shapes { exchange: &self.sim.exchange };
        match event {
            Event::Report(report) => {
                shapes.report(report, self.expire_times.get(&report.order.id).copied())
            }
            Event::Balances { account, balances } => {
                let mut lines = Vec::new();
                for balance in &balances.changed {
                    let total = balance.free + balance.locked;
                    let before = self.totals.insert((*account, balance.asset), total).unwrap_or(0);
                    // What orders hold is still there.
                    if total != before {
                        let at = (balances.number, balances.time_ns);
                        lines.push(shapes.ledger(balance, total - before, balances.why, at));
                    }
                }
                lines
            }
            _ => Vec::new(),
        }
    }

    /// The same report of an order that is not there.
    fn foreign(&self, event: &Event) -> Option<String> {
        let Event::Report(report) = event else { return None };
        let mut other = report.clone();
        other.order.id = FOREIGN_ID;
        other.order.client_id = "nobody".into();
        other.fill = None;
        other.kind = crate::exchange::ExecutionKind::New;
        Shapes { exchange: &self.sim.exchange }.report(&other, None).into_iter().next()
    }

    /// Whether somebody listens who can be told so, and the event is one that the fault is about.
    fn is_told_so(&mut self, action: &Action, account: AccountId, event: &Event) -> bool {
        let is_report = matches!(event, Event::Report(_));
        let listens = |socket: &Socket| {
            let private = if is_report { socket.executions } else { socket.balances };
            socket.link.outbox.is_heard()
                && private.is_some_and(|private| private.account == account)
        };
        // Nobody has a position here.
        let positions = [Fault::Liquidation, Fault::Deleverage, Fault::FundingFill];
        let is_possible = !positions.contains(&action.fault) && is_about(action.fault, event);
        let is_told = is_possible && self.sockets.values().any(listens);
        if !is_told {
            self.sim.plan.missed(action);
        }
        is_told
    }

    fn told_of(
        &mut self,
        account: AccountId,
        place: Place,
        symbol: Option<SymbolId>,
        now_ns: Nanos,
    ) -> Option<Action> {
        if !self.sim.plan.has(place) {
            return None;
        }
        let exchange = &self.sim.exchange;
        let mut hook = Hook::new(place).connection(ConnectionKind::Api);
        hook.account = exchange.account_name(account);
        let symbol = symbol.and_then(|id| exchange.symbol(id));
        hook.symbol = symbol.map(|spec| &*spec.name);
        self.sim.plan.at(&hook, now_ns)
    }
}

/// An entry as a message of its own, with the next number; one that nobody wants is none.
fn wrapped(private: &mut Private, channel: &str, entry: &String) -> Option<String> {
    let is_wanted = private.tells_all || is_begin_or_end(entry);
    is_wanted.then(|| message(channel, false, std::slice::from_ref(entry), private.next()))
}
