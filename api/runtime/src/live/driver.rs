//! The driver of a live run: all inputs get their order here, everything is kept before it is acted
//! on, and commands leave for the venue.

use std::collections::VecDeque;
use std::iter::Peekable;

use qt_backtest::simulator::Ended;
use qt_backtest::witness::{NotKept, Witness};
use qt_engine::{
    Command, Exposure, Gate, Halt, Outbox, Pipeline, PipelineConfig, Sequencer, Strategy,
};
use qt_types::{
    Control, ControlKind, Event, InstrumentId, KillState, Lacks, Level, Nanos, OrderId, Payload,
    RejectReason, Report, ReportKind, Seq, Target,
};

use super::beside::{Beside, Counted};
use super::blotter::Blotter;
use super::booked::Booked;
use super::clock::Watch;
use super::feed::FeedReader;
use super::figures::VenueFigures;
use super::link::Link;
use super::outside::Note;
use super::port::{RingVenue, not_sent};
use super::reconcile::{Break, Reconciler};
use super::settings::Settings;

/// What a driver is made from.
pub struct Parts<S, G> {
    /// What the pipeline is made from.
    pub pipeline: PipelineConfig,
    /// What the venue lacks.
    pub lacks: Lacks,
    /// The strategy.
    pub strategy: S,
    /// The gate.
    pub gate: G,
    /// What keeps the run.
    pub witness: Box<dyn Witness>,
    /// The way to the gateway.
    pub port: RingVenue,
    /// Market data.
    pub feeds: Vec<FeedReader>,
    /// How it goes about the venue.
    pub settings: Settings,
}

/// One pipeline with its sequencer, and the venue as it is seen over rings. It belongs to one
/// thread; [`Self::turn`] is all that this does.
pub struct Driver<S, G> {
    pub(super) pipeline: Pipeline<S, G>,
    pub(super) sequencer: Sequencer,
    outbox: Outbox,
    pub(super) witness: Box<dyn Witness>,
    pub(super) port: RingVenue,
    pub(super) feeds: Vec<FeedReader>,
    pub(super) settings: Settings,
    pub(super) watch: Watch,
    pub(super) blotter: Blotter,
    pub(super) booked: Booked,
    pub(super) link: Link,
    pub(super) reconciler: Reconciler,
    pub(super) breaks: Vec<Break>,
    pub(super) figures: VenueFigures,
    /// What we say ourselves of commands that did not leave.
    pub(super) own: VecDeque<(InstrumentId, Report)>,
    /// Events of an earlier process that have to happen again.
    repeated: Option<Peekable<Repeated>>,
    /// What left in its time, while that happens: commands, and when.
    pub(super) resent: Vec<(Command, Nanos)>,
    /// What became of orders since somebody looked; none where nobody ever does.
    pub(super) notes: Option<Vec<Note>>,
    pub(super) switch: Switch,
    /// What the kill switch is to be pulled for.
    pub(super) alarms: Alarms,
    /// What is in the account and not the run's, once that is known.
    pub(super) beside: Option<Beside>,
    /// Open orders of others that the gate counts.
    pub(super) counted: Counted,
}

/// Events that happen again, as they are read; the reading may break off.
type Repeated = Box<dyn Iterator<Item = Result<Event, NotKept>> + Send>;

/// Who holds the kill switch of the venue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Switch {
    /// The machine, and what it lets leave.
    pub(super) machine: Option<KillState>,
    pub(super) person: bool,
    /// Whether everything is halted, by whomever.
    pub(super) is_halted: bool,
}

/// What was found on the way and has to be acted on between two events.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alarms {
    /// A ring for commands is full.
    pub(super) halt: bool,
    /// How often there was no room for reports at the last look.
    pub(super) stalls: u64,
    /// A clock is off.
    pub(super) clock: bool,
}

/// How often what follows from what may go on at one and the same time.
const ROUNDS_MAX: usize = 100_000;

