//! A reel whose records come over a ring from a [`super::Player`] on another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use qt_data::error::DataError;
use qt_ring::Consumer;
use qt_types::InstrumentId;

use super::Replayed;
use super::record::NO_INSTRUMENT;

/// A record on its way from the player, and when it is due: at the venue or with us (UTC ns).
#[derive(Clone, Copy, Debug)]
pub struct Fed<R> {
    /// The record; one of no instrument says that nothing from before its time is to come.
    pub record: R,
    /// When it is due (UTC ns).
    pub due_ns: i64,
    /// What the player's clock said when it had the record in hand; zero where nobody looked.
    pub put: u64,
}

/// Room in each of a player's rings.
pub(super) const FED_MAX: usize = 16_384;

/// The ends of a player's rings at which the records come out, file by file.
pub struct Feeds<R: Replayed> {
    /// What happens at the venue.
    pub(super) at_venue: Vec<Consumer<Fed<R>>>,
    /// What we are told.
    pub(super) at_ours: Vec<Consumer<Fed<R>>>,
    /// Whether the player could not go on: what ends then is not the data.
    pub(super) is_broken: Arc<AtomicBool>,
}

/// What a reel keeps of its feed.
pub(super) struct FedReel<R: Replayed> {
    feed: Consumer<Fed<R>>,
    is_broken: Arc<AtomicBool>,
    /// The record that is next; none at the end.
    pub(super) head: Option<R>,
    /// What the player's clock said of it.
    pub(super) put: u64,
    /// Records that were moved on from, by instrument of the file.
    counts: Vec<u64>,
    /// The same of all.
    row: usize,
}

impl<R: Replayed> FedReel<R> {
    pub(super) const fn new(feed: Consumer<Fed<R>>, is_broken: Arc<AtomicBool>) -> Self {
        Self { feed, is_broken, head: None, put: 0, counts: Vec::new(), row: 0 }
    }

    /// Moves on to the next record, for which it waits. Returns what its own times leave to be
    /// added to become the one at which it is due.
    ///
    /// # Errors
    /// When there is none because the player could not go on.
    pub(super) fn turn(&mut self) -> Result<i64, DataError> {
        if let Some(head) = self.head {
            self.note(usize::from(head.instrument()));
        }
        let next = self.feed.pop_or_wait();
        // It was set before the ring was closed.
        if next.is_none() && self.is_broken.load(Ordering::Acquire) {
            return Err(DataError::ReaderGone);
        }
        self.head = next.map(|fed| fed.record);
        self.put = next.map_or(0, |fed| fed.put);
        Ok(next.map_or(0, |fed| fed.due_ns.saturating_sub(fed.record.recv_ns(0))))
    }

    fn note(&mut self, instrument: usize) {
        if instrument >= usize::from(NO_INSTRUMENT) {
            return;
        }
        self.row += 1;
        if instrument >= self.counts.len() {
            self.counts.resize(instrument + 1, 0);
        }
        self.counts[instrument] += 1;
    }

    /// Whether the next record is none, and only says how far time has come.
    pub(super) fn tells_time(&self) -> bool {
        self.head.is_some_and(|head| head.instrument() == NO_INSTRUMENT)
    }

    /// The place of the next record in its file.
    pub(super) const fn row(&self) -> usize {
        self.row
    }

    /// Adds the records that were moved on from to `counts`, by instrument of the run.
    pub(super) fn count(&self, ids: &[InstrumentId], counts: &mut [u64]) {
        for (count, id) in self.counts.iter().zip(ids) {
            if let Some(sum) = counts.get_mut(id.index()) {
                *sum += count;
            }
        }
    }
}
