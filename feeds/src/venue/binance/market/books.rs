//! Snapshots: when which book is asked for, within the budget, and what comes of it.
//!
//! A book is asked for once a change of it has come, so that the snapshot can meet the changes; a
//! quiet one a little after its stream was acknowledged. After a gap it is asked for at once, and
//! less and less often where that does not help.

use qt_codec::Frame;
use qt_types::Nanos;

use super::info::encoded;
use super::instrument::Book;
use super::requests::Purpose;
use super::{Due, Market};

/// Snapshots that are on their way at once.
const ASKED_MAX: usize = 4;
/// How long a stream may be quiet before its book is asked for all the same.
const QUIET_NS: i64 = 3_000_000_000;
/// How often it is looked whether a change has come.
const LOOK_NS: i64 = 20_000_000;
/// A snapshot that takes longer than this is asked for again.
const PATIENCE_NS: i64 = 10_000_000_000;
/// How long after one that the venue does not know it is asked for again.
const UNKNOWN_NS: i64 = 60_000_000_000;

/// The part of a snapshot that says how new it is.
#[derive(serde::Deserialize)]
pub(super) struct LastId {
    #[serde(rename = "lastUpdateId")]
    pub(super) last_update_id: u64,
}

impl Market {
    /// The venue has said yes to a stream.
    pub(super) fn acknowledged(&mut self, topic: u16, now_ns: Nanos) {
        let at = usize::from(topic);
        let (Some(of), Some(silence)) = (self.topic_of.get(at), self.silences.get_mut(at)) else {
            return;
        };
        let instrument = &mut self.instruments[usize::from(*of)];
        silence.begin(now_ns);
        if instrument.topics[0] == Some(topic) {
            if instrument.book == Book::Idle {
                instrument.book = Book::Waiting(now_ns.saturating_add_ns(QUIET_NS));
            }
        } else if !instrument.want.book && instrument.topics[3] != Some(topic) {
            self.found_again(usize::from(*of), now_ns);
        }
    }

    /// The venue has said no to a stream.
    pub(super) fn refused_topic(&mut self, topic: u16, words: &str, now_ns: Nanos) {
        let Some(of) = self.topic_of.get(usize::from(topic)) else { return };
        self.stop(usize::from(*of), format!("the venue refuses its stream: {words}"), now_ns);
        self.ask_listings(now_ns);
    }

    /// Asks for the books that are due.
    pub(super) fn plan_books(&mut self, now_ns: Nanos, due: &mut Due) {
        let mut asked = self.asked();
        for at in 0..self.instruments.len() {
            self.plan_dropped(at, now_ns, due);
            let instrument = &mut self.instruments[at];
            let Book::Waiting(quiet_ns) = instrument.book else { continue };
            if !instrument.is_told() {
                continue;
            }
            if instrument.symbol.is_none() {
                instrument.symbol = self.decoder.symbols().id(&instrument.name);
            }
            let has_changes = instrument.symbol.is_some_and(|symbol| self.decoder.waits(symbol));
            if !has_changes && now_ns < quiet_ns {
                due.at(quiet_ns.min(now_ns.saturating_add_ns(LOOK_NS)));
                continue;
            }
            if now_ns < instrument.retry_ns {
                due.at(instrument.retry_ns);
                continue;
            }
            if asked >= ASKED_MAX {
                // The answer to one of those before it brings us back here.
                return;
            }
            let (limit, weight) = self.depth_limit;
            if let Err(until_ns) = self.budget.take(weight, now_ns) {
                due.at(until_ns);
                return;
            }
            let url = self.depth_url(at, limit);
            let call = self.call(Purpose::Depth(at), url, PATIENCE_NS, now_ns);
            self.instruments[at].book = Book::Asked(call);
            self.figures.snapshots_asked += 1;
            asked += 1;
        }
    }

