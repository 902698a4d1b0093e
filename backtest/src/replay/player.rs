//! Plays files of records into rings, for a replay on another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use qt_data::error::DataError;
use qt_ring::{Full, Producer, Setup, SetupError, Wait, spsc};

use super::fed::{FED_MAX, Fed, Feeds};
use super::reel::{Reel, cut};
use super::{Film, ReplayConfig, Replayed};

/// Why a player cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum PlayerError {
    /// A file cannot be read.
    #[error("{0}")]
    Data(#[from] DataError),
    /// A ring cannot be made.
    #[error("{0}")]
    Ring(#[from] SetupError),
}

/// A clock that a player is given: what it says goes with a record, zero says nothing.
pub type PutClock<'a> = Box<dyn FnMut() -> u64 + Send + 'a>;

/// One reel and the ring that it is played into.
struct Outlet<'a, R: Replayed> {
    reel: Reel<'a, R>,
    /// None once all was put in: the other side sees that this one ends.
    ring: Option<Producer<Fed<R>>>,
    /// Whether its times are those at the venue.
    is_venue: bool,
    /// The next record as it is put in, once there was no room for it.
    held: Option<Fed<R>>,
    /// Nothing from before this time is to come (UTC ns).
    told_ns: i64,
}

/// What became of a record that was to be put into a ring.
enum Room {
    Taken,
    Full,
    Nobody,
}

/// How far the player came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// All until the time that was asked for.
    All,
    /// Not all: a ring is full.
    Full,
    /// All there is.
    End,
    /// Nobody listens any more.
    Nobody,
}

/// Plays each file twice, at the times of the venue and at those at which we are told, in the
/// order of these times. It keeps no pace: it is told until when to play.
pub struct Player<'a, R: Replayed> {
    /// Those of the venue first.
    outlets: Vec<Outlet<'a, R>>,
    /// Records from this time on (UTC ns, at the venue) are left out.
    to_ns: i64,
    /// Asked once for each record that we are told of.
    clock: Option<PutClock<'a>>,
    waits: u64,
    /// Tells the other side that what ends is not the data.
    is_broken: Arc<AtomicBool>,
}

impl<'a, R: Replayed> Player<'a, R> {
    /// A player of `films`, and what it plays to. `wait` says how the other side waits for it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn new(
        films: &[Film<'a>],
        config: &ReplayConfig,
        wait: Wait,
    ) -> Result<(Self, Feeds<R>), PlayerError> {
        let [at_venue, at_ours] = cut(films, &config.feed)?;
        let mut outlets = Vec::new();
        let mut outlet = |reel, is_venue| -> Result<_, SetupError> {
            let (ring, feed) = spsc(&Setup::new(FED_MAX, wait))?;
            outlets.push(Outlet {
                reel,
                ring: Some(ring),
                is_venue,
                held: None,
                told_ns: i64::MIN,
            });
            Ok(feed)
        };
        let at_venue: Result<Vec<_>, _> = at_venue.into_iter().map(|r| outlet(r, true)).collect();
        let at_ours: Result<Vec<_>, _> = at_ours.into_iter().map(|r| outlet(r, false)).collect();
        let is_broken = Arc::new(AtomicBool::new(false));
        let (at_venue, at_ours) = (at_venue?, at_ours?);
        let feeds = Feeds { at_venue, at_ours, is_broken: Arc::clone(&is_broken) };
        Ok((Self { outlets, to_ns: config.to_ns, clock: None, waits: 0, is_broken }, feeds))
    }

