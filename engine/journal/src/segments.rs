//! The files of a journal as they lie in its folder.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::JournalError;
use crate::format::header::{FORMAT_VERSION, HEADER_BYTES, HeaderFault, SegmentHeader};
use crate::map::{self, RingImage};
use crate::options::Fingerprint;
use crate::prune::pruned_to;
use crate::record::Lsn;

/// Held by whoever writes; its content says who that is.
pub const LOCK: &str = "lock";
/// Says where the memory lies.
pub const MEMORY: &str = "memory";
/// No segment is larger, so no file can make a reader take more memory.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// The segments in `folder` in order: numbers and files.
///
/// # Errors
/// When there is none, or the first ones are missing.
pub fn list(folder: &Path) -> Result<Vec<(u32, PathBuf)>, JournalError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(JournalError::NotFound { path: folder.to_owned() });
        }
        entries => entries.map_err(JournalError::io(folder, "list the folder"))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(JournalError::io(folder, "list the folder"))?;
        if let Some(number) = entry.file_name().to_str().and_then(number) {
            found.push((number, entry.path()));
        }
    }
    found.sort_unstable();
    let (mut before, pruned) = (0, pruned_to(folder)?);
    for (number, file) in &found {
        let is_next = *number == before + 1;
        let is_pruned = before > 0 && *number <= pruned.saturating_add(1);
        if !is_next && !is_pruned {
            let what = format!("segment {} before it is missing", before + 1);
            let file = file.clone();
            return Err(JournalError::Damaged { file, offset: 0, lsn: Lsn::NONE, what });
        }
        before = *number;
    }
    if found.is_empty() {
        return Err(JournalError::NotFound { path: folder.to_owned() });
    }
    Ok(found)
}

/// The number in a segment's name.
fn number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".log")?;
    let number = digits.parse().ok()?;
    (super::drain::segment_name(number) == name).then_some(number)
}

/// The place among `segments` of the one that holds record `lsn`, or would hold it: by the headers
/// that can be read, and the first one where those do not tell.
pub fn holding(segments: &[(u32, PathBuf)], lsn: Lsn) -> usize {
    let first_of = |file: &Path| {
        let mut bytes = [0; HEADER_BYTES];
        File::open(file).and_then(|mut file| file.read_exact(&mut bytes)).ok()?;
        SegmentHeader::read(&bytes).ok().map(|header| header.first)
    };
    let holds = |(_, file): &(u32, PathBuf)| first_of(file).is_some_and(|first| first <= lsn);
    if lsn <= Lsn::NONE.next() { 0 } else { segments.iter().rposition(holds).unwrap_or(0) }
}

/// Reads all of a segment into `bytes`, and its header.
///
/// # Errors
/// When it is none that this program can read, or of another configuration than `expected`.
pub fn load(
    file: &Path,
    expected: Option<Fingerprint>,
    bytes: &mut Vec<u8>,
) -> Result<SegmentHeader, JournalError> {
    bytes.clear();
    let open = File::open(file).map_err(JournalError::io(file, "open the segment"))?;
    let read = open.take(SEGMENT_BYTES_MAX + 1).read_to_end(bytes);
    read.map_err(JournalError::io(file, "read the segment"))?;
    let damaged = |what: &str| JournalError::Damaged {
        file: file.to_owned(),
        offset: 0,
        lsn: Lsn::NONE,
        what: what.to_owned(),
    };
    if bytes.len() as u64 > SEGMENT_BYTES_MAX {
        return Err(damaged("the file is longer than any segment"));
    }
    let header = SegmentHeader::read(bytes).map_err(|fault| match fault {
        HeaderFault::Foreign => JournalError::Foreign { file: file.to_owned() },
        HeaderFault::Newer(found) => {
            JournalError::Newer { file: file.to_owned(), found, known: FORMAT_VERSION }
        }
        HeaderFault::Damaged(what) => damaged(&format!("the header of the segment: {what}")),
    })?;
    match expected {
        Some(expected) if expected != header.fingerprint => {
            let found = header.fingerprint;
            Err(JournalError::OtherConfiguration { file: file.to_owned(), found, expected })
        }
        _ => Ok(header),
    }
}

/// The memory that a process left behind, where there is any.
///
/// # Errors
/// When there is some that cannot be read.
pub fn memory(folder: &Path) -> Result<Option<RingImage>, JournalError> {
    let Some(path) = memory_path(folder)? else { return Ok(None) };
    map::load(&path).map_err(|error| JournalError::Damaged {
        file: path,
        offset: 0,
        lsn: Lsn::NONE,
        what: format!("the memory that the last run left cannot be used: {error}"),
    })
}

/// Where the memory lies.
///
/// # Errors
/// What the operating system says.
pub fn memory_path(folder: &Path) -> Result<Option<PathBuf>, JournalError> {
    let pointer = folder.join(MEMORY);
    match fs::read_to_string(&pointer) {
        Ok(text) => Ok(Some(PathBuf::from(text.trim_end()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(JournalError::io(&pointer, "read where the memory lies")(error)),
    }
}

/// Whether somebody has the journal open for writing.
pub fn is_live(folder: &Path) -> bool {
    // Let go at once: a reader must not keep a run from starting.
    File::open(folder.join(LOCK))
        .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
