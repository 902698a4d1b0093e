//! The file behind the control log: what was tripped and armed, durable before anyone is told.
//!
//! One file that only grows, held by one program at a time. A frame is a mark, the length of the
//! entry, a checksum of both, a checksum of the entry, and the entry as JSON. A frame that was
//! being written when the machine stopped was never acknowledged: it is cut off. Anything else
//! that does not read back as it was written is damage, and the file is refused: nobody knows
//! what else it said.

mod entry;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use qt_risk::{ControlEvent, ControlLog};

/// What every frame begins with.
const MARK: [u8; 4] = *b"QTCE";
/// Mark, length, checksum of both, checksum of the entry.
const HEAD: usize = 16;
/// No entry is longer.
const ENTRY_MAX: usize = 1 << 16;

/// Why a control log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ControlLogError {
    /// The file cannot be opened, read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// Another program has it open.
    #[error("{path}: another program writes this control log; end it first")]
    InUse {
        /// The file.
        path: String,
    },
    /// What stands in it is not what was written.
    #[error(
        "{path}: damaged at byte {at}: {what}; what was tripped cannot be told, so nothing may be \
         traded: restore the file from its copy, or have two persons begin a new one"
    )]
    Damaged {
        /// The file.
        path: String,
        /// Where.
        at: usize,
        /// How it shows.
        what: String,
    },
}

/// The file of a control log.
#[derive(Debug)]
pub struct ControlFile {
    file: File,
    path: PathBuf,
    /// A write failed: nobody knows how much of it is there.
    has_failed: bool,
}

impl ControlFile {
    /// Opens the log at `path`, or begins one, and reads what it holds. A frame at the end that
    /// was never finished is cut off.
    ///
    /// # Errors
    /// When another program has it, it cannot be read or written, or it is damaged.
    pub fn open(path: &Path) -> Result<(Self, Vec<ControlEvent>), ControlLogError> {
        let name = || path.display().to_string();
        let failed = |source: io::Error| ControlLogError::Io { path: name(), source };
        let is_new = !path.exists();
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        file.try_lock().map_err(|_| ControlLogError::InUse { path: name() })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let (events, whole) = read(&bytes).map_err(|(at, what)| ControlLogError::Damaged {
            path: name(),
            at,
            what,
        })?;
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(failed)?;
            file.seek(SeekFrom::End(0)).map_err(failed)?;
            file.sync_all().map_err(failed)?;
        }
        if is_new {
            file.sync_all().map_err(failed)?;
            // A file is durable when its name is.
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
            folder.sync_all().map_err(failed)?;
        }
        Ok((Self { file, path: path.to_owned(), has_failed: false }, events))
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.write_all(frame)?;
        self.file.sync_data()
    }
}

impl ControlLog for ControlFile {
    fn append(&mut self, event: &ControlEvent) -> Result<(), String> {
        let path = self.path.display();
        if self.has_failed {
            return Err(format!("{path}: takes no more entries since one could not be written"));
        }
        let frame = frame(event).ok_or(format!("{path}: the entry is too long"))?;
        self.write(&frame).map_err(|error| {
            self.has_failed = true;
            format!("{}: {error}", self.path.display())
        })
    }
}

/// The frame of an entry; `None` where it is too long.
fn frame(event: &ControlEvent) -> Option<Vec<u8>> {
    let entry = entry::to_text(event).into_bytes();
    if entry.len() > ENTRY_MAX {
        return None;
    }
    let mut frame = Vec::with_capacity(HEAD + entry.len());
    frame.extend(MARK);
    frame.extend((entry.len() as u32).to_le_bytes());
    frame.extend(crc32fast::hash(&frame).to_le_bytes());
    frame.extend(crc32fast::hash(&entry).to_le_bytes());
    frame.extend(entry);
    Some(frame)
}

/// The entries in `bytes` and where the last whole one ends, or where and how they are damaged.
fn read(bytes: &[u8]) -> Result<(Vec<ControlEvent>, usize), (usize, String)> {
    let mut events: Vec<ControlEvent> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let damaged = |what: &str| Err((at, what.to_owned()));
        let Some((head, body)) = rest.split_at_checked(HEAD) else {
            return if is_begun(rest) { Ok((events, at)) } else { damaged("no frame begins here") };
        };
        let word = |from: usize| {
            u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]])
        };
        if head[..4] != MARK || crc32fast::hash(&head[..8]) != word(8) {
            // What was promised room and never written reads as zeros.
            let is_torn = rest.iter().rev().take_while(|byte| **byte == 0).count() >= body.len();
            return if is_torn && is_begun(head) {
                Ok((events, at))
            } else {
                damaged("the head of the frame is not what was written")
            };
        }
        let length = word(4) as usize;
        let Some(entry) = body.get(..length) else { return Ok((events, at)) };
        if crc32fast::hash(entry) != word(12) {
            let is_last = body.len() == length;
            return if is_last && entry.last() == Some(&0) {
                Ok((events, at))
            } else {
                damaged("the entry is not what was written")
            };
        }
        let event = entry::from_text(entry).map_err(|what| (at, what))?;
        let expected = events.last().map_or(event.number, |last| last.number + 1);
        if event.number != expected {
            let what = format!("entry {} stands where {expected} should", event.number);
            return Err((at, what));
        }
        events.push(event);
        at += HEAD + length;
    }
    Ok((events, at))
}

/// Whether `bytes` may be the beginning of a head: written so far, and zeros from there on.
fn is_begun(bytes: &[u8]) -> bool {
    let written = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let mark = written.min(MARK.len());
    bytes[..mark] == MARK[..mark]
        && (written <= 8 || bytes.len() < HEAD || {
            // A whole length with a checksum that is there belongs together.
            written <= 12
                && crc32fast::hash(&bytes[..8]).to_le_bytes()[..written - 8] == bytes[8..written]
        })
}
