//! Why a snapshot cannot be made or taken over.

use std::fmt;

use super::FORMAT;

/// Why a snapshot cannot be made or taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The bytes are something else.
    NotASnapshot,
    /// It is of a format that this program does not know.
    Format(u16),
    /// It was cut, or its bytes are not those that were written.
    Damaged,
    /// It is of another configuration.
    Differs {
        /// What differs.
        what: &'static str,
        /// As it is in the snapshot.
        saved: String,
        /// As it is here.
        here: String,
    },
    /// A strategy or gate does not say how its state is stored.
    NotStorable(&'static str),
    /// Two events are under way: a snapshot is made between them, after the outbox was emptied.
    Busy,
}

impl SnapshotError {
    /// The two sides of what differs, as text.
    pub fn differs(what: &'static str, saved: impl fmt::Debug, here: impl fmt::Debug) -> Self {
        Self::Differs { what, saved: format!("{saved:?}"), here: format!("{here:?}") }
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASnapshot => f.write_str("these bytes are no snapshot of a pipeline"),
            Self::Format(found) => write!(
                f,
                "the snapshot has format {found}, this program knows format {FORMAT}: use the \
                 version that wrote it, or start from the journal"
            ),
            Self::Damaged => f.write_str(
                "the snapshot is cut or damaged: start from an older one, or from the journal",
            ),
            Self::Differs { what, saved, here } => write!(
                f,
                "the snapshot is of another configuration: {what} was {saved} and is {here}"
            ),
            Self::NotStorable(what) => write!(
                f,
                "{what} cannot be stored: it has no `save` and `load` (docs/STRATEGIES.md)"
            ),
            Self::Busy => f.write_str("a snapshot is made between two events, not during one"),
        }
    }
}

impl std::error::Error for SnapshotError {}
