//! A thread that takes many sessions in turn, a bounded part of each; it sleeps when there is
//! nothing to be done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, SendError, Sender, TryRecvError, unbounded};
use crossbeam::sync::{Parker, Unparker};
use qt_ring::{Cores, Pinning};
use qt_runtime::live::Reading;
use qt_types::Nanos;

use super::running::{Running, Visited};
use super::waiting::News;
use qt_trading::time::Time;

/// The longest sleep: what nobody wakes it for is found by then.
const NAP: Duration = Duration::from_millis(100);

/// Sessions whose last states are on their way to the disk at one time.
const ENDING_MAX: usize = 64;

/// The clocks of all workers: sessions may not see different ones.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    begun: Instant,
}

impl Clocks {
    pub fn start() -> Self {
        Self { begun: Instant::now() }
    }

    fn read(self) -> Reading {
        let steady_ns = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Reading { wall_ns: Nanos::new(Time::now().0), steady_ns }
    }
}

/// What a worker is told.
enum Order {
    /// A session more.
    Take(Box<Running>),
    /// All of them end.
    End,
}

/// A worker as others know it.
#[derive(Debug)]
pub struct Worker {
    orders: Sender<Order>,
    wakes: Unparker,
    sessions: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Take(_) => "Take",
            Self::End => "End",
        })
    }
}

impl Worker {
    /// Starts number `number`, on the core `core` where there is one. Sessions that go elsewhere go
    /// to `room`.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(
        number: usize,
        core: Option<(Cores, usize)>,
        clocks: Clocks,
        room: Sender<News>,
    ) -> std::io::Result<Self> {
        let (orders, incoming) = unbounded();
        let parker = Parker::new();
        let wakes = parker.unparker().clone();
        let sessions = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sessions);
        let thread = std::thread::Builder::new().name(format!("sessions-{number}"));
        let thread = thread.spawn(move || {
            if let Some((cores, core)) = core {
                match cores.pin(core) {
                    Pinning::Pinned(core) => tracing::info!(core, "a thread of sessions is pinned"),
                    Pinning::Refused(why) => tracing::warn!(%why, "a thread of sessions is free"),
                }
            }
            run(&incoming, &parker, &count, clocks, &room);
        })?;
        Ok(Self { orders, wakes, sessions, thread: Some(thread) })
    }

    /// Wakes it.
    pub fn unparker(&self) -> Unparker {
        self.wakes.clone()
    }

    /// How many sessions it has, or will have.
    pub fn load(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// One more is on its way to it.
    pub fn expect(&self) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
    }

    /// One that was on its way does not come.
    pub fn lose(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    /// Gives it a session, which ends where the worker has ended.
    pub fn take(&self, session: Box<Running>) {
        if let Err(SendError(Order::Take(mut late))) = self.orders.send(Order::Take(session)) {
            late.begin_end();
            late.end();
        }
        self.wakes.unpark();
    }

    /// Ends all of its sessions; [`Self::join`] waits for that.
    pub fn end(&self) {
        let _ = self.orders.send(Order::End);
        self.wakes.unpark();
    }

    /// Waits for its end.
    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // What a thread that came to a sudden end had to say is in the log.
            let _ = thread.join();
        }
    }
}

fn run(
    orders: &Receiver<Order>,
    parker: &Parker,
    count: &AtomicUsize,
    clocks: Clocks,
    room: &Sender<News>,
) {
    let mut sessions: Vec<Box<Running>> = Vec::new();
    let mut left = Vec::new();
    loop {
        match orders.try_recv() {
            Ok(Order::Take(session)) => sessions.push(session),
            Ok(Order::End) | Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {}
        }
        // Times are those of the steady clock: each session has a time of its own.
        let (mut taken, mut due_ns) = (0, u64::MAX);
        sessions.retain_mut(|session| {
            let reading = clocks.read();
            match session.visit(reading) {
                Visited::On { taken: of_one, left_ns } => {
                    taken += of_one;
                    let left_ns = u64::try_from(left_ns).unwrap_or(0);
                    due_ns = due_ns.min(reading.steady_ns.saturating_add(left_ns));
                    true
                }
                Visited::Elsewhere => {
                    left.push(session.leave());
                    false
                }
                Visited::Over => {
                    count.fetch_sub(1, Ordering::Relaxed);
                    false
                }
            }
        });
        // Only now its journal is closed, and its lease given back.
        left.drain(..).for_each(|absent| drop(room.send(News::Wait(absent))));
        if taken == 0 && orders.is_empty() {
            let left_ns = due_ns.saturating_sub(clocks.read().steady_ns);
            parker.park_timeout(Duration::from_nanos(left_ns).min(NAP));
        }
    }
    while let Ok(Order::Take(late)) = orders.try_recv() {
        sessions.push(late);
    }
    sessions.iter_mut().for_each(|session| session.drain());
    for some in sessions.chunks_mut(ENDING_MAX) {
        // Their last states are begun, then waited for: the disk takes them side by side.
        some.iter_mut().for_each(|session| session.begin_end());
        some.iter_mut().for_each(|session| session.end());
    }
}
