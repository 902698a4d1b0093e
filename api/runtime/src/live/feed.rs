//! The way of market data from the thread of a feed to a driver. It never waits: what finds no room
//! is dropped and counted, and the instrument is stale until its feed has told both sides of its
//! book anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use qt_ring::{Bell, Consumer, Producer, Setup, SetupError, Wait, spsc};
use qt_types::{Event, InstrumentId, Nanos, OrderTick, Payload, Seq, Side, Tick, VenueId};

/// The writing end, for the thread of a feed.
#[derive(Debug)]
pub struct FeedWriter {
    ring: Producer<Event>,
    venue: VenueId,
    /// By instrument: what of it was dropped and not told of yet.
    lost: Vec<Lost>,
    lost_any: bool,
    dropped: Arc<AtomicU64>,
}

/// The reading end, for a driver.
#[derive(Debug)]
pub struct FeedReader {
    ring: Consumer<Event>,
    dropped: Arc<AtomicU64>,
}

impl FeedReader {
    /// The next event, if there is one.
    pub fn pop(&mut self) -> Option<Event> {
        self.ring.pop()
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Events that were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// What was dropped of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    Nothing,
    /// Something of a book by price, or something else.
    Levels,
    /// Something of a book by order.
    Orders,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It is in the ring.
    Taken,
    /// It is lost, and the instrument is stale: the feed has to begin it anew, with both sides
    /// emptied ([`TickKind::Clear`]) and a snapshot.
    Dropped,
}

/// A ring for `capacity` events, a power of two, of `instruments` instruments. The driver waits at
/// `items`.
///
/// # Errors
/// When there is no such ring.
pub fn feed(
    capacity: usize,
    instruments: usize,
    venue: VenueId,
    items: &Arc<Bell>,
) -> Result<(FeedWriter, FeedReader), SetupError> {
    let (ring, reader) = spsc(&Setup::new(capacity, Wait::Yield).items_at(items))?;
    let lost = vec![Lost::Nothing; instruments];
    let dropped = Arc::new(AtomicU64::new(0));
    let reader = FeedReader { ring: reader, dropped: Arc::clone(&dropped) };
    Ok((FeedWriter { ring, venue, lost, lost_any: false, dropped }, reader))
}

impl FeedWriter {
    /// Puts `event` in, behind the news of what was lost before.
    pub fn push(&mut self, event: &Event) -> Offered {
        if self.tell_lost() && self.ring.push(*event).is_ok() {
            return Offered::Taken;
        }
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.lost_any = true;
        if let Some(lost) = self.lost.get_mut(event.instrument.index()) {
            let is_by_order = matches!(event.payload, Payload::Order(_)) || *lost == Lost::Orders;
            *lost = if is_by_order { Lost::Orders } else { Lost::Levels };
        }
        Offered::Dropped
    }

    /// Tells of what was lost, where there is room for it by now. To be called also when the feed
    /// is quiet. Whether all is told.
    pub fn tell_lost(&mut self) -> bool {
        if !self.lost_any {
            return true;
        }
        for (at, lost) in self.lost.iter_mut().enumerate() {
            let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
            let gap = [Payload::Tick(Tick::gap())];
            // A book by order knows no gaps: it is emptied, and nothing can be held against it.
            let cleared =
                [Side::Buy, Side::Sell].map(|side| Payload::Order(OrderTick::clear(side)));
            let news: &[Payload] = match *lost {
                Lost::Nothing => continue,
                Lost::Levels => &gap,
                Lost::Orders => &cleared,
            };
            // All of it or nothing, and none is offered that would be refused.
            if self.ring.capacity() - self.ring.len() < news.len() {
                return false;
            }
            for &payload in news {
                let event = of(instrument, self.venue, payload);
                if self.ring.push(event).is_err() {
                    return false;
                }
            }
            *lost = Lost::Nothing;
        }
        self.lost_any = false;
        true
    }

    /// Events that were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether nobody listens any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }
}

/// The driver gives it its time.
fn of(instrument: InstrumentId, venue: VenueId, payload: Payload) -> Event {
    let (recv_ns, venue_ns) = (Nanos::MIN, Nanos::MIN);
    Event { seq: Seq::default(), recv_ns, venue_ns, instrument, venue, payload }
}
