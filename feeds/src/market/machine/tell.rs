//! What of the decoder's updates is told, and what is done where it cannot be.

use qt_codec::{Frame, SymbolId, Update};
use qt_types::{Nanos, TickFlags, TickKind};

use super::Market;
use super::instrument::Book;
use super::requests::Purpose;
use crate::market::{Status, Told};

/// No instrument of ours.
const NONE: u16 = u16::MAX;
/// What closes a whole book.
const SNAPSHOT_END: TickFlags = TickFlags::SNAPSHOT.with(TickFlags::LAST);
/// An id this far behind the last one is no repetition: the venue has begun to count anew.
const REPEATED_MAX: u64 = 1_000_000;

/// Whether what has this id was told before, the last one that was being `last`.
pub(super) const fn is_repeated(id: u64, last: u64) -> bool {
    id != 0 && id <= last && last - id < REPEATED_MAX
}

impl Market {
    /// Market data came over a lane.
    pub(super) fn data(&mut self, lane: usize, bytes: &[u8], now_ns: Nanos) {
        self.message = self.message.wrapping_add(1);
        let read = self.decoder.decode(&Frame::new(bytes), &mut self.updates);
        if !self.updates.is_empty() {
            self.deliver(now_ns);
        }
        match read {
            Ok(()) => self.unreadable = 0,
            Err(_) => self.note_unreadable(lane, now_ns),
        }
    }

    /// Tells what the decoder has put out.
    pub(super) fn deliver(&mut self, now_ns: Nanos) {
        let mut updates = std::mem::take(&mut self.updates);
        for update in &updates {
            let of = self.of(update.symbol);
            if of != NONE {
                self.tell(usize::from(of), update, now_ns);
            }
        }
        updates.clear();
        self.updates = updates;
    }

    /// The instrument of a symbol.
    #[inline]
    fn of(&mut self, symbol: SymbolId) -> u16 {
        match self.of_symbol.get(usize::from(symbol.0)) {
            Some(of) => *of,
            None => self.learn(symbol),
        }
    }

    #[cold]
    fn learn(&mut self, symbol: SymbolId) -> u16 {
        for (_, name) in self.decoder.symbols().iter().skip(self.of_symbol.len()) {
            let at = self.instruments.iter().position(|instrument| instrument.name == name);
            self.of_symbol.push(at.and_then(|at| u16::try_from(at).ok()).unwrap_or(NONE));
        }
        self.of_symbol.get(usize::from(symbol.0)).copied().unwrap_or(NONE)
    }

    pub(super) fn tell(&mut self, at: usize, update: &Update, now_ns: Nanos) {
        let instrument = &mut self.instruments[at];
        let topic = match update.kind {
            TickKind::Gap => return self.tell_gap(at, now_ns),
            TickKind::Trade => instrument.topics[1],
            TickKind::Top => instrument.topics[2],
            TickKind::Mark | TickKind::Funding => instrument.topics[3],
            _ => instrument.topics[0],
        };
        let Some(topic) = topic else { return };
        self.silences[usize::from(topic)].heard(now_ns);
        if update.kind == TickKind::Trade && self.is_held_back(at, update) {
            return;
        }
        let instrument = &mut self.instruments[at];
        match update.kind {
            TickKind::Trade => {
                if instrument.is_trade_repeated(update.sequence, self.message) {
                    self.figures.repeated += 1;
                    return;
                }
            }
            // Beside a book they are only recorded.
            TickKind::Top if instrument.want.book => return,
            TickKind::Top => {
                // Both sides of one message have the same id.
                let id = if self.profile.best_has_ids { update.sequence } else { 0 };
                if is_repeated(id.saturating_add(1), instrument.last_best) {
                    self.figures.repeated += 1;
                    return;
                }
                instrument.last_best = id;
            }
            TickKind::Mark | TickKind::Funding => {
                let is_mark = update.kind == TickKind::Mark;
                let last = &mut instrument.last_marks[usize::from(!is_mark)];
                if update.venue_ns.is_some_and(|at_ns| at_ns <= *last) {
                    self.figures.repeated += 1;
                    return;
                }
                *last = update.venue_ns.unwrap_or(*last);
            }
            _ => {
                instrument.last_change = update.sequence;
                instrument.is_dead = false;
            }
        }
        if !instrument.is_told() {
            return;
        }
        match instrument.teller.tell(update, now_ns, self.sink.as_mut()) {
            Told::Taken => {
                instrument.events += 1;
                if update.flags.has(SNAPSHOT_END) && self.profile.brings_books() {
                    self.brought(at, now_ns);
                }
            }
            Told::Dropped => self.dropped(at, now_ns),
            Told::Misfit => self.misfit(at, update, now_ns),
        }
    }

    /// The decoder has lost something of the book.
    pub(super) fn tell_gap(&mut self, at: usize, now_ns: Nanos) {
        self.is_restless = true;
        self.figures.gaps += 1;
        let instrument = &mut self.instruments[at];
        instrument.gaps += 1;
        instrument.lose(now_ns);
        if instrument.is_told()
            && instrument.teller.tell_gap(now_ns, self.sink.as_mut()) == Told::Dropped
        {
            self.dropped(at, now_ns);
        }
    }

