//! Many files in time order, read as they are needed.

use std::collections::HashMap;
use std::path::PathBuf;

use qt_types::InstrumentSpec;

use super::format::{damaged, store_error};
use super::pool::FilePool;
use super::reader::{TickFile, Verify};
use super::record::Record;
use super::tournament::{ENDED, Key, Tournament};
use crate::error::DataError;

/// Records that a source's buffer holds at least and at most.
const CHUNK_MIN: usize = 16;
const CHUNK_MAX: usize = 4096;

/// How much a merge may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeOptions {
    /// Files that are open at once.
    pub open_files_max: usize,
    /// Bytes of all buffers together; with very many files that play at the same time the least
    /// buffer of 16 records for each of them is more.
    pub buffer_bytes: usize,
    /// When checksums are compared.
    pub verify: Verify,
}

impl Default for MergeOptions {
    fn default() -> Self {
        Self { open_files_max: 256, buffer_bytes: 4 << 20, verify: Verify::OnRead }
    }
}

/// A record and when we could know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamped<R> {
    /// When we could know it (UTC ns).
    pub recv_ns: i64,
    /// The record. Its instrument is an index into [`Merge::instruments`]; its latency still
    /// counts from the base of the block that it came from.
    pub record: R,
}

/// Records of one source that all come before those of every other source.
#[derive(Debug)]
pub struct Run<'a, R> {
    /// The source's place among those that were given.
    pub source: usize,
    /// The records in order, at least one.
    pub records: &'a [Stamped<R>],
}

/// Plays tick files in the order of the times at which we could know their records; at equal
/// times the file that was given first comes first. Files are opened when their first record is
/// due and closed after their last.
#[derive(Debug)]
pub struct Merge<R: Record> {
    sources: Vec<Source<R>>,
    instruments: Vec<InstrumentSpec>,
    tree: Tournament,
    pool: FilePool,
    chunk: usize,
    // The source of the run that was given out last: its key is not the tree's any more.
    playing: Option<usize>,
}

#[derive(Debug)]
struct Source<R> {
    path: PathBuf,
    hash: u64,
    // From the file's instruments to those of the merge.
    instruments: Vec<u16>,
    buffer: Vec<Stamped<R>>,
    // The next record in the buffer.
    at: usize,
    // What the buffer is filled from next.
    block: usize,
    record: usize,
}

impl<R: Record> Merge<R> {
    /// Reads the headers of all files at `paths`, in the order of their rank.
    ///
    /// # Errors
    /// When one of them cannot be read or holds other records, or two files describe an instrument
    /// of the same name differently.
    pub fn new(paths: &[PathBuf], options: &MergeOptions) -> Result<Self, DataError> {
        let mut instruments = Instruments::default();
        let (mut sources, mut keys): (Vec<Source<R>>, Vec<Key>) = (Vec::new(), Vec::new());
        for (rank, path) in paths.iter().enumerate() {
            let file = TickFile::open(path, Verify::Index)?;
            if file.kind() != R::KIND {
                let what = format!("holds {}, not {}", file.kind().text(), R::KIND.text());
                return Err(store_error(file.path(), what, "Merge files of one kind"));
            }
            let local = file.description()?.instruments.into_iter();
            let local = local.map(|spec| instruments.index_of(spec, file.path()));
            let local = local.collect::<Result<Vec<u16>, DataError>>()?;
            keys.push(if file.is_empty() { ENDED } else { (file.times().recv_first, rank as u32) });
            sources.push(Source {
                path: path.clone(),
                hash: file.hash(),
                instruments: local,
                buffer: Vec::new(),
                at: 0,
                block: 0,
                record: 0,
            });
        }
        let chunk = options.buffer_bytes / size_of::<Stamped<R>>() / sources.len().max(1);
        Ok(Self {
            sources,
            instruments: instruments.list,
            tree: Tournament::new(keys),
            pool: FilePool::new(options.open_files_max, options.verify),
            chunk: chunk.clamp(CHUNK_MIN, CHUNK_MAX),
            playing: None,
        })
    }

    /// The instruments of all files; a record names one by its place here.
    #[must_use]
    pub fn instruments(&self) -> &[InstrumentSpec] {
        &self.instruments
    }

