//! What the flight recorder has is written down here, on the thread that watches a session.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use qt_journal::Describer;

use crate::flight::{self, Recorder, Why};
use crate::keeper::Shown;
use crate::session::SessionError;

/// Writes down what the flight recorder has, on the thread that watches.
pub struct BlackBox<'a> {
    folder: PathBuf,
    shown: &'a Shown,
    describer: Describer,
    /// What was written.
    pub files: Vec<PathBuf>,
}

impl<'a> BlackBox<'a> {
    /// One for the session with its journal at `journal`: the files come to lie beside that.
    pub fn new(journal: &Path, shown: &'a Shown, describer: Describer) -> Self {
        shown.deck.lay();
        let folder = journal.parent().map_or_else(PathBuf::new, Path::to_owned);
        Self { folder, shown, describer, files: Vec::new() }
    }

    /// Looks whether a kill was pulled; what is to be said of it.
    pub fn look(&mut self) -> Option<String> {
        let recorder = self.shown.deck.take()?;
        let note = match recorder.why {
            Why::Kill => self.write(&recorder, "the kill switch was pulled"),
            Why::End => None,
        };
        match recorder.why {
            Why::Kill => self.shown.deck.back(recorder),
            // Its turn comes once it is known how the session ended.
            Why::End => self.shown.deck.give(recorder, Why::End),
        }
        note
    }

    /// The session is over; `fault` says how, where that was not in order.
    pub fn end(&mut self, fault: Option<&SessionError>) -> Vec<String> {
        let mut notes = Vec::new();
        while let Some(recorder) = self.shown.deck.take() {
            let why = match (recorder.why, fault) {
                (Why::Kill, _) => "the kill switch was pulled".to_owned(),
                (Why::End, Some(fault)) => fault.to_string(),
                (Why::End, None) => continue,
            };
            notes.extend(self.write(&recorder, &why));
        }
        notes
    }

    fn write(&mut self, recorder: &Recorder, why: &str) -> Option<String> {
        if recorder.is_empty() {
            return None;
        }
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let mut notes = vec![
            why.to_owned(),
            format!(
                "{} events and {} commands in all",
                count(&self.shown.events),
                count(&self.shown.commands)
            ),
            format!("{} records waited for room in their ring", count(&self.shown.feed_waits)),
        ];
        if let Some(measured) = self.shown.measured.get() {
            notes.extend(measured.stages.iter().map(|stage| format!("{stage:?}")));
            notes.extend(measured.journal.iter().map(|journal| format!("{journal:?}")));
        }
        let written = flight::write(&self.folder, recorder, &notes, &self.describer);
        Some(match written {
            Ok(path) => {
                let note = format!("the last events before that are in {}", path.display());
                self.files.push(path);
                format!("{why}; {note}")
            }
            Err(error) => format!("the last events could not be written down: {error}"),
        })
    }
}
