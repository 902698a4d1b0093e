//! A driver and its simulated venue on one thread, taken one turn at a time by whoever has many of
//! them.

use std::collections::HashSet;
use std::sync::Arc;

use qt_backtest::venue::SimVenue;
use qt_backtest::witness::{NotKept, Witness};
use qt_engine::{Command, Ensemble, Gate, Halt, PipelineConfig};
use qt_ring::{Bell, SetupError, Wait};
use qt_types::{
    Asked, Control, Event, InstrumentId, Nanos, OrderId, Payload, RejectReason, ReportKind, Signal,
};

use super::gateway::SimGateway;
use crate::live::{Driver, FeedReader, GatewayEnd, Note, Parts, Reading, Settings, rings};

/// Room of the rings between driver and gateway: for a cancel of every order at once.
const RING_ITEMS: usize = 1_024;

/// Times between two turns at which something was due and that are kept apart. What a session that
/// stood still for long finds beyond them comes at once.
const STEPS_MAX: usize = 4_096;

/// What a session on paper is made from.
pub struct PaperParts<G> {
    /// What the pipeline is made from.
    pub pipeline: PipelineConfig,
    /// The strategies.
    pub strategies: Ensemble,
    /// The gate.
    pub gate: G,
    /// What keeps the run.
    pub witness: Box<dyn Witness>,
    /// The venue, at rest.
    pub venue: SimVenue,
    /// The way to the venue and back (ns).
    pub round_trip_ns: i64,
    /// Market data.
    pub feed: FeedReader,
    /// So many events of it are taken in one turn.
    pub batch: usize,
}

/// Sees what became of orders while the past is made again: called before the first event and
/// after each. It may put other strategies in their places, as was done then.
pub type Told<'a, G> = dyn FnMut(&mut Driver<Ensemble, G>, &[Note]) + 'a;

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Turned {
    /// So many items were taken in.
    pub taken: usize,
    /// So many of them were market data.
    pub heard: usize,
}

/// See the module. It belongs to one thread at a time, and never waits.
pub struct PaperSession<G> {
    pub(super) driver: Driver<Ensemble, G>,
    pub(super) gateway: SimGateway,
    end: GatewayEnd,
    feed: FeedReader,
    batch: usize,
    now_ns: Nanos,
}

/// How a driver goes about a venue that is in the same process: there is no link to be lost, and
/// what is compared once at the start stays so.
fn settings() -> Settings {
    const FOR_EVER_NS: i64 = i64::MAX / 4;
    Settings {
        cancels_at_stop: false,
        silence_ns: FOR_EVER_NS,
        compare_ns: FOR_EVER_NS,
        late_ns: FOR_EVER_NS,
        follows_wall: true,
        absence_ns: 1_000_000_000,
        attempt_ns: 10_000_000,
        attempts: 16,
        attempts_max: 64,
        ..Settings::default()
    }
}

impl<G: Gate> PaperSession<G> {
    /// A session at rest.
    ///
    /// # Errors
    /// When there are no such rings.
    pub fn new(parts: PaperParts<G>) -> Result<Self, SetupError> {
        let settings = settings();
        let bell = Arc::new(Bell::new(Wait::Yield));
        let (port, end) = rings(RING_ITEMS, &bell, Wait::Yield, settings.late_ns)?;
        let lacks = parts.venue.lacks();
        let mut driver = Driver::new(Parts {
            pipeline: parts.pipeline,
            lacks,
            strategy: parts.strategies,
            gate: parts.gate,
            witness: parts.witness,
            port,
            feeds: Vec::new(),
            settings,
        });
        driver.keep_notes();
        Ok(Self {
            driver,
            gateway: SimGateway::new(parts.venue, parts.round_trip_ns),
            end,
            feed: parts.feed,
            batch: parts.batch,
            now_ns: Nanos::MIN,
        })
    }

    /// Makes again what earlier processes did, from where the session stands: the pipeline, and the
    /// venue with it. Orders in `never_left` did not. `told` sees what became of the others.
    ///
    /// # Errors
    /// When a ledger fails its check, what happens is not what was kept, or the reading of `events`
    /// breaks off.
    pub fn repeat(
        &mut self,
        events: impl Iterator<Item = Result<Event, NotKept>> + Send + 'static,
        never_left: &HashSet<OrderId>,
        told: &mut Told<'_, G>,
    ) -> Result<(), Halt> {
        let mut notes = Vec::new();
        let Self { driver, gateway, .. } = self;
        gateway.set_repeating(true);
        let mut each = |driver: &mut Driver<Ensemble, G>, event: Option<&Event>| {
            if let Some(event) = event {
                gateway.market(event);
            }
            for (command, at_ns) in driver.resent() {
                let is_new = matches!(command, Command::New(_));
                if !(is_new && never_left.contains(&command.order())) {
                    gateway.send(command, *at_ns);
                }
            }
            driver.take_notes(&mut notes);
            told(driver, &notes);
            notes.clear();
        };
        let done = driver.repeat_with(events, &mut each);
        gateway.set_repeating(false);
        done?;
        self.check()
    }

