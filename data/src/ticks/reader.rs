//! Reading a tick file from a map of it.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;
use rkyv::rancor::Error;
use rkyv::vec::ArchivedVec;

use super::describe::{ArchivedDescriptionOnDisk, Description, DescriptionOnDisk};
use super::format::{
    ALIGN, ArchivedEntry, BLOCK_RECORDS_MAX, Entry, HEADER_BYTES, Header, ROOT_BYTES, Span,
    TimeRange, damaged, store_error,
};
use super::map::map;
use super::record::{Record, RecordKind, fold};
use crate::error::DataError;

/// When the checksums of blocks are compared. Header, description and index always are, at open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Verify {
    /// Never: for a file that was verified before, by this process or another.
    Index,
    /// Each block's when it is read for the first time.
    #[default]
    OnRead,
    /// All of them at open.
    Full,
}

/// An open tick file. It can be shared between threads; all that is read is read from the map.
#[derive(Debug)]
pub struct TickFile {
    path: String,
    map: Mmap,
    header: Header,
    verify: Verify,
    // A bit for each block: whether it has been checked.
    checked: Vec<AtomicU64>,
}

/// The records of one block.
#[derive(Debug)]
pub struct Block<'a, R: Record> {
    stored: &'a [R::Stored],
    base_ns: i64,
}

impl<R: Record> Default for Block<'_, R> {
    /// A block without records: what follows the last one.
    fn default() -> Self {
        Self { stored: &[], base_ns: 0 }
    }
}

impl<'a, R: Record> Block<'a, R> {
    /// How many records the block has.
    #[must_use]
    #[inline]
    pub const fn len(&self) -> usize {
        self.stored.len()
    }

    /// Whether it has none, which no block of a file has.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.stored.is_empty()
    }

    /// What is added to the records' latencies (ns): [`Record::recv_ns`] takes it.
    #[must_use]
    #[inline]
    pub const fn base_ns(&self) -> i64 {
        self.base_ns
    }

    /// The record at `at`; `None` past the end.
    #[must_use]
    #[inline]
    pub fn get(&self, at: usize) -> Option<R> {
        self.stored.get(at).map(R::load)
    }

    /// The records from place `from` up to place `to`, or to the end.
    #[inline]
    pub fn part(&self, from: usize, to: usize) -> impl Iterator<Item = R> + use<'a, R> {
        let stored = self.stored.get(from..to.min(self.stored.len())).unwrap_or_default();
        stored.iter().map(R::load)
    }

    /// The records in order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = R> + Clone + use<'a, R> {
        self.stored.iter().map(R::load)
    }
}

impl TickFile {
    /// Opens the tick file at `path`. The time this takes grows with the number of blocks, unless
    /// `verify` asks for all records to be read.
    ///
    /// # Errors
    /// When the file cannot be read, is no tick file, of another version, cut off or damaged.
    pub fn open(path: &Path, verify: Verify) -> Result<Self, DataError> {
        let name = path.display().to_string();
        let file = open(path, &name)?;
        let failed = |source| DataError::Io { path: name.clone(), source };
        let length = file.metadata().map_err(failed)?.len();
        if length < HEADER_BYTES as u64 {
            // The header says what is wrong with it.
            let head = std::fs::read(path).map_err(failed)?;
            return Header::read(&name, &head, length)
                .and_then(|_| Err(damaged(&name, "it is shorter than its header")));
        }
        let map = map(&file).map_err(failed)?;
        // The length is taken from the map: what lies in it can be read.
        let header = Header::read(&name, &map, map.len() as u64)?;
        let file = Self { path: name, map, header, verify, checked: Vec::new() };
        let file = file.check_parts()?;
        if verify == Verify::Full {
            file.verify()?;
        }
        Ok(file)
    }

