//! One way to the venue's streams: what is subscribed to there, the link, and the one that will
//! take its place. Most venues have one; where marks come from another path there are two.

use qt_types::Nanos;

use super::stream::Stream;
use crate::machine::Link;
use crate::market::Standing;
use crate::pace::Backoff;

/// The lane of books, trades and best prices.
pub(super) const MAIN: usize = 0;
/// The lane of marks.
pub(super) const MARKS: usize = 1;
/// The first pause before a link is made again, and the longest: a feed that is dark costs more
/// than an attempt, and how many of those a venue allows is counted anyway.
const RECONNECT_NS: i64 = 1_000_000_000;
const RECONNECT_MAX_NS: i64 = 10_000_000_000;

/// A link that will take the place of another one.
#[derive(Debug)]
pub(super) struct Overlap {
    pub(super) stream: Stream,
    /// What came over it, and how long each message is.
    pub(super) bytes: Vec<u8>,
    pub(super) lengths: Vec<usize>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lane {
    /// Where it is, at the host of streams.
    pub(super) path: &'static str,
    /// What is subscribed to.
    pub(super) topics: Vec<u16>,
    pub(super) stream: Option<Stream>,
    pub(super) next: Option<Overlap>,
    pub(super) connect_ns: Nanos,
    pub(super) rotate_ns: Nanos,
    pub(super) backoff: Backoff,
}

impl Lane {
    /// A way to `topics` that nobody has gone yet.
    pub(super) fn new(path: &'static str, topics: Vec<u16>, seed: u64) -> Self {
        Self {
            path,
            topics,
            stream: None,
            next: None,
            connect_ns: Nanos::MIN,
            rotate_ns: Nanos::MAX,
            backoff: Backoff::new(RECONNECT_NS, RECONNECT_MAX_NS, seed),
        }
    }

    /// The streams of its links.
    pub(super) fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        let next = self.next.as_mut().map(|next| &mut next.stream);
        self.stream.iter_mut().chain(next)
    }

    /// Whether `link` is one of its links.
    pub(super) fn has(&self, link: Link) -> bool {
        let is = |stream: &Stream| stream.link == link;
        self.stream.as_ref().is_some_and(is)
            || self.next.as_ref().is_some_and(|next| is(&next.stream))
    }

    /// How its link stands.
    pub(super) fn standing(&self) -> Standing {
        match (&self.stream, &self.next) {
            (None, _) => Standing::Down,
            (Some(stream), _) if stream.opened_ns.is_none() => Standing::Opening,
            (Some(_), None) => Standing::Up,
            (Some(_), Some(_)) => Standing::Rotating,
        }
    }
}
