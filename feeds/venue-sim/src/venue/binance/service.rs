//! What the servers ask of the venue.

use std::net::IpAddr;
use std::time::Duration;

use crate::exchange::{Balance, Event, Nanos};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place};
use crate::venue::shared::later::Due;
use crate::venue::shared::links::{self, SLOW_MS};
use crate::venue::shared::reports;
use crate::wire::control;
use crate::wire::http::{Request, Response};
use crate::wire::service::{Admission, Answer, Link, Rules, Service};

use super::BinanceSpot;
use super::codes::Code;
use super::json::{Object, TimeUnit, array};
use super::params::Params;
use super::profile::{Route, Way};
use super::report_faults;
use super::rest::{error, unit_of};
use super::sessions::Session;
use super::shapes::Shapes;

impl Service for BinanceSpot {
    fn admit(&mut self, _peer: IpAddr, _now_ns: i64) -> Admission {
        Admission::Taken
    }

    fn answer(&mut self, peer: IpAddr, request: &Request, now_ns: i64) -> Answer {
        self.sim.exchange.set_time(now_ns);
        let slow = match self.connect_fault(ConnectionKind::Rest, now_ns) {
            Ok(slow) => slow,
            Err(answer) => return answer,
        };
        let mut answer = self.rest(peer, request, now_ns);
        answer.after += slow;
        self.tell(now_ns);
        answer
    }

    fn open(&mut self, link: &Link, request: &Request, now_ns: i64) -> Result<Rules, Answer> {
        let refused = |code: Code| Answer::from(error(&code));
        let params = Params::of_form(&request.query, "").map_err(refused)?;
        let unit = unit_of(params.raw("timeUnit")).map_err(refused)?;
        let Some(way) = self.profile.way(&request.path) else {
            return Err(Response::text(404, "There is nothing here.").into());
        };
        let (is_api, route, is_combined, names) = match way {
            Way::Api => (true, Route::Any, false, ""),
            Way::Streams(route, true, _) => {
                (false, route, true, params.raw("streams").unwrap_or(""))
            }
            Way::Streams(route, false, names) => (false, route, false, names),
        };
        let kind = if is_api { ConnectionKind::Api } else { ConnectionKind::Streams };
        let after = self.connect_fault(kind, now_ns)?;
        self.meters.connection(link.peer, now_ns).map_err(refused)?;
        if is_api {
            self.weigh_socket(link.peer, now_ns).map_err(refused)?;
            let shows_limits = params.raw("returnRateLimits") != Some("false");
            self.sessions.insert(link.id, Session::new(link, unit, shows_limits));
            return Ok(Rules { messages_per_second_max: None, after });
        }
        self.streams.open(link, is_combined, unit, route);
        let key = params.raw("listenKey").into_iter();
        for name in names.split('/').chain(key).filter(|name| !name.is_empty()) {
            if self.users.listen(link, name, (is_combined, unit)) {
                continue;
            }
            if !self.streams.subscribe(link.id, name, &self.sim.exchange) {
                self.streams.close(link.id);
                return Err(Response::text(400, "Too many streams.").into());
            }
        }
        let max = self.meters.limits.stream_messages_per_second;
        Ok(Rules { messages_per_second_max: Some(max), after })
    }

    fn text(&mut self, link: &Link, text: &str, now_ns: i64) {
        self.sim.exchange.set_time(now_ns);
        if self.sessions.contains_key(&link.id) {
            self.converse(link, text, now_ns);
        } else {
            self.stream_request(link, text, now_ns);
        }
        self.tell(now_ns);
    }

    fn closed(&mut self, link: &Link, _now_ns: i64) {
        self.sessions.remove(&link.id);
        self.users.closed(link.id);
        self.streams.close(link.id);
        self.holds.retain(|(id, _), _| *id != link.id);
        self.swapped.closed(link.id);
    }