    // Checks description and index, and that the header fits them.
    fn check_parts(mut self) -> Result<Self, DataError> {
        let Header { description, description_crc, index, index_crc, .. } = self.header;
        for (name, span, crc) in
            [("description", description, description_crc), ("index", index, index_crc)]
        {
            let part = span.padded(self.map.len()).and_then(|place| self.map.get(place));
            let part = part.ok_or_else(|| {
                damaged(&self.path, &format!("the {name} is said to lie outside of it"))
            })?;
            if crc32fast::hash(part) != crc {
                return Err(damaged(&self.path, &format!("the checksum of its {name} differs")));
            }
        }
        let entries = self.entries()?;
        let records = entries.iter().map(|entry| u64::from(entry.records.to_native())).sum::<u64>();
        let fits = entries.len() as u64 == self.header.blocks && records == self.header.records;
        if !fits {
            return Err(damaged(&self.path, "its index is not the one of its header"));
        }
        let next = self.check_entries(entries)?;
        let after = |span: Span| span.offset + span.bytes.next_multiple_of(ALIGN as u64);
        let whole = description.offset == next
            && index.offset == after(description)
            && after(index) == self.header.file_bytes;
        if !whole {
            return Err(damaged(&self.path, "its parts do not follow each other"));
        }
        if self.verify == Verify::OnRead {
            self.checked = (0..entries.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        }
        if self.description()?.instruments.len() != self.header.instruments as usize {
            return Err(damaged(&self.path, "its instruments are not those of its header"));
        }
        Ok(self)
    }

    // Blocks follow each other in place and time; gives where the last one ends.
    fn check_entries(&self, entries: &[ArchivedEntry]) -> Result<u64, DataError> {
        let mut next = HEADER_BYTES as u64;
        let mut times = TimeRange::default();
        for (at, entry) in entries.iter().enumerate() {
            let entry = entry.native();
            let span = self.span_of(&entry)?;
            // A gap that no part covers could be changed without notice.
            let place = span.padded(self.map.len()).filter(|_| span.offset == next);
            let place = place.ok_or_else(|| damaged(&self.path, "its blocks do not follow"))?;
            next = place.end as u64;
            let back = entry.venue_first < times.venue_last || entry.recv_first < times.recv_last;
            if at > 0 && back {
                return Err(damaged(&self.path, "its blocks are out of order"));
            }
            if at == 0 {
                (times.venue_first, times.recv_first) = (entry.venue_first, entry.recv_first);
            }
            (times.venue_last, times.recv_last) = (entry.venue_last, entry.recv_last);
        }
        if times != self.header.times {
            return Err(damaged(&self.path, "the times of its header are not those of its index"));
        }
        Ok(next)
    }

    fn entries(&self) -> Result<&[ArchivedEntry], DataError> {
        let part = self.part(self.header.index)?;
        match rkyv::access::<ArchivedVec<ArchivedEntry>, Error>(part) {
            Ok(entries) => Ok(entries.as_slice()),
            Err(_) => Err(damaged(&self.path, "its index cannot be read")),
        }
    }

    #[inline]
    fn part(&self, span: Span) -> Result<&[u8], DataError> {
        let begin = usize::try_from(span.offset).ok();
        let end = begin.zip(usize::try_from(span.bytes).ok());
        let end = end.and_then(|(begin, bytes)| begin.checked_add(bytes));
        begin
            .zip(end)
            .and_then(|(begin, end)| self.map.get(begin..end))
            .ok_or_else(|| damaged(&self.path, "a part is said to lie outside of it"))
    }

    fn record_bytes(&self) -> usize {
        match self.header.kind {
            RecordKind::Levels => <qt_types::Tick as Record>::BYTES,
            RecordKind::Orders => <qt_types::OrderTick as Record>::BYTES,
        }
    }

    #[inline]
    fn span_of(&self, entry: &Entry) -> Result<Span, DataError> {
        let records = entry.records as usize;
        if records == 0 || records > BLOCK_RECORDS_MAX {
            return Err(damaged(&self.path, "a block has an impossible number of records"));
        }
        let bytes = (records * self.record_bytes() + ROOT_BYTES) as u64;
        Ok(Span { offset: entry.offset, bytes })
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the records are.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        self.header.kind
    }

    /// How many records the file holds.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.header.records
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.header.records == 0
    }

