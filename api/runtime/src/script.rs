//! What a journal holds of earlier processes, read again record by record while it happens again.

use std::io;
use std::path::Path;

use qt_journal::{JournalError, JournalReader, Lsn, Record};

/// The events, states and commands of a journal that are still to happen again, oldest first. The
/// journal may be written to meanwhile: what is read was there before, and a segment at a time of
/// it is in memory.
#[derive(Debug, Default)]
pub struct Script {
    reader: Option<JournalReader>,
    behind: Lsn,
    next: Option<Record>,
    left: u64,
}

/// Whether `record` is one of something that happened.
#[must_use]
pub const fn is_of_script(record: &Record) -> bool {
    matches!(record, Record::Event(_) | Record::Command(_) | Record::Mark(_))
}

impl Script {
    /// The first `count` such records behind record `behind` of the journal in `folder`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open(folder: &Path, behind: Lsn, count: u64) -> Result<Self, JournalError> {
        let mut new = Self { behind, left: count, ..Self::default() };
        if count > 0 {
            new.reader = Some(JournalReader::open_behind(folder, None, behind)?);
            new.turn(folder)?;
        }
        Ok(new)
    }

    /// How many are left.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// The next one.
    #[must_use]
    pub const fn front(&self) -> Option<&Record> {
        self.next.as_ref()
    }

    /// Takes the next one; `folder` is that of the journal, for messages.
    ///
    /// # Errors
    /// When the one after it cannot be read.
    pub fn take(&mut self, folder: &Path) -> Result<Option<Record>, JournalError> {
        let Some(record) = self.next.take() else { return Ok(None) };
        self.left -= 1;
        self.turn(folder)?;
        Ok(Some(record))
    }

    fn turn(&mut self, folder: &Path) -> Result<(), JournalError> {
        if self.left == 0 {
            self.reader = None;
            return Ok(());
        }
        while let Some(reader) = &mut self.reader {
            match reader.next_entry()? {
                Some(entry) if entry.lsn > self.behind && is_of_script(&entry.record) => {
                    self.next = Some(entry.record);
                    break;
                }
                Some(_) => {}
                None => return Err(shorter(folder)),
            }
        }
        Ok(())
    }
}

/// What was there when the journal was opened is not there any more.
pub(crate) fn shorter(folder: &Path) -> JournalError {
    let source = io::Error::other("it has fewer records than a moment ago");
    JournalError::Io { path: folder.to_owned(), doing: "read the journal again", source }
}
