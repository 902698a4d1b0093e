//! The way of one source's entries behind the reader: the session is asked about the next ones
//! while the database keeps those before, and nobody waits for the way of another source.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use qt_trading::Refusal;
use qt_trading::time::Time;
use redis::RedisResult;
use redis::aio::ConnectionManager;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::super::intake::{Begun, Incoming, Outcome, SignalIntake};
use super::BATCH;
use super::letter::{Done, Signed};
use crate::http::metrics::Metrics;

/// Entries of one lane, from the reader to their end.
const ENTRIES_MAX: usize = 2 * BATCH;
/// The reader waits so long for room in a lane, once: after that, and until there is room again,
/// entries of its source stay pending.
const ROOM_TIME: Duration = Duration::from_millis(200);
/// So long a lane rests after a session or a database did not answer.
const REST: Duration = Duration::from_millis(500);
/// A lane that was not used for so long ends.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// For so long new entries are left to others, after some were given whose session another process
/// has, and none whose session is here.
const ASIDE_PAUSE: Duration = Duration::from_secs(1);

/// What all lanes have in common.
pub(super) struct Lanes {
    intake: Arc<SignalIntake>,
    metrics: Arc<Metrics>,
    consumer: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Entries that are in a lane.
    under_way: HashSet<String>,
    /// When an entry was last given back, and when one was last settled.
    aside: Option<Instant>,
    own: Option<Instant>,
}

