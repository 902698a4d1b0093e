//! Sessions that do not run here yet, or not any more: their leases are asked for again and again,
//! and with its lease a session begins where its journal ends. One whose journal cannot be begun
//! with now, but may be later, waits here too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::lease::LeaseError;
use super::request::Requests;
use super::service::Inner;
use super::view::Shared;
use qt_trading::Phase;

/// Sessions that begin at the same time.
const ATTEMPTS_MAX: usize = 16;
/// The first pause after a lease was not given; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest one.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// The longest one where its journal cannot be begun with: that seldom changes by itself.
const JOURNAL_PAUSE_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether somebody asks something of a session that is elsewhere.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The longest sleep while none waits.
const QUIET: Duration = Duration::from_secs(60);

/// A session that does not run here.
#[derive(Clone, Debug)]
pub struct Absent {
    pub shared: Arc<Shared>,
    pub requests: Requests,
    /// How often it could not begin.
    pub tries: u32,
    /// The longest pause until it is tried again.
    pause_max: Duration,
}

impl Absent {
    /// One that is tried at once.
    pub const fn new(shared: Arc<Shared>, requests: Requests) -> Self {
        Self { shared, requests, tries: 0, pause_max: PAUSE_MAX }
    }
}

/// What the waiting room is told.
pub enum News {
    /// A session more.
    Wait(Absent),
    /// An attempt has ended; the session comes back where it could not begin yet.
    Tried(Option<Absent>),
    /// All of them stop.
    End,
}

/// The way to the waiting room, and its other end.
pub fn room() -> (Sender<News>, Receiver<News>) {
    unbounded()
}

/// Waits with all that come, until it is told to end.
pub fn run(inner: &Arc<Inner>, news: &Receiver<News>) {
    let mut waiting: Vec<(Instant, Absent)> = Vec::new();
    let mut under_way = 0_usize;
    loop {
        let now = Instant::now();
        let next = waiting.iter().map(|(due, _)| due.saturating_duration_since(now)).min();
        let next = next.filter(|_| under_way < ATTEMPTS_MAX).unwrap_or(LOOK_EVERY);
        let next = if waiting.is_empty() { QUIET } else { next.min(LOOK_EVERY) };
        match news.recv_timeout(next) {
            Ok(News::Wait(absent)) => waiting.push((due(&absent), absent)),
            Ok(News::Tried(back)) => {
                under_way -= 1;
                waiting.extend(back.map(|absent| (due(&absent), absent)));
            }
            Ok(News::End) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        waiting.iter().for_each(|(_, absent)| refuse(absent));
        let now = Instant::now();
        while under_way < ATTEMPTS_MAX
            && let Some(at) = waiting.iter().position(|(due, _)| *due <= now)
        {
            let (_, absent) = waiting.swap_remove(at);
            match begin(inner, absent) {
                Ok(()) => under_way += 1,
                Err(absent) => waiting.push((due(&absent), absent)),
            }
        }
    }
    for (_, absent) in waiting {
        absent.shared.enter(Phase::Stopped, None);
    }
}

fn due(absent: &Absent) -> Instant {
    let pause = match absent.tries {
        0 => Duration::ZERO,
        tries => PAUSE.saturating_mul(1 << (tries - 1).min(8)).min(absent.pause_max),
    };
    Instant::now() + pause
}

/// What came between the loss of the lease and its being known.
fn refuse(absent: &Absent) {
    if absent.shared.phase.borrow().0 != Phase::Elsewhere {
        return;
    }
    while let Some(request) = absent.requests.next() {
        if let Some(refusal) = absent.shared.refusal() {
            request.refuse(refusal);
        }
    }
}

/// An attempt, on a thread of its own: it may wait, and making a long journal again takes time.
fn begin(inner: &Arc<Inner>, mut absent: Absent) -> Result<(), Absent> {
    let (of, session) = (Arc::clone(inner), absent.clone());
    let thread = std::thread::Builder::new().name("session-start".to_owned());
    let started = thread.spawn(move || {
        let mut trial = Trial { room: of.room.clone(), back: None };
        trial.back = attempt(&of, session);
    });
    started.map(|_| ()).map_err(|why| {
        let why = format!("there is no thread to begin it on: {why}");
        put_off(&mut absent, Phase::Reconciling, why);
        absent
    })
}

/// An attempt that is under way: however it ends, the room is told.
struct Trial {
    room: Sender<News>,
    back: Option<Absent>,
}

impl Drop for Trial {
    fn drop(&mut self) {
        // Without the room the service is at its end.
        let _ = self.room.send(News::Tried(self.back.take()));
    }
}

/// Begins the session, or fails with it; it comes back where it cannot begin yet.
fn attempt(inner: &Inner, mut absent: Absent) -> Option<Absent> {
    let shared = &absent.shared;
    let folder = inner.folder(shared);
    if let Err(why) = std::fs::create_dir_all(&folder) {
        inner.fail(shared, &format!("{}: {why}", folder.display()));
        return None;
    }
    let asked = inner.settings.lease.acquire(shared.tenant, shared.account, &folder);
    match asked {
        Ok(held) => {
            shared.enter(Phase::Reconciling, None);
            let recalled = inner.settings.memory.recall(shared.tenant, shared.account);
            let remembered = match recalled {
                Ok(remembered) => remembered,
                // Also where there is a journal: the end of it may be lost, and kills with it.
                Err(why) => {
                    put_off(&mut absent, Phase::Reconciling, why);
                    return Some(absent);
                }
            };
            let why = inner.open(&absent, &folder, held, &remembered).err()?;
            // Its lease was given back: another process may do better.
            absent.pause_max = JOURNAL_PAUSE_MAX;
            put_off(&mut absent, Phase::Reconciling, why);
            Some(absent)
        }
        Err(why) => {
            let is_held = matches!(why, LeaseError::Held(_));
            let phase = if is_held { Phase::Elsewhere } else { Phase::Reconciling };
            put_off(&mut absent, phase, why.to_string());
            Some(absent)
        }
    }
}

fn put_off(absent: &mut Absent, phase: Phase, why: String) {
    absent.tries += 1;
    if absent.tries == 1 {
        tracing::warn!(account = %absent.shared.account, why, "a session waits");
    }
    absent.shared.enter(phase, Some(why));
}