impl<S: Strategy, G: Gate> Driver<S, G> {
    /// A driver at rest.
    #[must_use]
    pub fn new(parts: Parts<S, G>) -> Self {
        let limits = parts.pipeline.limits;
        let pipeline = Pipeline::new(parts.pipeline, parts.strategy, parts.gate);
        Self {
            pipeline: pipeline.with_lacks(parts.lacks),
            sequencer: Sequencer::new(),
            outbox: Outbox::new(&limits),
            witness: parts.witness,
            port: parts.port,
            feeds: parts.feeds,
            settings: parts.settings,
            watch: Watch::new(Nanos::MIN),
            blotter: Blotter::new(limits.orders_open_max),
            booked: Booked::default(),
            link: Link::default(),
            reconciler: Reconciler::default(),
            breaks: Vec::new(),
            figures: VenueFigures::default(),
            own: VecDeque::with_capacity(limits.orders_open_max * 2),
            repeated: None,
            resent: Vec::new(),
            notes: None,
            switch: Switch::default(),
            alarms: Alarms::default(),
            beside: None,
            counted: Counted::default(),
        }
    }

    /// Makes the run of earlier processes again from the events that were kept of it. Nothing is
    /// sent: what was sent before and not answered is in doubt from now on. The witness sees all
    /// of it and holds it against what it has.
    ///
    /// # Errors
    /// When the ledger fails its check, or the witness finds a difference.
    pub fn repeat(&mut self, events: impl IntoIterator<Item = Event>) -> Result<(), Halt> {
        let events: Vec<Event> = events.into_iter().collect();
        self.repeat_with(events.into_iter().map(Ok), &mut |_, _| {})
    }

    /// The same for events that are read as they happen, and that go on from where the driver
    /// stands. `each` is called before the first event and after each, with the event.
    ///
    /// # Errors
    /// As [`Self::repeat`], and when the reading breaks off.
    pub fn repeat_with(
        &mut self,
        events: impl Iterator<Item = Result<Event, NotKept>> + Send + 'static,
        each: &mut dyn FnMut(&mut Self, Option<&Event>),
    ) -> Result<(), Halt> {
        let mut events = (Box::new(events) as Repeated).peekable();
        if self.events() == 0 {
            // Of comparisons that found nothing there is no event: as far as the events tell,
            // nothing was compared since the first of them, or the last outage.
            let first = events.peek().and_then(|event| event.as_ref().ok());
            self.link.in_step_ns = first.map_or(Nanos::MIN, |event| event.recv_ns);
        }
        self.repeated = Some(events);
        each(self, None);
        while let Some(event) = self.next_repeated() {
            let event = event.map_err(|NotKept| Halt::NotKept)?;
            if matches!(event.payload, Payload::Timer(_)) {
                // As when it was woken: a timer that has come is pending no more.
                self.pipeline.take_timer(event.recv_ns);
            }
            self.feed(event)?;
            each(self, Some(&event));
            self.resent.clear();
        }
        self.repeated = None;
        self.watch = Watch::new(self.sequencer.now_ns());
        self.doubt_unanswered()
    }

    /// Whether the past happens again.
    pub(super) const fn is_repeating(&self) -> bool {
        self.repeated.is_some()
    }

    fn next_repeated(&mut self) -> Option<Result<Event, NotKept>> {
        self.repeated.as_mut().and_then(Iterator::next)
    }

    /// One event through the pipeline, and what it causes on its way.
    pub(super) fn feed(&mut self, mut event: Event) -> Result<(), Halt> {
        self.step(&mut event)?;
        self.flush(event.recv_ns)
    }

    /// The same for something that happened just now.
    pub(super) fn feed_now(
        &mut self,
        instrument: InstrumentId,
        payload: Payload,
    ) -> Result<(), Halt> {
        let now_ns = self.watch.now_ns();
        self.feed(self.event(instrument, payload, now_ns))
    }

    pub(super) fn event(&self, of: InstrumentId, payload: Payload, venue_ns: Nanos) -> Event {
        let (instrument, venue) = (of, self.settings.venue);
        let recv_ns = self.watch.now_ns();
        Event { seq: Seq::default(), recv_ns, venue_ns, instrument, venue, payload }
    }

