//! How long the stages of a session take. Always on: memory is taken at the start, and at full
//! speed one event in [`FULL_SPEED_EVERY`] is timed, since a look at the clock costs a part of
//! what an event does.

use std::time::Instant;

use hdrhistogram::Histogram;
use serde::Serialize;

/// At full speed so many events go by for each that is timed; at any other speed all are.
pub const FULL_SPEED_EVERY: u32 = 256;

/// Of commands, which are fewer, this many times as many are timed.
const COMMANDS_MORE: u32 = 8;

/// Figures are exact to two digits.
const DIGITS: u8 = 2;
/// More than an hour in ns; what takes longer counts as this.
const LONGEST_NS: u64 = 1 << 42;

/// A part of an event's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// From the feed having a record in hand until the pipeline takes it from the ring.
    Ring,
    /// An event into the journal.
    Append,
    /// The pipeline's step for an event: books, strategy, risk gate, orders.
    Step,
    /// The commands of a step, and the hash of the state, into the journal.
    Keep,
    /// Until the commands are durable and may leave.
    Durable,
    /// From the feed having a record in hand until all that follows from it is kept.
    Whole,
}

/// All of them in the order of an event's way, and the names that they have in results.
pub const STAGES: [(Stage, &str); 6] = [
    (Stage::Ring, "ring"),
    (Stage::Append, "append"),
    (Stage::Step, "step"),
    (Stage::Keep, "keep"),
    (Stage::Durable, "durable"),
    (Stage::Whole, "whole"),
];

/// A clock that counts from the start of a session. Zero is never its time.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// One that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since its beginning.
    #[must_use]
    #[inline]
    pub fn now_ns(&self) -> u64 {
        // It would take 584 years to be cut.
        (self.0.elapsed().as_nanos() as u64).max(1)
    }
}

/// What was measured.
#[derive(Debug)]
pub struct Stages {
    times: [Option<Histogram<u64>>; STAGES.len()],
}

/// The figures of one stage (ns).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageFigures {
    /// Its name.
    pub stage: &'static str,
    /// How many were timed.
    pub count: u64,
    /// Half took no longer.
    pub p50_ns: u64,
    /// 99 of 100 took no longer.
    pub p99_ns: u64,
    /// 999 of 1000 took no longer.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Default for Stages {
    fn default() -> Self {
        let times = std::array::from_fn(|_| {
            let mut times = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).ok();
            // To write all of it now spares the session its first touch.
            times.iter_mut().for_each(Histogram::reset);
            times
        });
        Self { times }
    }
}

impl Stages {
    /// Notes that `stage` took `ns`.
    #[inline]
    pub fn note(&mut self, stage: Stage, ns: u64) {
        if let Some(times) = self.times.get_mut(stage as usize).and_then(Option::as_mut) {
            times.saturating_record(ns);
        }
    }

    /// What half and what 99 of 100 of `stage` do not exceed; `None` before the first.
    #[must_use]
    pub fn quantiles(&self, stage: Stage) -> Option<[u64; 2]> {
        let times = self.times.get(stage as usize)?.as_ref()?;
        let of = |share| times.value_at_quantile(share);
        (!times.is_empty()).then(|| [of(0.5), of(0.99)])
    }

    /// The figures of all stages.
    #[must_use]
    pub fn figures(&self) -> Vec<StageFigures> {
        let with_names = STAGES.iter().zip(&self.times);
        let figures = with_names.filter_map(|(&(_, stage), times)| {
            let times = times.as_ref()?;
            let of = |share| if times.is_empty() { 0 } else { times.value_at_quantile(share) };
            Some(StageFigures {
                stage,
                count: times.len(),
                p50_ns: of(0.5),
                p99_ns: of(0.99),
                p999_ns: of(0.999),
                max_ns: times.max(),
            })
        });
        figures.collect()
    }
}

/// Follows an event on its way and notes what its stages took.
#[derive(Debug)]
pub struct Timing {
    clock: Clock,
    every: u32,
    /// Events of other kinds than records that go by until the next one is timed.
    left: u32,
    /// The same for events from which commands follow.
    commands_left: u32,
    /// When the feed had the record in hand that is taken next.
    put: Option<u64>,
    /// When the event that is timed was handed to the pipeline.
    step_from: Option<u64>,
    /// The way of the last timed record: its beginning, and its end so far.
    whole: Option<(u64, u64)>,
    /// What was measured.
    pub stages: Stages,
}

