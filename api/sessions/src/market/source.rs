//! The thread of a source: plays it at its pace, shows the last of everything, and feeds sessions.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError};
use qt_data::generate::Book;
use qt_types::{
    Bar, BarFlags, Event, Nanos, Payload, Price, Qty, Tick, TickFlags, TickKind, Trade,
};

use super::listing::{Listing, LiveBook};
use super::outlets::{Outlet, Outlets, event_of};
use super::recording::Recording;
use super::venue::Coming;
use qt_trading::time::Time;

/// What is shown of an instrument changes no more often than this (ns).
const PUBLISH_NS: i64 = 50_000_000;
/// Bars for strategies last so long (ns).
const BAR_NS: i64 = 60_000_000_000;
/// The longest sleep.
const NAP: Duration = Duration::from_millis(20);
/// The same while a venue may say something at any time.
const LIVE_NAP: Duration = Duration::from_millis(1);
/// What a venue says that is taken in before sessions are looked after again.
const LIVE_ROWS: usize = 4_096;
/// Prices are written down so often (ns), for the next start.
const SAVE_NS: i64 = 10_000_000_000;

/// Where the rows of instruments come from.
pub(super) enum Rows {
    /// The synthetic market of one instrument, by its number, from now on without end.
    Synthetic(usize, Box<Peekable<Book>>),
    /// A recording, to its end.
    Recorded(Box<Recording>),
    /// A venue, as it comes.
    Live(Coming),
}

impl Rows {
    /// When the next one is due (UTC ns).
    fn due_ns(&mut self) -> Option<i64> {
        match self {
            Self::Synthetic(_, rows) => rows.peek().map(|row| row.venue_ns),
            Self::Recorded(recording) => recording.due_ns(),
            // What has come is due.
            Self::Live(coming) => coming.is_due().then_some(i64::MIN),
        }
    }

    /// The next one, with the number of its instrument.
    fn next(&mut self) -> Option<(usize, Row)> {
        match self {
            Self::Synthetic(at, rows) => rows.next().map(|row| (*at, Row::Tick(row.tick()))),
            Self::Recorded(recording) => recording.next().map(|(at, tick)| (at, Row::Tick(tick))),
            Self::Live(coming) => {
                coming.next().map(|event| (event.instrument.index(), Row::Event(event)))
            }
        }
    }

    const fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }
}

/// What comes next of an instrument.
enum Row {
    /// A record.
    Tick(Tick),
    /// What a venue says.
    Event(Event),
}

/// Plays all rows.
pub(super) struct SourceThread {
    pub(super) rows: Vec<Rows>,
    pub(super) listings: Arc<Vec<Listing>>,
    pub(super) outlets: Receiver<Outlet>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) last_ns: Arc<AtomicI64>,
    /// Where the last prices are kept.
    pub(super) state: Option<PathBuf>,
}

/// What one thread keeps of its instruments.
struct Live {
    books: Vec<LiveBook>,
    bars: Vec<Option<Bar>>,
    outlets: Outlets,
    published_ns: i64,
    saved_ns: i64,
    row: u32,
}

