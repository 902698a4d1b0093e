//! The reading end: record after record, up to the last one that is proven.

use std::path::{Path, PathBuf};

use crate::error::JournalError;
use crate::format::bytes::Malformed;
use crate::format::frame::{self, Frame};
use crate::format::header::{HEADER_BYTES, SegmentHeader};
use crate::format::{record, ticks};
use crate::map::RingImage;
use crate::options::{Durable, Fingerprint};
use crate::record::{Lsn, Record, RecordKind, SnapshotRef, Stamp};
use crate::segments;

/// One record and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number.
    pub lsn: Lsn,
    /// The run that wrote it.
    pub epoch: u16,
    /// The record.
    pub record: Record,
}

/// What was written last and not whole, or not proven: what a loss of power leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The last segment.
    pub file: PathBuf,
    /// Where the proven records end.
    pub offset: u64,
    /// How many bytes stand behind that.
    pub bytes: u64,
    /// The record that is not whole.
    pub lsn: Lsn,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Where the reading of a journal ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The last record.
    pub last: Lsn,
    /// The last run.
    pub epoch: u16,
    /// The last time and event that a record names.
    pub stamp: Option<Stamp>,
    /// The last snapshot that a record names, and that record.
    pub snapshot: Option<(Lsn, SnapshotRef)>,
    /// Whether the last record is the end of a run that was stopped in order.
    pub is_ended: bool,
    /// How many bytes the records have with their frames.
    pub bytes: u64,
    /// How many records only the memory held.
    pub from_memory: u64,
    /// What was left out at the end of the disk's part, where anything was.
    pub cut: Option<Cut>,
    /// The first and the last record of those that were taken away, as a state stands for them.
    pub pruned: Option<(Lsn, Lsn)>,
}

/// What a run that goes on needs beside a [`Recovery`].
pub(crate) struct Resume {
    pub header: SegmentHeader,
    pub chain: u32,
    /// The last segment and how much of it is proven.
    pub file: PathBuf,
    pub proven: u64,
    /// The last record on the disk, and its checksum.
    pub on_disk: (Lsn, u32),
    /// The frames that only the memory held.
    pub unsaved: Vec<u8>,
}

/// Iterates over the records of a journal: its segments in order, then what only the memory holds
/// if the process died. An error ends it.
#[derive(Debug)]
pub struct JournalReader {
    segments: Vec<(u32, PathBuf)>,
    fingerprint: Option<Fingerprint>,
    /// The segment that is read.
    index: usize,
    bytes: Vec<u8>,
    header: SegmentHeader,
    at: usize,
    stage: Stage,
    memory: Option<RingImage>,
    memory_at: usize,
    /// The first byte of the memory that the disk has not.
    unsaved_at: Option<usize>,
    is_live: bool,
    has_reloaded: bool,
    expected: Lsn,
    chain: u32,
    on_disk: (Lsn, u32),
    /// What is left of a record of several events.
    run: ticks::Run,
    recovery: Recovery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Disk,
    Memory,
    Done,
}

impl JournalReader {
    /// The records of the journal in `folder`. While another process writes to it, what the disk
    /// has is read; that may end in the middle of a record.
    ///
    /// # Errors
    /// When there is no journal, or none that this program can read; with a `fingerprint`, when
    /// it is of another configuration.
    pub fn open(folder: &Path, fingerprint: Option<Fingerprint>) -> Result<Self, JournalError> {
        Self::open_behind(folder, fingerprint, Lsn::NONE)
    }

