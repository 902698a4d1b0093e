//! The rings to sessions: each gets all of the market, and the whole book again where something
//! of it found no room.

use std::sync::Arc;

use crossbeam::sync::Unparker;
use qt_ring::{Bell, SetupError, Wait};
use qt_runtime::live::{FeedReader, FeedWriter, Offered, feed};
use qt_types::{
    Event, InstrumentId, Nanos, Payload, Seq, Side, Tick, TickFlags, TickKind, VenueId,
};

use super::listing::LiveBook;

/// Events that a session may be behind.
const RING_ITEMS: usize = 1_024;
/// The same where the market is a venue, whose books are deep.
const LIVE_RING_ITEMS: usize = 8_192;
/// Levels of a side that a session is told at once, at least and at most.
const DEPTH_MIN: usize = 50;
const DEPTH_MAX: usize = 1_000;

/// A session that hears of the market.
pub struct Outlet {
    writer: FeedWriter,
    wakes: Option<Unparker>,
    /// Whether it has to be told the whole of all books.
    is_behind: bool,
}

impl Outlet {
    /// A ring for a session that is woken by `wakes`, and its other end.
    ///
    /// # Errors
    /// When there is no such ring.
    pub fn new(
        instruments: usize,
        is_live: bool,
        wakes: Option<Unparker>,
    ) -> Result<(Self, FeedReader), SetupError> {
        let bell = Arc::new(Bell::new(Wait::Yield));
        let items = if is_live { LIVE_RING_ITEMS } else { RING_ITEMS };
        let (writer, reader) = feed(items, instruments, VenueId(0), &bell)?;
        Ok((Self { writer, wakes, is_behind: true }, reader))
    }

    /// The whole of all books, unless that was told.
    fn catch_up(&mut self, books: &[LiveBook], depth: usize, now_ns: i64) {
        if !self.is_behind || !self.writer.tell_lost() {
            return;
        }
        self.is_behind = false;
        for (at, book) in books.iter().enumerate() {
            let clears = [Side::Buy, Side::Sell].map(|side| (TickKind::Clear, side, 0, 0));
            let levels = book.levels(depth).map(|(side, price, qty)| {
                let is_top = book.is_top_only(side);
                (if is_top { TickKind::Top } else { TickKind::Level }, side, price, qty)
            });
            let mut all = clears.into_iter().chain(levels).peekable();
            while let Some((kind, side, price, qty)) = all.next() {
                let flags = TickFlags::of(side).with(TickFlags::SNAPSHOT);
                let is_last = all.peek().is_none();
                let flags = if is_last { flags.with(TickFlags::LAST) } else { flags };
                let tick = Tick {
                    venue_ns: now_ns,
                    price,
                    qty,
                    latency_ns: 0,
                    instrument: 0,
                    kind: kind as u8,
                    flags: flags.bits(),
                };
                self.put(&event_of(at, Payload::Tick(tick), now_ns));
            }
        }
    }

    fn put(&mut self, event: &Event) {
        if self.writer.push(event) == Offered::Dropped {
            self.is_behind = true;
        }
    }
}

/// An event of instrument `at` as a session gets it; it gives the event its own time.
pub(super) fn event_of(at: usize, payload: Payload, venue_ns: i64) -> Event {
    Event {
        seq: Seq::default(),
        recv_ns: Nanos::MIN,
        venue_ns: Nanos::new(venue_ns),
        instrument: InstrumentId(u16::try_from(at).unwrap_or(u16::MAX)),
        venue: VenueId(0),
        payload,
    }
}

/// All of them.
pub(super) struct Outlets {
    list: Vec<Outlet>,
    is_fresh: bool,
    /// Levels of a side of which a session is told when it comes, the best ones.
    depth: usize,
}

impl Outlets {
    /// None yet. Deep books of so many instruments have to find room in half a ring.
    pub(super) fn new(is_live: bool, instruments: usize) -> Self {
        let share = LIVE_RING_ITEMS / 4 / instruments.max(1);
        let depth = if is_live { share.clamp(DEPTH_MIN, DEPTH_MAX) } else { usize::MAX };
        Self { list: Vec::new(), is_fresh: false, depth }
    }

    pub(super) fn add(&mut self, outlet: Outlet, books: &[LiveBook], now_ns: i64) {
        self.list.push(outlet);
        self.is_fresh = true;
        self.catch_up(books, now_ns);
    }

    pub(super) fn put(&mut self, event: &Event) {
        for outlet in self.list.iter_mut().filter(|outlet| !outlet.is_behind) {
            outlet.put(event);
        }
        self.is_fresh = true;
    }

    pub(super) fn catch_up(&mut self, books: &[LiveBook], now_ns: i64) {
        self.list.retain(|outlet| !outlet.writer.is_closed());
        let depth = self.depth;
        self.list.iter_mut().for_each(|outlet| outlet.catch_up(books, depth, now_ns));
    }

    /// Wakes whoever sleeps over something new.
    pub(super) fn wake(&mut self) {
        if std::mem::take(&mut self.is_fresh) {
            self.list.iter().filter_map(|it| it.wakes.as_ref()).for_each(Unparker::unpark);
        }
    }
}
