//! Reading a text file: pieces are parsed by threads and joined in the file's order.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::decimals::TooWide;
use super::dialect::{Dialect, recognise};
use super::field::{Field, Role};
use super::lines::LineChunks;
use super::parser::{Piece, RowParser};
use super::rows::Rows;
use super::{Container, Format, input};
use crate::error::{CellError, DataError};
use crate::stamp::{DateOrder, LocalClock, StampFacts, StampParser};
use crate::threads;

/// Threads that parse. More do not help: one thread reads and joins.
const PARSERS_MAX: usize = 4;
/// Pieces that wait for a parser, so that memory stays bounded however fast the disk is.
const WAITING_MAX: usize = 4;

/// How stamps and bytes are to be understood.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The format, or `None` to recognise it.
    pub format: Option<Format>,
    /// The clock of stamps without a zone; `None` for UTC.
    pub clock: Option<LocalClock>,
    /// How many threads may work on it; 0 for all cores.
    pub threads: usize,
    /// Counts the bytes of the file that were read so far.
    pub bytes_read: Option<Arc<AtomicU64>>,
}

// How the work is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    // Threads that parse beside the one that reads and joins; none leaves the parsing to it.
    parsers: usize,
    // Whether the checksum has a thread of its own meanwhile.
    hasher: bool,
}

impl Share {
    fn of(limit: usize) -> Self {
        let threads = threads::at_most(limit);
        if !threads::is_limited(limit) {
            // The threads that read and hash wait most of the time: cores are left for parsing.
            return Self { parsers: threads.min(PARSERS_MAX), hasher: true };
        }
        let hasher = threads > 2;
        Self { parsers: (threads - 1 - usize::from(hasher)).min(PARSERS_MAX), hasher }
    }
}

/// Reads the rows of the text file at `path`, packed or not.
///
/// # Errors
/// When the file cannot be opened or read, its layout is unknown, or its stamps are doubtful as a
/// whole. Single unreadable rows are findings, not errors.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Rows, DataError> {
    let rows = read_in(path, options, DateOrder::MonthFirst)?;
    match settle_order(&rows, DateOrder::MonthFirst)? {
        None => Ok(rows),
        Some(other) => {
            drop(rows);
            read_in(path, options, other)
        }
    }
}

fn read_in(path: &Path, options: &ReadOptions, order: DateOrder) -> Result<Rows, DataError> {
    let stop = AtomicBool::new(false);
    let share = Share::of(options.threads);
    thread::scope(|scope| {
        let hash = share.hasher.then(|| scope.spawn(|| input::sha256(path, &stop)));
        let rows = input::with_text(path, options.bytes_read.as_deref(), |reader, container| {
            let capacity = row_estimate(path, container);
            let path = path.display().to_string();
            let job = Job { path, options, order, capacity, parsers: share.parsers };
            let mut rows = job.run(&mut LineChunks::new(reader, &job.path))?;
            if container != Container::Plain {
                rows.source.format = format!("{}, {}", rows.source.format, container.text());
            }
            Ok(rows)
        });
        // Hashing the rest of a large file that is refused would keep the user waiting.
        stop.store(rows.is_err(), Ordering::Relaxed);
        let mut rows = rows?;
        rows.source.sha256 = match hash.map(thread::ScopedJoinHandle::join) {
            None => input::sha256(path, &stop)?,
            Some(Ok(hash)) => hash?,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        };
        Ok(rows)
    })
}

// About how many rows a plain file has, to save growing the columns.
fn row_estimate(path: &Path, container: Container) -> usize {
    const ROW_BYTES: u64 = 50;
    let length = std::fs::metadata(path).map_or(0, |facts| facts.len());
    if container == Container::Plain { (length / ROW_BYTES).min(1 << 22) as usize } else { 0 }
}