    /// The same without the segments that have nothing behind record `behind`, unchecked.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_behind(
        folder: &Path,
        fingerprint: Option<Fingerprint>,
        behind: Lsn,
    ) -> Result<Self, JournalError> {
        let is_live = segments::is_live(folder);
        let memory = if is_live { None } else { segments::memory(folder)? };
        Self::start(folder, fingerprint, memory, (is_live, behind))
    }

    /// For the process that holds the lock.
    pub(crate) fn locked(
        folder: &Path,
        mark: Fingerprint,
        behind: Lsn,
    ) -> Result<Self, JournalError> {
        Self::start(folder, Some(mark), segments::memory(folder)?, (false, behind))
    }

    fn start(
        folder: &Path,
        fingerprint: Option<Fingerprint>,
        memory: Option<RingImage>,
        (is_live, behind): (bool, Lsn),
    ) -> Result<Self, JournalError> {
        let segments = segments::list(folder)?;
        let index = segments::holding(&segments, behind.next());
        let mut bytes = Vec::new();
        let header = segments::load(&segments[index].1, fingerprint, &mut bytes)?;
        // Where it does not begin with the first one, its header says what came before it.
        let (last, chain) = match index {
            0 => (Lsn::NONE, 0),
            _ => (Lsn::new(header.first.get().saturating_sub(1)), header.chain),
        };
        let recovery = Recovery {
            last,
            epoch: header.epoch,
            stamp: None,
            snapshot: None,
            is_ended: false,
            bytes: 0,
            from_memory: 0,
            cut: None,
            pruned: None,
        };
        let mut new = Self {
            segments,
            fingerprint,
            index,
            bytes,
            header,
            at: HEADER_BYTES,
            stage: Stage::Disk,
            memory,
            memory_at: 0,
            unsaved_at: None,
            is_live,
            has_reloaded: false,
            expected: last.next(),
            chain,
            on_disk: (last, chain),
            run: ticks::Run::default(),
            recovery,
        };
        match &new.memory {
            Some(memory) if memory.journal != header.journal => {
                Err(JournalError::Foreign { file: memory.path.clone() })
            }
            _ => new.check_header(header).map(|()| new),
        }
    }

    /// The next record; `None` after the last one that is proven.
    ///
    /// # Errors
    /// When something that the disk had confirmed is not there as it was.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, JournalError> {
        if let Some(event) = self.run.next() {
            let lsn = self.recovery.last.next();
            return Ok(Some(self.pass(lsn, Record::Event(event))));
        }
        let next = self.step();
        if next.is_err() {
            self.stage = Stage::Done;
        }
        next
    }

    /// Where the reading stands; at the end, what was found in all.
    #[must_use]
    pub const fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// How many segments there are.
    #[must_use]
    pub const fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The file that is read, and where in it.
    #[must_use]
    pub fn place(&self) -> (&Path, u64) {
        match (self.stage, &self.memory) {
            (Stage::Memory, Some(memory)) => (&memory.path, self.memory_at as u64),
            _ => (&self.segments[self.index].1, self.at as u64),
        }
    }

    /// The configuration of the run that is read.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.header.fingerprint
    }

    /// What the run that is read meant by durable.
    #[must_use]
    pub const fn durable(&self) -> Durable {
        self.header.durable
    }

    /// Whether another process writes to it.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.is_live
    }

    fn step(&mut self) -> Result<Option<Entry>, JournalError> {
        loop {
            match self.stage {
                Stage::Done => return Ok(None),
                Stage::Memory => match self.step_in_memory()? {
                    None => self.stage = Stage::Done,
                    some => return Ok(some),
                },
                Stage::Disk if self.is_unconfirmed() => self.stage = Stage::Memory,
                Stage::Disk => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    match frame::read(rest).and_then(|frame| self.follows(frame)) {
                        Ok(frame) => {
                            let Frame { place, count, crc, bytes, .. } = frame;
                            let record = first(&frame, self.header.version, &mut self.run);
                            let record = record.map_err(|fault| self.damaged(fault.0))?;
                            self.at += bytes;
                            let last = self.advance((place.lsn, count), (bytes, crc));
                            self.on_disk = (last, crc);
                            return Ok(Some(self.pass(place.lsn, record)));
                        }
                        Err(_) if rest.iter().all(|byte| *byte == 0) => self.end_of_segment()?,
                        Err(what) => self.bad(what)?,
                    }
                }
            }
        }
    }

    /// Whether what comes next was written and not confirmed by the disk while memory has it, too.
    /// After a failed confirmation a file can show what its disk does not have, so memory is
    /// believed, and written anew.
    fn is_unconfirmed(&self) -> bool {
        let is_last = self.index + 1 == self.segments.len();
        let from = |memory: &RingImage| !memory.frames.is_empty() && self.expected > memory.durable;
        is_last && self.memory.as_ref().is_some_and(from)
    }

    fn follows<'a>(&self, frame: Frame<'a>) -> Result<Frame<'a>, &'static str> {
        if frame.place.lsn != self.expected {
            return Err("another record stands in its place");
        }
        if frame.place.chain != self.chain {
            return Err("it does not follow the record before it");
        }
        Ok(frame)
    }

    /// Goes past a frame of `count` records from `lsn` on; the last of them.
    fn advance(&mut self, (lsn, count): (Lsn, u64), (bytes, crc): (usize, u32)) -> Lsn {
        let last = Lsn::new(lsn.get() + count - 1);
        (self.expected, self.chain) = (last.next(), crc);
        self.recovery.bytes += bytes as u64;
        last
    }

    fn pass(&mut self, lsn: Lsn, record: Record) -> Entry {
        let epoch = self.header.epoch;
        let recovery = &mut self.recovery;
        (recovery.last, recovery.epoch) = (lsn, epoch);
        recovery.stamp = record.stamp().or(recovery.stamp);
        if let Record::Snapshot(snapshot) = record {
            recovery.snapshot = Some((lsn, snapshot));
        }
        recovery.is_ended = matches!(record, Record::End(_));
        Entry { lsn, epoch, record }
    }

    fn end_of_segment(&mut self) -> Result<(), JournalError> {
        if self.index + 1 == self.segments.len() {
            return self.end_of_disk();
        }
        self.index += 1;
        let file = &self.segments[self.index].1;
        let header = segments::load(file, self.fingerprint, &mut self.bytes)?;
        (self.at, self.has_reloaded) = (HEADER_BYTES, false);
        self.check_header(header)
    }

    /// A segment must go on where the one before it ended.
    fn check_header(&mut self, header: SegmentHeader) -> Result<(), JournalError> {
        let before = self.header;
        // None is missing in the list that was not taken away.
        let is_gap = header.number > before.number.saturating_add(1)
            && header.first > self.expected
            && header.journal == before.journal;
        if is_gap {
            let last = Lsn::new(header.first.get() - 1);
            let first = self.recovery.pruned.map_or(self.expected, |(first, _)| first);
            self.recovery.pruned = Some((first, last));
            self.recovery.last = last;
            (self.expected, self.chain) = (header.first, header.chain);
            self.on_disk = (last, header.chain);
        }
        let is_next = header.number == self.segments[self.index].0
            && header.journal == before.journal
            && header.epoch >= before.epoch
            && (header.first, header.chain) == (self.expected, self.chain);
        self.header = header;
        self.recovery.epoch = header.epoch;
        if is_next {
            return Ok(());
        }
        self.at = 0;
        let first = header.first;
        Err(self.damaged(&format!(
            "the segment begins with record {first} of journal {:016x}, which does not go on from \
             what comes before it",
            header.journal
        )))
    }

    /// A frame that is not whole. Writes that no disk has confirmed may be gone, in any order and
    /// in parts; those that one had confirmed may not.
    fn bad(&mut self, what: &'static str) -> Result<(), JournalError> {
        if self.is_live && !self.has_reloaded {
            // It may have been written while it was read.
            self.has_reloaded = true;
            let file = &self.segments[self.index].1;
            segments::load(file, self.fingerprint, &mut self.bytes)?;
            return Ok(());
        }
        if self.index + 1 < self.segments.len() {
            return Err(self.damaged(&format!("{what}, and another segment follows")));
        }
        let used = self.bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if let Some(witness) = vouching(&self.bytes[..used], self.at, self.expected) {
            return Err(
                self.damaged(&format!("{what}, and record {witness} says that it was on the disk"))
            );
        }
        self.recovery.cut = Some(Cut {
            file: self.segments[self.index].1.clone(),
            offset: self.at as u64,
            bytes: used.saturating_sub(self.at) as u64,
            lsn: self.expected,
            what,
        });
        self.end_of_disk()
    }

    fn end_of_disk(&mut self) -> Result<(), JournalError> {
        if let Some(memory) = &self.memory
            && memory.durable >= self.expected
        {
            let what = format!("the disk had confirmed records up to {}", memory.durable);
            return Err(self.damaged(&what));
        }
        self.stage = Stage::Memory;
        Ok(())
    }

    fn step_in_memory(&mut self) -> Result<Option<Entry>, JournalError> {
        loop {
            let Some(memory) = &self.memory else { return Ok(None) };
            let rest = memory.frames.get(self.memory_at..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(None);
            }
            let frame = frame::read(rest).map_err(|what| self.damaged(what))?;
            if frame.place.lsn < self.expected {
                // The disk has it, too.
                self.memory_at += frame.bytes;
                continue;
            }
            let frame = self.follows(frame).map_err(|what| self.damaged(what))?;
            let Frame { place, count, crc, bytes, .. } = frame;
            let record = first(&frame, self.header.version, &mut self.run);
            let record = record.map_err(|fault| self.damaged(fault.0))?;
            self.unsaved_at.get_or_insert(self.memory_at);
            self.memory_at += bytes;
            self.recovery.from_memory += count;
            self.advance((place.lsn, count), (bytes, crc));
            return Ok(Some(self.pass(place.lsn, record)));
        }
    }

    fn damaged(&self, what: &str) -> JournalError {
        let (file, offset) = self.place();
        let (file, what) = (file.to_owned(), what.to_owned());
        JournalError::Damaged { file, offset, lsn: self.expected, what }
    }

    /// What a run needs to go on, once all was read.
    pub(crate) fn resume(&self) -> Resume {
        let unsaved = self.memory.as_ref().zip(self.unsaved_at);
        let unsaved = unsaved.and_then(|(memory, at)| memory.frames.get(at..));
        Resume {
            header: self.header,
            chain: self.chain,
            file: self.segments[self.index].1.clone(),
            proven: self.at as u64,
            on_disk: self.on_disk,
            unsaved: unsaved.unwrap_or_default().to_vec(),
        }
    }
}

