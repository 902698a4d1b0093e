//! The pipeline's stages on threads of their own, with rings between them.
//!
//! ```text
//! events ──┬──────────────┬──────────────────┐
//!          v              v                  v
//!      strategy ─wishes─> risk ─answers─> execution ─> commands, denials, notices
//!          │                │                ^
//!          └────────────────┼────wishes──────┘
//!          <────answers─────┘
//! ```
//!
//! Every stage has all that it knows to itself ([`qt_engine::staged`]). A ring that is full makes
//! the earlier stage wait. None waits for ever: whoever is behind finds all that it needs in its
//! rings, and what comes out at the end is taken up to the last event that is under way before
//! another one is fed. Where stages do not do the same, so that each waits for what no other will
//! put in, one of them finds that out and ends ([`qt_engine::staged::Apart::Stuck`]).

mod ends;
mod rehearsal;
mod thread;

use std::sync::Arc;
use std::thread::{Builder, Scope, ScopedJoinHandle};

use qt_backtest::run_ticks::TickStage;
use qt_engine::staged::{FollowGate, FollowStrategy, LeadGate, LeadStrategy};
use qt_engine::{Outbox, Sink, Strategy};
use qt_ring::{
    Consumer, Cores, Item, Placement, PlacementError, Seat, Setup, SetupError, Wait, broadcast,
    spsc,
};
use qt_types::{Event, Seq};

use ends::{Inlet, Outlet, Party, Ring, Waits};
use thread::{StageThread, Told};

pub use rehearsal::replay;
pub use thread::StageError;

/// The names of the stages and their threads.
pub const THREADS: [&str; 3] = ["strategy", "risk", "execution"];

/// Events that are under way at most.
const EVENTS_MAX: usize = 1_024;
/// Room in the rings between stages.
const ITEMS_MAX: usize = 1_024;

/// What the stages need beside what they are made of.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The cores of the threads, where they are to have certain ones.
    pub seats: [Seat; 3],
    /// How threads wait for each other; by the number of cores without it.
    pub wait: Option<Wait>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seats: THREADS.map(|thread| Seat { thread, core: None }), wait: None }
    }
}

