//! A venue that is somewhere else as the market of all sessions: one connection, however many
//! tenants there are.

use std::fmt;
use std::sync::Arc;

use qt_ring::{Bell, SetupError, Wait};
use qt_runtime::live::{FeedReader, FeedWriter, feed};
use qt_types::{Event, InstrumentSpec, VenueId};

/// Events that the venue may be ahead of the thread of the market: several whole books.
const ROOM: usize = 1 << 16;

/// Live market data of a venue, as whoever knows its protocol brings it.
pub trait VenueFeed: fmt::Debug + Send + Sync {
    /// The name of the venue.
    fn name(&self) -> &str;

    /// Its instruments, in the order of their numbers.
    fn specs(&self) -> Vec<InstrumentSpec>;

    /// Begins to bring them.
    ///
    /// # Errors
    /// Why it cannot.
    fn start(&self, into: FeedWriter) -> Result<(), String>;

    /// Whether the link stands.
    fn is_up(&self) -> bool;

    /// Ends it.
    fn stop(&self);
}

/// What it brings, at the thread of the market.
#[derive(Debug)]
pub(super) struct Coming {
    reader: FeedReader,
    next: Option<Event>,
}

impl Coming {
    /// What `feed` brings from now on.
    pub(super) fn begin(of: &Arc<dyn VenueFeed>, instruments: usize) -> Result<Self, String> {
        let bell = Arc::new(Bell::new(Wait::Yield));
        let no_ring = |error: SetupError| error.to_string();
        let (writer, reader) = feed(ROOM, instruments, VenueId(0), &bell).map_err(no_ring)?;
        of.start(writer)?;
        Ok(Self { reader, next: None })
    }

    /// Whether something is there.
    pub(super) fn is_due(&mut self) -> bool {
        if self.next.is_none() {
            self.next = self.reader.pop();
        }
        self.next.is_some()
    }

    pub(super) fn next(&mut self) -> Option<Event> {
        self.next.take().or_else(|| self.reader.pop())
    }
}
