//! One run: a pinned thread, a pace, a time for every frame.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use qt_engine::Gate;
use qt_ring::{Cores, Pinning};
use serde::Serialize;

use super::figures::{Schedule, short};
use super::frames::Frames;
use super::path::{Fault, Path};
use super::stages::Unstamped;

/// A pause between warm-up and the first frame that counts.
const PAUSE_NS: u64 = 20_000_000;
/// Turns after which the time limit is looked at.
const TURNS: usize = 64;

/// How frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// This many a second, by a schedule that waits for nothing; times count from when a frame
    /// was due.
    PerSecond(u64),
    /// The next one when the report on the one before is done; times count from its beginning and
    /// are those of the service, without the report. After as many frames the disk catches up.
    BackToBack(usize),
}

/// What happened to the thread meanwhile, as the system counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Disturbance {
    /// How often the system took the core away from it.
    pub switches: u64,
    /// Pages that had to be brought in.
    pub faults: u64,
    /// What the host took from all cores, in hundredths of a second.
    pub steal: u64,
}

/// What came of driving.
#[derive(Clone, Copy, Debug, Default)]
pub struct Driven {
    /// How many frames were counted.
    pub counted: usize,
    /// How long all of it took, reports and disk with it, where frames came back to back; zero
    /// where a schedule says how long.
    pub elapsed: Duration,
    /// What the system did meanwhile.
    pub disturbance: Disturbance,
}

/// The cores of the threads.
#[derive(Clone, Debug)]
pub struct Seats {
    cores: Cores,
    /// Of the path.
    pub path: Option<usize>,
    /// Of the feed, and of the thread that writes the journal to the disk.
    pub other: Option<usize>,
}

/// What is done for a frame.
pub trait Work {
    /// The measured stretch.
    ///
    /// # Errors
    /// When the frame does not become an order.
    fn take(&mut self, number: u64) -> Result<(), Fault>;

    /// What comes after it.
    ///
    /// # Errors
    /// As [`Self::take`].
    fn answer(&mut self) -> Result<(), Fault>;

    /// Lets the disk catch up.
    ///
    /// # Errors
    /// As [`Self::take`].
    fn rest(&mut self) -> Result<(), Fault>;
}

/// Nothing: what pace and clock take by themselves.
pub struct Nothing;

impl Work for Nothing {
    #[inline(always)]
    fn take(&mut self, _number: u64) -> Result<(), Fault> {
        Ok(())
    }

    #[inline(always)]
    fn answer(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn rest(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

/// The path, fed with frames from memory.
pub struct Fed<'a, G: Gate> {
    /// The path.
    pub path: &'a mut Path<G>,
    /// The frames.
    pub frames: &'a Frames,
}

impl<G: Gate> Work for Fed<'_, G> {
    #[inline(always)]
    fn take(&mut self, number: u64) -> Result<(), Fault> {
        self.path.take(self.frames.get(number), &mut Unstamped)
    }

    #[inline(always)]
    fn answer(&mut self) -> Result<(), Fault> {
        self.path.answer()
    }

    fn rest(&mut self) -> Result<(), Fault> {
        let journal = &self.path.journal;
        journal.wait_on_disk(journal.last()).map_err(Fault::Journal)
    }
}

impl Seats {
    /// The last core for the path: the first serves most interrupts.
    pub fn find() -> Self {
        let cores = Cores::allowed();
        let mut from_last = cores.list().iter().rev().copied();
        let (path, other) = (from_last.next(), from_last.next());
        Self { cores, path, other }
    }

    /// Where the journal's thread is to run.
    pub fn writer(&self) -> Option<(Cores, usize)> {
        self.other.map(|core| (self.cores.clone(), core))
    }

    /// Runs `work` on a thread of its own, pinned to `core`.
    pub fn on<T: Send>(&self, core: Option<usize>, work: impl FnOnce() -> T + Send) -> Option<T> {
        let pinned = || {
            if let Some(core) = core {
                // Where it is refused, `text` has said so.
                let _ = self.cores.pin(core);
            }
            work()
        };
        thread::scope(|scope| scope.spawn(pinned).join().ok())
    }

