//! The loop of a backtest over ticks and books.
//!
//! The same records are played twice: at the venue when they happened, and to us when we could
//! know them. Neither side can affect the other in less than the latency between them, so each
//! runs ahead of the other by that much, and two cursors move over one file.

mod fed;
mod one_file;
mod player;
mod record;
mod reel;
mod reels;
mod rest;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use qt_data::error::DataError;
use qt_data::ticks::TickFile;
use qt_engine::{Gate, Halt, LedgerError, Pipeline, Strategy, Venue};
use qt_ring::Consumer;
use qt_types::{Event, InstrumentId, Nanos, Payload, Price, Seq, VenueId};

use crate::desk::Desk;
use crate::feed::FeedLatency;
use crate::recorder::Recorder;
use crate::simulator::Ended;
use crate::tape::id_of;
use crate::venue::SimVenue;
use crate::witness::NotKept;
pub use fed::Feeds;
use fed::{Fed, FedReel};
pub use player::{Player, PlayerError, Pushed, PutClock};
pub use record::Replayed;
use reel::{Reel, cut};
pub use reels::Reels;

/// How far one side runs ahead of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Pace {
    /// By as much as the latencies allow.
    #[default]
    Ahead,
    /// Not at all: whatever is next in time comes next. Slow, obvious, and held to be the same.
    Naive,
}

/// Why a replay could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A ledger failed its check, or the strategy never came to rest.
    #[error("{0}")]
    Halt(#[from] Halt),
    /// The data is damaged.
    #[error("{0}")]
    Data(#[from] DataError),
}

impl From<LedgerError> for ReplayError {
    fn from(error: LedgerError) -> Self {
        Self::Halt(error.into())
    }
}

/// What is replayed.
#[derive(Clone, Copy, Debug)]
pub struct Film<'a> {
    /// A file of records in order of time.
    pub file: &'a TickFile,
    /// The run's instruments, by the file's.
    pub instruments: &'a [InstrumentId],
}

/// How it is replayed.
#[derive(Clone, Debug)]
pub struct ReplayConfig {
    /// Records before this time at the venue (UTC ns) only build the books and warm up.
    pub from_ns: i64,
    /// Records from this time on (UTC ns) are left out.
    pub to_ns: i64,
    /// When we know the records.
    pub feed: FeedLatency,
    /// Time between two samples of the equity, in ns.
    pub sample_ns: i64,
    /// How far the sides run apart.
    pub pace: Pace,
}

/// One backtest over ticks.
pub struct Replay<'a, R: Replayed, S, G> {
    desk: Desk<S, G>,
    at_venue: Vec<Reel<'a, R>>,
    at_ours: Vec<Reel<'a, R>>,
    config: ReplayConfig,
    /// No command takes less time than this, no report less than that.
    order_ns: i64,
    report_ns: i64,
    next_sample_ns: i64,
    /// How far time has come (UTC ns): at the venue, and with us.
    played_ns: i64,
    /// The price of each instrument at each sample; zero before there is one.
    marks: Vec<Vec<Price>>,
}

/// How many events pass between two looks at the flag that interrupts.
const EVENTS_PER_LOOK: u64 = 65_536;

impl<'a, R: Replayed, S: Strategy, G: Gate> Replay<'a, R, S, G> {
    /// A replay of `films` at `desk`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn new(
        films: &[Film<'a>],
        config: ReplayConfig,
        desk: Desk<S, G>,
    ) -> Result<Self, ReplayError> {
        let reels = cut(films, &config.feed)?;
        Ok(Self::of(reels, config, desk))
    }

    /// A replay of what a [`Player`] on another thread hands over, event by event as it comes.
    ///
    /// # Errors
    /// When the player could not begin.
    pub fn fed(
        feeds: Feeds<R>,
        ids: &'a [Vec<InstrumentId>],
        config: ReplayConfig,
        desk: Desk<S, G>,
    ) -> Result<Self, ReplayError> {
        let config = ReplayConfig { pace: Pace::Naive, ..config };
        let Feeds { at_venue, at_ours, is_broken } = feeds;
        let reels = |feeds: Vec<Consumer<Fed<R>>>| {
            let feeds = feeds.into_iter().map(|feed| FedReel::new(feed, Arc::clone(&is_broken)));
            feeds.zip(ids).map(|(fed, ids)| Reel::fed(fed, ids)).collect::<Result<_, _>>()
        };
        Ok(Self::of([reels(at_venue)?, reels(at_ours)?], config, desk))
    }

