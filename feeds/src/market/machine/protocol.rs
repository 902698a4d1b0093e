//! How a venue speaks: the part of a feed that is code of its venue. Messages and bodies go in and
//! out as bytes; what is done with them is the same for all venues.

use std::fmt::Debug;

use qt_codec::venue::Venue;
use qt_codec::{Number, Update};
use qt_types::Nanos;

use super::profile::Profile;
use crate::market::Listing;

/// What a message says that is no market data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// What was asked with this id is done.
    Done(u32),
    /// A subscription of this topic began, or ended.
    Topic {
        /// Whether it began.
        is_on: bool,
        /// Which.
        topic: String,
    },
    /// These are all the subscriptions of the link.
    Standing(Vec<String>),
    /// Something was refused.
    Refused {
        /// What was asked with this id; without one what was asked first.
        id: Option<u32>,
        /// Only this topic of it, or the topic of this instrument.
        topic: Option<String>,
        /// Why, in the venue's words.
        words: String,
    },
    /// The venue will close this link.
    Shutdown,
    /// A sign of life.
    Alive,
}

/// What a message asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Subscribe, or unsubscribe.
    pub is_on: bool,
    /// To what; all of one group.
    pub topics: &'a [&'a str],
    /// The number of the question, each once over a link.
    pub id: u32,
}

/// What an answer says of instruments.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The instruments.
    pub listings: Vec<Listing>,
    /// The budget of requests, where the venue says it: how much in which time (ns).
    pub weight: Option<(u64, i64)>,
    /// Words for a status that are not known.
    pub unknown: Vec<String>,
    /// Instruments that cannot be used: their steps are none, or they are counted in a way that
    /// nothing here counts in.
    pub unsound: Vec<String>,
}

/// See the module.
pub trait Protocol: Debug + Send + Sync {
    /// Whose messages they are.
    fn venue(&self) -> Venue;

    /// The name of `channel` of the instrument `symbol`, as it is subscribed to.
    fn topic(&self, channel: &str, symbol: &str) -> String;

    /// The group of a topic: those of different groups are not asked for in one message.
    fn group<'a>(&self, _topic: &'a str) -> &'a str {
        ""
    }

    /// The message that asks.
    fn ask(&self, asking: &Asking<'_>) -> String;

    /// What a message says, if it is no market data.
    fn control(&self, bytes: &[u8]) -> Option<Control>;

    /// What is sent once a link stands, before anything is asked for.
    fn hello(&self) -> Option<String> {
        None
    }

    /// What the venue wants to hear now and then.
    fn ping(&self) -> Option<String> {
        None
    }

    /// Whether messages of this name are known to say nothing that anybody needs.
    fn is_known(&self, _name: &str) -> bool {
        false
    }

    /// Where `symbols` are listed.
    fn listings_url(&self, profile: &Profile, symbols: &[String]) -> String;

    /// What an answer from there says.
    ///
    /// # Errors
    /// When it cannot be read, or says no: why.
    fn listings(&self, profile: &Profile, body: &[u8]) -> Result<Info, String>;

    /// Whether an answer says that the venue does not know what was asked for.
    fn is_unlisted(&self, status: u16, body: &[u8]) -> bool;

    /// The venue's time in an answer, and the steps in which it is told (ns).
    fn time(&self, body: &[u8]) -> Option<(Nanos, i64)>;

    /// Where the book of `symbol` with so many levels a side is, where books are asked for.
    fn book_url(&self, _profile: &Profile, _symbol: &str, _levels: u32) -> String {
        String::new()
    }

    /// How new a book is that was asked for.
    fn book_id(&self, _body: &[u8]) -> Option<u64> {
        None
    }

    /// Where trades of before are: so many from this number on, or the last ones.
    fn trades_url(
        &self,
        _profile: &Profile,
        _symbol: &str,
        _count: u64,
        _from: Option<u64>,
    ) -> String {
        String::new()
    }

    /// Trades of an answer as the stream would have told them; `like` is one that it told.
    fn trades(&self, _body: &[u8], _like: &Update) -> Option<Vec<Update>> {
        None
    }
}

/// A number in billionths; zero where there is none, or none that fits.
#[must_use]
pub fn e9(text: &str) -> i64 {
    Number::parse(text).ok().and_then(|number| number.scaled(9)).unwrap_or(0)
}

/// `text` as it stands in a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}
