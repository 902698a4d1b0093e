//! How a thread waits for another, and how it is woken.

use std::fmt;
use std::time::Duration;

use crate::fence::Fences;
use crate::sync::{AtomicBool, Condvar, Mutex, Ordering};

/// How long a thread looks again before it sleeps, in turns: some hundred nanoseconds, in which
/// most answers of a busy neighbour arrive.
const SPINS_BEFORE_SLEEP: u32 = 200;
/// How often it then lets others run before it sleeps.
const YIELDS_BEFORE_SLEEP: u32 = 4;
/// The longest sleep. No wake-up is lost, so this bounds only what nobody has thought of.
const SLEEP_MAX: Duration = Duration::from_millis(10);

/// How a thread waits for something of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Looks again and again: the shortest reaction, and a core that does nothing else.
    Spin,
    /// Lets others run between two looks: the core stays busy, but shared.
    Yield,
    /// Looks for a moment, then sleeps until the bell is rung: some microseconds later, and a core
    /// that is free for others.
    Park,
}

impl Wait {
    /// How `threads` that all wait for each other should do it on `cores`: spin where a core is
    /// left for the rest of the machine, yield where every thread has one but the rest has none,
    /// park where they must share. A thread that spins on a shared core is in the way of the very
    /// thread that it waits for.
    pub fn for_threads(threads: usize, cores: usize) -> Self {
        match threads.cmp(&cores) {
            std::cmp::Ordering::Less => Self::Spin,
            std::cmp::Ordering::Equal => Self::Yield,
            std::cmp::Ordering::Greater => Self::Park,
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spin => "spin",
            Self::Yield => "yield",
            Self::Park => "park",
        })
    }
}

/// What a thread waits at. A ring has two: the writer rings one when there are items, the readers
/// the other when there is room. A thread that reads several rings gives them one bell.
///
/// To ring costs nothing where nobody can sleep ([`Wait::Spin`], [`Wait::Yield`]), and one load
/// where nobody does sleep.
#[derive(Debug)]
pub struct Bell {
    wait: Wait,
    fences: Fences,
    /// Whether somebody sleeps or is about to. Written under the lock.
    asleep: AtomicBool,
    lock: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    /// A bell at which threads wait in this way.
    pub fn new(wait: Wait) -> Self {
        Self {
            wait,
            fences: Fences::of_this_machine(),
            asleep: AtomicBool::new(false),
            lock: Mutex::new(()),
            rung: Condvar::new(),
        }
    }

    /// How threads wait here.
    pub fn wait(&self) -> Wait {
        self.wait
    }

    /// Whether a thread can sleep here, so that it must be woken.
    #[inline(always)]
    pub fn has_sleepers(&self) -> bool {
        self.wait == Wait::Park
    }

    /// Wakes those who sleep here. To be called after what they wait for was stored.
    #[inline(always)]
    pub fn ring(&self) {
        if !self.has_sleepers() {
            return;
        }
        // Between the store of what is waited for and the look at the flag; its counterpart stands
        // between the store of the flag and the look at what is waited for. So at least one of the
        // two threads sees the other's store, and none sleeps on.
        self.fences.light();
        if self.asleep.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        // A sleeper holds the lock from before its last look until it sleeps: with the lock in
        // hand, it sleeps already or has seen what it waits for.
        let _held = self.lock();
        self.asleep.store(false, Ordering::Relaxed);
        self.rung.notify_all();
    }

    /// Waits until `is_ready`. It is asked in a loop and must look at what other threads store
    /// before they ring this bell.
    #[inline]
    pub fn wait_until(&self, mut is_ready: impl FnMut() -> bool) {
        match self.wait {
            Wait::Spin => {
                while !is_ready() {
                    relax();
                }
            }
            Wait::Yield => {
                while !is_ready() {
                    yield_now();
                }
            }
            Wait::Park => self.wait_or_sleep(&mut is_ready),
        }
    }

    fn wait_or_sleep(&self, is_ready: &mut dyn FnMut() -> bool) {
        for turn in 0..turns(SPINS_BEFORE_SLEEP + YIELDS_BEFORE_SLEEP) {
            if is_ready() {
                return;
            }
            if turn < SPINS_BEFORE_SLEEP { relax() } else { yield_now() }
        }
        while !is_ready() {
            self.sleep_unless(is_ready);
        }
    }

    fn sleep_unless(&self, is_ready: &mut dyn FnMut() -> bool) {
        let held = self.lock();
        self.asleep.store(true, Ordering::Relaxed);
        self.fences.heavy();
        if is_ready() {
            return;
        }
        // Who leaves with the flag still set costs the other side one needless wake-up.
        drop(self.rung.wait_timeout(held, SLEEP_MAX));
    }

    fn lock(&self) -> crate::sync::MutexGuard<'_, ()> {
        // The lock guards no data that a panic could leave half done.
        self.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// One turn of a spinning thread. No pause instruction: it takes up to 140 cycles, and a virtual
/// machine can lose the core over it.
#[inline(always)]
fn relax() {
    #[cfg(loom)]
    loom::thread::yield_now();
}

fn yield_now() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    std::thread::yield_now();
}

/// A model goes to sleep at once: every further look would multiply its executions. Under Miri it
/// would take long.
fn turns(wanted: u32) -> u32 {
    if cfg!(any(loom, miri)) { 0 } else { wanted }
}
