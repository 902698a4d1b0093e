//! Journals for tests: small ones, in folders that vanish.

use std::path::{Path, PathBuf};

use qt_journal::{Durable, Entry, Fingerprint, Journal, JournalReader, Lsn, Options, Record};
use qt_types::{Event, Head, InstrumentId, Nanos, Payload, Seq, Tick, VenueId};
use tempfile::TempDir;

pub const MARK: Fingerprint = Fingerprint([7; 32]);

/// A folder for a journal and one for its memory.
pub struct Place {
    pub folder: Folder,
}

/// One of our own, or one of the process that started this one.
pub enum Folder {
    Own(TempDir),
    Lent(PathBuf),
}

impl Folder {
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(folder) => folder.path(),
            Self::Lent(folder) => folder,
        }
    }
}

impl Place {
    pub fn new() -> Self {
        // Memory, so that a test waits for no disk.
        let folder = tempfile::Builder::new().prefix("qt-journal").tempdir_in("/dev/shm");
        Self { folder: Folder::Own(folder.or_else(|_| tempfile::tempdir()).unwrap()) }
    }

    pub fn at(folder: &str) -> Self {
        Self { folder: Folder::Lent(folder.into()) }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("run.qtj")
    }

    pub fn options(&self, durable: Durable) -> Options {
        Options {
            memory_folder: self.folder.path().to_owned(),
            memory_bytes: 1 << 14,
            segment_bytes: 1 << 16,
            reserve_bytes: 1 << 10,
            ..Options::new(MARK, durable)
        }
    }

    pub fn open(&self, durable: Durable) -> Journal {
        Journal::open(&self.path(), &self.options(durable)).unwrap().0
    }
}

/// Events that came together.
const GROUP: u64 = 5;

fn at(number: u64) -> i64 {
    1_700_000_000_000_000_000 + (number / GROUP) as i64 * 1_000
}

fn tick(number: u64) -> Tick {
    Tick {
        venue_ns: at(number) - 300,
        price: 5_000_000 + (number % 97) as i64,
        qty: 1 + (number % 13) as i64,
        latency_ns: 300,
        instrument: 3,
        kind: 0,
        flags: 2,
    }
}

/// All of an event but what happened.
pub fn head(number: u64) -> Head {
    let (seq, recv_ns) = (Seq::new(number), Nanos::new(at(number)));
    Head { seq, recv_ns, instrument: InstrumentId(3), venue: VenueId(1) }
}

/// An event that differs from every other one.
pub fn event(number: u64) -> Event {
    let Head { seq, recv_ns, instrument, venue } = head(number);
    let tick = tick(number);
    let venue_ns = Nanos::new(tick.venue_ns);
    Event { seq, recv_ns, venue_ns, instrument, venue, payload: Payload::Tick(tick) }
}

/// What happened in the events from `from` up to `end`.
pub fn ticks(from: u64, end: u64) -> Vec<Tick> {
    (from..end).map(tick).collect()
}

/// Puts in event `number` and those behind it that came with it, as one record: the number of the
/// last record, and of the event after it.
pub fn append_frame(journal: &mut Journal, number: u64) -> (Lsn, u64) {
    let end = (number / GROUP + 1) * GROUP;
    (journal.append_ticks(head(number), &ticks(number, end)).unwrap(), end)
}

pub fn entries(path: &Path) -> Vec<Entry> {
    JournalReader::open(path, Some(MARK)).unwrap().map(Result::unwrap).collect()
}

/// The numbers of the events in a journal, which must stand there as they were made.
pub fn numbers(entries: &[Entry]) -> Vec<u64> {
    let number = |entry: &Entry| match &entry.record {
        Record::Event(found) => {
            assert_eq!(*found, event(found.seq.get()));
            Some(found.seq.get())
        }
        _ => None,
    };
    entries.iter().filter_map(number).collect()
}