impl Timing {
    /// One that times each record that comes with a time, and of all other events one in `every`.
    #[must_use]
    pub fn new(clock: Clock, every: u32) -> Self {
        let stages = Stages::default();
        Self {
            clock,
            every,
            left: 0,
            commands_left: 0,
            put: None,
            step_from: None,
            whole: None,
            stages,
        }
    }

    /// A record comes next that the feed had in hand at `put`; zero: it is not timed.
    #[inline]
    pub fn take(&mut self, put: u64) {
        self.put = (put > 0).then_some(put);
    }

    /// An event begins; from when on it is timed, if it is. `is_record` says that it may have a
    /// time of its own, `is_sequel` that it belongs to what follows from the one before.
    #[inline]
    pub fn begin(&mut self, is_record: bool, is_sequel: bool) -> Option<u64> {
        if !is_sequel {
            self.end_whole();
        }
        if let Some(put) = self.put.take() {
            let now = self.clock.now_ns();
            self.stages.note(Stage::Ring, now.saturating_sub(put));
            self.whole = Some((put, now));
            return Some(now);
        }
        if is_record {
            return None;
        }
        is_turn(&mut self.left, self.every).then(|| self.clock.now_ns())
    }

    /// The event is in the journal; it began at `from`.
    #[inline]
    pub fn appended(&mut self, from: Option<u64>) {
        let Some(from) = from else { return };
        let now = self.clock.now_ns();
        self.stages.note(Stage::Append, now.saturating_sub(from));
        self.step_from = Some(now);
    }

    /// The pipeline is done with the event.
    #[inline]
    pub fn stepped(&mut self) {
        let Some(from) = self.step_from.take() else { return };
        let now = self.clock.now_ns();
        self.stages.note(Stage::Step, now.saturating_sub(from));
        if let Some((_, end)) = &mut self.whole {
            *end = now;
        }
    }

    /// Commands are about to be kept; since when, if they are timed.
    #[inline]
    pub fn keep(&mut self) -> Option<u64> {
        let every = self.every / COMMANDS_MORE;
        let is_timed = is_turn(&mut self.commands_left, every) | self.whole.is_some();
        is_timed.then(|| self.clock.now_ns())
    }

    /// Commands are in the journal, since they began to be kept at `from`; when that was.
    #[inline]
    pub fn kept(&self, from: Option<u64>) -> Option<(u64, u64)> {
        from.map(|from| (from, self.clock.now_ns()))
    }

    /// Commands may leave; what [`Self::kept`] has said of them.
    #[inline]
    pub fn left(&mut self, times: Option<(u64, u64)>) {
        let Some((from, kept)) = times else { return };
        let now = self.clock.now_ns();
        self.stages.note(Stage::Keep, kept.saturating_sub(from));
        self.stages.note(Stage::Durable, now.saturating_sub(kept));
        if let Some((_, end)) = &mut self.whole {
            *end = now;
        }
    }

    /// Nothing more follows from the last timed record.
    #[inline]
    pub fn end_whole(&mut self) {
        if let Some((from, end)) = self.whole.take() {
            self.stages.note(Stage::Whole, end.saturating_sub(from));
        }
    }
}

/// Whether it is the turn of one in `every`; `left` counts down to the next.
#[inline]
pub(crate) const fn is_turn(left: &mut u32, every: u32) -> bool {
    let is_turn = *left == 0;
    *left = if is_turn { every.saturating_sub(1) } else { *left - 1 };
    is_turn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_records_way_is_timed_once_with_all_that_follows() {
        let mut timing = Timing::new(Clock::start(), 3);
        timing.take(1);
        let from = timing.begin(true, false);
        timing.appended(from);
        timing.stepped();
        timing.left(Some((5, 9)));
        let denied = timing.begin(false, true);
        timing.appended(denied);
        timing.stepped();
        timing.take(0);
        assert_eq!(timing.begin(true, false), None);
        let counts: Vec<u64> = timing.stages.figures().iter().map(|it| it.count).collect();
        assert_eq!(counts, [1, 2, 2, 1, 1, 1]);
        assert_eq!(timing.stages.figures()[3].max_ns, 4);
    }

    #[test]
    fn of_other_events_one_in_so_many_is_timed() {
        let mut timing = Timing::new(Clock::start(), 3);
        let timed: Vec<bool> = (0..7).map(|_| timing.begin(false, false).is_some()).collect();
        assert_eq!(timed, [true, false, false, true, false, false, true]);
    }
}
