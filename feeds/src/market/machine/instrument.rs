//! One instrument of the feed: how it stands, and what was told of it.

use qt_codec::SymbolId;
use qt_types::Nanos;

use super::copies::Copied;
use super::tell::is_repeated;
use super::trades::Missing;
use crate::market::{Status, Tally, Teller, Want};

/// Where the book of an instrument stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Book {
    /// None is wanted.
    Unwanted,
    /// The stream of its changes is not there.
    Idle,
    /// The stream is there. A snapshot is to be asked for once a change has come, or by this time.
    Waiting(Nanos),
    /// A snapshot was asked for with this request.
    Asked(u32),
    /// It is in order.
    Live(Nanos),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Instrument {
    pub(super) name: String,
    pub(super) want: Want,
    pub(super) teller: Teller,
    /// Its number in the decoder, once it has appeared there.
    pub(super) symbol: Option<SymbolId>,
    /// Its streams: changes, trades, best prices, marks.
    pub(super) topics: [Option<u16>; 4],
    pub(super) book: Book,
    /// Snapshots in a row that were of no use, or soon were not any more.
    pub(super) attempts: u32,
    /// No snapshot is asked for before.
    pub(super) retry_ns: Nanos,
    /// Since when what was told is not what the venue says.
    pub(super) lost_ns: Option<Nanos>,
    /// Something was dropped: nothing is told until there is room.
    pub(super) is_dropped: bool,
    /// Why nothing is told any more.
    pub(super) stopped: Option<String>,
    /// One of its streams was refused, and is not asked for again before.
    pub(super) refused_ns: Option<Nanos>,
    pub(super) status: Status,
    /// The last change of its book that was told, by the venue's id.
    pub(super) last_change: u64,
    /// The venue has changes of its book that did not come.
    pub(super) is_dead: bool,
    /// The last trade and the last best prices that were told, by the venue's ids.
    pub(super) last_trade: u64,
    pub(super) last_best: u64,
    /// The message with the last trade, by its number, and the last trade before it.
    trade_message: (u64, u64),
    /// What is known of trades between two links.
    pub(super) missing: Missing,
    /// Its book, for whoever records.
    pub(super) copy: Copied,
    /// The venue's times of the last mark and of the last funding that were told.
    pub(super) last_marks: [Nanos; 2],
    pub(super) events: u64,
    pub(super) gaps: u64,
    pub(super) resyncs: Tally,
}

/// The first pause between snapshots of one instrument, and the longest.
const RETRY_NS: i64 = 200_000_000;
const RETRY_MAX_NS: i64 = 30_000_000_000;
/// A book that was in order this long counts as sound: the next loss is a first one.
const SOUND_NS: i64 = 10_000_000_000;

impl Instrument {
    pub(super) fn new(want: Want, teller: Teller) -> Self {
        Self {
            name: teller.spec().symbol().to_owned(),
            want,
            teller,
            symbol: None,
            topics: [None; 4],
            book: if want.book { Book::Idle } else { Book::Unwanted },
            attempts: 0,
            retry_ns: Nanos::MIN,
            lost_ns: None,
            is_dropped: false,
            stopped: None,
            refused_ns: None,
            status: Status::default(),
            last_change: 0,
            is_dead: false,
            last_trade: 0,
            last_best: 0,
            trade_message: (0, 0),
            missing: Missing::default(),
            copy: Copied::default(),
            last_marks: [Nanos::MIN; 2],
            events: 0,
            gaps: 0,
            resyncs: Tally::default(),
        }
    }

    /// Whether events of it are told.
    pub(super) const fn is_told(&self) -> bool {
        !self.is_dropped && self.stopped.is_none()
    }

    /// Whether the trade `id` of the message with this number was told before; else it is told now.
    /// Trades of one message may have one id, and come in any order.
    pub(super) fn is_trade_repeated(&mut self, id: u64, message: u64) -> bool {
        if self.trade_message.0 != message {
            self.trade_message = (message, self.last_trade);
        }
        if is_repeated(id, self.trade_message.1) {
            return true;
        }
        // Where the venue has begun to count anew the number goes down.
        let is_back = id < self.trade_message.1;
        self.last_trade = if is_back { id } else { self.last_trade.max(id) };
        false
    }

    /// Its book was in order and is not any more, or never was.
    pub(super) fn lose(&mut self, now_ns: Nanos) {
        self.lost_ns.get_or_insert(now_ns);
        if let Book::Live(since_ns) = self.book {
            let lasted_ns = now_ns.get().saturating_sub(since_ns.get());
            self.attempts = if lasted_ns >= SOUND_NS { 0 } else { self.attempts + 1 };
            // The first one at once, those of a book that is lost again and again less often.
            self.retry_ns = self.pause_ns(now_ns);
            self.book = Book::Waiting(now_ns);
        }
    }

    /// A snapshot was of no use, or did not come.
    pub(super) fn retry(&mut self, now_ns: Nanos) {
        self.attempts = self.attempts.saturating_add(1);
        self.retry_ns = self.pause_ns(now_ns);
        self.book = Book::Waiting(now_ns);
    }

    fn pause_ns(&self, now_ns: Nanos) -> Nanos {
        if self.attempts == 0 {
            return now_ns;
        }
        let doubled = RETRY_NS.saturating_mul(1 << (self.attempts - 1).min(20));
        now_ns.saturating_add_ns(doubled.min(RETRY_MAX_NS))
    }

    /// Its book is in order.
    pub(super) fn in_order(&mut self, now_ns: Nanos) -> Option<i64> {
        // Whoever records has it now.
        self.copy = Copied::Nothing;
        self.book = Book::Live(now_ns);
        self.found(now_ns)
    }

    /// What is told is what the venue says: how long it was not.
    pub(super) fn found(&mut self, now_ns: Nanos) -> Option<i64> {
        let lost_ns = self.lost_ns.take()?;
        let took_ns = now_ns.get().saturating_sub(lost_ns.get());
        self.resyncs.add(took_ns);
        Some(took_ns)
    }

    /// The link is gone: nothing is known of its streams.
    pub(super) fn disconnected(&mut self, now_ns: Nanos) {
        self.lost_ns.get_or_insert(now_ns);
        if self.book != Book::Unwanted {
            self.book = Book::Idle;
        }
        self.is_dead = false;
        self.refused_ns = None;
        self.attempts = 0;
    }
}