    /// Pins the calling thread to the other core.
    pub fn sit_beside(&self) {
        if let Some(core) = self.other {
            let _ = self.cores.pin(core);
        }
    }

    /// What comes of pinning, for people.
    pub fn text(&self) -> String {
        let Some(core) = self.path else { return "not pinned: no core is known".to_owned() };
        let pinning = thread::scope(|scope| scope.spawn(|| self.cores.pin(core)).join());
        pinning.as_ref().map_or_else(|_| "not pinned".to_owned(), Pinning::to_string)
    }
}

/// Runs `work` for as many frames as `times` has room for and no longer than `limit`; the first
/// `warm_up` are not counted. `times` holds those of the others.
///
/// # Errors
/// When a frame does not become an order.
pub fn drive(
    work: &mut impl Work,
    pace: Pace,
    warm_up: u64,
    times: &mut [u32],
    limit: Duration,
) -> Result<Driven, Fault> {
    for number in 0..warm_up {
        work.take(number)?;
        work.answer()?;
    }
    work.rest()?;
    let before = Disturbance::now();
    let (counted, elapsed) = match pace {
        Pace::PerSecond(rate) => (paced(work, rate, warm_up, times)?, Duration::ZERO),
        Pace::BackToBack(burst) => back_to_back(work, burst, warm_up, times, limit)?,
    };
    Ok(Driven { counted, elapsed, disturbance: Disturbance::now().since(before) })
}

fn paced(work: &mut impl Work, rate: u64, first: u64, times: &mut [u32]) -> Result<usize, Fault> {
    let clock = Instant::now();
    let now_ns = || clock.elapsed().as_nanos() as u64;
    let schedule = Schedule::new(PAUSE_NS, rate);
    for (number, place) in (0_u64..).zip(times.iter_mut()) {
        let due_ns = schedule.due_ns(number);
        while now_ns() < due_ns {}
        work.take(first + number)?;
        *place = short(now_ns().saturating_sub(due_ns));
        work.answer()?;
    }
    Ok(times.len())
}

/// How many frames, and how long they took with all that comes between them.
fn back_to_back(
    work: &mut impl Work,
    burst: usize,
    first: u64,
    times: &mut [u32],
    limit: Duration,
) -> Result<(usize, Duration), Fault> {
    let clock = Instant::now();
    let now_ns = || clock.elapsed().as_nanos() as u64;
    for (number, place) in times.iter_mut().enumerate() {
        let begin_ns = now_ns();
        work.take(first + number as u64)?;
        *place = short(now_ns() - begin_ns);
        work.answer()?;
        if (number + 1).is_multiple_of(burst.max(1)) {
            work.rest()?;
        }
        if number % TURNS == 0 && clock.elapsed() > limit {
            return Ok((number + 1, clock.elapsed()));
        }
    }
    Ok((times.len(), clock.elapsed()))
}

impl Disturbance {
    /// As it stands for the calling thread; zero where the system does not say.
    pub fn now() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let status = read("/proc/thread-self/status");
        let switches = status
            .lines()
            .find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:")?.trim().parse().ok());
        let stat = read("/proc/thread-self/stat");
        // The name in brackets may hold spaces; minor faults are the eighth behind it.
        let behind = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let faults = behind.split_whitespace().nth(7).and_then(|text| text.parse().ok());
        let machine = read("/proc/stat");
        let first = machine.lines().next().unwrap_or_default();
        let steal = first.split_whitespace().nth(8).and_then(|text| text.parse().ok());
        Self {
            switches: switches.unwrap_or_default(),
            faults: faults.unwrap_or_default(),
            steal: steal.unwrap_or_default(),
        }
    }

    /// What came since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            switches: self.switches.saturating_sub(before.switches),
            faults: self.faults.saturating_sub(before.faults),
            steal: self.steal.saturating_sub(before.steal),
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            switches: self.switches + other.switches,
            faults: self.faults + other.faults,
            steal: self.steal + other.steal,
        }
    }
}