    /// Nobody had room: whoever dropped it says so to the engine, and the instrument is begun anew.
    fn dropped(&mut self, at: usize, now_ns: Nanos) {
        self.is_restless = true;
        self.figures.dropped += 1;
        self.instruments[at].is_dropped = true;
        self.forget(at, now_ns);
    }

    /// The book of an instrument is of no use any more, and the decoder must know it.
    fn forget(&mut self, at: usize, now_ns: Nanos) {
        let instrument = &mut self.instruments[at];
        instrument.lose(now_ns);
        if let Some(symbol) =
            instrument.symbol.or_else(|| self.decoder.symbols().id(&instrument.name))
        {
            instrument.symbol = Some(symbol);
            // What it says of the gap is known here.
            self.decoder.lost(symbol, &mut Vec::new());
        }
    }

    /// A number is between two steps: the instrument is not what it was taken for.
    fn misfit(&mut self, at: usize, update: &Update, now_ns: Nanos) {
        self.figures.misfits += 1;
        let what = format!(
            "{} at {} does not fit its steps: they have changed, or the venue is wrong",
            update.qty, update.price
        );
        self.stop(at, what, now_ns);
        self.ask_listings(now_ns);
    }

    /// Nothing is told of an instrument any more, for this reason.
    pub(super) fn stop(&mut self, at: usize, why: String, now_ns: Nanos) {
        self.is_restless = true;
        let instrument = &mut self.instruments[at];
        if instrument.stopped.is_none() {
            tracing::error!(symbol = instrument.name, why, "an instrument is not told any more");
            if !instrument.is_dropped {
                // Where that is dropped, whoever drops it says the same.
                let _ = instrument.teller.tell_gap(now_ns, self.sink.as_mut());
            }
        }
        instrument.stopped = Some(why);
        self.forget(at, now_ns);
    }

    /// What stopped an instrument is over.
    pub(super) fn go_on(&mut self, at: usize, now_ns: Nanos) {
        let instrument = &mut self.instruments[at];
        if instrument.refused_ns.is_some_and(|until_ns| now_ns < until_ns) {
            return;
        }
        instrument.refused_ns = None;
        if instrument.stopped.take().is_none() {
            return;
        }
        self.is_restless = true;
        self.instruments[at].lost_ns.get_or_insert(now_ns);
        self.told_again(at, now_ns);
    }

    /// An instrument that was not told for a while is told again.
    pub(super) fn told_again(&mut self, at: usize, now_ns: Nanos) {
        if !self.instruments[at].want.book {
            self.found_again(at, now_ns);
        } else if self.profile.brings_books() {
            // A book that came meanwhile was told to nobody.
            self.forget(at, now_ns);
        }
        if self.profile.brings_books() {
            self.ask_refused(at);
        }
    }

    /// An instrument without a book is as good as new: what was told before counts no more.
    pub(super) fn found_again(&mut self, at: usize, now_ns: Nanos) {
        let instrument = &mut self.instruments[at];
        if instrument.lost_ns.is_none() || !instrument.is_told() {
            return;
        }
        match instrument.teller.tell_clear(now_ns, self.sink.as_mut()) {
            Told::Taken | Told::Misfit => {
                if let Some(took_ns) = instrument.found(now_ns) {
                    self.figures.resyncs.add(took_ns);
                }
            }
            Told::Dropped => self.dropped(at, now_ns),
        }
    }

    /// The link is gone, and with it all that was known.
    pub(super) fn disconnected(&mut self, now_ns: Nanos) {
        self.decoder.disconnected(&mut self.updates);
        // Of books that were not in order that was told before.
        self.deliver(now_ns);
        for at in 0..self.instruments.len() {
            let instrument = &mut self.instruments[at];
            let is_new = instrument.lost_ns.is_none();
            instrument.disconnected(now_ns);
            if is_new && instrument.book == Book::Unwanted && instrument.is_told() {
                self.tell_gap(at, now_ns);
            }
        }
        self.doubt_trades(now_ns);
        let is_of_book = |purpose: &Purpose| !matches!(purpose, Purpose::Clock | Purpose::Listings);
        self.calls.retain(|_, (purpose, _)| !is_of_book(purpose));
    }

    /// The venue says how an instrument stands.
    pub(super) fn set_status(&mut self, at: usize, status: Status, now_ns: Nanos) {
        let instrument = &mut self.instruments[at];
        let before = std::mem::replace(&mut instrument.status, status);
        if before != status {
            tracing::warn!(symbol = instrument.name, ?status, "the venue changed a status");
        }
        if before.trades() != status.trades() && instrument.is_told() {
            let trades = status.trades();
            if instrument.teller.tell_status(trades, now_ns, self.sink.as_mut()) == Told::Dropped {
                self.dropped(at, now_ns);
            }
        }
    }
}