    fn step(&mut self, event: &mut Event) -> Result<(), Halt> {
        self.sequencer.stamp(event);
        self.witness.sequenced(event).map_err(|NotKept| Halt::NotKept)?;
        self.booked.begin(event.recv_ns);
        match &event.payload {
            Payload::Report(report) => {
                self.blotter.told(report);
                self.booked.told(event.instrument, report, event.venue_ns);
            }
            Payload::Control(control) => self.see_control(control, event.recv_ns),
            _ => {}
        }
        self.pipeline.step(event, &mut self.outbox)?;
        self.witness.stepped();
        if let Some(notes) = &mut self.notes {
            notes.extend(Note::of(event, &self.pipeline));
        }
        Ok(())
    }

    fn see_control(&mut self, control: &Control, now_ns: Nanos) {
        let own = Target::new(Level::Venue, u16::from(self.settings.venue.0));
        let is_machine = control.person == 0;
        self.counted.see(&control.kind);
        match control.kind {
            ControlKind::Trip { target, state } if target == own => {
                if is_machine {
                    self.switch.machine = self.switch.machine.max(Some(state));
                } else {
                    self.switch.person = true;
                }
            }
            ControlKind::Arm { target } if target == own => {
                (self.switch.machine, self.switch.person) = (None, false);
                if is_machine {
                    self.link.in_step_ns = now_ns;
                }
            }
            ControlKind::Trip { target: Target::GLOBAL, state: KillState::Halted } => {
                self.switch.is_halted = true;
            }
            ControlKind::Arm { target: Target::GLOBAL } => self.switch.is_halted = false,
            _ => {}
        }
    }

    /// Sends the commands off and lets denials and notices go through the sequencer, until there
    /// are none.
    fn flush(&mut self, now_ns: Nanos) -> Result<(), Halt> {
        let (mut denial_at, mut notice_at) = (0, 0);
        while !self.outbox.is_empty() {
            self.send_all(now_ns)?;
            let (instrument, payload) = if let Some(denial) = self.outbox.denials.get(denial_at) {
                denial_at += 1;
                (denial.instrument, Payload::Denied(denial.denied))
            } else if let Some(notice) = self.outbox.notices.get(notice_at) {
                notice_at += 1;
                (notice.instrument, Payload::Report(notice.report))
            } else {
                break;
            };
            if denial_at + notice_at > ROUNDS_MAX {
                return Err(Halt::Livelock);
            }
            // Of an earlier process's part it is the next one there, too: the witness looks.
            if let Some(Err(NotKept)) = self.next_repeated() {
                return Err(Halt::NotKept);
            }
            let mut event = self.event(instrument, payload, now_ns);
            event.recv_ns = now_ns;
            self.step(&mut event)?;
        }
        self.outbox.clear();
        Ok(())
    }

    fn send_all(&mut self, now_ns: Nanos) -> Result<(), Halt> {
        if self.outbox.commands.is_empty() {
            return Ok(());
        }
        for command in self.outbox.commands.as_slice() {
            if !self.blotter.sent(command, now_ns) {
                return Err(Halt::UsedId(command.order()));
            }
        }
        let (seq, state) = (Seq::new(self.sequencer.count()), self.pipeline.state_hash());
        let kept = self.witness.leaving(self.outbox.commands.as_slice(), seq, now_ns, state);
        kept.map_err(|NotKept| Halt::NotKept)?;
        for at in 0..self.outbox.commands.len() {
            if let Some(command) = self.outbox.commands.get(at) {
                self.send(&command, now_ns);
            }
        }
        self.outbox.commands.clear();
        Ok(())
    }

    /// Hands a command over, once. One that cannot leave now never will, but for a cancel.
    fn send(&mut self, command: &Command, now_ns: Nanos) {
        if self.repeated.is_some() {
            self.resent.push((*command, now_ns));
            return;
        }
        let may_leave = match command {
            Command::Cancel(_) => self.link.is_up(),
            Command::New(_) | Command::Replace(_) => self.link.is_ready() && !self.link.is_stopping,
        };
        if may_leave {
            if self.port.submit(command, now_ns) {
                self.figures.sent += 1;
                let due_ns = now_ns.saturating_add_ns(self.settings.answer_ns);
                if let Some(line) = self.blotter.line_mut(command.order()) {
                    line.left(command, due_ns);
                }
                return;
            }
            self.figures.commands_full += 1;
            self.alarms.halt = true;
        }
        self.hold_back(command);
    }