    fn of(
        [at_venue, at_ours]: [Vec<Reel<'a, R>>; 2],
        config: ReplayConfig,
        desk: Desk<S, G>,
    ) -> Self {
        let (order_ns, report_ns) = match config.pace {
            Pace::Naive => (0, 0),
            Pace::Ahead => (
                desk.venue.shortest_order_latency_ns().max(0),
                desk.venue.shortest_response_latency_ns().max(0),
            ),
        };
        Self {
            at_venue,
            at_ours,
            config,
            order_ns,
            report_ns,
            next_sample_ns: i64::MIN,
            played_ns: i64::MIN,
            marks: vec![Vec::new(); desk.pipeline.exposure().specs.len()],
            desk,
        }
    }

    /// Runs to the end of the data, or until `interrupt` is set. `progress` is called now and
    /// then with the number of events so far and the equity in nano-units.
    ///
    /// # Errors
    /// When a ledger fails its check or the data is damaged.
    pub fn run(
        &mut self,
        interrupt: &AtomicBool,
        mut progress: impl FnMut(u64, i128),
    ) -> Result<Ended, ReplayError> {
        let mut look_at = EVENTS_PER_LOOK;
        let is_alone = self.desk.witness.is_none();
        let ended = loop {
            if self.desk.recorder.is_bankrupt() {
                break Ended::Bankrupt;
            }
            self.desk.take_decisions(self.played_ns)?;
            if !is_alone && (interrupt.load(Ordering::Relaxed) || self.desk.is_told_to_end()) {
                break Ended::Interrupted;
            }
            // Where an answer takes no time at all, who hears what first within one moment is a
            // matter of rounds, which the general loop keeps.
            if is_alone && self.order_ns.saturating_add(self.report_ns) > 0 {
                self.play_one_file()?;
            }
            let Some(next_ns) = self.next_ours_ns() else {
                // What was sent before the end still reaches the venue.
                self.play_venue_to(i64::MAX)?;
                break Ended::Data;
            };
            let next_ns = self.play_venue(next_ns)?;
            self.played_ns = self.played_ns.max(next_ns);
            let ahead_ns = next_ns.saturating_add(self.order_ns);
            // Whatever we cause from now on is reported at this time at the earliest, and reports
            // come before what else reaches us then.
            let answer_ns = ahead_ns.saturating_add(self.report_ns);
            self.play_ours(answer_ns.saturating_sub(1).max(next_ns))?;
            let count = self.desk.sequencer.count();
            if count >= look_at {
                look_at = count + EVENTS_PER_LOOK;
                progress(count, self.desk.recorder.last_equity().nano());
                if interrupt.load(Ordering::Relaxed) {
                    break Ended::Interrupted;
                }
            }
        };
        if is_alone || ended != Ended::Interrupted {
            self.desk.finish()?;
        }
        // Else it goes on another time, and what is under way comes then.
        self.sample_end()?;
        Ok(ended)
    }

    /// When something reaches us next; `None` once the data has ended for us.
    fn next_ours_ns(&self) -> Option<i64> {
        let (_, record_ns) = self.next_told()?;
        let report_ns = self.desk.venue.next_ns().map_or(i64::MAX, Nanos::get);
        let timer_ns = self.desk.next_wake_ns();
        let now_ns = self.desk.sequencer.now_ns().get();
        Some(record_ns.min(report_ns).min(timer_ns).max(now_ns))
    }

    /// The record that reaches us next: its reel, and when it does.
    #[inline]
    fn next_told(&self) -> Option<(usize, i64)> {
        let mut next: Option<(usize, i64)> = None;
        for (index, reel) in self.at_ours.iter().enumerate() {
            if reel.venue_ns() >= self.config.to_ns && !reel.tells_time() {
                continue;
            }
            let recv_ns = reel.recv_ns();
            if next.is_none_or(|(_, ns)| recv_ns < ns) {
                next = Some((index, recv_ns));
            }
        }
        next
    }

    /// What happens at the venue before anything that we do at `next_ns`, when something reaches
    /// us next, can arrive there. A report of it may reach us before that: then no further than
    /// our answer to it allows. Returns when something reaches us next.
    fn play_venue(&mut self, mut next_ns: i64) -> Result<i64, ReplayError> {
        loop {
            let report_ns = self.desk.venue.next_ns().map_or(i64::MAX, Nanos::get);
            next_ns = next_ns.min(report_ns);
            let until_ns = next_ns.saturating_add(self.order_ns);
            let command_ns = self.desk.venue.next_command_ns().unwrap_or(i64::MAX);
            self.play_venue_records(until_ns.min(command_ns), next_ns)?;
            if self.desk.venue.next_ns().is_some_and(|report_ns| report_ns.get() < next_ns) {
                continue;
            }
            if command_ns > until_ns {
                return Ok(next_ns);
            }
            self.desk.venue.apply_commands(command_ns)?;
        }
    }

    /// All that happens at the venue until `until_ns`: records in the order of their times there,
    /// and commands that arrive; a record comes before a command of the same time.
    fn play_venue_to(&mut self, until_ns: i64) -> Result<(), ReplayError> {
        loop {
            let command_ns = self.desk.venue.next_command_ns().unwrap_or(i64::MAX);
            self.play_venue_records(until_ns.min(command_ns), i64::MIN)?;
            if command_ns > until_ns || command_ns == i64::MAX {
                return Ok(());
            }
            self.desk.venue.apply_commands(command_ns)?;
        }
    }

    /// Records until `until_ns`, or until there is a report that reaches us before `next_ns`.
    fn play_venue_records(&mut self, until_ns: i64, next_ns: i64) -> Result<(), ReplayError> {
        let until_ns = until_ns.min(self.config.to_ns.saturating_sub(1));
        let venue = &mut self.desk.venue;
        if let [reel] = self.at_venue.as_mut_slice() {
            return play_reel(reel, venue, until_ns, next_ns);
        }
        loop {
            // One after the other as long as it is the earliest.
            let times = self.at_venue.iter().map(Reel::venue_ns).enumerate();
            let Some((index, first_ns)) = times.min_by_key(|&(index, ns)| (ns, index)) else {
                return Ok(());
            };
            if first_ns > until_ns || venue.next_ns().is_some_and(|ns| ns.get() < next_ns) {
                return Ok(());
            }
            let others = self.at_venue.iter().enumerate().filter(|&(other, _)| other != index);
            let stop_ns = others.map(|(_, reel)| reel.venue_ns()).min().unwrap_or(i64::MAX);
            let stop_ns = until_ns.min(stop_ns.saturating_sub(1).max(first_ns));
            play_reel(&mut self.at_venue[index], venue, stop_ns, next_ns)?;
        }
    }

    /// What reaches us until `until_ns`: reports, records, timers; at one time in this order.
    fn play_ours(&mut self, until_ns: i64) -> Result<(), ReplayError> {
        loop {
            let report_ns = self.desk.venue.next_ns().map_or(i64::MAX, Nanos::get);
            let timer_ns = self.desk.next_wake_ns();
            let Some((index, record_ns)) = self.next_told() else { return Ok(()) };
            let next_ns = record_ns.min(report_ns).min(timer_ns);
            if next_ns > until_ns {
                return Ok(());
            }
            // That nothing comes before a time is no reason to look at the equity.
            let is_quiet = next_ns < report_ns.min(timer_ns) && self.at_ours[index].tells_time();
            if next_ns > self.next_sample_ns && !is_quiet {
                self.sample(next_ns)?;
                continue;
            }
            if self.desk.recorder.is_bankrupt() {
                // As far as the venue may be ahead of us, whatever the pace.
                let ahead_ns = self.desk.venue.shortest_order_latency_ns().max(0);
                return self.play_venue_to(next_ns.saturating_add(ahead_ns));
            }
            if report_ns <= next_ns {
                self.desk.take_reports(report_ns)?;
            } else if record_ns <= next_ns {
                let stop_ns = until_ns.min(report_ns - 1).min(self.next_sample_ns);
                self.tell(index, stop_ns)?;
            } else {
                self.desk.wake(timer_ns)?;
            }
        }
    }

    /// Tells us of records of reel `index` until `stop_ns`, or until something else is to be
    /// looked at: an answer of the strategy, a timer, another reel.
    #[inline(never)]
    fn tell(&mut self, index: usize, stop_ns: i64) -> Result<(), ReplayError> {
        let others = self.at_ours.iter().enumerate().filter(|&(other, _)| other != index);
        let other_ns = others.map(|(_, reel)| reel.recv_ns()).min().unwrap_or(i64::MAX);
        let (from_ns, to_ns) = (self.config.from_ns, self.config.to_ns);
        let stop_ns = stop_ns.min(other_ns.saturating_sub(1)).min(self.desk.next_signal_ns());
        let Desk { pipeline, sequencer, outbox, witness, .. } = &mut self.desk;
        let reel = &mut self.at_ours[index];
        let mut is_first = true;
        while let Some(record) = reel.head() {
            let venue_ns = record.venue_ns();
            let recv_ns = reel.known_ns(&record);
            let timer_ns = pipeline.next_timer_ns().map_or(i64::MAX, Nanos::get);
            let is_over = venue_ns >= to_ns && !reel.tells_time();
            if (recv_ns > stop_ns && !is_first) || recv_ns > timer_ns || is_over {
                break;
            }
            is_first = false;
            let row = reel.row();
            if let Some(instrument) = reel.instrument(&record) {
                let payload = record.told(venue_ns < from_ns, row);
                let mut event = event(payload, venue_ns, recv_ns, instrument);
                sequencer.stamp(&mut event);
                if let Some(witness) = witness {
                    if reel.put() > 0 {
                        witness.taken(reel.put());
                    }
                    witness.sequenced(&event).map_err(|NotKept| Halt::NotKept)?;
                }
                pipeline.step(&event, outbox)?;
                if let Some(witness) = witness {
                    witness.stepped();
                }
            }
            reel.advance()?;
            if !outbox.is_empty() {
                return Ok(self.desk.flush(Nanos::new(recv_ns))?);
            }
        }
        Ok(())
    }

    /// Takes the equity at the sample times before `next_ns`: once for a stretch in which nothing
    /// happened.
    fn sample(&mut self, next_ns: i64) -> Result<(), ReplayError> {
        let every_ns = self.config.sample_ns.max(1);
        let at_ns = self.next_sample_ns;
        let aligned_ns = next_ns.saturating_sub(1).div_euclid(every_ns).saturating_mul(every_ns);
        self.next_sample_ns = aligned_ns.max(at_ns).saturating_add(every_ns);
        // The first one is only the start of the clock.
        let is_start = at_ns == i64::MIN;
        if is_start || at_ns < self.config.from_ns { Ok(()) } else { self.take_sample(at_ns) }
    }

    fn take_sample(&mut self, at_ns: i64) -> Result<(), ReplayError> {
        self.desk.recorder.sample(Nanos::new(at_ns), &self.desk.pipeline)?;
        let market = self.desk.pipeline.exposure().market;
        for (index, marks) in self.marks.iter_mut().enumerate() {
            marks.push(market.mark(id_of(index)).unwrap_or(Price::ZERO));
        }
        Ok(())
    }

    /// The equity at the end.
    fn sample_end(&mut self) -> Result<(), ReplayError> {
        let now_ns = self.desk.sequencer.now_ns().get();
        if now_ns >= self.config.from_ns { self.take_sample(now_ns) } else { Ok(()) }
    }

    /// Cancels what rests and closes every position with what the book has at the end of the
    /// data, and corrects the last sample of the equity.
    ///
    /// # Errors
    /// When a ledger fails its check.
    pub fn close_positions(&mut self) -> Result<(), ReplayError> {
        let now_ns = self.desk.sequencer.now_ns();
        self.desk.pipeline.close_out(&mut self.desk.outbox);
        self.desk.flush(now_ns)?;
        self.desk.settle(i64::MAX)?;
        self.desk.finish()?;
        Ok(self.desk.recorder.resample(&self.desk.pipeline)?)
    }

    /// Tells the witness, if there is one, that nothing more comes.
    pub(crate) fn stop(&mut self, ended: Ended) {
        self.desk.note_stop(ended);
    }

    /// The pipeline.
    #[must_use]
    pub const fn pipeline(&self) -> &Pipeline<S, G> {
        &self.desk.pipeline
    }

    /// The venue.
    #[must_use]
    pub const fn venue(&self) -> &SimVenue {
        &self.desk.venue
    }

    /// What was recorded.
    #[must_use]
    pub const fn recorder(&self) -> &Recorder {
        &self.desk.recorder
    }

    /// Everything that the run was made with, and the marks at each sample, by instrument.
    #[must_use]
    pub fn into_parts(self) -> (Desk<S, G>, Vec<Vec<Price>>) {
        (self.desk, self.marks)
    }

    /// How many records we were told of, by instrument.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn records(&self) -> Result<Vec<u64>, ReplayError> {
        let mut counts = vec![0; self.marks.len()];
        for reel in &self.at_ours {
            reel.count(&mut counts)?;
        }
        Ok(counts)
    }

    /// How many events went through the sequencer.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.desk.sequencer.count()
    }
}

/// Plays the records of `reel` until `until_ns` at the venue, or until there is a report that
/// reaches us before `next_ns`.
#[inline(never)]
fn play_reel<R: Replayed>(
    reel: &mut Reel<'_, R>,
    venue: &mut SimVenue,
    until_ns: i64,
    next_ns: i64,
) -> Result<(), ReplayError> {
    while let Some(record) = reel.head() {
        if record.venue_ns() > until_ns {
            break;
        }
        if let Some(instrument) = reel.instrument(&record) {
            record.play(venue, instrument, || reel.row())?;
        }
        reel.advance()?;
        if venue.next_ns().is_some_and(|report_ns| report_ns.get() < next_ns) {
            break;
        }
    }
    Ok(())
}

#[inline(always)]
fn event(payload: Payload, venue_ns: i64, recv_ns: i64, instrument: InstrumentId) -> Event {
    Event {
        seq: Seq::default(),
        recv_ns: Nanos::new(recv_ns),
        venue_ns: Nanos::new(venue_ns),
        instrument,
        venue: VenueId(0),
        payload,
    }
}
