//! What the two threads of a journal tell each other.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use qt_ring::{Bell, Pinning, Wait};

use crate::error::AppendError;
use crate::options::Durable;
use crate::record::Lsn;

/// How long a thread looks again and again for a confirmation before it sleeps.
const LOOK: Duration = Duration::from_micros(50);

/// Positions in the stream of frames up to which there is room on the disk.
pub const NO_LIMIT: u64 = u64::MAX;

#[derive(Debug)]
pub struct Shared {
    pub mode: Durable,
    /// The last record that the disk has confirmed.
    durable: AtomicU64,
    /// The last record that somebody waits for.
    wanted: AtomicU64,
    /// How far ordinary records may go, and how far those that must be written.
    pub limit: AtomicU64,
    pub reserved_limit: AtomicU64,
    pub is_stopping: AtomicBool,
    is_poisoned: AtomicBool,
    fault: OnceLock<String>,
    pub writer: OnceLock<Thread>,
    pub pinning: OnceLock<Pinning>,
    /// Rung when the disk has confirmed something, which also makes room.
    pub bell: Bell,
    /// Counts, for whoever looks.
    pub syncs: AtomicU64,
    pub full: AtomicU64,
}

impl Shared {
    pub fn new(mode: Durable, durable: Lsn) -> Self {
        Self {
            mode,
            durable: AtomicU64::new(durable.get()),
            wanted: AtomicU64::new(0),
            limit: AtomicU64::new(NO_LIMIT),
            reserved_limit: AtomicU64::new(NO_LIMIT),
            is_stopping: AtomicBool::new(false),
            is_poisoned: AtomicBool::new(false),
            fault: OnceLock::new(),
            writer: OnceLock::new(),
            pinning: OnceLock::new(),
            bell: Bell::new(Wait::Park),
            syncs: AtomicU64::new(0),
            full: AtomicU64::new(0),
        }
    }

    #[inline]
    pub fn durable(&self) -> Lsn {
        Lsn::new(self.durable.load(Ordering::Acquire))
    }

    /// The disk has confirmed all up to `lsn`.
    pub fn confirm(&self, lsn: Lsn) {
        self.durable.store(lsn.get(), Ordering::Release);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.bell.ring();
    }

    /// The last record that somebody waits for.
    pub fn wanted(&self) -> Lsn {
        Lsn::new(self.wanted.load(Ordering::Acquire))
    }

    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.is_poisoned.load(Ordering::Acquire)
    }

    /// The end: `what` failed.
    pub fn poison(&self, what: String) {
        // The first fault is the one that counts.
        drop(self.fault.set(what));
        self.is_poisoned.store(true, Ordering::Release);
        self.bell.ring();
    }

    pub fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
    }

    pub fn set_limits(&self, limit: u64, reserved: u64) {
        // The wider one first, so that nobody finds less room for what must be written.
        self.reserved_limit.store(reserved, Ordering::Release);
        if self.limit.swap(limit, Ordering::AcqRel) == NO_LIMIT && limit != NO_LIMIT {
            self.full.fetch_add(1, Ordering::Relaxed);
        }
        self.bell.ring();
    }

    pub fn is_full(&self) -> bool {
        self.limit.load(Ordering::Acquire) != NO_LIMIT
    }

    pub fn wake_writer(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    /// Whether what is in memory finds no room on the disk.
    pub fn is_stuck(&self) -> bool {
        self.limit.load(Ordering::Acquire) == 0
    }

    /// Waits until the disk has confirmed `lsn`, or cannot.
    pub fn wait_on_disk(&self, lsn: Lsn) -> Result<(), AppendError> {
        if self.durable() < lsn {
            self.wanted.fetch_max(lsn.get(), Ordering::AcqRel);
            self.wake_writer();
            let is_over = || self.durable() >= lsn || self.is_poisoned() || self.is_stuck();
            let begin = Instant::now();
            while !is_over() && begin.elapsed() < LOOK {
                std::hint::spin_loop();
            }
            self.bell.wait_until(is_over);
        }
        // What was confirmed before the fault stays confirmed.
        if self.durable() >= lsn {
            return Ok(());
        }
        Err(if self.is_poisoned() { AppendError::Poisoned } else { AppendError::DiskFull })
    }
}