    fn advance(&mut self, now_ns: i64) {
        // What is not reached now is reached in the next step.
        self.sim.advance(now_ns);
        self.users.expire(None, now_ns);
        for (account, symbol) in self.users.due(now_ns) {
            // No open order is as good.
            let _ = self.sim.exchange.cancel_all(account, symbol);
        }
        self.tell(now_ns);
        let mut frames = Vec::new();
        self.streams.pace(&self.sim.exchange, now_ns, &mut frames);
        self.send(frames, now_ns);
        self.connection_faults(now_ns);
        self.old_books.keep(&self.sim, self.streams.has_told_fast(), now_ns);
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

    fn stopping(&mut self, now_ns: i64) {
        for session in self.sessions.values() {
            let outbox = &session.link.outbox;
            outbox.text(goodbye(None, session.unit, now_ns).as_bytes());
            outbox.close(1001, "the server stops");
        }
        for listener in self.streams.listeners() {
            let outbox = &listener.link.outbox;
            let is_combined = Some(listener.is_combined);
            outbox.text(goodbye(is_combined, listener.unit, now_ns).as_bytes());
            outbox.close(1001, "the server stops");
        }
    }
}

/// The event that a server stops: on the WebSocket API, or on streams that are combined or not.
pub(super) fn goodbye(is_combined: Option<bool>, unit: TimeUnit, now_ns: Nanos) -> String {
    let event = Object::new(unit).text("e", "serverShutdown").time("E", now_ns).done();
    match is_combined {
        None => format!("{{\"event\":{event}}}"),
        Some(true) => format!("{{\"stream\":\"!serverShutdown\",\"data\":{event}}}"),
        Some(false) => event,
    }
}

/// The event that ends a subscription.
pub(super) fn terminated(subscription: u64, unit: TimeUnit, now_ns: Nanos) -> String {
    let event = Object::new(unit).text("e", "eventStreamTerminated").time("E", now_ns).done();
    format!("{{\"subscriptionId\":{subscription},\"event\":{event}}}")
}

impl BinanceSpot {
    /// What the plan makes of somebody who wants in: how long it takes, or what he gets instead.
    fn connect_fault(&mut self, kind: ConnectionKind, now_ns: Nanos) -> Result<Duration, Answer> {
        let hook = Hook::new(Place::Connect).connection(kind);
        let action = self.sim.plan.at(&hook, now_ns);
        let streams = self.streams.listeners().map(|listener| &listener.link.outbox);
        let sessions = self.sessions.values().map(|session| &session.link.outbox);
        links::connect(action.as_ref(), 429, streams.chain(sessions))
    }

    /// A request on a connection of streams.
    fn stream_request(&mut self, link: &Link, text: &str, now_ns: Nanos) {
        let hook = Hook::new(Place::Subscribe).connection(ConnectionKind::Streams);
        let action = self.sim.plan.at(&hook, now_ns);
        let fault = action.as_ref().map(|action| action.fault);
        if fault == Some(Fault::InboundLimit) {
            return link.outbox.close(1008, "Too many requests");
        }
        let answer = self.streams.request(link.id, text, &self.sim.exchange);
        match (fault, &action) {
            (Some(Fault::AckLost), _) => {}
            (Some(Fault::AckWithoutData), _) => {
                self.streams.mute(link.id);
                link.outbox.text(answer.as_bytes());
            }
            (Some(Fault::AckErrorOne), Some(action)) => {
                self.streams.drop_one(link.id);
                let code = action.params.code.unwrap_or(2);
                let error = format!("{{\"code\":{code},\"msg\":\"Invalid request: stream\"}}");
                link.outbox.text(error.as_bytes());
            }
            (Some(Fault::DataBeforeAck), Some(action)) => {
                let at = now_ns + action.delay_ns(SLOW_MS);
                self.later.add(at, &link.outbox, Due::Text(answer));
            }
            _ => link.outbox.text(answer.as_bytes()),
        }
    }

    /// Tells what has happened since the last time to everyone whom it concerns.
    pub(super) fn tell(&mut self, now_ns: Nanos) {
        let events = self.sim.drain();
        let mut frames = Vec::new();
        for event in &events {
            self.truth.keep(&self.sim.exchange, event);
            self.streams.event(event, &self.sim.exchange, now_ns, &mut frames);
            self.tell_account(event, now_ns);
        }
        self.send(frames, now_ns);
    }

