//! Ticks that were written as text by [`crate::export`], record for record.

use std::collections::HashMap;
use std::marker::PhantomData;

use qt_types::{InstrumentKind, InstrumentSpec, OrderTick, Tick, TickFlags};

use super::input::Input;
use super::lines::{Columns, Stop, decimal, whole};
use super::open::Opened;
use super::row::{Place, Row, RowIssue, RowSink, RowSource};
use crate::error::DataError;
use crate::export::{FLAGS, INSTRUMENT, MARK, Spoken};
use crate::source::lines::LineChunks;
use crate::source::number::Number;
use crate::ticks::RecordKind;

/// Whether a file that begins with `head` is one.
pub(super) fn is_exported(head: &[u8]) -> bool {
    head.starts_with(MARK.trim_end().as_bytes())
}

/// The rows of `input`, which begins with `head`; `None` when it is of no known kind.
pub(super) fn source<'a>(input: Input<'a>, head: &[u8]) -> Option<Opened<'a>> {
    let first = head.split(|byte| *byte == b'\n').next()?.trim_ascii_end();
    let word = first.strip_prefix(MARK.as_bytes())?;
    match word {
        _ if word == Tick::WORD.as_bytes() => {
            Some(Opened::Levels(Box::new(Source::<Tick>::new(input))))
        }
        _ if word == OrderTick::WORD.as_bytes() => {
            Some(Opened::Orders(Box::new(Source::<OrderTick>::new(input))))
        }
        _ => None,
    }
}

struct Source<'a, R> {
    input: Input<'a>,
    /// What the file says about its instruments; known after the first reading.
    specs: Vec<InstrumentSpec>,
    records: PhantomData<R>,
}

impl<'a, R> Source<'a, R> {
    const fn new(input: Input<'a>) -> Self {
        Self { input, specs: Vec::new(), records: PhantomData }
    }
}

impl<R: Spoken> RowSource<R> for Source<'_, R> {
    fn rows(&mut self, sink: &mut dyn RowSink<R>) -> Result<u64, DataError> {
        let path = self.input.name();
        let mut reader = Reader::<R>::default();
        self.input.read(|bytes| {
            let mut chunks = LineChunks::new(bytes, path);
            let (mut number, mut spare) = (0, Vec::new());
            while let Some(chunk) = chunks.next_chunk(spare)? {
                for line in chunk.split(|byte| *byte == b'\n') {
                    number += 1;
                    let place = Place::Line(number);
                    reader.line(line.trim_ascii_end(), place, sink).map_err(|stop| match stop {
                        Stop::Issue(issue) => issue.at(path, place),
                        Stop::Error(error) => error,
                    })?;
                }
                // What follows the last line end of a chunk is the start of the next line.
                number -= u64::from(chunk.ends_with(b"\n"));
                spare = chunk;
            }
            Ok(())
        })?;
        self.specs = reader.specs;
        Ok(reader.rows)
    }

    fn specs(&self) -> &[InstrumentSpec] {
        &self.specs
    }
}

/// One reading of a file.
struct Reader<R> {
    specs: Vec<InstrumentSpec>,
    /// The number of each instrument; `None` where its rows are not wanted.
    numbers: HashMap<Vec<u8>, Option<u16>>,
    columns: Option<Columns>,
    rows: u64,
    records: PhantomData<R>,
}

impl<R> Default for Reader<R> {
    fn default() -> Self {
        let (specs, numbers) = (Vec::new(), HashMap::new());
        Self { specs, numbers, columns: None, rows: 0, records: PhantomData }
    }
}

impl<R: Spoken> Reader<R> {
    fn line(&mut self, line: &[u8], place: Place, sink: &mut dyn RowSink<R>) -> Result<(), Stop> {
        if let Some(rest) = line.strip_prefix(INSTRUMENT.as_bytes()) {
            let spec = instrument(rest)?;
            // All of them keep their numbers, whether a record is about them or not.
            let number = sink.instrument(spec.symbol())?;
            self.numbers.insert(spec.symbol().as_bytes().to_vec(), number);
            self.specs.push(spec);
            return Ok(());
        }
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(());
        }
        let Some(columns) = &self.columns else {
            let found = Columns::find(line, R::COLUMNS);
            let missing = || {
                let what = format!("is not the header {}", R::COLUMNS.join(","));
                RowIssue::new("", line, what).fixed_by("Export the data again")
            };
            self.columns = Some(found.ok_or_else(missing)?);
            return Ok(());
        };
        let cells = columns.cut(line)?;
        self.rows += 1;
        let symbol = cells[2];
        let Some(number) = self.numbers.get(symbol) else {
            let what = "is none of the instruments that the file names at its start";
            return Err(RowIssue::new("symbol", symbol, what).into());
        };
        match number {
            Some(number) => Ok(sink.row(&row(&cells, *number)?, place)?),
            None => Ok(()),
        }
    }
}

/// The record that `cells`, in the order of [`Spoken::COLUMNS`], tell of.
fn row<R: Spoken>(cells: &[&[u8]], instrument: u16) -> Result<Row<R>, RowIssue> {
    let kind = R::KINDS.iter().find(|(_, name)| name.as_bytes() == cells[3]);
    let Some((kind, _)) = kind else {
        return Err(RowIssue::new("kind", cells[3], "is no kind of record"));
    };
    let (order, rest) = if R::KIND == RecordKind::Orders {
        let id = std::str::from_utf8(cells[4]).ok().and_then(|text| text.parse().ok());
        (id.ok_or_else(|| RowIssue::new("order", cells[4], "is no id of an order"))?, &cells[5..])
    } else {
        (0, &cells[4..])
    };
    let side = match rest[0] {
        b"bid" => TickFlags::NONE,
        b"ask" => TickFlags::ASK,
        other => return Err(RowIssue::new("side", other, "is neither bid nor ask")),
    };
    let number = |column: &str, text: &[u8]| match text {
        b"" => Ok(Number::ZERO),
        text => decimal(column, text),
    };
    let mut flags = side;
    for letter in rest[3] {
        let known = FLAGS.iter().find(|(known, _)| *known == char::from(*letter));
        let Some((_, flag)) = known else {
            return Err(RowIssue::new("flags", rest[3], "are letters of L, S and N"));
        };
        flags = flags.with(*flag);
    }
    Ok(Row {
        instrument,
        kind: *kind,
        flags,
        venue_ns: Some(whole("venue_ns", cells[0])?),
        recv_ns: Some(whole("recv_ns", cells[1])?),
        order,
        price: number("price", rest[1])?,
        qty: Some(number("qty", rest[2])?),
    })
}

/// An instrument: name, currency, kind, tick, lot, multiplier.
fn instrument(text: &[u8]) -> Result<InstrumentSpec, RowIssue> {
    let wrong = |what: &str| RowIssue::new("", text, what);
    let words = std::str::from_utf8(text).map_err(|_| wrong("is no text"))?;
    let cells: Vec<&str> = words.split(',').collect();
    let [symbol, currency, kind, tick, lot, multiplier] = cells.as_slice() else {
        return Err(wrong("is not name, currency, kind, tick, lot and multiplier"));
    };
    let kind = InstrumentKind::from_text(kind).ok_or_else(|| wrong("has no known kind"))?;
    let e9 = |text: &str| qt_types::parse_e9(text).map_err(|what| wrong(&what));
    let (tick, lot, multiplier) = (e9(tick)?, e9(lot)?, e9(multiplier)?);
    InstrumentSpec::new(symbol, currency, kind, tick, lot, multiplier)
        .map_err(|error| wrong(&error.0))
}
