//! The files of states.

use std::fs;
use std::path::Path;

use qt_journal::{Fingerprint, SnapshotRef, find_snapshot, snapshot_name, snapshots_in};

use super::state::State;

/// So many files stay: the newest may not be named yet, one before it is the next start's, and one
/// more is for when that is damaged.
pub const FILES_KEPT: usize = 3;

/// A state that can be read, and what a record that names it says.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What names it.
    pub reference: SnapshotRef,
    /// It.
    pub state: State,
}

impl Kept {
    /// Removes its file beside the journal in `folder`. One that cannot be removed does no harm.
    pub fn remove(&self, folder: &Path) {
        drop(fs::remove_file(folder.join(snapshot_name(self.reference.stamp.seq))));
    }
}

/// The states beside the journal in `folder` that can be read, newest first, and what is wrong
/// with the others.
#[must_use]
pub fn kept_in(folder: &Path, fingerprint: Fingerprint) -> (Vec<Kept>, Vec<String>) {
    let (mut kept, mut bad) = (Vec::new(), Vec::new());
    // Without a folder there is no journal yet.
    let files = snapshots_in(folder).unwrap_or_default();
    for seq in files.into_iter().rev().take(FILES_KEPT) {
        let named = |why: String| format!("{}: {why}", snapshot_name(seq));
        match find_snapshot(folder, fingerprint, seq) {
            Ok((reference, bytes)) => match State::read(&bytes) {
                Ok(state) => kept.push(Kept { reference, state }),
                Err(why) => bad.push(named(why.to_string())),
            },
            Err(why) => bad.push(named(why.to_string())),
        }
    }
    (kept, bad)
}

/// Removes all but the newest [`FILES_KEPT`]. What cannot be removed does no harm.
pub(super) fn remove_old(folder: &Path) {
    let files = snapshots_in(folder).unwrap_or_default();
    for seq in files.iter().rev().skip(FILES_KEPT) {
        drop(fs::remove_file(folder.join(snapshot_name(*seq))));
    }
}