    /// How many blocks the records are in.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        self.header.blocks as usize
    }

    /// Times of the first and the last record; zeros without records.
    #[must_use]
    pub const fn times(&self) -> TimeRange {
        self.header.times
    }

    /// The running hash over all records: equal for equal contents.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.header.hash
    }

    /// Instruments, sources, what was noticed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn description(&self) -> Result<Description, DataError> {
        let part = self.part(self.header.description)?;
        let broken = || damaged(&self.path, "its description cannot be read");
        let archived =
            rkyv::access::<ArchivedDescriptionOnDisk, Error>(part).map_err(|_| broken())?;
        let description = rkyv::deserialize::<DescriptionOnDisk, Error>(archived);
        let description = description.map_err(|_| broken())?.checked();
        description.map_err(|error| damaged(&self.path, &error.0))
    }

    /// The index entry of block `index`; `None` past the end.
    ///
    /// # Errors
    /// When the index cannot be read.
    #[inline]
    pub fn entry(&self, index: usize) -> Result<Option<Entry>, DataError> {
        Ok(self.entries()?.get(index).map(ArchivedEntry::native))
    }

    /// Whether any block begins or ends with a record that was received later than it happened:
    /// files of sources with one time have none.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn has_latencies(&self) -> Result<bool, DataError> {
        let is_late = |entry: Entry| {
            entry.recv_first != entry.venue_first || entry.recv_last != entry.venue_last
        };
        Ok(self.entries()?.iter().map(ArchivedEntry::native).any(is_late))
    }

    /// The first block whose records were all known at `recv_ns` or later, or hold such a one.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn block_at(&self, recv_ns: i64) -> Result<usize, DataError> {
        Ok(self.entries()?.partition_point(|entry| entry.recv_last.to_native() < recv_ns))
    }

    /// Block `index`.
    ///
    /// # Errors
    /// When there is no such block, the records are of another kind, or the block is damaged.
    #[inline]
    pub fn block<R: Record>(&self, index: usize) -> Result<Block<'_, R>, DataError> {
        let block = self.block_unchecked(index)?;
        if self.verify == Verify::OnRead {
            self.check_once::<R>(index, &block)?;
        }
        Ok(block)
    }

    #[inline]
    fn block_unchecked<R: Record>(&self, index: usize) -> Result<Block<'_, R>, DataError> {
        if R::KIND != self.header.kind {
            return Err(self.wrong_kind(R::KIND));
        }
        let Some(entry) = self.entry(index)? else {
            let what = format!("has {} blocks, not {}", self.header.blocks, index + 1);
            return Err(store_error(&self.path, what, "Ask for a block that it has"));
        };
        let part = self.part(self.span_of(&entry)?)?;
        match R::cast(part).filter(|stored| stored.len() == entry.records as usize) {
            Some(stored) => Ok(Block { stored, base_ns: entry.base_ns }),
            None => Err(damaged(&self.path, &format!("block {index} cannot be read"))),
        }
    }

    #[cold]
    fn wrong_kind(&self, wanted: RecordKind) -> DataError {
        let (held, wanted) = (self.header.kind.text(), wanted.text());
        let what = format!("holds {held}, not {wanted}");
        store_error(&self.path, what, "Choose what can be run on these records")
    }

    #[inline]
    fn check_once<R: Record>(&self, index: usize, block: &Block<'_, R>) -> Result<(), DataError> {
        let bit = 1_u64 << (index % 64);
        let Some(word) = self.checked.get(index / 64) else { return Ok(()) };
        if word.load(Ordering::Relaxed) & bit == 0 {
            self.check_block(index, block)?;
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }

    // Compares the checksum of block `index` and looks at each record.
    fn check_block<R: Record>(&self, index: usize, block: &Block<'_, R>) -> Result<(), DataError> {
        let broken = |what: &str| damaged(&self.path, &format!("block {index}: {what}"));
        let Some(entry) = self.entry(index)? else { return Err(broken("it has no entry")) };
        let place = self.span_of(&entry)?.padded(self.map.len());
        let bytes = place.and_then(|place| self.map.get(place));
        if bytes.map(crc32fast::hash) != Some(entry.crc) {
            return Err(broken("the checksum differs"));
        }
        let instruments = self.header.instruments;
        let time = |record: R| (record.venue_ns(), record.recv_ns(block.base_ns));
        let ends = block.get(0).map(time).zip(block.get(block.len() - 1).map(time));
        let first = (entry.venue_first, entry.recv_first);
        if ends != Some((first, (entry.venue_last, entry.recv_last))) {
            return Err(broken("its times are not those of the index"));
        }
        // No branch depends on a record: this is done for every block that is read.
        let (mut unknown, mut disorder, mut last) = (false, false, first);
        for record in block.iter() {
            let (venue_ns, recv_ns) = time(record);
            unknown |= record.says().is_none() | (u32::from(record.instrument()) >= instruments);
            disorder |= (venue_ns < last.0) | (recv_ns < last.1) | (recv_ns < venue_ns);
            last = (venue_ns, recv_ns);
        }
        if unknown {
            return Err(broken("a record is of no known kind or instrument"));
        }
        if disorder {
            return Err(broken("its records are out of order"));
        }
        Ok(())
    }

    /// Reads all of the file and compares every checksum, and the running hash over all records
    /// with the one in the header.
    ///
    /// # Errors
    /// What is damaged.
    pub fn verify(&self) -> Result<(), DataError> {
        let hash = match self.header.kind {
            RecordKind::Levels => self.verify_as::<qt_types::Tick>()?,
            RecordKind::Orders => self.verify_as::<qt_types::OrderTick>()?,
        };
        if hash != self.header.hash {
            return Err(damaged(&self.path, "the hash of its records is not the header's"));
        }
        Ok(())
    }

    fn verify_as<R: Record>(&self) -> Result<u64, DataError> {
        for index in 0..self.blocks() {
            self.check_block(index, &self.block_unchecked::<R>(index)?)?;
        }
        self.hash_of::<R>()
    }

    /// The running hash over all records, computed from them.
    ///
    /// # Errors
    /// When a block cannot be read.
    pub fn hash_of<R: Record>(&self) -> Result<u64, DataError> {
        let mut hash = 0;
        for index in 0..self.blocks() {
            let block = self.block_unchecked::<R>(index)?;
            for record in block.iter() {
                hash = fold(hash, record.digest(record.recv_ns(block.base_ns)));
            }
        }
        Ok(hash)
    }
}

fn open(path: &Path, name: &str) -> Result<File, DataError> {
    File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => {
            DataError::NotFound { path: name.to_owned(), near: String::new() }
        }
        _ => DataError::Io { path: name.to_owned(), source },
    })
}
