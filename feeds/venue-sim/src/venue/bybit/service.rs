//! What the servers ask of the venue.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;

use crate::exchange::{AccountId, Nanos};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place};
use crate::venue::shared::json::{Object, TimeUnit};
use crate::venue::shared::later::Due;
use crate::venue::shared::links::{self, SLOW_MS};
use crate::wire::control;
use crate::wire::http::{Request, Response};
use crate::wire::service::{Admission, Answer, Link, Rules, Service};

use super::Bybit;
use super::account::Protection;
use super::frames::kind_of;
use super::profile::{Way, way};
use super::rest::response;
use super::sessions::{Session, connection_id};
use super::streams::Topic;

/// How long a connection may say nothing.
const SILENT_NS: Nanos = 600_000_000_000;
/// How often that is looked at.
const IDLE_LOOK_NS: Nanos = 1_000_000_000;

impl Service for Bybit {
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
        let Some(way) = way(self.category, &request.path) else {
            return Err(Response::text(404, "There is nothing here.").into());
        };
        let after = self.connect_fault(kind_of(way), now_ns)?;
        let counted = self.meters.connection(link.peer, now_ns);
        counted.map_err(|code| Answer::from(response(Err(code), now_ns)))?;
        match way {
            Way::Public => self.streams.open(link, now_ns),
            Way::Private | Way::Trade => {
                self.sessions.insert(link.id, Session::new(link, way, now_ns));
            }
        }
        Ok(Rules { messages_per_second_max: None, after })
    }

    fn text(&mut self, link: &Link, text: &str, now_ns: i64) {
        self.sim.exchange.set_time(now_ns);
        match self.sessions.get_mut(&link.id) {
            Some(session) => {
                session.heard_ns = now_ns;
                match session.way {
                    Way::Trade => self.trade(link, text, now_ns),
                    Way::Public | Way::Private => self.private(link, text, now_ns),
                }
            }
            None => {
                self.streams.heard(link.id, now_ns);
                self.public(link, text, now_ns);
            }
        }
        self.tell(now_ns);
    }

    fn closed(&mut self, link: &Link, now_ns: i64) {
        if let Some(account) = self.sessions.remove(&link.id).and_then(|one| one.account) {
            self.gone(account, now_ns);
        }
        self.streams.close(link.id);
        self.holds.retain(|(id, _), _| *id != link.id);
        self.swapped.closed(link.id);
    }

    fn advance(&mut self, now_ns: i64) {
        // What is not reached now is reached in the next step.
        self.sim.advance(now_ns);
        self.protect(now_ns);
        self.tell(now_ns);
        let mut frames = Vec::new();
        self.streams.pace(&self.sim.exchange, &self.ledger, now_ns, &mut frames);
        self.send(frames, now_ns);
        self.connection_faults(now_ns);
        self.cut_silent(now_ns);
        self.old_books.keep(&self.sim, self.streams.has_told(), now_ns);
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
        let public = self.streams.listeners().map(|one| &one.link);
        let others = self.sessions.values().map(|one| &one.link);
        public.chain(others).for_each(|link| link.outbox.close(1001, "the server stops"));
    }
}

/// A request on a public connection: what it wants, under which id, of what.
struct Asked {
    op: String,
    id: String,
    args: Vec<String>,
}

impl Asked {
    fn read(text: &str) -> Option<Self> {
        let Ok(Value::Object(mut map)) = serde_json::from_str(text) else { return None };
        let Some(Value::String(op)) = map.remove("op") else { return None };
        let id = match map.remove("req_id") {
            Some(Value::String(id)) => id,
            Some(Value::Number(id)) => id.to_string(),
            _ => String::new(),
        };
        let args = match map.remove("args") {
            Some(Value::Array(args)) => args,
            _ => Vec::new(),
        };
        let args = args.into_iter().map(|arg| match arg {
            Value::String(text) => text,
            other => other.to_string(),
        });
        Some(Self { op, id, args: args.collect() })
    }
}

fn acknowledged(link: &Link, asked: &Asked, done: &Result<&str, String>) -> String {
    Object::new(TimeUnit::Milliseconds)
        .truth("success", done.is_ok())
        .text(
            "ret_msg",
            match done {
                Ok(words) => words,
                Err(words) => words,
            },
        )
        .text("conn_id", &connection_id(link))
        .text("req_id", &asked.id)
        .text("op", &asked.op)
        .done()
}

impl Bybit {
    /// What the plan makes of somebody who wants in: how long it takes, or what he gets instead.
    fn connect_fault(&mut self, kind: ConnectionKind, now_ns: Nanos) -> Result<Duration, Answer> {
        let hook = Hook::new(Place::Connect).connection(kind);
        let action = self.sim.plan.at(&hook, now_ns);
        let streams = self.streams.listeners().map(|listener| &listener.link.outbox);
        let sessions = self.sessions.values().map(|session| &session.link.outbox);
        links::connect(action.as_ref(), 403, streams.chain(sessions))
    }

