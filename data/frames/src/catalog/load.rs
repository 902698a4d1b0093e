//! Reading the bars of an entry.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use polars::prelude::{ArrayRef, ArrowDataType, ArrowField};
use polars_core::utils::arrow::types::NativeType;
use qt_data::quality::QualityReport;
use qt_data::series::{BarRecord, BarSeries, DataKind};
use qt_data::source::Cells;
use qt_types::BarFlags;

use super::entry::{CatalogEntry, FileFacts};
use super::save::{HALVES, STAMP};
use super::stamps::StampStyle;
use super::{Span, damaged, gone};
use crate::cells::{Plan, values};
use crate::digest;
use crate::error::FramesError;
use crate::parallel::in_parallel;
use crate::parquet::ParquetFile;

type Half = [i32; 4];

/// Which bars are wanted.
#[derive(Clone, Copy, Debug)]
pub enum Want {
    /// All of them.
    All,
    /// Exactly those that open in the range (UTC ns, the end excluded).
    Range {
        /// Its begin.
        from_ns: i64,
        /// Its end.
        to_ns: i64,
    },
    /// The row groups that hold these.
    Span(Span),
}

/// Reads the bars of `entry` that are wanted from its file at `path`, with at most `threads`
/// threads.
///
/// # Errors
/// When the file is missing or not the one that was saved.
pub fn read(
    path: &Path,
    entry: &CatalogEntry,
    want: Want,
    threads: usize,
) -> Result<BarSeries, FramesError> {
    let spec = entry.spec()?;
    let kind = entry.data_kind()?;
    let calendar = entry.open_calendar()?;
    let file = open(path, entry)?;
    let groups = wanted(&file, want);
    let count = |groups: Range<usize>| -> usize {
        entry.file.groups[groups].iter().map(|group| group.rows as usize).sum()
    };
    // Bars of the entry before the first one that is given.
    let mut skipped = count(0..groups.start);
    let rows = count(groups.clone());
    let mut bars = vec![BarRecord::default(); rows];
    let quoted = kind == DataKind::QuoteBars;
    let mut halves: Vec<Half> = vec![[0; 4]; if quoted { rows } else { 0 }];
    let mut jobs = Vec::with_capacity(groups.len());
    let (mut bars_left, mut halves_left) = (bars.as_mut_slice(), halves.as_mut_slice());
    for group in groups {
        let rows = entry.file.groups[group].rows as usize;
        let (bars, rest) = bars_left.split_at_mut(rows);
        bars_left = rest;
        let (halves, rest) = halves_left.split_at_mut(if quoted { rows } else { 0 });
        halves_left = rest;
        jobs.push(Job { group, bars, halves });
    }
    let texts = in_parallel(threads, jobs, |job| job.run(&file, entry))?;
    let mut texts: Vec<String> = texts.into_iter().flatten().collect();
    if let Want::Range { from_ns, to_ns } = want {
        let start = bars.partition_point(|bar| bar.open_ns < from_ns);
        let end = bars.partition_point(|bar| bar.open_ns < to_ns).max(start);
        skipped += start;
        cut(&mut bars, start, end);
        cut(&mut halves, start, end);
        cut(&mut texts, start, end);
    }
    let stamps = entry.stamps.restore(&bars, &texts, threads);
    let quality = entry.quality.as_ref().map(QualityReport::from);
    let quality = quality.map(|report| within(report, skipped, bars.len()));
    Ok(BarSeries {
        spec,
        kind,
        bars,
        half_spreads: halves,
        stamps,
        interval_ns: entry.interval_ns,
        calendar,
        source: (&entry.source).into(),
        quality,
        notes: entry.notes.clone(),
    })
}

fn cut<T>(list: &mut Vec<T>, start: usize, end: usize) {
    list.truncate(end);
    list.drain(..start.min(list.len()));
}

// The report on all bars for `count` bars from the one at `skipped` on: jumps are named by the
// bar's place.
fn within(mut report: QualityReport, skipped: usize, count: usize) -> QualityReport {
    report.splits.retain_mut(|split| match split.bar.checked_sub(skipped) {
        Some(bar) if bar < count => {
            split.bar = bar;
            true
        }
        _ => false,
    });
    report
}

// The row groups that may have bars that are wanted, by the bounds that the footer says.
fn wanted(file: &ParquetFile, want: Want) -> Range<usize> {
    let rows = file.group_rows();
    let (from_ns, to_ns, before, after) = match want {
        Want::All => return 0..rows.len(),
        Want::Range { from_ns, to_ns } => (from_ns, to_ns, 0, 0),
        Want::Span(span) => (span.from_ns, span.to_ns, span.before, span.after),
    };
    let bounds = |group: usize| file.bounds(group, "open_ns").unwrap_or((i64::MIN, i64::MAX));
    // Bars are in time order: groups that end before the range come first.
    let mut start = (0..rows.len()).take_while(|group| bounds(*group).1 < from_ns).count();
    let within = (start..rows.len()).take_while(|group| bounds(*group).0 < to_ns).count();
    let mut end = start + within;
    // How many bars of the outer groups lie outside of the range is not known without reading
    // them: the groups beside them must have all that is wanted.
    let mut bars = 0;
    while start > 0 && bars < before {
        start -= 1;
        bars += rows[start];
    }
    bars = 0;
    while end < rows.len() && bars < after {
        bars += rows[end];
        end += 1;
    }
    start..end
}

