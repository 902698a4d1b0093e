//! What every loop of a backtest shares: the pipeline, the venue, and the ways between them.

use qt_engine::staged::{Apart, Staged};
use qt_engine::{
    Gate, Halt, Outbox, Pipeline, PipelineConfig, Sequencer, SnapshotError, Strategy, Venue,
};
use qt_types::{
    Control, ControlKind, Event, InstrumentId, Nanos, OrderKind, Payload, Report, ReportKind, Seq,
    Side, VenueId,
};

use crate::execution::OrderLog;
use crate::recorder::{Fill, Recorder, Settled};
use crate::signals::{ArrivingSignal, Signals};
use crate::simulator::Ended;
use crate::tape::timer_event;
use crate::venue::{SimVenue, report_event};
use crate::witness::{NotKept, Witness};

/// The pipeline with its sequencer, the simulated venue, and the records of what happens.
pub struct Desk<S, G> {
    pub(crate) pipeline: Pipeline<S, G>,
    pub(crate) venue: SimVenue,
    pub(crate) sequencer: Sequencer,
    pub(crate) outbox: Outbox,
    /// Reports that are taken in at once, at most.
    reports_max: usize,
    pub(crate) recorder: Recorder,
    pub(crate) log: OrderLog,
    /// Commands that were sent so far.
    pub(crate) sent: u64,
    /// What sources of signals are going to say.
    signals: Signals,
    /// None in a plain backtest.
    pub(crate) witness: Option<Box<dyn Witness>>,
}

/// How often commands and reports may go to and fro at one and the same time.
const ROUNDS_MAX: u32 = 100_000;

impl<S: Strategy, G: Gate> Desk<S, G> {
    /// A desk at rest, with room for `samples_max` samples of the equity.
    #[must_use]
    pub fn new(
        pipeline: PipelineConfig,
        venue: SimVenue,
        samples_max: usize,
        strategy: S,
        gate: G,
    ) -> Self {
        let limits = pipeline.limits;
        let log = OrderLog::new(pipeline.specs.len(), limits.orders_open_max);
        Self {
            recorder: Recorder::new(venue.money().initial_equity(pipeline.initial), samples_max),
            log: if venue.has_busts() { log.remembering() } else { log },
            pipeline: Pipeline::new(pipeline, strategy, gate)
                .with_lacks(venue.lacks())
                .with_currencies(&venue.money().currencies),
            venue,
            sequencer: Sequencer::new(),
            outbox: Outbox::new(&limits),
            reports_max: limits.orders_open_max * 4,
            sent: 0,
            signals: Signals::default(),
            witness: None,
        }
    }

    /// The same with `witness` beside it.
    #[must_use]
    pub fn with_witness(self, witness: Box<dyn Witness>) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// The same with signals to come.
    #[must_use]
    pub fn with_signals(self, signals: Vec<ArrivingSignal>) -> Self {
        Self { signals: Signals::new(signals), ..self }
    }

    /// Whether anything may come by time alone: a look that costs next to nothing.
    #[inline]
    pub(crate) fn may_wake(&self) -> bool {
        self.pipeline.may_wake() || self.signals.next_ns().is_some()
    }

    /// When a timer or a signal comes next (UTC ns); the largest number for never.
    #[inline]
    pub(crate) fn next_wake_ns(&self) -> i64 {
        let timer_ns = self.pipeline.next_timer_ns().map_or(i64::MAX, Nanos::get);
        timer_ns.min(self.next_signal_ns())
    }

    /// When a signal comes next (UTC ns); the largest number for never.
    #[inline]
    pub(crate) fn next_signal_ns(&self) -> i64 {
        self.signals.next_ns().map_or(i64::MAX, Nanos::get)
    }

    /// How many timers and signals have come by `now_ns`.
    pub(crate) fn wakes_due(&self, now_ns: Nanos) -> usize {
        self.pipeline.due_timers(now_ns) + self.signals.due(now_ns)
    }

