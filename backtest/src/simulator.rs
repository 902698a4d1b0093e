//! The loop of a backtest: merges the instruments' bars by time, plays them at the venue, and
//! feeds what can be known, when it can be known, to the one pipeline.

use std::sync::atomic::{AtomicBool, Ordering};

use qt_engine::{Gate, Halt, Pipeline, PipelineConfig, Strategy, Venue};
use qt_types::{BarFlags, Event, InstrumentId, Nanos};

use crate::cursor::Cursor;
use crate::desk::Desk;
use crate::feed::{Arrivals, FeedLatency};
use crate::recorder::Recorder;
use crate::signals::ArrivingSignal;
pub use crate::tape::Tape;
use crate::tape::{bar_from, event_from, id_of};
use crate::venue::{SimVenue, VenueConfig};

/// How a loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// At the end of the data.
    Data,
    /// The equity was used up.
    Bankrupt,
    /// From outside.
    Interrupted,
}

/// One backtest.
pub struct Simulator<'a, S, G> {
    tapes: &'a [Tape<'a>],
    cursors: Vec<Cursor>,
    desk: Desk<S, G>,
    /// From when on data can be known to when we know it (ns).
    feed_latency_ns: i64,
    /// Where that is not the same for all: when we know it, by instrument.
    arrivals: Vec<Arrivals>,
    /// The last time at which timers came, and how many did.
    woken: (Nanos, u32),
}

/// How many timers may come at one and the same time.
const WAKES_MAX: u32 = 100_000;

/// How many events pass between two looks at the flag that interrupts.
const EVENTS_PER_LOOK: u64 = 65_536;

