//! The way of market data from the thread of a feed to a driver. It never waits: what finds no room
//! is dropped and counted, and the instrument is stale until its feed has told both sides of its
//! book anew.

use std::sync::Arc;

use qt_ring::{Bell, Consumer, Producer, Setup, SetupError, Wait, spsc};
use qt_types::{
    Event, InstrumentId, Nanos, OrderTick, OrderTickKind, Payload, Seq, Tick, TickFlags, TickKind,
    VenueId,
};

/// The writing end, for the thread of a feed.
#[derive(Debug)]
pub struct FeedWriter {
    ring: Producer<Event>,
    venue: VenueId,
    /// By instrument: what of it was dropped and not told of yet.
    lost: Vec<Lost>,
    lost_any: bool,
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
pub enum Fed {
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
) -> Result<(FeedWriter, Consumer<Event>), SetupError> {
    let (ring, reader) = spsc(&Setup::new(capacity, Wait::Yield).items_at(items))?;
    let lost = vec![Lost::Nothing; instruments];
    Ok((FeedWriter { ring, venue, lost, lost_any: false }, reader))
}

impl FeedWriter {
    /// Puts `event` in, behind the news of what was lost before.
    pub fn push(&mut self, event: &Event) -> Fed {
        if self.tell_lost() && self.ring.push(*event).is_ok() {
            return Fed::Taken;
        }
        self.lost_any = true;
        if let Some(lost) = self.lost.get_mut(event.instrument.index()) {
            let is_by_order = matches!(event.payload, Payload::Order(_)) || *lost == Lost::Orders;
            *lost = if is_by_order { Lost::Orders } else { Lost::Levels };
        }
        Fed::Dropped
    }

    /// Tells of what was lost, where there is room for it by now. To be called also when the feed
    /// is quiet. Whether all is told.
    pub fn tell_lost(&mut self) -> bool {
        if !self.lost_any {
            return true;
        }
        for (at, lost) in self.lost.iter_mut().enumerate() {
            let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
            let news = match *lost {
                Lost::Nothing => continue,
                Lost::Levels => [Some(gap()), None],
                // A book by order knows no gaps: it is emptied, and nothing can be held against it.
                Lost::Orders => [Some(clear(TickFlags::NONE)), Some(clear(TickFlags::ASK))],
            };
            let room = self.ring.capacity() - self.ring.len();
            if room < 2 {
                return false;
            }
            for payload in news.into_iter().flatten() {
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
        self.ring.refused()
    }
}

/// The driver gives it its time.
fn of(instrument: InstrumentId, venue: VenueId, payload: Payload) -> Event {
    let (recv_ns, venue_ns) = (Nanos::MIN, Nanos::MIN);
    Event { seq: Seq::default(), recv_ns, venue_ns, instrument, venue, payload }
}

fn gap() -> Payload {
    Payload::Tick(Tick {
        venue_ns: 0,
        price: 0,
        qty: 0,
        latency_ns: 0,
        instrument: 0,
        kind: TickKind::Gap as u8,
        flags: TickFlags::LAST.bits(),
    })
}

fn clear(side: TickFlags) -> Payload {
    Payload::Order(OrderTick {
        venue_ns: 0,
        order: 0,
        price: 0,
        qty: 0,
        latency_ns: 0,
        instrument: 0,
        kind: OrderTickKind::Clear as u8,
        flags: side.with(TickFlags::LAST).bits(),
    })
}
