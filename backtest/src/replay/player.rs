//! Plays files of records into rings, for a replay on another thread.

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
    /// Nothing from before this time is to come (UTC ns).
    told_ns: i64,
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
            outlets.push(Outlet { reel, ring, is_venue, told_ns: i64::MIN });
            Ok(feed)
        };
        let at_venue: Result<Vec<_>, _> = at_venue.into_iter().map(|r| outlet(r, true)).collect();
        let at_ours: Result<Vec<_>, _> = at_ours.into_iter().map(|r| outlet(r, false)).collect();
        let feeds = Feeds { at_venue: at_venue?, at_ours: at_ours? };
        Ok((Self { outlets, to_ns: config.to_ns, clock: None, waits: 0 }, feeds))
    }

    /// The same with a clock, whose word goes with each record that we are told of.
    #[must_use]
    pub fn with_clock(self, clock: PutClock<'a>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// How many records had to wait for room in their ring.
    #[must_use]
    pub const fn waits(&self) -> u64 {
        self.waits
    }

    /// When the next record is due (UTC ns); `None` at the end.
    #[must_use]
    pub fn next_ns(&self) -> Option<i64> {
        self.next().map(|(_, due_ns)| due_ns)
    }

    fn next(&self) -> Option<(usize, i64)> {
        let times = self.outlets.iter().enumerate().filter_map(|(at, outlet)| {
            let head = outlet.reel.head().filter(|head| head.venue_ns() < self.to_ns)?;
            Some((at, outlet.due_ns(&head)))
        });
        times.min_by_key(|&(at, due_ns)| (due_ns, at))
    }

    /// Hands over all records that are due until `until_ns`, and says that those were all.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn play_to(&mut self, until_ns: i64) -> Result<Pushed, DataError> {
        while let Some((at, due_ns)) = self.next().filter(|&(_, due_ns)| due_ns <= until_ns) {
            let outlet = &mut self.outlets[at];
            let Some(record) = outlet.reel.head() else { break };
            outlet.told_ns = outlet.told_ns.max(due_ns);
            let clock = self.clock.as_mut().filter(|_| !outlet.is_venue);
            let put = clock.map_or(0, |clock| clock());
            // Of one time records come in the order of the rings: those before this one have all.
            if !self.push(at, Fed { record, due_ns, put }, due_ns.saturating_add(1)) {
                return Ok(Pushed::Nobody);
            }
            self.outlets[at].reel.advance()?;
        }
        if self.next().is_none() {
            return Ok(Pushed::End);
        }
        let told = until_ns.saturating_add(1);
        let is_heard = (0..self.outlets.len()).all(|at| self.tell_time(at, told));
        Ok(if is_heard { Pushed::All } else { Pushed::Nobody })
    }

    /// Puts `fed` into ring `at`, waiting for room; whether anybody listens. Whoever is to make
    /// room may wait for news of the other rings: they get it. In those before `at` nothing from
    /// before `earlier_ns` is to come.
    fn push(&mut self, at: usize, fed: Fed<R>, earlier_ns: i64) -> bool {
        let mut fed = fed;
        let mut is_first = true;
        loop {
            match self.outlets[at].ring.push(fed) {
                Ok(()) => return true,
                Err(Full(_)) if self.outlets[at].ring.is_closed() => return false,
                Err(Full(back)) => fed = back,
            }
            self.waits += u64::from(is_first);
            is_first = false;
            for other in (0..self.outlets.len()).filter(|&other| other != at) {
                self.try_tell_time(other, if other < at { earlier_ns } else { fed.due_ns });
            }
            std::thread::yield_now();
        }
    }

    /// Says in ring `at` that nothing from before `ns` is to come; whether anybody listens.
    fn tell_time(&mut self, at: usize, ns: i64) -> bool {
        let outlet = &mut self.outlets[at];
        if outlet.told_ns >= ns {
            return !outlet.ring.is_closed();
        }
        outlet.told_ns = ns;
        self.push(at, nothing_at(ns), ns)
    }

    /// The same if there is room.
    fn try_tell_time(&mut self, at: usize, ns: i64) {
        let outlet = &mut self.outlets[at];
        let is_news = outlet.told_ns < ns;
        if is_news && outlet.ring.push(nothing_at(ns)).is_ok() {
            outlet.told_ns = ns;
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
}
