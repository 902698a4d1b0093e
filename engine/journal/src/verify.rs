//! What is in a journal, and whether it is whole.

use std::fmt;
use std::io::ErrorKind::NotFound;
use std::path::Path;

use qt_types::Seq;

use crate::describe::utc;
use crate::error::JournalError;
use crate::options::Durable;
use crate::reader::{Cut, JournalReader};
use crate::record::{Lsn, Record, RecordKind, Stamp};
use crate::snapshot::read_snapshot;

/// What [`verify`] found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many segments there are.
    pub segments: usize,
    /// How many runs wrote into it.
    pub epochs: u16,
    /// How many records of each kind there are, in the order of [`RecordKind::ALL`].
    pub records: [u64; RecordKind::ALL.len()],
    /// The last record.
    pub last: Lsn,
    /// The first and the last event.
    pub events: Option<(Seq, Seq)>,
    /// The first and the last time that a record names.
    pub times: Option<(Stamp, Stamp)>,
    /// Bytes of whole records, with their frames.
    pub bytes: u64,
    /// How many records only the memory held.
    pub from_memory: u64,
    /// Older snapshots whose files were taken away, as newer ones are there.
    pub snapshots_removed: u64,
    /// Snapshots that are not there as their records say.
    pub snapshots_bad: Vec<JournalError>,
    /// What the last run meant by durable.
    pub durable: Durable,
    /// Whether the last run was stopped in order.
    pub is_ended: bool,
    /// Whether a process writes to it.
    pub is_live: bool,
    /// The first and the last record of those that were taken away.
    pub pruned: Option<(Lsn, Lsn)>,
    /// The unproven end, where there is one. It is no damage.
    pub cut: Option<Cut>,
    /// What is wrong, where anything is. All else is about what comes before it.
    pub damage: Option<JournalError>,
}

/// Reads all of the journal in `folder` and its snapshots. Damage is part of the answer.
///
/// # Errors
/// When there is no journal that this program can read at all.
pub fn verify(folder: &Path) -> Result<Report, JournalError> {
    let mut reader = JournalReader::open(folder, None)?;
    let mut report = Report { is_live: reader.is_live(), ..Report::default() };
    loop {
        match reader.next_entry() {
            Ok(None) => break,
            Ok(Some(entry)) => {
                report.count(&entry.record);
                if let Record::Snapshot(reference) = entry.record {
                    let mark = reader.fingerprint();
                    report.note_snapshot(read_snapshot(folder, mark, reference).err());
                }
            }
            Err(error) => {
                report.damage = Some(error);
                break;
            }
        }
    }
    let recovery = reader.recovery();
    report.durable = reader.durable();
    report.segments = reader.segments();
    report.epochs = recovery.epoch;
    report.last = recovery.last;
    report.bytes = recovery.bytes;
    report.from_memory = recovery.from_memory;
    report.is_ended = recovery.is_ended;
    report.pruned = recovery.pruned;
    report.cut.clone_from(&recovery.cut);
    Ok(report)
}

impl Report {
    /// Whether a run may go on from here.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.damage.is_none() && self.snapshots_bad.is_empty()
    }

    /// How many records of `kind` there are.
    #[must_use]
    pub fn records_of(&self, kind: RecordKind) -> u64 {
        self.records.get(kind as usize - 1).copied().unwrap_or_default()
    }

    /// Of a snapshot that is there those before it need not be.
    fn note_snapshot(&mut self, bad: Option<JournalError>) {
        let Some(bad) = bad else {
            let is_gone = |bad: &JournalError| match bad {
                JournalError::Io { source, .. } => source.kind() == NotFound,
                _ => false,
            };
            let before = self.snapshots_bad.len();
            self.snapshots_bad.retain(|bad| !is_gone(bad));
            self.snapshots_removed += (before - self.snapshots_bad.len()) as u64;
            return;
        };
        self.snapshots_bad.push(bad);
    }

    fn count(&mut self, record: &Record) {
        if let Some(count) = self.records.get_mut(record.kind() as usize - 1) {
            *count += 1;
        }
        if let Record::Event(event) = record {
            let first = self.events.map_or(event.seq, |(first, _)| first);
            self.events = Some((first, event.seq));
        }
        if let Some(stamp) = record.stamp() {
            let first = self.times.map_or(stamp, |(first, _)| first);
            self.times = Some((first, stamp));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} segments, {} runs, {} bytes of records, durable = {}",
            self.segments,
            self.epochs,
            self.bytes,
            self.durable.text()
        )?;
        write!(f, "{} records:", self.last)?;
        for (kind, count) in RecordKind::ALL.into_iter().zip(self.records) {
            if count > 0 {
                write!(f, " {count} {}", kind.text())?;
            }
        }
        writeln!(f)?;
        if let Some((first, last)) = self.events {
            writeln!(f, "events {} to {}", first.get(), last.get())?;
        }
        if let Some((first, last)) = self.times {
            writeln!(f, "from {} to {}", utc(first.at_ns), utc(last.at_ns))?;
        }
        if let Some((first, last)) = self.pruned {
            writeln!(f, "records {first} to {last} were taken away, as a state stands for them")?;
        }
        if self.from_memory > 0 {
            writeln!(f, "{} of them only in memory", self.from_memory)?;
        }
        if let Some(cut) = &self.cut {
            writeln!(
                f,
                "the end is cut at byte {} of {}: {} bytes behind it were never confirmed ({})",
                cut.offset,
                cut.file.display(),
                cut.bytes,
                cut.what
            )?;
        }
        if self.snapshots_removed > 0 {
            writeln!(f, "{} older snapshots were taken away", self.snapshots_removed)?;
        }
        for bad in &self.snapshots_bad {
            writeln!(f, "{bad}")?;
        }
        match (&self.damage, self.is_live, self.is_ended) {
            (Some(damage), _, _) => write!(f, "{damage}"),
            (None, true, _) => write!(f, "whole so far; a run writes to it"),
            (None, false, true) => write!(f, "whole; the last run was stopped in order"),
            (None, false, false) => write!(f, "whole; the last run was not stopped in order"),
        }
    }
}