    /// Asks whether a book that does not change has changed at the venue.
    pub(super) fn probe(&mut self, at: usize, now_ns: Nanos) {
        let is_live = matches!(self.instruments[at].book, Book::Live(_));
        let is_asked = self.calls.values().any(|(purpose, _)| *purpose == Purpose::Probe(at));
        let (limit, weight) = self.profile.depth_limits.first().copied().unwrap_or((100, 5));
        // One that is not in order is asked for anyway, and a full budget has other worries.
        if !is_live || is_asked || self.budget.take(weight, now_ns).is_err() {
            return;
        }
        let url = self.depth_url(at, limit);
        self.call(Purpose::Probe(at), url, PATIENCE_NS, now_ns);
    }

    /// The answer to that, which was asked for at `asked_ns`.
    pub(super) fn probed(&mut self, at: usize, body: &[u8], asked_ns: Nanos, now_ns: Nanos) {
        let Some(topic) = self.instruments[at].topics[0].map(usize::from) else { return };
        let told: Option<LastId> = serde_json::from_slice(body).ok();
        let has_come = self.silences[topic].since_ns().is_none_or(|since_ns| since_ns > asked_ns);
        let instrument = &mut self.instruments[at];
        let is_newer = told.is_some_and(|told| told.last_update_id > instrument.last_change);
        if is_newer && !has_come && matches!(instrument.book, Book::Live(_)) {
            instrument.is_dead = true;
            self.silences[topic].prove(now_ns);
            self.subscribe_again(topic);
        }
    }

    pub(super) fn depth_url(&self, at: usize, limit: u32) -> String {
        let (profile, name) = (&self.profile, encoded(&self.instruments[at].name));
        format!("{}{}?symbol={name}&limit={limit}", profile.rest, profile.depth_path)
    }

    /// Snapshots on their way.
    fn asked(&self) -> usize {
        let is_asked = |book: &Book| matches!(book, Book::Asked(_));
        self.instruments.iter().filter(|instrument| is_asked(&instrument.book)).count()
    }

    /// An instrument of which something was dropped begins anew once there is room.
    fn plan_dropped(&mut self, at: usize, now_ns: Nanos, due: &mut Due) {
        if !self.instruments[at].is_dropped {
            return;
        }
        if !self.sink.is_ready() || now_ns < self.instruments[at].retry_ns {
            due.at(now_ns.saturating_add_ns(LOOK_NS));
            return;
        }
        self.instruments[at].is_dropped = false;
        if !self.instruments[at].want.book {
            self.found_again(at, now_ns);
        }
    }

    /// There was an answer to a request for a book.
    pub(super) fn depth_answered(
        &mut self,
        at: usize,
        call: u32,
        answer: Option<&[u8]>,
        now_ns: Nanos,
    ) {
        let Some(instrument) = self.instruments.get_mut(at) else { return };
        if instrument.book != Book::Asked(call) {
            // The link went in between.
            return;
        }
        let Some(body) = answer.filter(|_| instrument.is_told()) else {
            instrument.retry(now_ns);
            return;
        };
        let name = instrument.name.clone();
        let frame = Frame { symbol: Some(&name), ..Frame::new(body) };
        let refused = self.decoder.facts().snapshots_refused;
        let read = self.decoder.decode(&frame, &mut self.updates);
        // What follows the snapshot is told with it.
        self.instruments[at].book = Book::Live(now_ns);
        self.deliver(now_ns);
        let symbol = self.decoder.symbols().id(&name);
        let is_refused = self.decoder.facts().snapshots_refused > refused || read.is_err();
        let waits = symbol.is_none_or(|symbol| self.decoder.waits(symbol));
        let instrument = &mut self.instruments[at];
        instrument.symbol = symbol;
        if is_refused || waits || !instrument.is_told() {
            self.figures.snapshots_refused += u64::from(is_refused);
            instrument.retry(now_ns);
            return;
        }
        if let Some(took_ns) = instrument.in_order(now_ns) {
            self.figures.resyncs.add(took_ns);
        }
        if let Some(topic) = instrument.topics[0] {
            self.silences[usize::from(topic)].begin(now_ns);
        }
    }

    /// The venue does not know an instrument.
    pub(super) fn depth_unknown(&mut self, at: usize, now_ns: Nanos) {
        if let Some(instrument) = self.instruments.get_mut(at) {
            instrument.retry(now_ns);
            instrument.retry_ns = now_ns.saturating_add_ns(UNKNOWN_NS);
        }
        self.ask_listings(now_ns);
    }
}
