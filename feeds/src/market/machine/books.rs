//! Snapshots: when which book is asked for, within the budget, and what comes of it. Where they
//! come over the stream, asking is to subscribe again.
//!
//! A book is asked for once a change of it has come, so that the snapshot can meet the changes; a
//! quiet one a little after its stream was acknowledged. After a gap it is asked for at once, and
//! less and less often where that does not help.

use qt_codec::Frame;
use qt_types::Nanos;

use super::instrument::Book;
use super::lane::MAIN;
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
/// How long after one that the venue does not know, or refuses, it is asked for again.
const UNKNOWN_NS: i64 = 60_000_000_000;

impl Market {
    /// The venue has said yes to a stream.
    pub(super) fn acknowledged(&mut self, topic: u16, now_ns: Nanos) {
        let at = usize::from(topic);
        let (Some(of), Some(silence)) = (self.topic_of.get(at), self.silences.get_mut(at)) else {
            return;
        };
        let instrument = &mut self.instruments[usize::from(*of)];
        silence.begin(now_ns);
        let brings_book = self.profile.brings_books();
        if instrument.topics[0] == Some(topic) {
            match instrument.book {
                // The snapshot has its time from here on.
                Book::Idle | Book::Waiting(_) if brings_book => {
                    instrument.book = Book::Waiting(now_ns.saturating_add_ns(PATIENCE_NS));
                }
                Book::Idle => {
                    instrument.book = Book::Waiting(now_ns.saturating_add_ns(QUIET_NS));
                }
                _ => {}
            }
        } else if !instrument.want.book && instrument.topics[..3].contains(&Some(topic)) {
            self.found_again(usize::from(*of), now_ns);
        }
    }

    /// The venue has said no to a stream.
    pub(super) fn refused_topic(&mut self, topic: u16, words: &str, now_ns: Nanos) {
        let Some(of) = self.topic_of.get(usize::from(topic)).copied().map(usize::from) else {
            return;
        };
        if self.profile.brings_books() {
            self.instruments[of].refused_ns = Some(now_ns.saturating_add_ns(UNKNOWN_NS));
        }
        self.stop(of, format!("the venue refuses its stream: {words}"), now_ns);
        self.ask_listings(now_ns);
    }

    /// Asks for the books that are due.
    pub(super) fn plan_books(&mut self, now_ns: Nanos, due: &mut Due) {
        if self.profile.brings_books() {
            for at in 0..self.instruments.len() {
                self.plan_dropped(at, now_ns, due);
                self.plan_brought(at, now_ns, due);
            }
            return;
        }
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

    /// Subscribes again where a book is not in order and its snapshot does not come.
    fn plan_brought(&mut self, at: usize, now_ns: Nanos, due: &mut Due) {
        let instrument = &mut self.instruments[at];
        let (Book::Waiting(until_ns), Some(topic)) = (instrument.book, instrument.topics[0]) else {
            return;
        };
        let stream = self.lanes[MAIN].stream.as_ref();
        // What is being asked for has its time once it is answered; one that is not told has none.
        if !instrument.is_told() || stream.is_none_or(|stream| stream.is_asking(topic)) {
            return;
        }
        let until_ns = until_ns.max(instrument.retry_ns);
        if now_ns < until_ns {
            due.at(until_ns);
            return;
        }
        instrument.retry(now_ns);
        self.figures.snapshots_asked += 1;
        self.subscribe_again(usize::from(topic));
    }

    /// Asks once more for what was refused of an instrument that is told again.
    pub(super) fn ask_refused(&mut self, at: usize) {
        let topics = self.instruments[at].topics;
        let Some(stream) = self.lanes[MAIN].stream.as_mut() else { return };
        topics.into_iter().flatten().for_each(|topic| stream.again_if_refused(topic));
    }

    /// A book came whole over the stream, and was told.
    pub(super) fn brought(&mut self, at: usize, now_ns: Nanos) {
        let instrument = &mut self.instruments[at];
        if matches!(instrument.book, Book::Live(_) | Book::Unwanted) {
            return;
        }
        if let Some(took_ns) = instrument.in_order(now_ns) {
            self.figures.resyncs.add(took_ns);
        }
    }

    /// Another link has taken over: books that did not come over it are not in order.
    pub(super) fn lose_absent(&mut self, now_ns: Nanos) {
        for at in 0..self.instruments.len() {
            let instrument = &self.instruments[at];
            let symbol = self.decoder.symbols().id(&instrument.name);
            let is_absent = symbol.is_none_or(|symbol| self.decoder.waits(symbol));
            if is_absent && matches!(instrument.book, Book::Live(_)) {
                self.tell_gap(at, now_ns);
            }
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
        let id = self.profile.protocol.book_id(body);
        let has_come = self.silences[topic].since_ns().is_none_or(|since_ns| since_ns > asked_ns);
        let instrument = &mut self.instruments[at];
        let is_newer = id.is_some_and(|id| id > instrument.last_change);
        if is_newer && !has_come && matches!(instrument.book, Book::Live(_)) {
            instrument.is_dead = true;
            self.silences[topic].prove(now_ns);
            self.subscribe_again(topic);
        }
    }

    pub(super) fn depth_url(&self, at: usize, limit: u32) -> String {
        let (profile, name) = (&self.profile, &self.instruments[at].name);
        profile.protocol.book_url(profile, name, limit)
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
        self.told_again(at, now_ns);
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