    /// The same with a clock, whose word goes with each record that we are told of.
    #[must_use]
    pub fn with_clock(mut self, clock: PutClock<'a>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How many records had to wait for room in their ring.
    #[must_use]
    pub const fn waits(&self) -> u64 {
        self.waits
    }

    /// When the next record is due (UTC ns) that is not kept back by a full ring, if there is one;
    /// `None` at the end.
    #[must_use]
    pub fn next_ns(&self) -> Option<i64> {
        let due = |outlet: &Outlet<'a, R>| outlet.next_ns(self.to_ns);
        let free = self.outlets.iter().filter(|outlet| outlet.held.is_none());
        free.filter_map(due).min().or_else(|| self.outlets.iter().filter_map(due).min())
    }

    /// Hands over all records that are due until `until_ns`, and says that those were all; where a
    /// ring is full, all of the others. Then it is to be called again, with a later time as soon
    /// as [`Self::next_ns`] allows: who is to make room may wait for it.
    ///
    /// # Errors
    /// When a file cannot be read. The other side is told that this is not the end of the data.
    pub fn play_to(&mut self, until_ns: i64) -> Result<Pushed, DataError> {
        let played = self.play(until_ns);
        if played.is_err() {
            self.is_broken.store(true, Ordering::Release);
        }
        played
    }

    fn play(&mut self, until_ns: i64) -> Result<Pushed, DataError> {
        // Rings without room, by place: there are few files.
        let mut full = vec![false; self.outlets.len()];
        while let Some(at) = self.first_due(until_ns, &full) {
            match self.put(at)? {
                Room::Taken => {}
                Room::Full => full[at] = true,
                Room::Nobody => return Ok(Pushed::Nobody),
            }
        }
        if self.next_ns().is_none() {
            return Ok(Pushed::End);
        }
        // Whoever is to make room in one ring may wait for what goes into the others, also for word
        // that this is all: those that have room for it are told, and nobody waits here.
        let mut is_all = true;
        for (outlet, is_full) in self.outlets.iter_mut().zip(full) {
            is_all &= !is_full && outlet.try_tell_time(until_ns, self.to_ns);
        }
        if self.outlets.iter().any(Outlet::is_closed) {
            return Ok(Pushed::Nobody);
        }
        if !is_all {
            std::thread::yield_now();
        }
        Ok(if is_all { Pushed::All } else { Pushed::Full })
    }

    /// The outlet with the first record that is due until `until_ns`, of those that are not full.
    /// What is held was due by then: it is, whatever the time that is asked for now. While all
    /// rings are full that may be an earlier one.
    fn first_due(&self, until_ns: i64, full: &[bool]) -> Option<usize> {
        let outlets = self.outlets.iter().enumerate().filter(|(at, _)| !full[*at]);
        let due = outlets.filter_map(|(at, outlet)| {
            let due_ns = outlet.next_ns(self.to_ns)?;
            (due_ns <= until_ns || outlet.held.is_some()).then_some((due_ns, at))
        });
        due.min().map(|(_, at)| at)
    }

    /// Puts the next record of outlet `at` in, if there is room.
    fn put(&mut self, at: usize) -> Result<Room, DataError> {
        let Self { outlets, clock, waits, to_ns, .. } = self;
        let outlet = &mut outlets[at];
        let held = outlet.held.take();
        let fed = match (held, outlet.reel.head()) {
            (Some(held), _) => held,
            (None, Some(record)) => {
                let clock = clock.as_mut().filter(|_| !outlet.is_venue);
                let put = clock.map_or(0, |clock| clock());
                Fed { record, due_ns: outlet.due_ns(&record), put }
            }
            (None, None) => return Ok(Room::Taken),
        };
        let Some(ring) = &mut outlet.ring else { return Ok(Room::Taken) };
        match ring.push(fed) {
            Ok(()) => {
                outlet.told_ns = outlet.told_ns.max(fed.due_ns);
                outlet.reel.advance()?;
                outlet.end(*to_ns);
                Ok(Room::Taken)
            }
            Err(Full(_)) if ring.is_closed() => Ok(Room::Nobody),
            Err(Full(back)) => {
                *waits += u64::from(held.is_none());
                outlet.held = Some(back);
                Ok(Room::Full)
            }
        }
    }
}

impl<R: Replayed> Drop for Player<'_, R> {
    /// Before the rings are closed: a player that comes to a sudden end is not at the end of the
    /// data.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.is_broken.store(true, Ordering::Release);
        }
    }
}

fn nothing_at<R: Replayed>(ns: i64) -> Fed<R> {
    Fed { record: R::nothing_at(ns), due_ns: ns, put: 0 }
}