impl<'a, S: Strategy, G: Gate> Simulator<'a, S, G> {
    /// A backtest over `tapes`, one per instrument in the order of `pipeline.specs`.
    #[must_use]
    pub fn new(
        tapes: &'a [Tape<'a>],
        pipeline: PipelineConfig,
        venue: VenueConfig,
        feed: &FeedLatency,
        strategy: S,
        gate: G,
    ) -> Self {
        let closes_max = tapes.iter().map(|tape| tape.end - tape.start).sum();
        let cursors = tapes.iter().map(|tape| Cursor::at(tape.warmup_from)).collect();
        let venue = SimVenue::new(venue, pipeline.specs.clone());
        let desk = Desk::new(pipeline, venue, closes_max, strategy, gate);
        let added_ns = feed.added_ns();
        let of = |(index, tape)| Arrivals::of(tape, feed, index);
        let arrivals = match added_ns {
            Some(_) => Vec::new(),
            None => tapes.iter().enumerate().map(of).collect(),
        };
        let woken = (Nanos::MIN, 0);
        Self { tapes, cursors, desk, feed_latency_ns: added_ns.unwrap_or(0), arrivals, woken }
    }

    /// The same with signals to come.
    #[must_use]
    pub fn with_signals(self, signals: Vec<ArrivingSignal>) -> Self {
        Self { desk: self.desk.with_signals(signals), ..self }
    }

    /// Runs to the end of the data, or until `interrupt` is set. `progress` is called now and
    /// then with the number of events so far and the equity in nano-units.
    ///
    /// # Errors
    /// When a ledger fails its check.
    pub fn run(
        &mut self,
        interrupt: &AtomicBool,
        mut progress: impl FnMut(u64, i128),
    ) -> Result<Ended, Halt> {
        let ended = self.run_loop(interrupt, &mut progress)?;
        self.desk.finish()?;
        Ok(ended)
    }

    fn run_loop(
        &mut self,
        interrupt: &AtomicBool,
        progress: &mut impl FnMut(u64, i128),
    ) -> Result<Ended, Halt> {
        let mut look_at = EVENTS_PER_LOOK;
        loop {
            if self.desk.recorder.is_bankrupt() {
                return Ok(Ended::Bankrupt);
            }
            if !self.run_quiet()? {
                let Some(now_ns) = self.next_ns() else { return Ok(Ended::Data) };
                self.play(now_ns)?;
            }
            if self.desk.sequencer.count() >= look_at {
                look_at = self.desk.sequencer.count() + EVENTS_PER_LOOK;
                progress(self.desk.sequencer.count(), self.desk.recorder.last_equity().nano());
                if interrupt.load(Ordering::Relaxed) {
                    return Ok(Ended::Interrupted);
                }
            }
        }
    }

    /// With one instrument and nothing in work at the venue, bars can be fed one after the other
    /// until the strategy acts: nothing else can happen between them. The steps are those of
    /// [`Self::play`]; what is left out would have found nothing to do.
    #[inline]
    fn run_quiet(&mut self) -> Result<bool, Halt> {
        let ([tape], [cursor]) = (self.tapes, self.cursors.as_slice()) else {
            return Ok(false);
        };
        if !self.desk.venue.is_idle() || cursor.local_at != cursor.venue_at {
            return Ok(false);
        }
        if self.desk.may_wake() {
            return Ok(false);
        }
        // While a bar is on its way to us the next ones may begin and end at the venue; and
        // trades come between bars.
        let is_late = self.feed_latency_ns > 0 || !self.arrivals.is_empty();
        if is_late || !tape.prints.is_empty() {
            return Ok(false);
        }
        let from = cursor.local_at;
        let until = tape.end.min(from + EVENTS_PER_LOOK as usize);
        let (bars, start) = (&tape.series.bars[from..until], tape.start);
        let mut at = from;
        for record in bars {
            let flags = if at < start { BarFlags::WARMUP } else { BarFlags::NONE };
            let half_spread = tape.series.half_spreads.get(at).copied().unwrap_or_default();
            let bar = bar_from(record, half_spread, flags);
            let mut event = event_from(bar, record.close_ns, InstrumentId(0), 0);
            self.desk.sequencer.stamp(&mut event);
            self.desk.pipeline.step(&event, &mut self.desk.outbox)?;
            at += 1;
            let acted = !self.desk.outbox.is_empty() || self.desk.pipeline.may_wake();
            if acted || at == until {
                // The venue needs only the last bar. An order may take effect at this very time;
                // the slow path goes on from here.
                self.desk.venue.pass(&event);
                self.desk.flush(event.recv_ns)?;
                self.wake(event.recv_ns)?;
                self.desk.settle(event.recv_ns.get())?;
            }
            if at > start {
                self.desk.recorder.sample(event.recv_ns, &self.desk.pipeline)?;
            }
            if acted || self.desk.recorder.is_bankrupt() {
                break;
            }
        }
        self.cursors[0] = Cursor::at(at);
        Ok(until > from)
    }

    /// The next time at which anything happens.
    fn next_ns(&self) -> Option<i64> {
        let mut next = i64::MAX;
        let mut any = false;
        for (index, (tape, cursor)) in self.tapes.iter().zip(&self.cursors).enumerate() {
            if cursor.venue_at < tape.end {
                let bar = &tape.series.bars[cursor.venue_at];
                let at_end = cursor.is_open || !tape.prints.is_empty();
                next = next.min(if at_end { bar.close_ns } else { bar.open_ns });
                any = true;
            }
            if let Some(print) = tape.prints.get(cursor.print_at) {
                next = next.min(print.venue_ns);
                any = true;
            }
            if cursor.told_at < cursor.print_at {
                next = next.min(self.print_due_ns(index, cursor.told_at));
                any = true;
            }
            if cursor.local_at < cursor.venue_at {
                next = next.min(self.bar_due_ns(index, cursor.local_at));
                any = true;
            }
        }
        // What is still under way at the end of the data would meet no more bar.
        if !any {
            return None;
        }
        let command = self.desk.venue.next_command_ns().unwrap_or(i64::MAX);
        let report = self.desk.venue.next_ns().map_or(i64::MAX, Nanos::get);
        let next = next.min(command).min(report).min(self.desk.next_wake_ns());
        Some(next.max(self.desk.sequencer.now_ns().get()))
    }

    /// When we know bar `at` of instrument `index` (UTC ns).
    fn bar_due_ns(&self, index: usize, at: usize) -> i64 {
        match self.arrivals.get(index) {
            Some(arrivals) => arrivals.bar_ns(at),
            None => self.tapes[index].known_ns(at).saturating_add(self.feed_latency_ns),
        }
    }

    /// When we know trade `at` of instrument `index` (UTC ns).
    fn print_due_ns(&self, index: usize, at: usize) -> i64 {
        match self.arrivals.get(index) {
            Some(arrivals) => arrivals.print_ns(at),
            None => {
                let print = &self.tapes[index].prints[at];
                print.recv_ns.max(print.venue_ns).saturating_add(self.feed_latency_ns)
            }
        }
    }

    /// Everything that happens at `now_ns`: bars end at the venue, reports reach us, completed
    /// bars reach us, timers come, commands reach the venue, the equity is sampled, bars open,
    /// trades print. A trade that completes a bar prints before it: what is decided on the bar
    /// comes too late for it.
    fn play(&mut self, now_ns: i64) -> Result<(), Halt> {
        self.play_prints(now_ns, true)?;
        self.desk.settle(now_ns)?;
        self.close_bars(now_ns)?;
        self.desk.venue.apply_plan(now_ns)?;
        self.desk.settle(now_ns)?;
        let measured = self.publish_bars(now_ns)?;
        self.wake(Nanos::new(now_ns))?;
        self.desk.settle(now_ns)?;
        if measured {
            self.desk.recorder.sample(Nanos::new(now_ns), &self.desk.pipeline)?;
        }
        self.open_bars(now_ns)?;
        self.play_prints(now_ns, false)?;
        self.desk.settle(now_ns)?;
        self.publish_prints(now_ns)?;
        self.desk.settle(now_ns)
    }

    fn close_bars(&mut self, now_ns: i64) -> Result<(), Halt> {
        for (index, tape) in self.tapes.iter().enumerate() {
            let cursor = &mut self.cursors[index];
            if !tape.prints.is_empty() {
                // Orders meet the trades themselves; the bars made of them only inform.
                let ended = tape.ended_by(cursor.venue_at, now_ns);
                if ended > cursor.venue_at {
                    cursor.venue_at = ended;
                    self.desk.venue.charge_borrowing(id_of(index), now_ns)?;
                }
                continue;
            }
            if !cursor.is_open || tape.series.bars[cursor.venue_at].close_ns > now_ns {
                continue;
            }
            let event = tape.bar_event(cursor.venue_at, id_of(index), 0);
            self.desk.venue.close_bar(&event)?;
            cursor.is_open = false;
            cursor.venue_at += 1;
        }
        Ok(())
    }

    fn publish_bars(&mut self, now_ns: i64) -> Result<bool, Halt> {
        let mut measured = false;
        for (index, tape) in self.tapes.iter().enumerate() {
            loop {
                let at = self.cursors[index].local_at;
                if at >= self.cursors[index].venue_at {
                    break;
                }
                let due_ns = self.bar_due_ns(index, at);
                if due_ns > now_ns {
                    break;
                }
                self.cursors[index].local_at += 1;
                measured |= at >= tape.start;
                // Nobody sees a bar before the trades in it.
                self.tell_prints(index, tape.prints_end_ns(at), now_ns)?;
                let mut event = tape.bar_event(at, id_of(index), 0);
                event.recv_ns = Nanos::new(due_ns);
                self.desk.feed(event)?;
            }
        }
        Ok(measured)
    }

    /// Takes in signals, and wakes the strategy for the timers that are due at `now_ns`. One that
    /// is set for now by those before it comes with the next round.
    #[inline]
    fn wake(&mut self, now_ns: Nanos) -> Result<(), Halt> {
        if self.desk.may_wake() { self.wake_due(now_ns) } else { Ok(()) }
    }

    #[inline(never)]
    fn wake_due(&mut self, now_ns: Nanos) -> Result<(), Halt> {
        if self.woken.0 != now_ns {
            self.woken = (now_ns, 0);
        }
        for _ in 0..self.desk.wakes_due(now_ns) {
            if !self.desk.wake_one(now_ns)? {
                break;
            }
            self.woken.1 += 1;
        }
        if self.woken.1 > WAKES_MAX { Err(Halt::Livelock) } else { Ok(()) }
    }

    fn open_bars(&mut self, now_ns: i64) -> Result<(), Halt> {
        for (index, tape) in self.tapes.iter().enumerate() {
            let cursor = &mut self.cursors[index];
            if cursor.is_open || cursor.venue_at >= tape.end || !tape.prints.is_empty() {
                continue;
            }
            if tape.series.bars[cursor.venue_at].open_ns > now_ns {
                continue;
            }
            let bar = tape.bar(cursor.venue_at);
            cursor.is_open = true;
            self.desk.venue.begin_bar(id_of(index), &bar);
        }
        Ok(self.desk.venue.play_opens()?)
    }

    /// Trades that print by `now_ns` meet our orders at the venue: those of tapes whose bars end
    /// with a trade, or the others.
    fn play_prints(&mut self, now_ns: i64, ends_with_trade: bool) -> Result<(), Halt> {
        for (index, tape) in self.tapes.iter().enumerate() {
            if tape.ends_with_trade() != ends_with_trade {
                continue;
            }
            while let Some(event) = tape.print_event(self.cursors[index].print_at, id_of(index)) {
                if event.venue_ns.get() > now_ns {
                    break;
                }
                self.cursors[index].print_at += 1;
                self.desk.venue.on_trade(&event)?;
            }
        }
        Ok(())
    }

    /// Trades that were printed reach us.
    fn publish_prints(&mut self, now_ns: i64) -> Result<(), Halt> {
        (0..self.tapes.len()).try_for_each(|index| self.tell_prints(index, i64::MAX, now_ns))
    }

    /// Trades of one instrument that were printed before `until_ns` and have been received.
    fn tell_prints(&mut self, index: usize, until_ns: i64, now_ns: i64) -> Result<(), Halt> {
        let tapes = self.tapes;
        while self.cursors[index].told_at < self.cursors[index].print_at {
            let at = self.cursors[index].told_at;
            let due_ns = self.print_due_ns(index, at);
            let event = tapes[index].print_event(at, id_of(index));
            let told = |event: &Event| due_ns <= now_ns && event.venue_ns.get() < until_ns;
            let Some(mut event) = event.filter(told) else { break };
            self.cursors[index].told_at += 1;
            event.recv_ns = Nanos::new(due_ns);
            self.desk.feed(event)?;
        }
        Ok(())
    }

    /// Closes every position at its last close and corrects the last sample of the equity. For
    /// the end of a run only.
    ///
    /// # Errors
    /// When a ledger fails its check.
    pub fn close_positions(&mut self) -> Result<(), Halt> {
        let now_ns = self.desk.sequencer.now_ns();
        self.desk.pipeline.close_out(&mut self.desk.outbox);
        self.desk.flush(now_ns)?;
        self.desk.venue.fill_at_last_close()?;
        self.desk.settle(i64::MAX)?;
        self.desk.venue.compare(self.desk.pipeline.exposure().ledger)?;
        self.desk.recorder.resample(&self.desk.pipeline)
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

    /// Everything that the run was made with.
    #[must_use]
    pub fn into_desk(self) -> Desk<S, G> {
        self.desk
    }

    /// How many events went through the sequencer.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.desk.sequencer.count()
    }
}

/// A backtest of a strategy that is chosen at run time, behind the gate of all controls.
pub type Backtest<'a> = Simulator<'a, Box<dyn Strategy>, qt_risk::RiskGate>;

impl Backtest<'_> {
    /// [`Simulator::run`] for this choice of types, compiled once.
    ///
    /// # Errors
    /// When a ledger fails its check.
    pub fn run_boxed(
        &mut self,
        interrupt: &AtomicBool,
        progress: &mut dyn FnMut(u64, i128),
    ) -> Result<Ended, Halt> {
        self.run(interrupt, progress)
    }
}