    /// Tells an account what happened to it, as the plan has it.
    fn tell_account(&mut self, event: &Event, now_ns: Nanos) {
        let (account, action) = match event {
            Event::Report(report) => {
                let order = &report.order;
                if report.fill.is_some_and(|fill| fill.qty == order.filled) {
                    self.meters.filled(order.account, now_ns);
                }
                let (account, symbol) = (order.account, Some(order.symbol));
                (account, self.told_of(account, Place::Report, symbol, now_ns))
            }
            // With positions the balances behind it tell of a transfer.
            Event::Transfer { .. } if self.exchange().has_positions() => return,
            Event::Balances { account, .. } | Event::Transfer { account, .. } => {
                (*account, self.told_of(*account, Place::Balances, None, now_ns))
            }
            Event::List(report) => (report.list.account, None),
            Event::Leverage { account, .. } => (*account, None),
            _ => return,
        };
        let action = action.filter(|action| self.is_told_so(action, account, event));
        let exchange = &self.sim.exchange;
        for ear in ears(&self.sessions, &self.users, account) {
            let shapes = Shapes { exchange, unit: ear.unit };
            let Some(json) = account_event(&shapes, event, now_ns) else { continue };
            let json = vec![ear.hears(&json)];
            let foreign = || match event {
                Event::Report(report) => Some(report_faults::foreign(report, &json[0], &shapes)),
                _ => None,
            };
            let told = reports::texts(action.as_ref(), &json, foreign);
            let again = |count: usize| {
                let all: Vec<_> = exchange.reports(account, 0).collect();
                let last = all[all.len().saturating_sub(count)..].iter();
                last.map(|report| ear.hears(&shapes.told_report(report, now_ns))).collect()
            };
            let to = (&ear.link, ear.subscription);
            let later = (&mut self.later, now_ns);
            self.swapped.send(to, (event, json), told, later, again);
        }
    }

    /// Whether somebody listens who can be told so, and the event is one that the fault is about.
    fn is_told_so(
        &mut self,
        action: &Action,
        account: crate::exchange::AccountId,
        event: &Event,
    ) -> bool {
        let listens = |session: &Session| {
            session.link.outbox.is_heard()
                && session.subscriptions.values().any(|(_, subscriber)| *subscriber == account)
        };
        let mut private = self.users.of(account);
        let is_heard = self.sessions.values().any(listens)
            || private.any(|private| private.link.outbox.is_heard());
        let is_told = is_heard && reports::is_about(action.fault, event);
        if !is_told {
            self.sim.plan.missed(action);
        }
        is_told
    }

    fn told_of(
        &mut self,
        account: crate::exchange::AccountId,
        place: Place,
        symbol: Option<crate::exchange::SymbolId>,
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

/// Somebody who is told what happens to an account.
struct Ear {
    link: Link,
    /// Which subscription of the connection.
    subscription: u64,
    unit: TimeUnit,
    head: String,
    tail: &'static str,
}

impl Ear {
    /// An event as it arrives there.
    fn hears(&self, json: &str) -> String {
        format!("{}{json}{}", self.head, self.tail)
    }
}

/// All who are told what happens to `account`.
fn ears(
    sessions: &std::collections::BTreeMap<u64, Session>,
    users: &super::usdm::Users,
    account: crate::exchange::AccountId,
) -> Vec<Ear> {
    let subscribed = sessions.values().flat_map(|session| {
        let of = session.subscriptions.iter().filter(|(_, (_, known))| *known == account);
        of.map(|(id, _)| Ear {
            link: session.link.clone(),
            subscription: *id,
            unit: session.unit,
            head: format!("{{\"subscriptionId\":{id},\"event\":"),
            tail: "}",
        })
    });
    let private = users.of(account).map(|private| {
        let (head, tail) = private.wrapping();
        Ear { link: private.link.clone(), subscription: 0, unit: private.unit, head, tail }
    });
    subscribed.chain(private).collect()
}

/// What the stream of an account tells of an event.
fn account_event(shapes: &Shapes<'_>, event: &Event, now_ns: Nanos) -> Option<String> {
    if shapes.exchange.has_positions() {
        return super::usdm::account_event(shapes, event, now_ns);
    }
    match event {
        Event::Report(report) => Some(shapes.report(report, now_ns)),
        Event::List(report) => Some(shapes.list_event(report, now_ns)),
        Event::Balances { balances, .. } => {
            let balance = |balance: &Balance| {
                let object = shapes.object().text("a", shapes.asset(balance.asset));
                let object = object.text("f", &shapes.amount(balance.asset, balance.free));
                object.text("l", &shapes.amount(balance.asset, balance.locked)).done()
            };
            let json = shapes
                .object()
                .text("e", "outboundAccountPosition")
                .time("E", now_ns)
                .time("u", balances.time_ns)
                .raw("B", &array(balances.changed.iter().map(balance)));
            Some(json.done())
        }
        Event::Transfer { transfer, .. } => {
            let json = shapes
                .object()
                .text("e", "balanceUpdate")
                .time("E", now_ns)
                .text("a", shapes.asset(transfer.asset))
                .text("d", &shapes.amount(transfer.asset, transfer.amount))
                .time("T", transfer.time_ns);
            Some(json.done())
        }
        _ => None,
    }
}