impl<R: Replayed> Outlet<'_, R> {
    fn due_ns(&self, head: &R) -> i64 {
        if self.is_venue { head.venue_ns() } else { self.reel.known_ns(head) }
    }

    /// When its next record is due (UTC ns), of those from before `to_ns` at the venue.
    fn next_ns(&self, to_ns: i64) -> Option<i64> {
        let head = self.reel.head().filter(|head| head.venue_ns() < to_ns)?;
        Some(self.due_ns(&head))
    }

    /// Closes the ring once there is nothing more to be put in.
    fn end(&mut self, to_ns: i64) {
        if self.next_ns(to_ns).is_none() {
            self.ring = None;
        }
    }

    /// Whether nobody listens any more.
    fn is_closed(&self) -> bool {
        self.ring.as_ref().is_some_and(Producer::is_closed)
    }

    /// Says that all until `until_ns` was put in, unless that was said; false when there is no
    /// room for it.
    fn try_tell_time(&mut self, until_ns: i64, to_ns: i64) -> bool {
        self.end(to_ns);
        let next_ns = self.next_ns(to_ns);
        let Some((next_ns, ring)) = next_ns.zip(self.ring.as_mut()) else { return true };
        // Not later than its next record, which is there: no time is without end.
        let ns = until_ns.saturating_add(1).min(next_ns);
        if self.told_ns >= ns {
            return true;
        }
        let is_told = ring.push(nothing_at(ns)).is_ok();
        if is_told {
            self.told_ns = ns;
        }
        is_told
    }
}

#[cfg(test)]
mod tests {
    use qt_data::calendar::Calendar;
    use qt_data::generate::Market;
    use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
    use qt_ring::Consumer;
    use qt_types::{InstrumentId, InstrumentKind, InstrumentSpec, Tick};

    use super::super::Pace;
    use super::super::fed::FED_MAX;
    use super::super::record::NO_INSTRUMENT;
    use super::*;
    use crate::feed::FeedLatency;

    /// More records than three rings hold.
    fn long_file() -> (tempfile::TempDir, TickFile) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.qtt");
        let market = Market {
            rows: 4 * FED_MAX as u64,
            interval_ns: 1_000_000,
            calendar: Calendar::Always,
            ..Market::default()
        };
        let (kind, one) = (InstrumentKind::Perpetual, 1_000_000_000);
        let spec = InstrumentSpec::new("L", "USD", kind, market.tick_e9, market.lot_e9, one);
        let mut writer = TickWriter::<Tick>::create(&path).unwrap();
        for row in market.book().unwrap() {
            writer.push(row.tick(), row.venue_ns.saturating_add(1_000)).unwrap();
        }
        let instruments = vec![spec.unwrap()];
        writer.finish(&Description { instruments, ..Description::default() }).unwrap();
        (dir, TickFile::open(&path, Verify::OnRead).unwrap())
    }

    /// As a session with the longest latencies: its side of the venue runs ahead by more than a
    /// ring holds, and only then takes what it is told.
    #[test]
    fn a_ring_that_was_emptied_is_filled_again_while_another_stays_full() {
        let (_dir, file) = long_file();
        let instruments = [InstrumentId(0)];
        let films = [Film { file: &file, instruments: &instruments }];
        let config = ReplayConfig {
            from_ns: i64::MIN,
            to_ns: i64::MAX,
            feed: FeedLatency::default(),
            sample_ns: 1,
            pace: Pace::Ahead,
        };
        let (mut player, mut feeds) = Player::<Tick>::new(&films, &config, Wait::Yield).unwrap();
        let mut venue = feeds.at_venue.remove(0);
        let ours = feeds.at_ours.remove(0);
        let rows = usize::try_from(file.len()).unwrap();

        let drained = |venue: &mut Consumer<Fed<Tick>>| {
            std::iter::from_fn(|| venue.pop())
                .filter(|fed| fed.record.instrument != NO_INSTRUMENT)
                .count()
        };

        let mut at_venue = 0;
        for _ in 0..2 {
            assert_eq!(player.play_to(i64::MAX).unwrap(), Pushed::Full);
            at_venue += drained(&mut venue);
        }
        assert_eq!(player.play_to(i64::MAX).unwrap(), Pushed::Full);
        // Both are full, and what is held for ours is due long before what is held for the venue.
        for _ in 0..100_000 {
            at_venue += drained(&mut venue);
            if at_venue == rows {
                break;
            }
            let next_ns = player.next_ns().unwrap();
            assert_eq!(player.play_to(next_ns).unwrap(), Pushed::Full);
        }
        assert_eq!(at_venue, rows);
        assert_eq!(ours.len(), FED_MAX);
    }
}