    /// Takes in the next signal that has come by `now_ns`, or wakes the strategy for the next
    /// timer that is due; of one time the signals come first. `false` where there is neither.
    pub(crate) fn wake_one(&mut self, now_ns: Nanos) -> Result<bool, Halt> {
        let signal = self.signals.take(now_ns);
        let timer = || self.pipeline.take_timer(now_ns).map(|timer| timer_event(timer, now_ns));
        let Some(event) = signal.or_else(timer) else { return Ok(false) };
        self.feed(event)?;
        Ok(true)
    }

    /// One event through the pipeline, and what it causes on its way.
    pub(crate) fn feed(&mut self, mut event: Event) -> Result<(), Halt> {
        self.step(&mut event)?;
        self.flush(event.recv_ns)
    }

    /// Takes in the signal or wakes the strategy for the timer that is due at `now_ns` (UTC).
    pub(crate) fn wake(&mut self, now_ns: i64) -> Result<(), Halt> {
        let now_ns = Nanos::new(now_ns).max(self.sequencer.now_ns());
        // Only what is due now: a timer that is set for now by the one before comes with the
        // next round.
        self.wake_one(now_ns).map(|_| ())
    }

    /// Any event; the loops that know what they feed call the pipeline themselves.
    #[inline(never)]
    pub(crate) fn step(&mut self, event: &mut Event) -> Result<(), Halt> {
        self.sequence(event)?;
        self.pipeline.step(event, &mut self.outbox)?;
        self.note_stepped();
        Ok(())
    }

    /// Tells the witness that the pipeline is done with the event.
    #[inline]
    fn note_stepped(&mut self) {
        if let Some(witness) = &mut self.witness {
            witness.stepped();
        }
    }

    /// Gives `event` its place in the order of all.
    #[inline]
    pub(crate) fn sequence(&mut self, event: &mut Event) -> Result<(), Halt> {
        self.sequencer.stamp(event);
        match &mut self.witness {
            Some(witness) => witness.sequenced(event).map_err(|NotKept| Halt::NotKept),
            None => Ok(()),
        }
    }

    /// Whether the witness ends the run.
    pub(crate) fn is_told_to_end(&self) -> bool {
        self.witness.as_ref().is_some_and(|witness| witness.is_over())
    }

    /// Tells the witness that the run ends in order.
    pub(crate) fn note_stop(&mut self, ended: Ended) {
        let Self { witness, pipeline, sequencer, .. } = self;
        if let Some(witness) = witness {
            let save = |out: &mut Vec<u8>| pipeline.snapshot(sequencer, out);
            witness.stopped(Seq::new(sequencer.count()), sequencer.now_ns(), ended, &save);
        }
    }

    /// One event of a run that was kept, with the place and time that it had; what it puts out
    /// goes nowhere.
    ///
    /// # Errors
    /// When the ledger fails its check.
    pub fn rehearse(&mut self, event: &Event) -> Result<&Outbox, Halt> {
        self.outbox.clear();
        self.sequencer.next(event.recv_ns);
        if matches!(event.payload, Payload::Timer(_)) {
            // As when it was woken: a timer that has come is pending no more.
            self.pipeline.take_timer(event.recv_ns);
        }
        self.pipeline.step(event, &mut self.outbox)?;
        Ok(&self.outbox)
    }

    /// What the last event has put out.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Why this stage of several cannot go on ([`Pipeline::apart`]).
    #[must_use]
    pub fn apart(&self) -> Option<Apart>
    where
        S: Staged,
        G: Staged,
    {
        self.pipeline.apart()
    }