/// Whether dates such as 3/4/2020 were read in the right order: `None` when they were, the other
/// order when that is the right one.
pub(crate) fn settle_order(rows: &Rows, order: DateOrder) -> Result<Option<DateOrder>, DataError> {
    let StampFacts { year_last, day_first, month_first, .. } = rows.facts;
    let right = match (day_first, month_first) {
        _ if !year_last => return Ok(None),
        (true, false) => DateOrder::DayFirst,
        (false, true) => DateOrder::MonthFirst,
        (both, _) => {
            let what = if both {
                "is written month first, while other rows are written day first"
            } else {
                "may be month first or day first: no row of the file has a number above 12"
            };
            return Err(DataError::Stamp(Box::new(CellError {
                path: rows.source.path.clone(),
                place: rows.place(0),
                column: rows.layout.name_of(Role::Stamp).to_owned(),
                text: if rows.is_empty() { String::new() } else { rows.stamp_text(0) },
                what: what.to_owned(),
                fix: "Write the dates in ISO form, YYYY-MM-DD".to_owned(),
            })));
        }
    };
    Ok((right != order).then_some(right))
}

// One reading of one file.
struct Job<'a> {
    path: String,
    options: &'a ReadOptions,
    order: DateOrder,
    capacity: usize,
    parsers: usize,
}

impl Job<'_> {
    fn run(&self, chunks: &mut LineChunks<'_>) -> Result<Rows, DataError> {
        let head = chunks.next_chunk(Vec::new())?;
        let head = head.ok_or_else(|| DataError::Empty { path: self.path.clone() })?;
        let next = chunks.next_chunk(Vec::new())?;
        let dialect = recognise(&self.path, &head, next.is_none(), self.options.format)?;
        let clock = if dialect.layout.utc { None } else { self.options.clock.clone() };
        let parser =
            RowParser::new(&dialect, StampParser::new(dialect.form, self.order, clock.clone()));
        let mut joined = Joined::new(self, &dialect);
        let first = head[dialect.skip_bytes.min(head.len())..].to_vec();
        match next {
            None => {
                let rows = parser.empty_rows(first.len());
                joined.add(&mut parser.clone().parse(&first, rows))?;
            }
            Some(next) if self.parsers == 0 => {
                Self::run_alone(chunks, parser.clone(), &mut joined, [first, next])?;
            }
            Some(next) => self.run_threads(chunks, &parser, &mut joined, [first, next])?,
        }
        let mut rows = joined.rows;
        if dialect.received.is_none() {
            rows.note_unused_receipts();
        }
        if rows.facts.naive {
            let zone = clock.as_ref().map_or("UTC", LocalClock::name);
            rows.notes.push(if dialect.layout.utc {
                "times carry no zone; the column's name says UTC".to_owned()
            } else {
                format!("times carry no zone: read as {zone} (--tz names another)")
            });
        }
        Ok(rows)
    }

    // This thread does everything.
    fn run_alone(
        chunks: &mut LineChunks<'_>,
        mut parser: RowParser<'_>,
        joined: &mut Joined,
        first: [Vec<u8>; 2],
    ) -> Result<(), DataError> {
        let [head, mut text] = first;
        let mut rows = parser.empty_rows(text.len());
        let mut head = Some(head);
        loop {
            let mut piece = parser.parse(head.as_deref().unwrap_or(text.as_slice()), rows);
            joined.add(&mut piece)?;
            rows = piece.rows;
            // The second piece was read together with the first.
            if head.take().is_some() {
                continue;
            }
            match chunks.next_chunk(text)? {
                Some(next) => text = next,
                None => return Ok(()),
            }
        }
    }

    // This thread reads pieces and joins rows; others parse in between.
    fn run_threads(
        &self,
        chunks: &mut LineChunks<'_>,
        parser: &RowParser<'_>,
        joined: &mut Joined,
        first: [Vec<u8>; 2],
    ) -> Result<(), DataError> {
        let (work, todo) = sync_channel::<(usize, Vec<u8>)>(WAITING_MAX);
        let (done, finished) = channel();
        let (todo, spare) = (Mutex::new(todo), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..self.parsers {
                let (parser, done) = (parser.clone(), done.clone());
                let (todo, spare) = (&todo, &spare);
                scope.spawn(move || work_off(parser, todo, spare, &done));
            }
            drop(done);
            let mut queue =
                Queue { waiting: BTreeMap::new(), next: 0, texts: Vec::new(), spare: &spare };
            let (mut sent, mut first) = (0, first.into_iter());
            loop {
                let chunk = match first.next() {
                    Some(chunk) => Some(chunk),
                    None => chunks.next_chunk(queue.texts.pop().unwrap_or_default())?,
                };
                let Some(chunk) = chunk else { break };
                if work.send((sent, chunk)).is_err() {
                    break; // The parsers are gone: one has panicked, which the scope reports.
                }
                sent += 1;
                queue.take(finished.try_iter(), joined)?;
            }
            drop(work);
            queue.take(finished.iter(), joined)
        })
    }
}

