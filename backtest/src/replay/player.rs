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
    ring: Producer<Fed<R>>,
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
            outlets.push(Outlet { reel, ring, is_venue, held: None, told_ns: i64::MIN });
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

    /// When the next record is due (UTC ns); `None` at the end.
    #[must_use]
    pub fn next_ns(&self) -> Option<i64> {
        self.outlets.iter().filter_map(|outlet| outlet.next_ns(self.to_ns)).min()
    }

    /// Hands over all records that are due until `until_ns`, and says that those were all.
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
        loop {
            while let Some(at) = self.first_due(until_ns, &full) {
                match self.put(at)? {
                    Room::Taken => {}
                    Room::Full => full[at] = true,
                    Room::Nobody => return Ok(Pushed::Nobody),
                }
            }
            if !full.contains(&true) {
                break;
            }
            // Whoever is to make room may wait for what goes into the other rings: those have all
            // that is due, and are told that this is so.
            for at in 0..self.outlets.len() {
                if !full[at] {
                    self.outlets[at].try_tell_time(until_ns.saturating_add(1));
                }
            }
            full.fill(false);
            std::thread::yield_now();
        }
        if self.next_ns().is_none() {
            return Ok(Pushed::End);
        }
        Ok(self.tell_time(until_ns.saturating_add(1)))
    }

    /// The outlet with the first record that is due until `until_ns`, of those that are not full.
    fn first_due(&self, until_ns: i64, full: &[bool]) -> Option<usize> {
        let outlets = self.outlets.iter().enumerate().filter(|(at, _)| !full[*at]);
        let due = outlets.filter_map(|(at, outlet)| Some((outlet.next_ns(self.to_ns)?, at)));
        due.min().filter(|&(due_ns, _)| due_ns <= until_ns).map(|(_, at)| at)
    }

    /// Puts the next record of outlet `at` in, if there is room.
    fn put(&mut self, at: usize) -> Result<Room, DataError> {
        let Self { outlets, clock, waits, .. } = self;
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
        match outlet.ring.push(fed) {
            Ok(()) => {
                outlet.told_ns = outlet.told_ns.max(fed.due_ns);
                outlet.reel.advance()?;
                Ok(Room::Taken)
            }
            Err(Full(_)) if outlet.ring.is_closed() => Ok(Room::Nobody),
            Err(Full(back)) => {
                *waits += u64::from(held.is_none());
                outlet.held = Some(back);
                Ok(Room::Full)
            }
        }
    }

    /// Says in every ring that nothing from before `ns` is to come.
    fn tell_time(&mut self, ns: i64) -> Pushed {
        loop {
            // Each that can be told is: the other side may wait for any of them.
            let told = self.outlets.iter_mut().map(|outlet| outlet.try_tell_time(ns));
            let is_told = told.fold(true, |all, is_told| all & is_told);
            if self.outlets.iter().any(|outlet| outlet.ring.is_closed()) {
                return Pushed::Nobody;
            }
            if is_told {
                return Pushed::All;
            }
            std::thread::yield_now();
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

    /// Says that nothing from before `ns` is to come, unless that was said; false when there is
    /// no room for it.
    fn try_tell_time(&mut self, ns: i64) -> bool {
        if self.told_ns >= ns {
            return true;
        }
        let is_told = self.ring.push(nothing_at(ns)).is_ok();
        if is_told {
            self.told_ns = ns;
        }
        is_told
    }
}
