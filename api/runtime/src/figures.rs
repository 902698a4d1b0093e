//! What is known of a session once it is over.

use std::path::PathBuf;

use qt_journal::SnapshotRef;
use serde::Serialize;

use crate::stages::StageFigures;

/// What the thread of the pipeline has measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// How long the stages took.
    pub stages: Vec<StageFigures>,
    /// How its journal was doing at the end.
    pub journal: Option<qt_journal::Status>,
    /// The state that it kept.
    pub snapshot: Option<SnapshotRef>,
}

/// What a result says of its session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionFigures {
    /// Records of earlier processes that happened again.
    pub repeated: u64,
    /// Whether its end is in the journal.
    pub is_closed: bool,
    /// One record in so many was timed.
    pub timed_every: u32,
    /// How long the stages took, in the order of an event's way.
    pub stages: Vec<StageFigures>,
    /// Its journal.
    pub journal: JournalFigures,
    /// Its feed.
    pub feed: FeedFigures,
    /// The state that was kept at the stop; `None` where the strategy has none to be kept, or it
    /// was stopped before it was where it had been.
    pub snapshot: Option<SnapshotFigures>,
    /// The files of its flight recorder.
    pub flights: Vec<PathBuf>,
}

/// How a journal did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalFigures {
    /// What durable meant: disk or memory.
    pub durable: &'static str,
    /// The last record before the end.
    pub records: u64,
    /// How often a record had to wait for room in memory.
    pub waits: u64,
    /// How often the disk confirmed.
    pub syncs: u64,
    /// How often the disk was found full.
    pub disk_full: u64,
}

/// How the feed did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeedFigures {
    /// Records that had to wait for room in their ring. None was dropped.
    pub waits: u64,
}

/// A state that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotFigures {
    /// The last event that it has seen.
    pub event: u64,
    /// How large it is.
    pub bytes: u64,
}

impl JournalFigures {
    /// Those of a journal that ended as `status` says; without one it never began.
    #[must_use]
    pub fn of(status: Option<&qt_journal::Status>, durable: &'static str) -> Self {
        status.map_or(Self { durable, records: 0, waits: 0, syncs: 0, disk_full: 0 }, |status| {
            Self {
                durable,
                records: status.written.get(),
                waits: status.waits,
                syncs: status.syncs,
                disk_full: status.disk_full,
            }
        })
    }
}

impl From<SnapshotRef> for SnapshotFigures {
    fn from(kept: SnapshotRef) -> Self {
        Self { event: kept.stamp.seq.get(), bytes: kept.bytes }
    }
}
