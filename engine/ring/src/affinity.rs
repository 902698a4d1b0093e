//! Threads on cores of their own: which cores there are, who gets which, what came of it.
//!
//! Nothing here ends a program: a thread that cannot be pinned runs where the system puts it, and
//! whoever asked is told why.

use std::fmt;

use core_affinity::CoreId;
use thiserror::Error;

use crate::bell::Wait;

/// The cores that this process may use: what cgroups, `taskset` and the like leave of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores(Vec<usize>);

/// What came of pinning a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pinning {
    /// The thread runs on this core and no other.
    Pinned(usize),
    /// The thread runs where the system puts it.
    Refused(Refusal),
}

/// Why a thread was not pinned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The core does not exist, or this process may not use it.
    #[error("core {core} is not there for this process; it may use {allowed}")]
    NotAllowed {
        /// The core that was asked for.
        core: usize,
        /// Those that there are.
        allowed: Cores,
    },
    /// The system said no.
    #[error("the system does not pin to core {core}: {reason}")]
    System {
        /// The core that was asked for.
        core: usize,
        /// What the system says.
        reason: String,
    },
}

impl Cores {
    /// The cores that the calling thread may use. To be asked before anything is pinned: a pinned
    /// thread, and every thread that it starts, may use one core only.
    pub fn allowed() -> Self {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        Self::of(cores.into_iter().map(|core| core.id))
    }

    /// These cores.
    pub fn of(cores: impl IntoIterator<Item = usize>) -> Self {
        let mut cores: Vec<usize> = cores.into_iter().collect();
        cores.sort_unstable();
        cores.dedup();
        Self(cores)
    }

    /// Their numbers, rising.
    pub fn list(&self) -> &[usize] {
        &self.0
    }

    /// How many there are; 0 where the system does not say.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Pins the calling thread to `core`.
    pub fn pin(&self, core: usize) -> Pinning {
        // A number that the system has no bit for must not reach it.
        if !self.0.contains(&core) {
            return Pinning::Refused(Refusal::NotAllowed { core, allowed: self.clone() });
        }
        if core_affinity::set_for_current(CoreId { id: core }) {
            return Pinning::Pinned(core);
        }
        let reason = std::io::Error::last_os_error().to_string();
        Pinning::Refused(Refusal::System { core, reason })
    }
}

impl fmt::Display for Cores {
    /// As `taskset` writes it: `0-3,6`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.chunk_by(|core, next| core + 1 == *next);
        for (at, run) in runs.enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match run {
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [core] => write!(f, "{comma}{core}")?,
                [] => {}
            }
        }
        if self.0.is_empty() { f.write_str("none that the system names") } else { Ok(()) }
    }
}

impl fmt::Display for Pinning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(core) => write!(f, "pinned to core {core}"),
            Self::Refused(why) => write!(f, "not pinned: {why}"),
        }
    }
}

/// A thread, and the core that it is to have or has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The thread's name.
    pub thread: &'static str,
    /// Its core; `None`: any free one before the placement, no core of its own after it.
    pub core: Option<usize>,
}

/// Which thread runs where, and how all of them wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The threads in the order in which they were asked for.
    pub seats: Vec<Seat>,
    /// How they wait for each other.
    pub wait: Wait,
    /// What is not as one would wish, for people to read.
    pub notes: Vec<String>,
}

/// Why threads cannot be placed as asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlacementError {
    /// A thread was to have a core that is not there.
    #[error("thread {thread}: core {core} is not there for this process; use one of {allowed}")]
    NoSuchCore {
        /// The thread.
        thread: &'static str,
        /// The core.
        core: usize,
        /// Those that there are.
        allowed: Cores,
    },
}

impl Placement {
    /// Gives every thread of `wanted` a core: the one that it names, else a free one, from the
    /// last to the first, since the first serves most of the machine's interrupts. Threads that
    /// come too late get none and run where the system puts them.
    ///
    /// How threads wait follows from the numbers ([`Wait::for_threads`]) unless `wait` says it.
    ///
    /// # Errors
    /// When a thread names a core that is not there.
    pub fn new(cores: &Cores, wanted: &[Seat], wait: Option<Wait>) -> Result<Self, PlacementError> {
        for Seat { thread, core } in wanted {
            if let Some(core) = core.filter(|core| !cores.list().contains(core)) {
                return Err(PlacementError::NoSuchCore { thread, core, allowed: cores.clone() });
            }
        }
        let is_named = |core: &usize| wanted.iter().any(|seat| seat.core == Some(*core));
        let mut free = cores.list().iter().rev().copied().filter(|core| !is_named(core));
        let seat = |seat: &Seat| Seat { core: seat.core.or_else(|| free.next()), ..*seat };
        let seats: Vec<Seat> = wanted.iter().map(seat).collect();
        let used = Cores::of(seats.iter().filter_map(|seat| seat.core)).len();
        // Threads that share a core wait like threads of which there are too many.
        let crowd = if used < seats.len() { cores.len() + 1 } else { seats.len() };
        let fit = Wait::for_threads(crowd, cores.len());
        let mut new = Self { seats, wait: wait.unwrap_or(fit), notes: Vec::new() };
        new.note(cores, used, fit);
        Ok(new)
    }

    fn note(&mut self, cores: &Cores, used: usize, fit: Wait) {
        let threads = self.seats.len();
        if used < threads {
            let names = |seats: &[Seat], core: Option<usize>| {
                let same = seats.iter().filter(|seat| seat.core == core);
                same.map(|seat| seat.thread).collect::<Vec<_>>().join(", ")
            };
            self.notes.push(format!("{threads} threads on {used} of the cores {cores}"));
            let without = names(&self.seats, None);
            if !without.is_empty() {
                self.notes.push(format!("without a core of their own: {without}"));
            }
            for core in cores.list() {
                let count = self.seats.iter().filter(|seat| seat.core == Some(*core)).count();
                if count > 1 {
                    let sharing = names(&self.seats, Some(*core));
                    self.notes.push(format!("on core {core} together: {sharing}"));
                }
            }
        }
        let wait = self.wait;
        if wait == fit {
            if fit != Wait::Spin {
                self.notes.push(format!("threads wait by {fit}: there are too few cores to spin"));
            }
        } else if wait == Wait::Spin {
            self.notes.push(format!(
                "threads wait by spin as set, where {fit} would fit: one that spins keeps another \
                 from its core"
            ));
        }
    }
}