    /// The records that are next: as many of one source as come before all others'. `None` at the
    /// end.
    ///
    /// # Errors
    /// When a file cannot be read any more or is damaged. The merge is not to be used after that.
    pub fn next_run(&mut self) -> Result<Option<Run<'_, R>>, DataError> {
        if let Some(rank) = self.playing.take() {
            self.settle(rank)?;
        }
        let Some((rank, key)) = self.tree.winner() else { return Ok(None) };
        if self.sources[rank].buffer.is_empty() {
            self.refill(rank)?;
        }
        let bound = self.tree.runner_up();
        let source = &mut self.sources[rank];
        let waiting = &source.buffer[source.at..];
        if waiting.first().map(|first| first.recv_ns) != Some(key.0) {
            return Err(damaged(&source.path.display().to_string(), "its index misses a record"));
        }
        let length = run_length(waiting, rank as u32, bound);
        let begin = source.at;
        source.at += length;
        self.playing = Some(rank);
        let records = &self.sources[rank].buffer[begin..begin + length];
        Ok(Some(Run { source: rank, records }))
    }

    /// Plays everything that is left.
    ///
    /// # Errors
    /// As [`Self::next_run`].
    pub fn for_each(&mut self, mut play: impl FnMut(&Stamped<R>)) -> Result<(), DataError> {
        while let Some(run) = self.next_run()? {
            run.records.iter().for_each(&mut play);
        }
        Ok(())
    }

    // The tree learns where the source stands after its run.
    #[inline]
    fn settle(&mut self, rank: usize) -> Result<(), DataError> {
        if self.sources[rank].at == self.sources[rank].buffer.len() {
            self.refill(rank)?;
        }
        let source = &self.sources[rank];
        let next = source.buffer.get(source.at);
        self.tree.advance(next.map_or(ENDED, |next| (next.recv_ns, rank as u32)));
        Ok(())
    }

    // Fills the source's buffer again; leaves it empty at the end of its file.
    fn refill(&mut self, rank: usize) -> Result<(), DataError> {
        let source = &mut self.sources[rank];
        source.buffer.clear();
        source.at = 0;
        let file = self.pool.get(rank, &source.path, source.hash)?;
        while source.buffer.len() < self.chunk && source.block < file.blocks() {
            let block = file.block::<R>(source.block)?;
            let room = self.chunk - source.buffer.len();
            for record in block.iter().skip(source.record).take(room) {
                let local = usize::from(record.instrument());
                let Some(instrument) = source.instruments.get(local) else {
                    return Err(damaged(file.path(), "a record is of no known instrument"));
                };
                let recv_ns = record.recv_ns(block.base_ns());
                let record = record.with_instrument(*instrument);
                source.buffer.push(Stamped { recv_ns, record });
            }
            source.record += room.min(block.len().saturating_sub(source.record));
            if source.record >= block.len() {
                (source.block, source.record) = (source.block + 1, 0);
            }
        }
        if source.buffer.is_empty() {
            source.buffer = Vec::new();
            self.pool.close(rank);
        }
        Ok(())
    }
}

// The instruments of all files, by name.
#[derive(Default)]
struct Instruments {
    list: Vec<InstrumentSpec>,
    // Each one's place, and the file that named it first.
    known: HashMap<String, (usize, String)>,
}

impl Instruments {
    fn index_of(&mut self, spec: InstrumentSpec, path: &str) -> Result<u16, DataError> {
        let symbol = spec.symbol().to_owned();
        let at = match self.known.get(&symbol) {
            Some((at, _)) if self.list[*at] == spec => *at,
            Some((_, other)) => {
                let what = format!("has other units for {symbol} than {other}");
                let fix = "Import both with the same --tick, --lot and --multiplier";
                return Err(store_error(path, what, fix));
            }
            None => {
                let at = self.list.len();
                self.list.push(spec);
                self.known.insert(symbol, (at, path.to_owned()));
                at
            }
        };
        u16::try_from(at).map_err(|_| {
            let what = "has one instrument too many: 65,536 can be merged".to_owned();
            store_error(path, what, "Merge fewer files")
        })
    }
}

// How many of `waiting` come before `bound`: at least the first, which has won.
#[inline]
fn run_length<R>(waiting: &[Stamped<R>], rank: u32, bound: Key) -> usize {
    const NEAR: usize = 8;
    let before = |next: &Stamped<R>| (next.recv_ns, rank) < bound;
    let near = waiting.iter().skip(1).take(NEAR).take_while(|next| before(next)).count() + 1;
    if near <= NEAR {
        return near;
    }
    near + waiting[near..].partition_point(before)
}
