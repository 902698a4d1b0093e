//! A machine that only asks what the venue lists, and then has nothing more to do.

use std::collections::VecDeque;

use qt_types::Nanos;
use tokio::sync::oneshot;

use super::profile::Profile;
use super::query::Query;
use super::requests::{alone_until, get};
use crate::machine::{Act, Call, Happened, Machine};
use crate::market::Listing;
use crate::pace::Backoff;

/// How long one answer may take, and all together.
const PATIENCE_NS: i64 = 15_000_000_000;
const ALL_NS: i64 = 60_000_000_000;
/// Attempts without an answer that says something.
const TRIES_MAX: u32 = 5;
const RETRY_NS: i64 = 250_000_000;
const RETRY_MAX_NS: i64 = 5_000_000_000;

/// Why it is not known what the venue lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The venue does not list these.
    #[error("the venue does not list {}", .0.join(", "))]
    Missing(Vec<String>),
    /// The steps of these cannot be used.
    #[error(
        "the venue gives no usable tick or lot for {}, or counts it as nothing is counted here",
        .0.join(", ")
    )]
    Unsound(Vec<String>),
    /// The venue did not answer, or said no.
    #[error("the venue does not say what it lists: {0}")]
    NoAnswer(String),
}

type Found = Result<Vec<Listing>, LookupError>;

/// See the module.
pub struct Lookup {
    profile: Profile,
    symbols: Vec<String>,
    query: Query,
    listings: Vec<Listing>,
    unsound: Vec<String>,
    last: String,
    backoff: Backoff,
    began_ns: Option<Nanos>,
    ask_ns: Nanos,
    is_asked: bool,
    calls: u32,
    acts: VecDeque<Act>,
    found: Option<oneshot::Sender<Found>>,
}

impl Lookup {
    /// A lookup of `symbols`, and where its result comes out.
    #[must_use]
    pub fn new(
        profile: Profile,
        symbols: &[String],
        seed: u64,
    ) -> (Self, oneshot::Receiver<Found>) {
        let (found, result) = oneshot::channel();
        let lookup = Self {
            query: Query::new(symbols, profile.listed_at_once),
            profile,
            symbols: symbols.to_vec(),
            listings: Vec::new(),
            unsound: Vec::new(),
            last: "no answer in time".to_owned(),
            backoff: Backoff::new(RETRY_NS, RETRY_MAX_NS, seed),
            began_ns: None,
            ask_ns: Nanos::MIN,
            is_asked: false,
            calls: 0,
            acts: VecDeque::new(),
            found: Some(found),
        };
        (lookup, result)
    }

    fn finish(&mut self, result: Found) {
        if let Some(found) = self.found.take() {
            // Nobody may wait for it any more.
            let _ = found.send(result);
        }
    }

    fn answered(&mut self, status: u16, headers: &[(String, String)], body: &[u8], now_ns: Nanos) {
        let protocol = self.profile.protocol;
        if protocol.is_unlisted(status, body) {
            self.query.refused();
            return;
        }
        let read = match status {
            200 => protocol.listings(&self.profile, body),
            _ => Err(format!("status {status}")),
        };
        match read {
            Ok(info) => {
                self.query.answered(&info);
                self.unsound.extend(info.unsound);
                self.listings.extend(info.listings);
            }
            Err(what) => {
                self.last = what;
                let alone_ns = alone_until(&self.profile, status, headers, now_ns);
                let alone_ns = alone_ns.unwrap_or(now_ns);
                self.ask_ns = alone_ns.max(now_ns.saturating_add_ns(self.backoff.next_ns()));
            }
        }
    }

    fn plan(&mut self, now_ns: Nanos) {
        let began_ns = *self.began_ns.get_or_insert(now_ns);
        if self.found.is_none() {
            return;
        }
        if self.query.is_over() {
            let result = self.result();
            self.finish(result);
        } else if self.backoff.attempts() >= TRIES_MAX
            || began_ns.saturating_add_ns(ALL_NS) <= now_ns.max(self.ask_ns)
        {
            let last = self.last.clone();
            self.finish(Err(LookupError::NoAnswer(last)));
        } else if !self.is_asked && now_ns >= self.ask_ns {
            let Some(url) = self.query.url(&self.profile) else { return };
            self.is_asked = true;
            self.calls += 1;
            self.acts.push_back(Act::Call(Call(self.calls), get(url, PATIENCE_NS)));
        }
    }

    /// In the order in which they were asked for.
    fn result(&self) -> Found {
        let wanted = |symbol: &&String| self.unsound.contains(symbol);
        let unsound: Vec<String> = self.symbols.iter().filter(wanted).cloned().collect();
        if !unsound.is_empty() {
            return Err(LookupError::Unsound(unsound));
        }
        let of = |symbol: &String| {
            self.listings.iter().find(|listing| listing.symbol == *symbol).cloned()
        };
        let found: Vec<Listing> = self.symbols.iter().filter_map(of).collect();
        if found.len() < self.symbols.len() {
            let missing = self.symbols.iter().filter(|symbol| of(symbol).is_none());
            return Err(LookupError::Missing(missing.cloned().collect()));
        }
        Ok(found)
    }
}

impl Machine for Lookup {
    fn handle(&mut self, happened: Happened<'_>, now_ns: Nanos) {
        match happened {
            Happened::Answered { status, headers, body, .. } => {
                self.is_asked = false;
                self.answered(status, headers, body, now_ns);
            }
            Happened::Failed(..) => {
                self.is_asked = false;
                "no answer: no such host, no route, or no trust".clone_into(&mut self.last);
                self.ask_ns = now_ns.saturating_add_ns(self.backoff.next_ns());
            }
            _ => {}
        }
        self.plan(now_ns);
    }

    fn next_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    fn deadline_ns(&self) -> Option<Nanos> {
        self.found.as_ref()?;
        let end_ns = self.began_ns?.saturating_add_ns(ALL_NS);
        Some(if self.is_asked { end_ns } else { self.ask_ns.min(end_ns) })
    }
}