    /// Answers what was said on a connection of streams.
    fn public(&mut self, link: &Link, text: &str, now_ns: Nanos) {
        let Some(asked) = Asked::read(text) else {
            let refused = Object::new(TimeUnit::Milliseconds)
                .truth("success", false)
                .text("ret_msg", "error:bad request")
                .text("conn_id", &connection_id(link));
            return link.outbox.text(refused.done().as_bytes());
        };
        match asked.op.as_str() {
            "ping" => {
                let pong = acknowledged(link, &asked, &Ok("pong"));
                link.outbox.text(pong.as_bytes());
            }
            "subscribe" => self.subscribe(link, &asked, now_ns),
            "unsubscribe" => {
                let topics = self.topics_of(&asked, false, link.id);
                let done = topics.map(|topics| {
                    for topic in topics {
                        self.streams.part(link.id, topic);
                        self.holds.remove(&(link.id, topic));
                    }
                    ""
                });
                link.outbox.text(acknowledged(link, &asked, &done).as_bytes());
            }
            _ => {
                let refused = acknowledged(link, &asked, &Err("error:invalid op".to_owned()));
                link.outbox.text(refused.as_bytes());
            }
        }
    }

    /// The topics of a request; one that cannot be refuses all of them.
    fn topics_of(&self, asked: &Asked, joins: bool, link: u64) -> Result<Vec<Topic>, String> {
        let limits = self.meters.limits;
        if asked.args.is_empty() {
            return Err("error:args is empty".to_owned());
        }
        if asked.args.len() > limits.topics_per_request {
            return Err(format!("args size >{}", limits.topics_per_request));
        }
        if joins && self.streams.is_full(link, asked.args.len()) {
            return Err("error:too many topics".to_owned());
        }
        let mut topics = Vec::new();
        for name in &asked.args {
            let topic = self.streams.topic_of(name, self.exchange());
            let topic = topic.ok_or_else(|| format!("error:handler not found,topic:{name}"))?;
            let is_double = joins && (self.streams.has(link, topic) || topics.contains(&topic));
            if is_double {
                return Err(format!("error:already subscribed,topic:{name}"));
            }
            topics.push(topic);
        }
        Ok(topics)
    }

    fn subscribe(&mut self, link: &Link, asked: &Asked, now_ns: Nanos) {
        let mut hook = Hook::new(Place::Subscribe).connection(ConnectionKind::Streams);
        hook.stream = asked.args.first().map(String::as_str);
        let action: Option<Action> = self.sim.plan.at(&hook, now_ns);
        let fault = action.as_ref().map(|action| action.fault);
        if fault == Some(Fault::InboundLimit) {
            return link.outbox.close(1008, "Too many requests");
        }
        let topics = self.topics_of(asked, true, link.id);
        let topics = match (fault, topics, asked.args.last()) {
            // One that is refused refuses all of them.
            (Some(Fault::AckErrorOne), Ok(_), Some(last)) => {
                Err(format!("error:handler not found,topic:{last}"))
            }
            (_, topics, _) => topics,
        };
        let topics = match topics {
            Ok(topics) => topics,
            Err(words) => {
                let refused = acknowledged(link, asked, &Err(words));
                return link.outbox.text(refused.as_bytes());
            }
        };
        let answer = acknowledged(link, asked, &Ok("subscribe"));
        match (fault, &action) {
            (Some(Fault::AckLost), _) => {}
            (Some(Fault::DataBeforeAck), Some(action)) => {
                let at = now_ns + action.delay_ns(SLOW_MS);
                self.later.add(at, &link.outbox, Due::Text(answer));
            }
            _ => link.outbox.text(answer.as_bytes()),
        }
        let is_mute = fault == Some(Fault::AckWithoutData);
        let (exchange, category, ledger) = (&self.sim.exchange, self.category, &self.ledger);
        let shapes = super::shapes::Shapes { exchange, category, ledger };
        let mut frames = Vec::new();
        for topic in topics {
            self.holds.remove(&(link.id, topic));
            frames.extend(self.streams.join((link.id, topic), is_mute, &shapes, now_ns));
        }
        self.send(frames, now_ns);
    }

    /// A connection of an account is gone: its orders may be in danger.
    fn gone(&mut self, account: AccountId, now_ns: Nanos) {
        let is_there = self.sessions.values().any(|session| session.protects(account));
        if let (Some(set), false) = (self.protections.get_mut(&account), is_there) {
            set.gone_ns = set.gone_ns.or(Some(now_ns));
        }
    }

    /// Cancels the orders of accounts whose connections are gone for too long.
    fn protect(&mut self, now_ns: Nanos) {
        let is_due =
            |set: &Protection| set.gone_ns.is_some_and(|gone| now_ns - gone >= set.window_ns);
        let due = self.protections.iter_mut().filter(|(_, set)| is_due(set));
        let due: Vec<AccountId> = due
            .map(|(account, set)| {
                set.gone_ns = None;
                *account
            })
            .collect();
        for account in due {
            let open = self.sim.exchange.open_orders(account, None);
            let ids: Vec<_> = open.map(|order| (order.id, order.symbol)).collect();
            for (id, _) in &ids {
                self.ledger.cancelled_by(*id, "CancelByDCP");
            }
            let mut symbols: Vec<_> = ids.into_iter().map(|(_, symbol)| symbol).collect();
            symbols.dedup();
            for symbol in symbols {
                // No open order is as good.
                let _ = self.sim.exchange.cancel_all(account, symbol);
            }
        }
    }

    /// Closes connections that have said nothing for too long.
    fn cut_silent(&mut self, now_ns: Nanos) {
        if now_ns - self.idle_looked_ns < IDLE_LOOK_NS {
            return;
        }
        self.idle_looked_ns = now_ns;
        let public = self.streams.listeners().map(|one| (&one.link, one.heard_ns));
        let others = self.sessions.values().map(|one| (&one.link, one.heard_ns));
        for (link, heard_ns) in public.chain(others) {
            if now_ns - heard_ns >= SILENT_NS {
                link.outbox.close(1000, "");
            }
        }
    }
}
