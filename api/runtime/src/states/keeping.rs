//! When a state is kept, and the one that is on its way to the disk: a thread of its own writes it,
//! as a session waits for no disk.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use qt_journal::{Fingerprint, JournalError, SnapshotRef, Stamp, write_snapshot};

use super::kept::remove_old;
use super::state::State;

/// The name of the thread.
const THREAD: &str = "state";

/// See the module.
#[derive(Debug)]
pub struct Keeping {
    folder: PathBuf,
    fingerprint: Fingerprint,
    /// After so many events there is another one; none where there is never one.
    every: Option<NonZeroU64>,
    /// At which event the next one is due.
    due: u64,
    /// The event of the last one.
    last: u64,
    under_way: Option<JoinHandle<Result<SnapshotRef, JournalError>>>,
}

impl Keeping {
    /// States of the journal in `folder` after every `every` events, none without it. The session
    /// begins after event `events` with the state of event `last`. The first one comes up to a
    /// period later, by `spread`: sessions that hear the same events do not write theirs together.
    #[must_use]
    pub fn new(
        (folder, fingerprint): (&Path, Fingerprint),
        every: Option<NonZeroU64>,
        (events, last): (u64, u64),
        spread: u64,
    ) -> Self {
        let due = every.map_or(u64::MAX, |every| {
            let next = last.saturating_add(every.get()).max(events);
            next.saturating_add(spread % every)
        });
        let folder = folder.to_owned();
        Self { folder, fingerprint, every, due, last, under_way: None }
    }

    /// Whether one is to be kept now, `events` events having happened.
    #[must_use]
    pub const fn is_due(&self, events: u64) -> bool {
        events >= self.due && self.under_way.is_none()
    }

    /// Whether one makes sense at the end, after `events` events.
    #[must_use]
    pub const fn is_due_at_end(&self, events: u64) -> bool {
        self.every.is_some() && events > self.last
    }

    /// Whether one is on its way to the disk.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// There can be none after the event of `stamp`; the next one is tried after as many events as
    /// ever.
    pub fn skip(&mut self, stamp: Stamp) {
        let every = self.every.map_or(u64::MAX, NonZeroU64::get);
        self.due = stamp.seq.get().saturating_add(every);
    }

    /// Begins to write `state`, the one after the event of `stamp`.
    ///
    /// # Errors
    /// When there is no thread for it; the next one is tried after as many events as ever.
    pub fn put(&mut self, stamp: Stamp, state: State) -> std::io::Result<()> {
        self.skip(stamp);
        self.last = stamp.seq.get();
        let (folder, fingerprint) = (self.folder.clone(), self.fingerprint);
        let write = move || {
            let kept = write_snapshot(&folder, fingerprint, stamp, &state.bytes())?;
            remove_old(&folder);
            Ok(kept)
        };
        self.under_way = Some(thread::Builder::new().name(THREAD.to_owned()).spawn(write)?);
        Ok(())
    }

    /// The one that is on the disk since the last call, to be named by the journal.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn take(&mut self) -> Option<Result<SnapshotRef, JournalError>> {
        if !self.under_way.as_ref()?.is_finished() {
            return None;
        }
        self.wait()
    }

    /// The same, which waits for the one that is under way.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn wait(&mut self) -> Option<Result<SnapshotRef, JournalError>> {
        // A panic of that thread would be a fault of ours, and is in the log; there is no state.
        self.under_way.take()?.join().ok()
    }
}