    /// Takes in what there is, and goes on. Reports and timers that were due since the last turn
    /// come at the times at which they were due, whenever the turn is: so a session does what a
    /// backtest of the market that it has heard does. `reading` is the time of all else.
    ///
    /// # Errors
    /// When the session must stop.
    pub fn turn(&mut self, reading: Reading) -> Result<Turned, Halt> {
        let before_ns = self.driver.time_ns();
        self.driver.look(reading);
        let until_ns = self.driver.time_ns();
        let mut taken = self.take_due(before_ns, until_ns)?;
        taken += self.take_at(until_ns)?;
        let mut heard = 0;
        while heard < self.batch
            && self.driver.has_begun()
            && !self.driver.is_stopping()
            && let Some(event) = self.feed.pop()
        {
            let event = self.driver.stamped(event);
            self.gateway.market(&event);
            self.driver.hear(event)?;
            heard += 1;
        }
        taken += heard + self.deliver()?;
        Ok(Turned { taken, heard })
    }

    /// What is due in between, each at its time, and what follows from it.
    fn take_due(&mut self, after_ns: Nanos, until_ns: Nanos) -> Result<usize, Halt> {
        let (mut taken, mut at_ns, mut last) = (0, after_ns, None);
        for _ in 0..STEPS_MAX {
            let due_ns = self.next_ns();
            // Before it was in step with its venue, and once it stops, nothing is on its way.
            if due_ns >= until_ns || !self.driver.has_begun() || self.driver.is_stopping() {
                break;
            }
            at_ns = at_ns.max(due_ns);
            self.now_ns = at_ns;
            let moved = self.deliver()? + self.take_at(at_ns)?;
            // What is due and does not come waits for the turn itself.
            if moved == 0 && last == Some(due_ns) {
                break;
            }
            (last, taken) = (Some(due_ns), taken + moved);
        }
        Ok(taken)
    }

    fn take_at(&mut self, at_ns: Nanos) -> Result<usize, Halt> {
        let taken = self.driver.turn_at(at_ns)?;
        self.now_ns = self.driver.time_ns();
        Ok(taken + self.deliver()?)
    }

    /// Carries to and fro between driver and venue, until all that the driver has sent is there:
    /// made again, every command is with the venue before the market goes on.
    fn deliver(&mut self) -> Result<usize, Halt> {
        let mut moved = 0;
        loop {
            moved += self.end.turn(&mut self.gateway, self.now_ns);
            self.check()?;
            if !self.end.has_requests() {
                return Ok(moved);
            }
        }
    }

    /// The time goes on to that of `reading`, and nothing else does.
    pub fn look(&mut self, reading: Reading) {
        self.driver.look(reading);
        self.now_ns = self.driver.time_ns();
    }

    fn check(&self) -> Result<(), Halt> {
        self.gateway.fault().map_or(Ok(()), |fault| Err(Halt::Ledger(fault)))
    }

    /// Takes in a wish from outside, behind the last turn; the order that it became, or none.
    ///
    /// # Errors
    /// When the session must stop.
    pub fn ask(&mut self, instrument: InstrumentId, asked: Asked) -> Result<OrderId, Halt> {
        let order = self.driver.wish(instrument, asked)?;
        self.deliver()?;
        Ok(order)
    }

    /// Takes in a signal that was issued at `issued_ns`, behind the last turn.
    ///
    /// # Errors
    /// When the session must stop.
    pub fn hear_signal(
        &mut self,
        instrument: InstrumentId,
        signal: Signal,
        issued_ns: Nanos,
    ) -> Result<(), Halt> {
        self.driver.signal(instrument, signal, issued_ns)?;
        self.deliver().map(|_| ())
    }

    /// Takes in a decision, behind the last turn.
    ///
    /// # Errors
    /// When the session must stop.
    pub fn control(&mut self, control: Control) -> Result<(), Halt> {
        self.driver.control(control)?;
        self.deliver().map(|_| ())
    }

    /// The driver.
    #[must_use]
    pub const fn driver(&self) -> &Driver<Ensemble, G> {
        &self.driver
    }

    /// The driver, to be told something between two turns.
    pub const fn driver_mut(&mut self) -> &mut Driver<Ensemble, G> {
        &mut self.driver
    }

    /// The venue as it stands, for those who compare.
    #[must_use]
    pub const fn venue(&self) -> &SimVenue {
        self.gateway.venue()
    }

    /// What keeps the run from now on.
    pub fn keep_by(&mut self, witness: Box<dyn Witness>) {
        self.driver.keep_by(witness);
    }

    /// What is left of one that is given up: its market data.
    #[must_use]
    pub fn into_feed(self) -> FeedReader {
        self.feed
    }

    /// How long nothing is due, by its own time, if nothing comes before (ns).
    #[must_use]
    pub fn left_ns(&self) -> i64 {
        self.next_ns().get().saturating_sub(self.now_ns.get()).max(0)
    }

    /// When something is due next, if nothing comes before (UTC ns).
    #[must_use]
    pub fn next_ns(&self) -> Nanos {
        use qt_engine::Gateway;
        let coming = self.gateway.next_ns().unwrap_or(Nanos::MAX);
        coming.min(self.driver.next_ns())
    }

    /// Whether an input is waiting that the next turn takes.
    #[must_use]
    pub fn has_input(&self) -> bool {
        self.driver.has_input() || (self.driver.has_begun() && !self.feed.is_empty())
    }

    /// Ends it in order: what it has kept says so.
    pub fn close(&mut self) {
        self.driver.close();
    }
}

/// The order of which `event` says that it never left.
#[must_use]
pub fn not_sent(event: &Event) -> Option<OrderId> {
    let Payload::Report(report) = &event.payload else { return None };
    let is_it = report.kind == ReportKind::Rejected && report.reason == RejectReason::LinkLost;
    is_it.then_some(report.order)
}
