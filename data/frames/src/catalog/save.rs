//! Writing an entry.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use qt_data::calendar::{Calendar, FileCalendar};
use qt_data::series::{BarRecord, BarSeries, DataKind};
use qt_types::format_scaled;

use super::entry::{CatalogEntry, FileFacts, GroupFacts, SCHEMA};
use super::quality::QualityFacts;
use super::stamps::StampStyle;
use super::{BARS_FILE, ID_CHARS_MAX, META_FILE};
use crate::digest;
use crate::error::FramesError;
use crate::frame::{GROUP_ROWS, Piece, write_pieces};
use crate::parquet::ParquetFile;
use crate::read::CATALOG_KEY;

/// Columns of half spreads, at open, high, low and close.
pub const HALVES: [&str; 4] = ["half_open", "half_high", "half_low", "half_close"];
/// Column of the source's time stamps.
pub const STAMP: &str = "stamp";

/// An id for `series`: its symbol and bar length, such as `SPY.1d`.
#[must_use]
pub fn suggest_id(series: &BarSeries) -> String {
    const UNITS: [(i64, &str); 6] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1, "ns"),
    ];
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = series.spec.symbol().chars().map(plain).take(ID_CHARS_MAX - 25).collect();
    let name = name.trim_matches('-');
    let name = if name.is_empty() { "bars" } else { name };
    let unit = UNITS.iter().find(|(ns, _)| series.interval_ns > 0 && series.interval_ns % ns == 0);
    match unit {
        Some((ns, unit)) => format!("{name}.{}{unit}", series.interval_ns / ns),
        None => name.to_owned(),
    }
}

/// Writes the files of the entry `id` into `folder`.
///
/// # Errors
/// When the series is no proper one, or the disk fails.
pub fn write(series: &BarSeries, id: &str, folder: &Path) -> Result<CatalogEntry, FramesError> {
    check(series)?;
    let calendar_text = calendar_text(&series.calendar)?;
    let stamps = StampStyle::of(&series.stamps, &series.bars);
    let columns = describe(series, stamps);
    let path = folder.join(BARS_FILE);
    let failed = |source| FramesError::write(&path, source);
    let mut out = BufWriter::with_capacity(1 << 18, File::create(&path).map_err(failed)?);
    let notes = [(CATALOG_KEY, id), ("quanttrade.columns", &columns)];
    let notes = notes.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let starts = (0..series.bars.len()).step_by(GROUP_ROWS);
    let groups =
        starts.map(|at| pieces(series, stamps, at..series.bars.len().min(at + GROUP_ROWS)));
    write_pieces(groups, notes, &path, &mut out)?;
    out.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
    let (first, last) = (series.bars.first(), series.bars.last());
    let entry = CatalogEntry {
        schema: SCHEMA,
        id: id.to_owned(),
        symbol: series.spec.symbol().to_owned(),
        currency: series.spec.currency().to_owned(),
        kind: series.spec.kind().text().to_owned(),
        tick_e9: series.spec.tick_e9(),
        lot_e9: series.spec.lot_e9(),
        multiplier_e9: series.spec.multiplier_e9(),
        data: if series.kind == DataKind::QuoteBars { "quote-bars" } else { "bars" }.to_owned(),
        calendar: series.calendar.name().to_owned(),
        calendar_text,
        interval_ns: series.interval_ns,
        rows: series.bars.len() as u64,
        first_ns: first.map_or(0, |bar| bar.open_ns),
        last_ns: last.map_or(0, |bar| bar.close_ns),
        stamps,
        source: (&series.source).into(),
        quality: series.quality.as_ref().map(QualityFacts::from),
        notes: series.notes.clone(),
        columns,
        file: file_facts(&path)?,
    };
    write_meta(&entry, &folder.join(META_FILE))?;
    Ok(entry)
}

fn write_meta(entry: &CatalogEntry, path: &Path) -> Result<(), FramesError> {
    let failed = |source| FramesError::write(path, source);
    let mut text =
        serde_json::to_vec_pretty(entry).map_err(|error| failed(std::io::Error::other(error)))?;
    text.push(b'\n');
    let mut file = File::create(path).map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    file.sync_all().map_err(failed)
}

