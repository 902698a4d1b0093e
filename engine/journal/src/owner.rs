//! Whose memory it is. A process that is killed before its journal says where its memory lies
//! leaves memory behind that nothing on the disk names: a note beside it names its journal, and who
//! begins next in the same place takes away what no journal claims.
//!
//! The place may be shared with processes that see other disks, like containers with the memory of
//! their host: memory in use is locked, and the note says for whom the journal's folder has its
//! name. What cannot be seen from here is not taken away.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::segments;

/// How the name of a memory ends.
pub const MEMORY: &str = "ring";
/// How that of its note does.
const NOTE: &str = "owner";

/// Writes down that the memory at `memory`, which is made next, is that of the journal in `folder`.
///
/// # Errors
/// What the operating system says.
pub fn note(memory: &Path, folder: &Path) -> io::Result<()> {
    let folder = fs::canonicalize(folder)?;
    let mut words = folder.as_os_str().as_encoded_bytes().to_vec();
    words.push(b'\n');
    words.extend(seen_as().as_os_str().as_encoded_bytes());
    fs::write(memory.with_extension(NOTE), words)
}

/// The namespace of mounts that this process sees; nothing where the system has none.
fn seen_as() -> PathBuf {
    fs::read_link("/proc/self/ns/mnt").unwrap_or_default()
}

/// Takes the memory at `memory` away, and its note. What cannot be taken away does no harm.
pub fn remove(memory: &Path) {
    drop(fs::remove_file(memory));
    drop(fs::remove_file(memory.with_extension(NOTE)));
}

/// Takes away what is in `place` and that no journal claims, once for each place and process.
pub fn sweep(place: &Path) {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if !SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(place.to_owned()) {
        return;
    }
    let all = fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path());
    for note in all.filter(|path| path.extension().is_some_and(|it| it == NOTE)) {
        let memory = note.with_extension(MEMORY);
        let Ok(words) = fs::read_to_string(&note) else { continue };
        // Without a second line an older program wrote it.
        let (owner, seen) = words.rsplit_once('\n').unwrap_or((&words, ""));
        let owner = Path::new(owner);
        let is_hidden = !seen.is_empty() && Path::new(seen) != seen_as() && !owner.exists();
        if !is_hidden && !is_in_use(&memory) && !is_claimed(owner, &memory) {
            remove(&memory);
        }
    }
}

/// Whether a process has the memory at `memory`.
fn is_in_use(memory: &Path) -> bool {
    File::open(memory).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Whether the journal in `folder` says that its memory is `memory`, or may be about to.
fn is_claimed(folder: &Path, memory: &Path) -> bool {
    let named = segments::memory_path(folder).ok().flatten();
    // Names are of one journal each; where they lie can be written in several ways.
    named.is_some_and(|named| named.file_name() == memory.file_name()) || segments::is_live(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Durable, Fingerprint, Journal, Options};

    #[test]
    fn memory_that_no_journal_claims_is_taken_away_and_no_other() {
        let place = tempfile::tempdir().unwrap();
        let journals = tempfile::tempdir().unwrap();
        let ring = |name: &str| place.path().join(format!("quanttrade-{name}-1.ring"));
        let folder = |name: &str| journals.path().join(format!("{name}.qtj"));
        for name in ["killed", "claimed", "gone", "foreign", "used", "hidden"] {
            fs::write(ring(name), b"memory").unwrap();
            fs::create_dir(folder(name)).unwrap();
        }
        for name in ["killed", "claimed", "gone", "used"] {
            note(&ring(name), &folder(name)).unwrap();
        }
        let used = File::open(ring("used")).unwrap();
        used.lock().unwrap();
        fs::remove_dir(folder("used")).unwrap();
        // A process in a container has written it.
        let elsewhere = "/of/a/container/journal.qtj\nmnt:[1]";
        fs::write(ring("hidden").with_extension(NOTE), elsewhere).unwrap();
        fs::write(folder("claimed").join("memory"), ring("claimed").to_str().unwrap()).unwrap();
        fs::remove_dir(folder("gone")).unwrap();
        let mut options = Options::new(Fingerprint([0; 32]), Durable::Memory);
        options.memory_folder = place.path().to_owned();
        (options.memory_bytes, options.reserve_bytes) = (1 << 16, 1 << 12);
        options.segment_bytes = 1 << 20;
        let (journal, _) = Journal::open(&folder("new"), &options).unwrap();
        let there = |name: &str| ring(name).exists();
        assert_eq!([there("killed"), there("gone")], [false; 2]);
        assert_eq!(["claimed", "foreign", "used", "hidden"].map(there), [true; 4]);
        drop(used);
        let notes = || {
            let all = fs::read_dir(place.path()).unwrap().flatten();
            all.filter(|it| it.path().extension().is_some_and(|it| it == NOTE)).count()
        };
        assert_eq!(notes(), 4, "of what is claimed, used or hidden, and of the new one");
        drop(journal);
        assert_eq!(notes(), 3, "a journal that is closed takes its memory along");
    }
}