impl Iterator for JournalReader {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

/// Hands all proven records of the journal in `folder` to `take`, and says where they end.
///
/// # Errors
/// As [`JournalReader::open`] and [`JournalReader::next_entry`].
pub fn recover(
    folder: &Path,
    fingerprint: Option<Fingerprint>,
    mut take: impl FnMut(Entry),
) -> Result<Recovery, JournalError> {
    let mut reader = JournalReader::open(folder, fingerprint)?;
    while let Some(entry) = reader.next_entry()? {
        take(entry);
    }
    Ok(reader.recovery)
}

/// The first record of `frame`, which is written as in `version` of the format; what else it holds
/// is in `run` then.
fn first(frame: &Frame<'_>, version: u32, run: &mut ticks::Run) -> Result<Record, Malformed> {
    if frame.kind == ticks::KIND && version >= ticks::SINCE_VERSION {
        run.read(frame.payload)?;
        return run.next().map(Record::Event).ok_or(Malformed("no ticks"));
    }
    // Its checksum holds: no disk made this, and no cut would mend it.
    let kind = RecordKind::from_number(frame.kind).ok_or(Malformed("a record of no known kind"))?;
    record::read(kind, frame.payload)
}

/// A frame behind `at` that says that record `lsn` was on the disk when it was made.
fn vouching(bytes: &[u8], at: usize, lsn: Lsn) -> Option<Lsn> {
    let room = bytes.len().saturating_sub(at);
    let last = lsn.get() + (room / ticks::TICK_BYTES_MIN) as u64;
    (at + 1..bytes.len()).find_map(|at| {
        let rest = &bytes[at..];
        // Most places are told by two numbers; a checksum is made where both could be.
        let number = frame::lsn(rest)?;
        if number <= lsn || number.get() > last || frame::length(rest)? > rest.len() {
            return None;
        }
        let frame = frame::read(rest).ok()?;
        frame.vouches_for(lsn).then_some(number)
    })
}
