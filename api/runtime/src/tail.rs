//! The events and notes of a journal that a run begins with, read as they are played: of a long
//! journal no more than a segment is in memory.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use qt_backtest::witness::NotKept;
use qt_journal::{Control, JournalError, JournalReader, Lsn, Record};
use qt_types::Event;

use crate::script::shorter;

/// What a session has written down beside its events. A note is here once the event before it was
/// handed out, and before the one behind it is.
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<Mutex<VecDeque<Control>>>);

impl Notes {
    /// The oldest one that nobody has taken.
    #[must_use]
    pub fn take(&self) -> Option<Control> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn put(&self, note: Control) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(note);
    }
}

/// See the module. An item that is an error is the last one; [`Fault`] says why.
#[derive(Debug)]
pub struct Tail {
    folder: PathBuf,
    reader: Option<JournalReader>,
    behind: Lsn,
    until: Lsn,
    next: Option<Event>,
    notes: Notes,
    fault: Fault,
}

/// Why the reading of a [`Tail`] broke off, where it did.
#[derive(Clone, Debug, Default)]
pub struct Fault(Arc<OnceLock<String>>);

impl Fault {
    /// As text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

impl Tail {
    /// What the journal in `folder` has behind record `behind`, up to record `until`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(folder: &Path, behind: Lsn, until: Lsn) -> Result<Self, JournalError> {
        let reader = (behind < until)
            .then(|| JournalReader::open_behind(folder, None, behind))
            .transpose()?;
        let (notes, fault) = (Notes::default(), Fault::default());
        let folder = folder.to_owned();
        let mut new = Self { folder, reader, behind, until, next: None, notes, fault };
        new.turn()?;
        Ok(new)
    }

    /// The notes among the events.
    #[must_use]
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }

    /// Whether it breaks off before its end.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault.clone()
    }

    /// Reads on to the next event.
    fn turn(&mut self) -> Result<(), JournalError> {
        while let Some(reader) = &mut self.reader {
            let Some(entry) = reader.next_entry()? else { return Err(shorter(&self.folder)) };
            if entry.lsn >= self.until {
                self.reader = None;
            }
            if entry.lsn <= self.behind || entry.lsn > self.until {
                continue;
            }
            match entry.record {
                Record::Event(event) => {
                    self.next = Some(event);
                    break;
                }
                Record::Control(note) => self.notes.put(note),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Iterator for Tail {
    type Item = Result<Event, NotKept>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.fault.text().is_some() {
            return Some(Err(NotKept));
        }
        let event = self.next.take()?;
        if let Err(error) = self.turn() {
            // The one in hand was read whole; the next call says that there is no other.
            let _ = self.fault.0.set(error.to_string());
        }
        Some(Ok(event))
    }
}
