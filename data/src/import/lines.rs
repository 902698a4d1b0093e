//! Sources of text lines: what their parsers share.

use qt_types::{InstrumentKind, TickFlags};

use super::input::Input;
use super::row::{Place, Row, RowIssue, RowSink, RowSource};
use crate::error::DataError;
use crate::source::lines::LineChunks;
use crate::source::number::Number;
use crate::source::parser::is_skipped;
use crate::stamp::EpochUnit;
use crate::ticks::Record;

/// Why a line ends an import.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something is wrong with the line.
    Issue(RowIssue),
    /// The sink refused what the line gave.
    Error(DataError),
}

impl From<RowIssue> for Stop {
    fn from(issue: RowIssue) -> Self {
        Self::Issue(issue)
    }
}

impl From<DataError> for Stop {
    fn from(error: DataError) -> Self {
        Self::Error(error)
    }
}

/// Reads the lines of one file from its start.
pub(super) trait LineParser<R: Record> {
    /// One line, without its end.
    fn line(&mut self, line: &[u8], place: Place, sink: &mut dyn RowSink<R>) -> Result<(), Stop>;

    /// Nothing follows.
    fn end(&mut self, _sink: &mut dyn RowSink<R>) -> Result<(), Stop> {
        Ok(())
    }
}

/// A text whose lines a parser reads; each reading begins with a new parser.
pub(super) struct LineSource<'a, P> {
    pub(super) input: Input<'a>,
    /// Whether the first line names the columns.
    pub(super) header: bool,
    pub(super) kind: Option<InstrumentKind>,
    pub(super) parser: P,
}

impl<R: Record, P: LineParser<R> + Clone> RowSource<R> for LineSource<'_, P> {
    fn rows(&mut self, sink: &mut dyn RowSink<R>) -> Result<u64, DataError> {
        let mut parser = self.parser.clone();
        let path = self.input.name();
        let stopped = |stop, place| match stop {
            Stop::Issue(issue) => issue.at(path, place),
            Stop::Error(error) => error,
        };
        let mut header = self.header;
        self.input.read(|reader| {
            let mut chunks = LineChunks::new(reader, path);
            let (mut number, mut rows, mut spare) = (0, 0, Vec::new());
            while let Some(chunk) = chunks.next_chunk(spare)? {
                for line in chunk.split(|byte| *byte == b'\n') {
                    number += 1;
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    if is_skipped(line) || std::mem::take(&mut header) {
                        continue;
                    }
                    rows += 1;
                    let place = Place::Line(number);
                    parser.line(line, place, sink).map_err(|stop| stopped(stop, place))?;
                }
                // What follows the last line end of a chunk is the start of the next line.
                number -= u64::from(chunk.ends_with(b"\n"));
                spare = chunk;
            }
            parser.end(sink).map_err(|stop| stopped(stop, Place::Line(number)))?;
            Ok(rows)
        })
    }

    fn instrument_kind(&self) -> Option<InstrumentKind> {
        self.kind
    }
}

/// Where the wanted columns are in a line.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    // For each column of the file the place of its cell among the wanted ones.
    places: Vec<Option<usize>>,
    count: usize,
}

impl Columns {
    /// The places of `wanted` in `header`; `None` when one of them is missing.
    pub(super) fn find(header: &[u8], wanted: &[&str]) -> Option<Self> {
        let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
        let names: Vec<String> = header
            .split(|byte| *byte == b',')
            .map(|name| String::from_utf8_lossy(name).trim().to_lowercase())
            .collect();
        let mut places = vec![None; names.len()];
        for (place, name) in wanted.iter().enumerate() {
            let column = names.iter().position(|other| other == name)?;
            places[column] = Some(place);
        }
        Some(Self { places, count: wanted.len() })
    }

    /// The wanted cells of a line, in the order they were wanted.
    pub(super) fn cut<'t>(&self, line: &'t [u8]) -> Result<Vec<&'t [u8]>, RowIssue> {
        let mut cells: Vec<&[u8]> = vec![b""; self.count];
        let mut count = 0;
        for (at, cell) in line.split(|byte| *byte == b',').enumerate() {
            count += 1;
            if let Some(Some(place)) = self.places.get(at) {
                cells[*place] = cell.trim_ascii();
            }
        }
        if count != self.places.len() {
            let what = format!("has {count} cells, not {}", self.places.len());
            return Err(RowIssue::new("", line, what));
        }
        Ok(cells)
    }
}

/// A decimal number in `column`.
pub(super) fn decimal(column: &str, text: &[u8]) -> Result<Number, RowIssue> {
    Number::parse(text).map_err(|issue| RowIssue::new(column, text, issue.text()))
}

/// A decimal number in `column` that is not negative.
pub(super) fn size(column: &str, text: &[u8]) -> Result<Number, RowIssue> {
    let number = decimal(column, text)?;
    if number.mantissa < 0 {
        return Err(RowIssue::new(column, text, "is negative"));
    }
    Ok(number)
}

/// A whole number in `column`.
pub(super) fn whole(column: &str, text: &[u8]) -> Result<i64, RowIssue> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| RowIssue::new(column, text, "is not a whole number"))
}

/// Stamps of one file, which count in one unit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Epochs {
    unit: Option<EpochUnit>,
}

impl Epochs {
    /// The instant (UTC ns) that `text` in `column` counts.
    pub(super) fn ns(&mut self, column: &str, text: &[u8]) -> Result<i64, RowIssue> {
        let number = decimal(column, text)?;
        let count = number.mantissa / crate::source::number::POWERS[number.scale as usize];
        let this = EpochUnit::of(count);
        let unit = *self.unit.get_or_insert(this);
        if this != unit {
            let what = format!("counts {}, the rows before it {}", this.text(), unit.text());
            return Err(RowIssue::new(column, text, what)
                .fixed_by("Bring all rows to one unit, or split the file there"));
        }
        unit.to_ns(number)
            .ok_or_else(|| RowIssue::new(column, text, "is not between 1678 and 2261"))
    }
}

/// Rows of one update of the venue: each is held until it is known whether it is the last.
#[derive(Clone, Debug)]
pub(super) struct Update<R: Record> {
    held: Option<(Row<R>, Place)>,
}

impl<R: Record> Default for Update<R> {
    fn default() -> Self {
        Self { held: None }
    }
}

impl<R: Record> Update<R> {
    /// One more row of the update.
    pub(super) fn push(
        &mut self,
        row: Row<R>,
        place: Place,
        sink: &mut dyn RowSink<R>,
    ) -> Result<(), DataError> {
        match self.held.replace((row, place)) {
            Some((row, place)) => sink.row(&row, place),
            None => Ok(()),
        }
    }

    /// The update is complete.
    pub(super) fn close(&mut self, sink: &mut dyn RowSink<R>) -> Result<(), DataError> {
        match self.held.take() {
            Some((row, place)) => {
                let row = Row { flags: row.flags.with(TickFlags::LAST), ..row };
                sink.row(&row, place)
            }
            None => Ok(()),
        }
    }
}
