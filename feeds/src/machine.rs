//! The border between protocols and sockets. A [`Machine`] speaks a venue's protocol and touches
//! neither socket nor clock: what happened goes in, what is to be done comes out. One driver
//! carries out the acts of all machines of all venues, and a test can take its place.

use qt_types::Nanos;

use crate::Secret;

/// One of a machine's connections; the machine gives the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(pub u8);

/// A request by HTTP that has left; the machine gives the numbers, each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub u32);

/// What is to be done.
#[derive(Debug)]
pub enum Act {
    /// Open a WebSocket to that address (`ws://` or `wss://`, with path and query). The link is
    /// free: never opened, or [`Happened::Closed`] has been told of it.
    Open(Link, String),
    /// Send a text message. Never sent twice; lost where the link has gone.
    Send(Link, Vec<u8>),
    /// Close the link in order. [`Happened::Closed`] follows.
    Close(Link),
    /// Send a request by HTTP. [`Happened::Answered`] or [`Happened::Failed`] follows, once.
    Call(Call, Request),
}

/// How a request by HTTP asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes something.
    Post,
    /// Changes something.
    Put,
    /// Takes something away.
    Delete,
}

/// A request by HTTP.
#[derive(Debug)]
pub struct Request {
    /// How it asks.
    pub method: Method,
    /// The whole address (`http://` or `https://`, with path and query).
    pub url: String,
    /// Names and values of headers; values may be keys.
    pub headers: Vec<(&'static str, Secret)>,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
    /// How long the answer may take (ns).
    pub patience_ns: i64,
}

/// Why a link closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It never opened: no route, no such host, TLS, an answer that is no WebSocket; with the
    /// status where there was one, and `Retry-After` (s) where it said so.
    NotOpened {
        /// The status of the answer.
        status: Option<u16>,
        /// How long to wait (s).
        retry_after_s: Option<u32>,
    },
    /// The venue closed it with this code and these words.
    ByVenue(u16, String),
    /// It broke, or closed without a word.
    Broken,
    /// The machine asked for it.
    Asked,
}

/// Why there is no answer to a request by HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is certain that the request did not reach the venue.
    NotSent,
    /// It may have: nobody knows what became of it.
    Unknown,
}

/// What happened.
#[derive(Debug)]
pub enum Happened<'a> {
    /// The link stands.
    Opened(Link),
    /// A whole message, text or binary.
    Frame(Link, &'a [u8]),
    /// A sign of life without a message: a ping, which the driver has answered, or a pong.
    Alive(Link),
    /// The link is gone, or never came to be.
    Closed(Link, Closed),
    /// The answer to a request.
    Answered {
        /// To which.
        call: Call,
        /// Its status.
        status: u16,
        /// Its headers, names in lower case.
        headers: &'a [(String, String)],
        /// Its body, whole.
        body: &'a [u8],
    },
    /// There is no answer to a request.
    Failed(Call, Failure),
    /// Nothing but time: the deadline has passed.
    Time,
}

/// What speaks a venue's protocol. Times are UTC, and never go back.
pub trait Machine {
    /// Takes in what happened at `now_ns`.
    fn handle(&mut self, happened: Happened<'_>, now_ns: Nanos);

    /// The next thing to be done, in their order; asked until there is none after each
    /// [`Machine::handle`] and whatever else changed the machine.
    fn next_act(&mut self) -> Option<Act>;

    /// When it wants [`Happened::Time`] at the latest.
    fn deadline_ns(&self) -> Option<Nanos>;
}
