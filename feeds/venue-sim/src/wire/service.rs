//! What a venue is to the servers: called for everything that arrives, under one lock and with
//! the time handed in. It never touches a socket: it answers, and appends to outboxes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::http::{Request, Response};
use super::outbox::Outbox;

/// A venue behind the servers.
pub trait Service: Send {
    /// Whether a connection from there is taken.
    fn admit(&mut self, peer: IpAddr, now_ns: i64) -> Admission;

    /// Answers a request.
    fn answer(&mut self, peer: IpAddr, request: &Request, now_ns: i64) -> Answer;

    /// A client wants a WebSocket.
    ///
    /// # Errors
    /// The answer instead of one.
    fn open(&mut self, link: &Link, request: &Request, now_ns: i64) -> Result<Rules, Answer>;

    /// A client said something over its WebSocket.
    fn text(&mut self, link: &Link, text: &str, now_ns: i64);

    /// A WebSocket is gone.
    fn closed(&mut self, link: &Link, now_ns: i64);

    /// Time went on: the market moves, what was put off happens.
    fn advance(&mut self, now_ns: i64);

    /// Answers a request on the control path, which only this machine reaches.
    fn control(&mut self, request: &Request, now_ns: i64) -> Response;

    /// The server is going to stop: who is connected is told.
    fn stopping(&mut self, now_ns: i64);
}

impl<S: Service + ?Sized> Service for Box<S> {
    fn admit(&mut self, peer: IpAddr, now_ns: i64) -> Admission {
        (**self).admit(peer, now_ns)
    }

    fn answer(&mut self, peer: IpAddr, request: &Request, now_ns: i64) -> Answer {
        (**self).answer(peer, request, now_ns)
    }

    fn open(&mut self, link: &Link, request: &Request, now_ns: i64) -> Result<Rules, Answer> {
        (**self).open(link, request, now_ns)
    }

    fn text(&mut self, link: &Link, text: &str, now_ns: i64) {
        (**self).text(link, text, now_ns);
    }

    fn closed(&mut self, link: &Link, now_ns: i64) {
        (**self).closed(link, now_ns);
    }

    fn advance(&mut self, now_ns: i64) {
        (**self).advance(now_ns);
    }

    fn control(&mut self, request: &Request, now_ns: i64) -> Response {
        (**self).control(request, now_ns)
    }

    fn stopping(&mut self, now_ns: i64) {
        (**self).stopping(now_ns);
    }
}

/// One WebSocket.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its number: never used twice.
    pub id: u64,
    /// Who is on the other side.
    pub peer: IpAddr,
    /// When it was opened, in nanoseconds since the epoch.
    pub opened_ns: i64,
    /// What waits to leave.
    pub outbox: Arc<Outbox>,
}

/// What a WebSocket may do.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Messages of any kind that a client may send within one second.
    pub messages_per_second_max: Option<u32>,
    /// How long the handshake takes.
    pub after: Duration,
}

/// Whether a connection is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Yes.
    Taken,
    /// It is reset.
    Refused,
    /// It is taken, and nothing is ever answered.
    Ignored,
}

/// An answer, and what becomes of it on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What is answered.
    pub response: Response,
    /// How long it takes.
    pub after: Duration,
    /// What becomes of it.
    pub fate: Fate,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, after: Duration::ZERO, fate: Fate::Whole }
    }
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Whole,
    /// Its first half arrives, then the connection is closed.
    Cut,
    /// The connection is reset instead.
    Reset,
    /// Nothing arrives, and the connection stays open.
    Never,
}
