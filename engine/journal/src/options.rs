//! What a journal is opened with.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use qt_ring::Cores;

use crate::record::Lsn;

/// What a run was made of, as one number: a journal goes on only under the configuration that it
/// was begun with.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    /// The first eight bytes, which tell two of them apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is meant by a record that cannot get lost any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Durable {
    /// The disk has confirmed it: it survives a loss of power. For real money.
    #[default]
    Disk,
    /// It is in memory that outlives the process: it survives a crash of the process, not of the
    /// machine. The disk gets it a moment later.
    Memory,
}

impl Durable {
    /// The name in settings and answers.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Memory => "memory",
        }
    }
}

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration of the run.
    pub fingerprint: Fingerprint,
    /// What [`crate::Journal::wait_durable`] waits for.
    pub durable: Durable,
    /// Where the memory lies: a folder of a file system that is memory.
    pub memory_folder: PathBuf,
    /// How large the memory is: a power of two.
    pub memory_bytes: usize,
    /// How large a segment is on the disk; it gets its room when it is made.
    pub segment_bytes: u64,
    /// How much of the memory, and of the last segment of a full disk, is kept for what must be
    /// written in any case ([`crate::Journal::append_reserved`]).
    pub reserve_bytes: usize,
    /// How long a record stays unconfirmed by the disk at most, when nobody asks for it.
    pub sync_every: Duration,
    /// Segments in which nothing is behind this record need not be read when a run begins.
    pub read_behind: Lsn,
    /// The cores there are and the one that the writing thread is to run on.
    pub pin: Option<(Cores, usize)>,
}

impl Options {
    /// Room for some hundred thousand records in memory, a million in a segment.
    #[must_use]
    pub fn new(fingerprint: Fingerprint, durable: Durable) -> Self {
        Self {
            fingerprint,
            durable,
            memory_folder: PathBuf::from("/dev/shm"),
            memory_bytes: 16 << 20,
            segment_bytes: 64 << 20,
            reserve_bytes: 1 << 20,
            sync_every: Duration::from_millis(50),
            read_behind: Lsn::NONE,
            pin: None,
        }
    }
}