// A parsed piece, its place among the pieces, and its text, whose memory is used again.
type Parsed = (usize, Piece, Vec<u8>);

fn work_off(
    mut parser: RowParser<'_>,
    todo: &Mutex<Receiver<(usize, Vec<u8>)>>,
    spare: &Mutex<Vec<Rows>>,
    done: &Sender<Parsed>,
) {
    loop {
        let next = todo.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((index, text)) = next else { return };
        let rows = spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let rows = rows.unwrap_or_else(|| parser.empty_rows(text.len()));
        let piece = parser.parse(&text, rows);
        if done.send((index, piece, text)).is_err() {
            return;
        }
    }
}

// Pieces that are parsed, until their turn comes, and memory to be used again.
struct Queue<'a> {
    waiting: BTreeMap<usize, Piece>,
    next: usize,
    texts: Vec<Vec<u8>>,
    spare: &'a Mutex<Vec<Rows>>,
}

impl Queue<'_> {
    fn take(
        &mut self,
        pieces: impl Iterator<Item = Parsed>,
        joined: &mut Joined,
    ) -> Result<(), DataError> {
        for (index, piece, text) in pieces {
            self.texts.push(text);
            self.waiting.insert(index, piece);
            while let Some(mut piece) = self.waiting.remove(&self.next) {
                joined.add(&mut piece)?;
                self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(piece.rows);
                self.next += 1;
            }
        }
        Ok(())
    }
}

// The rows so far and the lines they took.
struct Joined {
    rows: Rows,
    lines: u64,
}

impl Joined {
    fn new(job: &Job<'_>, dialect: &Dialect) -> Self {
        let mut rows = Rows::new(&dialect.layout, dialect.form, job.capacity);
        rows.source.path.clone_from(&job.path);
        rows.source.format.clone_from(&dialect.label);
        Self { rows, lines: dialect.skip_lines }
    }

    fn add(&mut self, piece: &mut Piece) -> Result<(), DataError> {
        let path = &self.rows.source.path;
        if let Some(fatal) = piece.fatal.take() {
            return Err(DataError::Stamp(Box::new(CellError {
                path: path.clone(),
                place: format!("line {}", self.lines + fatal.line),
                column: fatal.column,
                text: fatal.text,
                what: fatal.what,
                fix: fatal.fix,
            })));
        }
        let line = self.lines;
        self.lines += piece.lines;
        if self.rows.len() + piece.rows.len() > u32::MAX as usize {
            return Err(DataError::Units(Box::new(CellError {
                path: path.clone(),
                place: format!("line {line}"),
                column: String::new(),
                text: String::new(),
                what: "has more than 4,294,967,295 rows".to_owned(),
                fix: "Split it".to_owned(),
            })));
        }
        let path = path.clone();
        self.rows.append(&mut piece.rows, line).map_err(|(field, _): (Field, TooWide)| {
            DataError::Units(Box::new(CellError {
                path,
                place: format!("line {line} and after"),
                column: self.rows.layout.name_of(Role::Number(field)).to_owned(),
                text: String::new(),
                what: "has values with too many digits together to be held at one number of \
                       decimals"
                    .to_owned(),
                fix: "Round the column to fewer decimals".to_owned(),
            }))
        })
    }
}