// The catalog stores what a loader gives; anything else would come back changed.
fn check(series: &BarSeries) -> Result<(), FramesError> {
    let symbol = series.spec.symbol();
    let refuse = |what: &str| {
        let what = format!("{symbol}: {what}");
        Err(FramesError::usage(what, "Load the bars through qt_data::load"))
    };
    let quoted = series.kind == DataKind::QuoteBars;
    let halves = if quoted { series.bars.len() } else { 0 };
    if !quoted && series.kind != DataKind::Bars {
        return refuse("the rows are no bars");
    }
    if series.bars.is_empty() {
        return refuse("there are no bars to save");
    }
    if series.half_spreads.len() != halves {
        return refuse("there must be one spread for each bid/ask bar, and none for others");
    }
    if !series.bars.is_sorted_by_key(|bar| bar.open_ns) {
        return refuse("the bars are not in time order");
    }
    Ok(())
}

// The rows `rows` as columns.
fn pieces(
    series: &BarSeries,
    stamps: StampStyle,
    rows: Range<usize>,
) -> Vec<(&'static str, Piece<'_>)> {
    let bars = &series.bars[rows.clone()];
    let wide = |pick: fn(&BarRecord) -> i64| Piece::I64(bars.iter().map(pick).collect());
    let mut pieces = vec![
        ("open_ns", wide(|bar| bar.open_ns)),
        ("length_ns", wide(|bar| bar.close_ns.wrapping_sub(bar.open_ns))),
        ("open", wide(|bar| bar.open)),
        ("high", wide(|bar| bar.high)),
        ("low", wide(|bar| bar.low)),
        ("close", wide(|bar| bar.close)),
        ("volume", wide(|bar| bar.volume)),
        ("flags", Piece::U32(bars.iter().map(|bar| bar.flags.bits()).collect())),
        ("row", Piece::U32(bars.iter().map(|bar| bar.row).collect())),
    ];
    if !series.half_spreads.is_empty() {
        let halves = &series.half_spreads[rows];
        for (index, name) in HALVES.into_iter().enumerate() {
            pieces.push((name, Piece::I32(halves.iter().map(|half| half[index]).collect())));
        }
    }
    if stamps == StampStyle::Column {
        let text = |bar: &BarRecord| {
            let text = series.stamps.text(bar.row).unwrap_or_default();
            std::str::from_utf8(text).unwrap_or_default()
        };
        pieces.push((STAMP, Piece::Text(bars.iter().map(text).collect())));
    }
    pieces
}

fn describe(series: &BarSeries, stamps: StampStyle) -> String {
    let spec = &series.spec;
    let unit = |e9: i64| format_scaled(i128::from(e9), 9);
    let mut text = format!(
        "open_ns: UTC ns since 1970; length_ns: from open to close in ns; open, high, low, close: \
         multiples of {} {}; volume: multiples of {}; flags: 1 session start, 2 session end, \
         8 no volume; row: row of the source",
        unit(spec.tick_e9()),
        spec.currency(),
        unit(spec.lot_e9()),
    );
    if series.kind == DataKind::QuoteBars {
        text.push_str("; prices are mids, half_*: half of the spread in the same unit");
    }
    if stamps == StampStyle::Column {
        text.push_str("; stamp: the time as the source wrote it");
    }
    text
}

// A calendar from a file is kept with the bars, since the file may change or go.
fn calendar_text(calendar: &Calendar) -> Result<Option<String>, FramesError> {
    let Calendar::File(file) = calendar else { return Ok(None) };
    let path = Path::new(file.path());
    let text = fs::read_to_string(path).map_err(|source| FramesError::read(path, source))?;
    let now = FileCalendar::from_text(file.path(), &text).ok();
    if now.as_ref() != Some(&**file) {
        let what = format!("{}: the calendar file has changed since it was read", path.display());
        return Err(FramesError::usage(what, "Run the command again"));
    }
    Ok(Some(text))
}

fn file_facts(path: &Path) -> Result<FileFacts, FramesError> {
    let file = ParquetFile::open(path)?;
    let mut groups = Vec::new();
    let mut end = 0;
    for (index, rows) in file.group_rows().into_iter().enumerate() {
        let range = file.group_bytes(index);
        end = range.end;
        let chunks = file.chunk_bytes(index).into_iter().map(|range| file.read_range(range));
        let chunks = chunks.collect::<Result<Vec<_>, _>>()?;
        groups.push(GroupFacts {
            rows: rows as u64,
            offset: range.start,
            bytes: range.end - range.start,
            sha256: digest::of_pieces(&chunks),
        });
    }
    let footer_sha256 = digest::of_pieces(&[file.read_range(end..file.bytes())?]);
    Ok(FileFacts { bytes: file.bytes(), sha256: digest::of_file(path)?, footer_sha256, groups })
}