impl SourceThread {
    pub(super) fn run(mut self) {
        let count = self.listings.len();
        let mut live = Live {
            books: std::iter::repeat_with(LiveBook::default).take(count).collect(),
            bars: vec![None; count],
            outlets: Outlets::new(self.rows.iter().any(Rows::is_live), count),
            published_ns: 0,
            saved_ns: 0,
            row: 0,
        };
        while !self.stop.load(Ordering::Acquire) {
            let now_ns = Time::now().0;
            self.play_to(now_ns, &mut live);
            live.end_bars(now_ns);
            if now_ns - live.published_ns >= PUBLISH_NS {
                live.published_ns = now_ns;
                let shown = self.listings.iter().zip(&mut live.books);
                shown.filter(|(_, book)| book.is_dirty).for_each(|(of, book)| of.publish(book));
            }
            if now_ns - live.saved_ns >= SAVE_NS {
                live.saved_ns = now_ns;
                self.save();
            }
            live.outlets.catch_up(&live.books, now_ns);
            live.outlets.wake();
            let nap = self.nap(now_ns);
            match self.outlets.recv_timeout(nap) {
                Ok(outlet) => live.outlets.add(outlet, &live.books, now_ns),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.save();
        self.listings.iter().for_each(Listing::keep_last);
    }

    fn nap(&mut self, now_ns: i64) -> Duration {
        let next = self.rows.iter_mut().filter_map(Rows::due_ns);
        let left_ns = next.min().map_or(i64::MAX, |next_ns| next_ns.saturating_sub(now_ns));
        let most = if self.rows.iter().any(Rows::is_live) { LIVE_NAP } else { NAP };
        most.min(Duration::from_nanos(u64::try_from(left_ns).unwrap_or(0)))
    }

    /// All rows until `now_ns` (UTC), in the order of their times.
    fn play_to(&mut self, now_ns: i64, live: &mut Live) {
        let mut left = LIVE_ROWS;
        while left > 0 {
            let heads = self.rows.iter_mut().enumerate();
            let heads = heads.filter_map(|(of, rows)| rows.due_ns().map(|due_ns| (due_ns, of)));
            let Some((due_ns, of)) = heads.min() else { return };
            if due_ns > now_ns {
                return;
            }
            let Some((at, row)) = self.rows[of].next() else { return };
            let Some(listing) = self.listings.get(at) else { continue };
            let heard_ns = match &row {
                Row::Tick(tick) => {
                    // A bar is told before anything that is not in it: its close is the last
                    // price then.
                    live.end_bars(due_ns);
                    live.take(at, tick, listing);
                    due_ns
                }
                Row::Event(event) => {
                    left -= 1;
                    live.end_bars(now_ns);
                    live.hear(at, event, now_ns, listing);
                    now_ns
                }
            };
            self.last_ns.store(heard_ns, Ordering::Relaxed);
        }
    }

    /// Keeps the last prices; that they cannot be kept only means that the next start begins at
    /// the first ones.
    fn save(&self) {
        let Some(path) = &self.state else { return };
        let middle = |of: &Listing| {
            let quote = of.quote.borrow();
            Some((of.instrument.symbol.clone(), quote.bid?.0.to_string()))
        };
        let prices: BTreeMap<String, String> = self.listings.iter().filter_map(middle).collect();
        let aside = path.with_extension("new");
        if let Ok(text) = serde_json::to_string(&prices)
            && std::fs::write(&aside, text).is_ok()
        {
            let _ = std::fs::rename(&aside, path);
        }
    }
}

impl Live {
    /// What a venue says; what the feed says itself has no time of the venue.
    fn hear(&mut self, at: usize, event: &Event, now_ns: i64, listing: &Listing) {
        let venue_ns = event.venue_ns.get();
        let at_ns = if event.venue_ns == Nanos::MIN { now_ns } else { venue_ns };
        let book = &mut self.books[at];
        match &event.payload {
            Payload::Tick(tick) => book.level(&Tick { venue_ns: at_ns, ..*tick }),
            Payload::Trade(trade) => {
                book.trade(trade, at_ns);
                listing.print(trade, at_ns);
                add_to_bar(&mut self.bars[at], trade, at_ns);
            }
            _ => return,
        }
        self.outlets.put(&event_of(at, event.payload, at_ns));
    }

    fn take(&mut self, at: usize, tick: &Tick, listing: &Listing) {
        let book = &mut self.books[at];
        self.row = self.row.wrapping_add(1);
        let payload = if tick.kind() == Some(TickKind::Trade) {
            let has_side = !tick.flags().has(TickFlags::NO_AGGRESSOR);
            let trade = Trade {
                price: Price::from_ticks(tick.price),
                qty: Qty::from_lots(tick.qty),
                aggressor: has_side.then(|| tick.side()),
                flags: BarFlags::NONE,
                row: self.row,
            };
            book.trade(&trade, tick.venue_ns);
            listing.print(&trade, tick.venue_ns);
            add_to_bar(&mut self.bars[at], &trade, tick.venue_ns);
            Payload::Trade(trade)
        } else {
            book.level(tick);
            Payload::Tick(*tick)
        };
        self.outlets.put(&event_of(at, payload, tick.venue_ns));
    }

    /// Bars whose time is over go to the sessions.
    fn end_bars(&mut self, now_ns: i64) {
        for (at, bar) in self.bars.iter_mut().enumerate() {
            if let Some(done) = bar.take_if(|bar| bar.open_ns.get() + BAR_NS <= now_ns) {
                let end_ns = done.open_ns.get() + BAR_NS;
                self.outlets.put(&event_of(at, Payload::Bar(done), end_ns));
            }
        }
    }
}

fn add_to_bar(bar: &mut Option<Bar>, trade: &Trade, at_ns: i64) {
    let price = trade.price;
    let bar = bar.get_or_insert_with(|| Bar {
        open_ns: Nanos::new(at_ns - at_ns.rem_euclid(BAR_NS)),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Qty::ZERO,
        half_spread: [0; 4],
        flags: BarFlags::NONE,
        row: trade.row,
    });
    bar.high = bar.high.max(price);
    bar.low = bar.low.min(price);
    bar.close = price;
    bar.volume = Qty::from_lots(bar.volume.lots().saturating_add(trade.qty.lots()));
}