impl Lanes {
    pub(super) fn new(intake: Arc<SignalIntake>, metrics: Arc<Metrics>, consumer: String) -> Self {
        Self { intake, metrics, consumer, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This process, as Redis knows it.
    pub(super) fn consumer(&self) -> &str {
        &self.consumer
    }

    pub(super) fn is_under_way(&self, entry: &str) -> bool {
        self.state().under_way.contains(entry)
    }

    /// Whether an entry was given back within `time`.
    pub(super) fn is_aside(&self, time: Duration) -> bool {
        self.state().aside.is_some_and(|at| at.elapsed() < time)
    }

    /// How long new entries are to be left to others.
    pub(super) fn leaves_new_ones_for(&self) -> Option<Duration> {
        let state = self.state();
        let has_own = state.own.is_some_and(|at| at.elapsed() < ASIDE_PAUSE);
        let left = ASIDE_PAUSE.checked_sub(state.aside?.elapsed());
        left.filter(|_| !has_own)
    }

    /// Counts what became of entries, and tells Redis.
    pub(super) async fn settle(
        &self,
        redis: &mut ConnectionManager,
        done: Done,
    ) -> RedisResult<()> {
        for dead in done.dead.iter().filter(|dead| dead.code.starts_with("STREAM_")) {
            self.metrics.signal(dead.code);
        }
        done.tell(redis, &self.consumer).await
    }

    /// Entries have left their lane.
    fn are_over(&self, names: &[String], is_settled: bool, is_elsewhere: bool) {
        let (mut state, now) = (self.state(), Some(Instant::now()));
        for name in names {
            state.under_way.remove(name);
        }
        state.own = if is_settled { now } else { state.own };
        state.aside = if is_elsewhere { now } else { state.aside };
    }

    async fn begin(&self, all: &[Signed]) -> Result<Begun, Refusal> {
        let Some(first) = all.first() else {
            return Err(Refusal::Conflict("there is no entry".to_owned()));
        };
        self.intake.begin(&first.source.0, incoming(all)).await
    }

    /// What became of entries of one source.
    async fn finish(&self, all: Vec<Signed>, begun: Result<Begun, Refusal>) -> Done {
        let mut done = Done::default();
        let Some(source) = all.first().map(|first| Arc::clone(&first.source)) else { return done };
        let outcomes = match begun {
            Ok(begun) => self.intake.finish(&source.0, begun).await,
            Err(refusal) => Err(refusal),
        };
        match outcomes {
            Ok(outcomes) => done.note(all, outcomes),
            Err(Refusal::Unavailable { code: "ELSEWHERE", .. }) => {
                done.elsewhere.extend(all.into_iter().map(|signed| signed.entry));
            }
            Err(Refusal::Unavailable { code, detail }) => {
                tracing::warn!(code, detail, waiting = all.len(), "signals wait");
            }
            // One of them can never be kept: it must not hold up the others.
            Err(_) => {
                for one in all {
                    let taken = self.intake.take(&source.0, incoming(std::slice::from_ref(&one)));
                    match taken.await {
                        Ok(outcomes) => done.note(vec![one], outcomes),
                        Err(Refusal::Unavailable { .. }) => {}
                        Err(error) => {
                            let (code, detail) = ("SIGNAL_NOT_KEPT", error.to_string());
                            done.note(vec![one], vec![Outcome::Refused { code, detail }]);
                        }
                    }
                }
            }
        }
        done
    }

    /// Runs a lane until nobody hands it anything more. What has gathered while a stage was at work
    /// is taken together, so that a step of many costs about as much as one of a single entry.
    async fn run(
        self: Arc<Self>,
        mut redis: ConnectionManager,
        mut entries: UnboundedReceiver<Entries>,
    ) {
        let (to, mut begun) = unbounded_channel::<Asked>();
        let asking = async {
            let to = to;
            while let Some(Entries { mut all, mut room }) = entries.recv().await {
                while all.len() < BATCH
                    && let Ok(more) = entries.try_recv()
                {
                    all.extend(more.all);
                    room.merge(more.room);
                }
                let begun = self.begin(&all).await;
                if to.send(Asked { all, begun, room }).is_err() {
                    break;
                }
            }
        };
        let keeping = async {
            let mut next = None;
            while let Some(mut asked) = take(&mut next, &mut begun).await {
                while next.is_none()
                    && let Ok(more) = begun.try_recv()
                {
                    next = asked.join(more);
                }
                let is_done = self.keep(asked, &mut redis).await;
                if !is_done {
                    tokio::time::sleep(REST).await;
                }
            }
        };
        tokio::join!(asking, keeping);
    }

    /// Keeps what the session was asked about; whether anything came of it.
    async fn keep(&self, asked: Asked, redis: &mut ConnectionManager) -> bool {
        let Asked { all, begun, room } = asked;
        let names: Vec<String> = all.iter().map(|it| it.entry.clone()).collect();
        let done = self.finish(all, begun).await;
        let (is_settled, is_elsewhere) = (done.is_settled(), !done.elsewhere.is_empty());
        if let Err(error) = self.settle(redis, done).await {
            tracing::warn!(%error, "entries are not acknowledged: they come again");
        }
        self.are_over(&names, is_settled, is_elsewhere);
        drop(room);
        is_settled || is_elsewhere
    }
}

/// Entries on their way to the session, with the room that they take in their lane.
struct Entries {
    all: Vec<Signed>,
    room: OwnedSemaphorePermit,
}

/// Entries that the session was asked about.
struct Asked {
    all: Vec<Signed>,
    begun: Result<Begun, Refusal>,
    room: OwnedSemaphorePermit,
}

impl Asked {
    /// Both together; what cannot be taken together comes back.
    fn join(&mut self, other: Self) -> Option<Self> {
        match (&mut self.begun, other.begun) {
            (Ok(begun), Ok(more)) if self.all.len() + other.all.len() <= BATCH => {
                begun.join(more);
                self.all.extend(other.all);
                self.room.merge(other.room);
                None
            }
            (_, begun) => Some(Self { begun, ..other }),
        }
    }
}

/// What was left over, or else what comes.
async fn take(left: &mut Option<Asked>, from: &mut UnboundedReceiver<Asked>) -> Option<Asked> {
    match left.take() {
        None => from.recv().await,
        left => left,
    }
}

fn incoming(all: &[Signed]) -> Vec<Incoming> {
    let arrived_at = Time::now();
    all.iter().map(|it| Incoming { bytes: it.payload.clone(), arrived_at }).collect()
}

/// The way into a lane.
pub(super) struct Lane {
    to: UnboundedSender<Entries>,
    room: Arc<Semaphore>,
    used: Instant,
    /// There was no room in time.
    is_stuck: bool,
}

impl Lane {
    /// One of `tasks`.
    pub(super) fn begin(
        shared: &Arc<Lanes>,
        redis: ConnectionManager,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (to, entries) = unbounded_channel();
        tasks.spawn(Arc::clone(shared).run(redis, entries));
        let room = Arc::new(Semaphore::new(ENTRIES_MAX));
        Self { to, room, used: Instant::now(), is_stuck: false }
    }

    /// Whether it was not used for long.
    pub(super) fn is_idle(&self) -> bool {
        self.used.elapsed() > IDLE_TIME && self.room.available_permits() == ENTRIES_MAX
    }

    /// Takes entries, a batch at most, and says whether it had room for them.
    pub(super) async fn take(&mut self, shared: &Lanes, all: Vec<Signed>) -> bool {
        self.used = Instant::now();
        let time = if self.is_stuck { Duration::ZERO } else { ROOM_TIME };
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(count);
        let Ok(Ok(room)) = tokio::time::timeout(time, room).await else {
            self.is_stuck = true;
            return false;
        };
        self.is_stuck = false;
        shared.state().under_way.extend(all.iter().map(|it| it.entry.clone()));
        // Its task ends behind this end of the way.
        let _ = self.to.send(Entries { all, room });
        true
    }
}