// Opens the file, once its size and its footer are known to be those that were saved.
fn open(path: &Path, entry: &CatalogEntry) -> Result<ParquetFile, FramesError> {
    let id = &entry.id;
    let FileFacts { bytes, footer_sha256, groups, .. } = &entry.file;
    let size = fs::metadata(path).map_err(|source| gone(id, path, source))?.len();
    if size != *bytes {
        let what = format!("the file has {size} bytes, not the {bytes} that were saved");
        return Err(damaged(id, path, what));
    }
    let start = groups.last().and_then(|group| group.offset.checked_add(group.bytes));
    let start = start.filter(|start| start <= bytes);
    let start = start.ok_or_else(|| damaged(id, path, "meta.json contradicts the file"))?;
    let mut footer = Vec::new();
    let failed = |source| FramesError::read(path, source);
    let mut file = File::open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    file.read_to_end(&mut footer).map_err(failed)?;
    if digest::of_pieces(&[footer]) != *footer_sha256 {
        return Err(damaged(id, path, "the footer is not the one that was saved"));
    }
    let file = ParquetFile::open(path)?;
    let saved = groups.iter().map(|group| group.rows as usize);
    let same = file.group_rows().into_iter().eq(saved)
        && groups.iter().enumerate().all(|(index, group)| {
            let range = file.group_bytes(index);
            range.start == group.offset && range.end - range.start == group.bytes
        })
        && file.rows() as u64 == entry.rows;
    if same { Ok(file) } else { Err(damaged(id, path, "meta.json contradicts the file")) }
}

// A row group, and where its rows go.
struct Job<'a> {
    group: usize,
    bars: &'a mut [BarRecord],
    halves: &'a mut [Half],
}

impl Job<'_> {
    // Fills in the rows and gives the texts of their stamps, where they are a column.
    fn run(self, file: &ParquetFile, entry: &CatalogEntry) -> Result<Vec<String>, FramesError> {
        let Job { group, bars, halves } = self;
        let chunks = RefCell::new(checked_chunks(file, entry, group)?);
        let column = |name: &str, dtype: ArrowDataType| {
            let at = file.fields().iter().position(|field| field.name == name);
            let bytes = at.and_then(|at| chunks.borrow_mut().get_mut(at).map(std::mem::take));
            let field = ArrowField::new(name.into(), dtype, true);
            file.decode(group, &field, bytes)
        };
        let wide = |name: &str| column(name, ArrowDataType::Int64);
        let arrays = [
            wide("open_ns")?,
            wide("length_ns")?,
            wide("open")?,
            wide("high")?,
            wide("low")?,
            wide("close")?,
            wide("volume")?,
        ];
        let [flags, rows] =
            [column("flags", ArrowDataType::UInt32)?, column("row", ArrowDataType::UInt32)?];
        let slices = arrays.iter().map(|arrays| joined::<i64>(arrays, entry, file));
        let slices = slices.collect::<Result<Vec<_>, _>>()?;
        let (flags, rows) =
            (joined::<u32>(&flags, entry, file)?, joined::<u32>(&rows, entry, file)?);
        let [opens_ns, lengths_ns, opens, highs, lows, closes, volumes] = slices.as_slice() else {
            return Err(mistyped(entry, file));
        };
        // All columns at once, so that each bar is written once.
        for (at, bar) in bars.iter_mut().enumerate() {
            *bar = BarRecord {
                open_ns: opens_ns[at],
                close_ns: opens_ns[at].wrapping_add(lengths_ns[at]),
                open: opens[at],
                high: highs[at],
                low: lows[at],
                close: closes[at],
                volume: volumes[at],
                flags: BarFlags::from_bits(flags[at]),
                row: rows[at],
            };
        }
        if !halves.is_empty() {
            for (index, name) in HALVES.into_iter().enumerate() {
                let arrays = column(name, ArrowDataType::Int32)?;
                let values = joined::<i32>(&arrays, entry, file)?;
                halves.iter_mut().zip(&*values).for_each(|(half, value)| half[index] = *value);
            }
        }
        let mut texts = Cells::Text(Vec::new());
        if entry.stamps == StampStyle::Column {
            for array in column(STAMP, ArrowDataType::Utf8View)? {
                Plan::Text.append(&array, &mut texts).map_err(|_| mistyped(entry, file))?;
            }
        }
        Ok(if let Cells::Text(texts) = texts { texts } else { Vec::new() })
    }
}

// The bytes of each column of a row group, once they are known to be those that were saved.
fn checked_chunks(
    file: &ParquetFile,
    entry: &CatalogEntry,
    group: usize,
) -> Result<Vec<Vec<u8>>, FramesError> {
    let chunks = file.chunk_bytes(group).into_iter().map(|range| file.read_range(range));
    let chunks = chunks.collect::<Result<Vec<_>, _>>()?;
    if digest::of_pieces(&chunks) != entry.file.groups[group].sha256 {
        let what = format!("row group {group} is not what was saved");
        return Err(damaged(&entry.id, file.path(), what));
    }
    Ok(chunks)
}

// The values of a column, which comes in one array as a rule. The decoder has held their number
// against that of the group's rows.
fn joined<'a, T: NativeType>(
    arrays: &'a [ArrayRef],
    entry: &CatalogEntry,
    file: &ParquetFile,
) -> Result<Cow<'a, [T]>, FramesError> {
    let whole = |array: &ArrayRef| array.null_count() == 0;
    match arrays {
        [only] if whole(only) => values::<T>(only).map(Cow::Borrowed),
        several if several.iter().all(whole) => {
            let parts = several.iter().map(values::<T>).collect::<Option<Vec<&[T]>>>();
            parts.map(|parts| Cow::Owned(parts.concat()))
        }
        _ => None,
    }
    .ok_or_else(|| mistyped(entry, file))
}

fn mistyped(entry: &CatalogEntry, file: &ParquetFile) -> FramesError {
    damaged(&entry.id, file.path(), "a column is not of its type")
}
