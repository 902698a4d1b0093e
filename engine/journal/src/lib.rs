//! The journal: every input of a run and every command that leaves it, in order, kept so that
//! nothing is lost when the process dies.
//!
//! Entry points: [`Journal`] takes records ([`Record`]) and says when they are durable;
//! [`JournalReader`] gives them back, up to the last one that is proven; [`verify()`] says what is
//! in a journal and whether it is whole; [`story`](story()) tells of one order. The format is in
//! `docs/JOURNAL.md`.
//!
//! May import: `qt-types`, `qt-ring`, `qt-engine`. Must not contain: decisions about orders,
//! sockets, output to a terminal. Unsafe code stands in `map.rs` alone.

mod describe;
mod drain;
mod error;
mod format;
mod intention;
mod journal;
mod map;
mod open;
mod options;
mod owner;
mod prune;
mod reader;
mod record;
mod segments;
mod shared;
mod snapshot;
mod storage;
mod story;
mod verify;
mod words;

pub use describe::{Describer, utc};
pub use error::{AppendError, JournalError};
pub use format::header::FORMAT_VERSION;
pub use intention::{Intention, NewIntention};
pub use journal::{Durability, Journal, Status};
pub use open::THREAD;
pub use options::{Durable, Fingerprint, Options};
pub use prune::prune;
pub use reader::{Cut, Entry, JournalReader, Recovery, recover};
pub use record::{
    CommandRecord, Control, Lsn, Mark, Record, RecordKind, SnapshotRef, SpecRecord, Stamp,
};
pub use snapshot::{
    SNAPSHOT_BYTES_MAX, find_snapshot, read_snapshot, snapshot_name, snapshots_in, write_snapshot,
};
pub use storage::{Folder, Storage, StoredFile};
pub use story::{Step, Story, StoryTeller, story};
pub use verify::{Report, verify};