/// Why stages cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum StagedError {
    /// The rings between them.
    #[error("{0}")]
    Ring(#[from] SetupError),
    /// The cores.
    #[error("{0}")]
    Placement(#[from] PlacementError),
    /// The system gives them no thread.
    #[error("a thread of a stage could not be started; end other programs and try again")]
    Start,
    /// A thread ended in a way that is a fault of ours.
    #[error("thread {0} ended unexpectedly; report it with the journal")]
    Thread(&'static str),
    /// A stage could not go on.
    #[error("stage {stage}, event {}: {why}", event.get())]
    Stage {
        /// Which.
        stage: &'static str,
        /// The event that it had.
        event: Seq,
        /// Why.
        why: StageError,
    },
}

/// One event, when every stage is done with it.
#[derive(Debug)]
pub struct Step<'a> {
    /// What it has put out.
    pub outbox: &'a Outbox,
    /// The hash of the state of each stage, as in [`THREADS`].
    pub states: [u64; 3],
}

/// The stages at work.
pub struct Stages<'scope> {
    events: Inlet<Event>,
    states: [Outlet<u64>; 2],
    told: Outlet<Told>,
    outbox: Outbox,
    under_way: usize,
    threads: [ScopedJoinHandle<'scope, Result<(), StagedError>>; 3],
}

impl<'scope> Stages<'scope> {
    /// Starts the stages of a run of `strategy` on `stage`.
    ///
    /// # Errors
    /// When there is no such core, or no thread for them.
    pub fn start<'a: 'scope>(
        scope: &'scope Scope<'scope, '_>,
        stage: &'scope TickStage<'a>,
        strategy: Box<dyn Strategy>,
        settings: &Settings,
    ) -> Result<Self, StagedError> {
        let cores = Cores::allowed();
        // The one that feeds them is a thread as well.
        let feed = Seat { thread: "events", core: None };
        let [first, second, third] = settings.seats;
        let placement = Placement::new(&cores, &[first, second, third, feed], settings.wait)?;
        let has_cores = placement.seats.iter().all(|seat| seat.core.is_some());
        let setup = |room| Setup::new(room, placement.wait);
        let waits = Arc::new(Waits::default());
        let (events, readers) = broadcast::<Event>(&setup(EVENTS_MAX), THREADS.len())?;
        let events = Inlet::new(events, Ring::Events, Arc::clone(&waits));
        let (wishes, [to_risk, to_execution]) =
            decided(&setup(ITEMS_MAX), Ring::Wishes, [Party::Risk, Party::Execution], &waits)?;
        let (answers, [verdicts, approvals]) =
            decided(&setup(ITEMS_MAX), Ring::Answers, [Party::Strategy, Party::Execution], &waits)?;
        let (strategy_states, strategy_seen) =
            done(&setup(EVENTS_MAX), Ring::StrategyStates, &waits)?;
        let (risk_states, risk_seen) = done(&setup(EVENTS_MAX), Ring::RiskStates, &waits)?;
        let (tell, told) = done(&setup(ITEMS_MAX), Ring::Told, &waits)?;
        let parties = [Party::Strategy, Party::Risk, Party::Execution];
        let readers = readers
            .into_iter()
            .zip(parties)
            .map(|(reader, party)| Outlet::new(reader, Ring::Events, party, Arc::clone(&waits)));
        let mut threads = THREADS.into_iter().zip(settings.seats).zip(readers);
        let mut seat = || {
            // Where threads share cores, the system knows best which one is to run where.
            let ((name, wanted), events) = threads.next().ok_or(StagedError::Start)?;
            let at = placement.seats.iter().find(|seat| seat.thread == name);
            let core = if has_cores { at.and_then(|seat| seat.core) } else { wanted.core };
            Ok::<_, StagedError>(StageThread { name, cores: cores.clone(), core, events })
        };
        let follow_risk = FollowStrategy::new(&*strategy, to_risk);
        let follow_execution = FollowStrategy::new(&*strategy, to_execution);
        let (first, second, third) = (seat()?, seat()?, seat()?);
        let strategy = spawn(scope, first.name, move || {
            let lead = LeadStrategy::new(strategy, wishes);
            first.run(strategy_states, || stage.replica(lead, |_| FollowGate::new(verdicts)))
        })?;
        let risk = spawn(scope, second.name, move || {
            second.run(risk_states, || {
                stage.replica(follow_risk, |gate| LeadGate::new(gate, answers))
            })
        })?;
        let execution = spawn(scope, third.name, move || {
            third.run(tell, || stage.replica(follow_execution, |_| FollowGate::new(approvals)))
        })?;
        Ok(Self {
            events,
            states: [strategy_seen, risk_seen],
            told,
            outbox: Outbox::new(stage.limits()),
            under_way: 0,
            threads: [strategy, risk, execution],
        })
    }

    /// Whether another event can be fed before one is taken.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.under_way < EVENTS_MAX
    }

    /// How many events are under way.
    #[must_use]
    pub const fn under_way(&self) -> usize {
        self.under_way
    }

    /// Hands `event` to every stage. Whether any listens.
    pub fn feed(&mut self, event: &Event) -> bool {
        self.under_way += 1;
        self.events.push(*event)
    }

    /// The next event with which every stage is done; `None` when a stage has ended, or none is
    /// under way.
    pub fn take(&mut self) -> Option<Step<'_>> {
        self.under_way = self.under_way.checked_sub(1)?;
        self.outbox.clear();
        let execution = loop {
            let is_taken = match self.told.next()? {
                Told::Command(command) => self.outbox.commands.push(command),
                Told::Denial(denial) => self.outbox.denials.push(denial),
                Told::Notice(notice) => self.outbox.notices.push(notice),
                Told::Done { state } => break state,
            };
            debug_assert!(is_taken, "an outbox of the same size had room for it");
        };
        let [strategy, risk] = &mut self.states;
        let states = [strategy.next()?, risk.next()?, execution];
        Some(Step { outbox: &self.outbox, states })
    }

    /// Waits until every stage has come to the end of what it was fed.
    ///
    /// # Errors
    /// Why one could not: the cause, where others ended only because of that.
    pub fn end(self) -> Result<(), StagedError> {
        let Self { events, states, told, threads, .. } = self;
        drop((events, states, told));
        let mut first = Ok(());
        for (name, thread) in THREADS.into_iter().zip(threads) {
            let ended = thread.join().unwrap_or(Err(StagedError::Thread(name)));
            let is_cause = match (&first, &ended) {
                (Ok(()), Err(_)) => true,
                (Err(first), Err(ended)) => rank(ended) > rank(first),
                (_, Ok(())) => false,
            };
            if is_cause {
                first = ended;
            }
        }
        first
    }
}

/// How much an error says of the cause.
const fn rank(error: &StagedError) -> u8 {
    match error {
        StagedError::Stage { why, .. } if why.is_of_another() => 0,
        StagedError::Stage { .. } => 1,
        _ => 2,
    }
}

/// A ring for what one stage has decided, to two others.
fn decided<T: Item>(
    setup: &Setup,
    at: Ring,
    parties: [Party; 2],
    waits: &Arc<Waits>,
) -> Result<(Inlet<T>, [Outlet<T>; 2]), StagedError> {
    let (to, from) = broadcast(setup, parties.len())?;
    let from: [Consumer<T>; 2] = from.try_into().map_err(|_| StagedError::Start)?;
    let [first, second] = from;
    let out = |from, party| Outlet::new(from, at, party, Arc::clone(waits));
    let [one, other] = parties;
    Ok((Inlet::new(to, at, Arc::clone(waits)), [out(first, one), out(second, other)]))
}

/// A ring for what a stage has done.
fn done<T: Item>(
    setup: &Setup,
    at: Ring,
    waits: &Arc<Waits>,
) -> Result<(Inlet<T>, Outlet<T>), StagedError> {
    let (to, from) = spsc(setup)?;
    let out = Outlet::new(from, at, Party::Feeder, Arc::clone(waits));
    Ok((Inlet::new(to, at, Arc::clone(waits)), out))
}

fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &'static str,
    run: impl FnOnce() -> Result<(), StagedError> + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, Result<(), StagedError>>, StagedError> {
    let thread = Builder::new().name(name.to_owned());
    thread.spawn_scoped(scope, run).map_err(|_| StagedError::Start)
}