    /// The state between two events as bytes, into `out`.
    ///
    /// # Errors
    /// When the strategy does not say how its state is stored.
    pub fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        self.pipeline.snapshot(&self.sequencer, out)
    }

    /// The same desk with its pipeline in the state that `bytes` hold, to go on rehearsing.
    ///
    /// # Errors
    /// When they are damaged, or of another configuration.
    pub fn restored(self, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (pipeline, sequencer) = self.pipeline.restore(bytes)?;
        Ok(Self { pipeline, sequencer, ..self })
    }

    /// Makes again what `control` has changed in what the pipeline is made from: a state that was
    /// kept later is one of a pipeline with that.
    pub fn recast(&mut self, control: &Control) {
        if let ControlKind::Tune { strategy, param, value } = control.kind {
            self.pipeline.strategy_mut().tune(strategy, param, value);
        }
    }

    /// The hash of everything that the pipeline has seen.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        self.pipeline.state_hash()
    }

    /// Takes in what was decided from outside since the last event.
    ///
    /// It reaches us at `played_ns` (UTC) at the earliest: so far the venue has been played.
    pub(crate) fn take_decisions(&mut self, played_ns: i64) -> Result<(), Halt> {
        loop {
            let Some(witness) = &mut self.witness else { return Ok(()) };
            let last = Seq::new(self.sequencer.count());
            let Some(decided) = witness.next_decision(last) else {
                let now_ns = self.sequencer.now_ns();
                witness.glance(last, now_ns, &self.pipeline.exposure(), &self.pipeline);
                return Ok(());
            };
            let payload = Payload::Control(decided.control);
            let recv_ns = match decided.recv_ns {
                Nanos::MIN => Nanos::new(played_ns).max(self.sequencer.now_ns()),
                recv_ns => recv_ns.max(self.sequencer.now_ns()),
            };
            let mut event = Event {
                seq: Seq::default(),
                recv_ns,
                venue_ns: recv_ns,
                instrument: InstrumentId::default(),
                venue: VenueId(0),
                payload,
            };
            self.step(&mut event)?;
            self.flush(event.recv_ns)?;
        }
    }

    /// Sends the commands off and lets denials and notices go through the sequencer, until there
    /// are none.
    #[inline]
    pub(crate) fn flush(&mut self, now_ns: Nanos) -> Result<(), Halt> {
        if self.outbox.is_empty() { Ok(()) } else { self.flush_all(now_ns) }
    }

    #[inline(never)]
    fn flush_all(&mut self, now_ns: Nanos) -> Result<(), Halt> {
        let (mut denial_at, mut notice_at) = (0, 0);
        loop {
            if let Some(witness) = &mut self.witness
                && !self.outbox.commands.is_empty()
            {
                let (commands, last) = (self.outbox.commands.as_slice(), self.sequencer.count());
                let state = self.pipeline.state_hash();
                let kept = witness.leaving(commands, Seq::new(last), now_ns, state);
                kept.map_err(|NotKept| Halt::NotKept)?;
            }
            for command in self.outbox.commands.as_slice() {
                self.log.sent(command, now_ns, self.pipeline.exposure().market);
                self.venue.submit(command, now_ns);
                self.sent += 1;
            }
            self.outbox.commands.clear();
            let (instrument, payload) = if let Some(denial) = self.outbox.denials.get(denial_at) {
                denial_at += 1;
                self.recorder.denied(denial.denied.reason);
                (denial.instrument, Payload::Denied(denial.denied))
            } else if let Some(notice) = self.outbox.notices.get(notice_at) {
                notice_at += 1;
                (notice.instrument, Payload::Report(notice.report))
            } else {
                break;
            };
            let mut event = Event {
                seq: Seq::default(),
                recv_ns: now_ns,
                venue_ns: now_ns,
                instrument,
                venue: VenueId(0),
                payload,
            };
            self.step(&mut event)?;
        }
        self.outbox.denials.clear();
        self.outbox.notices.clear();
        Ok(())
    }

    /// Commands reach the venue and reports reach us, until nothing more is due at `now_ns`.
    pub(crate) fn settle(&mut self, now_ns: i64) -> Result<(), Halt> {
        for _ in 0..ROUNDS_MAX {
            if self.venue.next_command_ns().is_some_and(|due| due <= now_ns) {
                self.venue.apply_commands(now_ns)?;
            }
            if self.venue.next_ns().is_none_or(|due| due.get() > now_ns) {
                return Ok(());
            }
            self.take_reports(now_ns)?;
        }
        Err(Halt::Livelock)
    }

    /// Reports that are due at `now_ns` reach us.
    pub(crate) fn take_reports(&mut self, now_ns: i64) -> Result<(), Halt> {
        self.log.rested(self.venue.take_rested());
        // One place for all of them: what is reported is copied into it, and nowhere else.
        let mut event = report_event();
        // What is reported while these are taken in waits for the next call.
        for _ in 0..self.venue.reports_due(now_ns).min(self.reports_max) {
            if !self.venue.take_report(now_ns, &mut event) {
                break;
            }
            let Payload::Report(report) = &event.payload else { break };
            if report.kind == ReportKind::Liquidated {
                self.record_liquidation(&event, report);
            } else if report.kind == ReportKind::Settled {
                self.record_settlement(&event, report);
            }
            self.sequence(&mut event)?;
            self.pipeline.step(&event, &mut self.outbox)?;
            self.note_stepped();
            self.record(&event);
            self.flush(event.recv_ns)?;
        }
        Ok(())
    }

    /// Writes down what the ledger has booked, once each, whatever the venue said how often, and
    /// not any more once it was taken back; and what the venue said of the order.
    #[inline]
    fn record(&mut self, event: &Event) {
        let Payload::Report(report) = &event.payload else { return };
        if !self.pipeline.booked().is_empty() {
            self.record_booked(event, report);
        }
        self.log.told(report, event.venue_ns, event.recv_ns);
    }

    #[inline(never)]
    fn record_booked(&mut self, event: &Event, report: &Report) {
        for booked in self.pipeline.booked() {
            let movement = &booked.movement;
            if movement.is_taken_back {
                if let Some(fill) = self.recorder.taken_back(booked.order, movement.exec) {
                    // The venue names the part of an order that it was an execution of.
                    let fills = self.recorder.fills();
                    self.log.taken_back(report.order, &fill, fills);
                }
                continue;
            }
            let orders = self.pipeline.exposure().orders;
            let Some(order) = orders.find(booked.order) else { continue };
            let fill = Fill {
                venue_ns: event.venue_ns,
                instrument: event.instrument,
                order: booked.order,
                strategy: Some(order.strategy),
                exec: movement.exec,
                side: order.side,
                kind: order.kind,
                price: movement.price,
                qty: movement.qty,
                fee: self.venue.fee_value(movement.exec).unwrap_or(movement.fee),
                fee_amount: movement.fee,
                fee_in: movement.fee_in,
                liquidity: report.liquidity,
                path: self.venue.path_of(movement.exec),
                row: self.venue.row_of(movement.exec),
            };
            self.log.filled_by(report.order, &fill, event.recv_ns);
            self.recorder.filled(fill);
        }
    }

    /// The venue closes a position by itself: a fill of no order of ours. The position is still
    /// there.
    fn record_liquidation(&mut self, event: &Event, report: &Report) {
        let is_long = self.pipeline.exposure().position(event.instrument).lots() > 0;
        self.recorder.filled(Fill {
            venue_ns: event.venue_ns,
            instrument: event.instrument,
            order: report.order,
            strategy: None,
            exec: report.exec,
            side: if is_long { Side::Sell } else { Side::Buy },
            kind: OrderKind::Market,
            price: report.price,
            qty: report.qty,
            fee: report.fee,
            fee_amount: report.fee,
            fee_in: report.fee_in,
            liquidity: report.liquidity,
            path: self.venue.path_of(report.exec),
            row: self.venue.row_of(report.exec),
        });
    }

    /// A position ends with its instrument. It is still there.
    fn record_settlement(&mut self, event: &Event, report: &Report) {
        let (instrument, Report { price, qty, .. }) = (event.instrument, *report);
        let exposure = self.pipeline.exposure();
        let position = exposure.ledger.position(instrument);
        let profit = exposure.spec(instrument).and_then(|spec| position.unrealised(spec, price));
        if let Some(profit) = profit.filter(|_| !qty.is_zero()) {
            let venue_ns = event.venue_ns;
            self.recorder.settled(Settled { venue_ns, instrument, qty, price, profit });
        }
    }

    /// Reports that are still under way at the end are taken in, so that what happened at the
    /// venue is in the books; nothing that is asked for on them reaches the venue any more.
    pub(crate) fn finish(&mut self) -> Result<(), Halt> {
        let late = self.venue.next_ns().is_some();
        while let Some(due) = self.venue.next_ns() {
            self.take_reports(due.get())?;
        }
        if late {
            self.recorder.resample(&self.pipeline)?;
        }
        Ok(self.venue.compare(self.pipeline.exposure().ledger)?)
    }
}
