//! What can be wrong with a journal, said so that the reader can act on it.

use std::io;
use std::path::{Path, PathBuf};

use crate::options::Fingerprint;
use crate::record::Lsn;

/// Why a journal cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no such folder, or no segment in it.
    #[error("{path}: there is no journal here. Check the path")]
    NotFound {
        /// The folder.
        path: PathBuf,
    },
    /// The file begins otherwise than any segment or snapshot.
    #[error("{file}: is no file of a journal. Take it out of the folder, or check the path")]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// Another process, or another part of this one, has the journal open.
    #[error(
        "{path}: is in use by {owner}. Stop it, or give this run a journal of its own; two \
         writers would destroy it"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Who has it, as far as is known.
        owner: String,
    },
    /// Written by a newer program.
    #[error(
        "{file}: has format version {found}; this program knows versions up to {known}. Use the \
         program that wrote it, or a newer one"
    )]
    Newer {
        /// The segment.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// Written under other settings.
    #[error(
        "{file}: was written by a run of configuration {found}, and this one is {expected}. Start \
         with the settings of that run, or give this one a journal of its own"
    )]
    OtherConfiguration {
        /// The segment.
        file: PathBuf,
        /// Its configuration.
        found: Fingerprint,
        /// That of the run that wants to open it.
        expected: Fingerprint,
    },
    /// Something that the disk had confirmed is not there any more, or not as it was.
    #[error(
        "{file}: damaged at byte {offset}, at record {lsn}: {what}. Records after it may be \
         missing or wrong, so nothing goes on from here: keep the folder as it is, copy it, see \
         what can be read with a journal's verification, and begin a new journal once the orders \
         at the venue are known"
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// The record that should be there.
        lsn: Lsn,
        /// What is wrong.
        what: String,
    },
    /// The operating system refused.
    #[error("{path}: cannot {doing}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// Records were taken away, and no state that stands for them can be begun with.
    #[error(
        "{path}: records {first} to {last} were taken away, and no state that stands for them can \
         be begun with. Put a copy of them back, or begin a new journal"
    )]
    Pruned {
        /// The journal.
        path: PathBuf,
        /// The first of them.
        first: Lsn,
        /// The last of them.
        last: Lsn,
    },
    /// The journal cannot be kept so.
    #[error("the journal's {option} of {value} does not do: {why}")]
    Options {
        /// Which option.
        option: &'static str,
        /// What it is.
        value: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The journal cannot be written to any more.
    #[error("{path}: {fault}")]
    Append {
        /// The folder.
        path: PathBuf,
        /// Why.
        fault: AppendError,
    },
}

impl JournalError {
    /// For `map_err`: what was tried, and with what.
    pub(crate) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }

    /// Whether something is wrong in what was already confirmed.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Foreign { .. })
    }
}

/// Why a record was not taken, or cannot be confirmed. One byte: it stands on the hot path; what
/// the system said is told by [`crate::Durability::fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Writing failed. What was not confirmed may be lost, so nothing is taken any more: the run
    /// must stop, and begin again from the last proven record.
    #[error("the disk failed, and the journal takes nothing any more until it is opened again")]
    Poisoned,
    /// The disk is full: only what is written with [`crate::Journal::append_reserved`] is taken.
    #[error("the disk is full: only what has room kept for it, the end of the run, is still taken")]
    DiskFull,
    /// The memory is full because the disk is slow; only [`crate::Journal::try_append`] says so.
    #[error("the journal waits for its disk")]
    Busy,
    /// Larger than a record may be.
    #[error("the record is larger than the journal takes; keep large states as a snapshot")]
    TooLong,
}