    fn hold_back(&mut self, command: &Command) {
        // A cancel leaves when there is a link again, or room.
        if let Some(report) = not_sent(command) {
            self.figures.held_back += 1;
            self.own.push_back((command.instrument(), report));
        }
    }

    /// Tells the strategy of what did not leave.
    pub(super) fn take_own(&mut self) -> Result<usize, Halt> {
        let mut taken = 0;
        while let Some((instrument, report)) = self.own.pop_front() {
            self.feed_now(instrument, Payload::Report(report))?;
            taken += 1;
            if taken > ROUNDS_MAX {
                return Err(Halt::Livelock);
            }
        }
        Ok(taken)
    }

    /// Decides something on behalf of the machine.
    pub(super) fn decide(&mut self, kind: ControlKind) -> Result<(), Halt> {
        if matches!(kind, ControlKind::Trip { .. }) {
            self.figures.trips += 1;
        }
        self.feed_now(InstrumentId::default(), Payload::Control(Control { kind, person: 0 }))
    }

    /// Pulls the kill switch of the venue.
    pub(super) fn trip_venue(&mut self, state: KillState) -> Result<(), Halt> {
        let target = Target::new(Level::Venue, u16::from(self.settings.venue.0));
        self.decide(ControlKind::Trip { target, state })
    }

    /// The same, unless the machine holds it already as tight.
    pub(super) fn hold_venue(&mut self, state: KillState) -> Result<(), Halt> {
        if self.switch.machine >= Some(state) { Ok(()) } else { self.trip_venue(state) }
    }

    /// The run ends in order: the witness keeps its end.
    pub fn close(&mut self) {
        let Self { witness, pipeline, sequencer, .. } = self;
        let save = |out: &mut Vec<u8>| pipeline.snapshot(sequencer, out);
        let (last, now_ns) = (Seq::new(sequencer.count()), sequencer.now_ns());
        witness.stopped(last, now_ns, Ended::Interrupted, &save);
    }

    /// The account, the market and the open orders as they stand.
    #[must_use]
    pub fn exposure(&self) -> Exposure<'_> {
        self.pipeline.exposure()
    }

    /// The hash of everything that the pipeline has seen.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        self.pipeline.state_hash()
    }

    /// The time of the last turn (UTC ns).
    #[must_use]
    pub const fn time_ns(&self) -> Nanos {
        self.watch.now_ns()
    }

    /// How many events there were.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.sequencer.count()
    }

    /// What was counted.
    #[must_use]
    pub fn figures(&self) -> VenueFigures {
        use super::blotter::Stand;
        let unknown = self.blotter.open().filter(|line| line.stand == Stand::Unknown);
        VenueFigures {
            unknown_now: unknown.count() as u64,
            reports_full: self.port.stalls(),
            feed_dropped: self.feeds.iter().map(FeedReader::dropped).sum(),
            ..self.figures
        }
    }

    /// What of the venue cannot be explained; empty while all is well.
    #[must_use]
    pub fn breaks(&self) -> &[Break] {
        &self.breaks
    }

    /// The orders as they were sent, and what was heard of them.
    #[must_use]
    pub const fn blotter(&self) -> &Blotter {
        &self.blotter
    }

    pub(super) fn note_unknown(&mut self, order: OrderId) -> Result<(), Halt> {
        use super::blotter::Stand;
        let line = self.blotter.line(order).filter(|line| line.is_open());
        let Some(line) = line.filter(|line| line.stand != Stand::Unknown).copied() else {
            return Ok(());
        };
        self.figures.unknown += 1;
        let report = Report::plain(order, ReportKind::Unknown, RejectReason::LinkLost);
        self.feed_now(line.instrument, Payload::Report(report))
    }
}
