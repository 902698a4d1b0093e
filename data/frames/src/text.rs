//! Text tables of ticks as Parquet files, and back: the same lines, character by character.
//!
//! What a column is follows from its name: times (`venue_ns`) are integers, `order` is an id,
//! prices and quantities are floating-point numbers, all else is text. Lines that begin with `#`
//! lie in the footer.

use std::io::{self, Read, Write};
use std::path::Path;

use polars::prelude::{ArrowDataType, ArrowField};
use qt_data::calendar::Day;
use qt_data::source::Cells;
use qt_data::stamp::iso_text;

use crate::cells::{Plan, missing_rows, values};
use crate::error::FramesError;
use crate::frame::{GROUP_ROWS, Groups};
use crate::parquet::ParquetFile;
use crate::table::{Column, Table};

/// Key in the footer of the lines that began with `#`.
const NOTE_KEY: &str = "quanttrade.ticks";

/// Takes lines of text with commas between cells, header first, and writes them as a Parquet file.
pub struct ParquetText<W: Write> {
    // Until the first row group.
    out: Option<W>,
    groups: Option<Groups<W>>,
    // The begin of a line.
    rest: Vec<u8>,
    note: String,
    table: Table,
}

impl<W: Write> ParquetText<W> {
    /// Into `out`.
    #[must_use]
    pub fn new(out: W) -> Self {
        let (rest, note, table) = (Vec::new(), String::new(), Table::default());
        Self { out: Some(out), groups: None, rest, note, table }
    }

    /// Writes what is held back, and the footer. Nothing may follow.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        if !self.rest.is_empty() {
            let line = std::mem::take(&mut self.rest);
            self.line(&line)?;
        }
        if self.table.rows() > 0 || self.groups.is_none() {
            self.flush_group()?;
        }
        match self.groups {
            Some(groups) => groups.finish(),
            None => Ok(()),
        }
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        let line = std::str::from_utf8(line).map_err(|_| wrong("a line is no text".to_owned()))?;
        if line.starts_with('#') {
            self.note.push_str(line);
            self.note.push('\n');
            return Ok(());
        }
        let mut cells = line.split(',');
        if self.table.columns.is_empty() {
            cells.for_each(|name| self.table.push(name, column_of(name)));
            return Ok(());
        }
        for (name, column) in &mut self.table.columns {
            let cell = cells.next().ok_or_else(|| wrong(format!("a line has no {name}")))?;
            push(column, cell).ok_or_else(|| {
                wrong(format!(
                    "{name} {cell} is more than a number of 64 bits holds; write text (.csv)"
                ))
            })?;
        }
        if self.table.rows() >= GROUP_ROWS { self.flush_group() } else { Ok(()) }
    }

    fn flush_group(&mut self) -> io::Result<()> {
        match (&mut self.groups, self.out.take()) {
            (Some(groups), _) => groups.write(&self.table)?,
            (None, Some(out)) => {
                let note = (NOTE_KEY.to_owned(), std::mem::take(&mut self.note));
                let notes = Some(note).filter(|(_, text)| !text.is_empty());
                let mut groups = Groups::begin(&self.table, notes.into_iter().collect(), out)?;
                groups.write(&self.table)?;
                self.groups = Some(groups);
            }
            (None, None) => {}
        }
        self.table.columns.iter_mut().for_each(|(_, column)| column.clear());
        Ok(())
    }
}

impl<W: Write> Write for ParquetText<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(part);
            if self.rest.last() == Some(&b'\n') {
                let mut line = std::mem::take(&mut self.rest);
                line.pop();
                self.line(&line)?;
                line.clear();
                self.rest = line;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn column_of(name: &str) -> Column {
    match name.rsplit('_').next().unwrap_or(name) {
        "ns" => Column::I64(Vec::new()),
        "order" => Column::U64(Vec::new()),
        "price" | "qty" => Column::F64(Vec::new()),
        _ => Column::Text(Vec::new()),
    }
}

/// `None` where the column does not hold the cell as it is.
fn push(column: &mut Column, cell: &str) -> Option<()> {
    match column {
        Column::I64(values) => values.push(cell.parse().ok()?),
        Column::U64(values) => values.push(cell.parse().ok()?),
        Column::F64(values) if cell.is_empty() => values.push(f64::NAN),
        Column::F64(values) => {
            let value: f64 = cell.parse().ok()?;
            values.push(Some(value).filter(|value| value.to_string() == cell)?);
        }
        Column::Text(values) => values.push(cell.to_owned()),
        _ => return None,
    }
    Some(())
}

/// Whether the file at `path` is a Parquet file of ticks that says what instruments it is of.
#[must_use]
pub fn holds_ticks(path: &Path) -> bool {
    ParquetFile::open(path).is_ok_and(|file| file.note(NOTE_KEY).is_some())
}

/// The Parquet file at `path` as the text that it stands for: a header, lines, commas between
/// cells. A row group at a time of it is in memory. Columns that no text can show are left out.
///
/// # Errors
/// When it is no Parquet file, truncated or damaged.
pub fn text_of(path: &Path) -> Result<TextOfParquet, FramesError> {
    let file = ParquetFile::open(path)?;
    let plans = file.fields().iter().filter_map(|field| {
        let (plan, dtype) = Plan::of(&field.dtype, false)?;
        Some((ArrowField { dtype, metadata: None, ..field.clone() }, plan))
    });
    let plans: Vec<(ArrowField, Plan)> = plans.collect();
    let names: Vec<&str> = plans.iter().map(|(field, _)| field.name.as_str()).collect();
    let text = format!("{}{}\n", file.note(NOTE_KEY).unwrap_or_default(), names.join(","));
    Ok(TextOfParquet { file, plans, group: 0, text: text.into_bytes(), at: 0 })
}

/// See [`text_of`].
pub struct TextOfParquet {
    file: ParquetFile,
    plans: Vec<(ArrowField, Plan)>,
    // The next one.
    group: usize,
    text: Vec<u8>,
    at: usize,
}

/// The cells of a column in a row group.
enum Shown {
    Cells(Cells),
    Ids(Vec<u64>),
}

impl TextOfParquet {
    fn next_group(&mut self) -> Result<(), FramesError> {
        let mut columns = Vec::with_capacity(self.plans.len());
        for (field, plan) in &self.plans {
            columns.push(self.column(field, *plan)?);
        }
        let rows = self.file.group_rows()[self.group];
        self.text.clear();
        self.at = 0;
        for row in 0..rows {
            for (at, (cells, missing)) in columns.iter().enumerate() {
                if at > 0 {
                    self.text.push(b',');
                }
                if missing.binary_search(&(row as u32)).is_err() {
                    show(cells, row, &mut self.text);
                }
            }
            self.text.push(b'\n');
        }
        self.group += 1;
        Ok(())
    }

    fn column(&self, field: &ArrowField, plan: Plan) -> Result<(Shown, Vec<u32>), FramesError> {
        let is_id = field.dtype == ArrowDataType::UInt64;
        let (mut cells, mut ids) = (plan.cells(0), Vec::new());
        let (mut missing, mut rows) = (Vec::new(), 0);
        let bad = |row, what| FramesError::Column {
            path: self.file.path().display().to_string(),
            column: field.name.to_string(),
            place: format!(", row {row} of row group {}", self.group),
            what,
            fix: "Repair or leave out the row".to_owned(),
        };
        for array in self.file.decode(self.group, field, None)? {
            missing_rows(&array, rows, &mut missing);
            match values::<u64>(&array).filter(|_| is_id) {
                Some(values) => ids.extend_from_slice(values),
                None => plan
                    .append(&array, &mut cells)
                    .map_err(|cell| bad(rows + cell.row, cell.what))?,
            }
            rows += array.len();
        }
        if let Cells::Text(texts) = &cells
            && let Some(row) = texts.iter().position(|text| text.contains([',', '"', '\n', '\r']))
        {
            return Err(bad(row, "has a comma, a quotation mark or a line end".to_owned()));
        }
        Ok((if is_id { Shown::Ids(ids) } else { Shown::Cells(cells) }, missing))
    }
}

fn show(cells: &Shown, row: usize, text: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = match cells {
        Shown::Ids(ids) => write!(text, "{}", ids[row]),
        Shown::Cells(Cells::Text(texts)) => write!(text, "{}", texts[row]),
        Shown::Cells(Cells::Int(values) | Cells::Billionths(values)) => {
            write!(text, "{}", values[row])
        }
        Shown::Cells(Cells::Float(values)) => write!(text, "{}", values[row]),
        Shown::Cells(Cells::EpochNs(values)) => write!(text, "{}", iso_text(values[row])),
        Shown::Cells(Cells::Date(days)) => {
            let stamp = iso_text(Day(days[row]).start_ns());
            write!(text, "{}", stamp.split('T').next().unwrap_or_default())
        }
    };
}

impl Read for TextOfParquet {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() {
            if self.group == self.file.group_rows().len() {
                return Ok(0);
            }
            self.next_group().map_err(|error| io::Error::other(error.to_string()))?;
        }
        let count = out.len().min(self.text.len() - self.at);
        out[..count].copy_from_slice(&self.text[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn packed(path: &Path, text: &str) -> io::Result<()> {
        let mut out = ParquetText::new(File::create(path).unwrap());
        // In pieces, as a writer gives them.
        for piece in text.as_bytes().chunks(1_000) {
            out.write_all(piece)?;
        }
        out.finish()
    }

    fn unpacked(path: &Path) -> String {
        let mut text = String::new();
        text_of(path).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn lines_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let mut text = "# quanttrade ticks 1 orders\n# instrument,A\n\
                        venue_ns,recv_ns,symbol,kind,order,side,price,qty,flags\n"
            .to_owned();
        for row in 0..GROUP_ROWS as u64 + 3 {
            let order = u64::MAX - row;
            let price = if row.is_multiple_of(3) { "" } else { "-0.000000001" };
            text += &format!("{row},17,Größe,add,{order},bid,{price},{row},L\n");
        }
        packed(&path, &text).unwrap();
        assert!(holds_ticks(&path));
        assert_eq!(unpacked(&path), text);
        let file = ParquetFile::open(&path).unwrap();
        assert_eq!(file.group_rows(), [GROUP_ROWS, 3]);
        let types: Vec<ArrowDataType> = file.fields().iter().map(|f| f.dtype.clone()).collect();
        use ArrowDataType as T;
        let text = || T::Utf8View;
        let wanted =
            [T::Int64, T::Int64, text(), text(), T::UInt64, text(), T::Float64, T::Float64, text()];
        assert_eq!(types, wanted);
    }

    #[test]
    fn a_header_alone_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        packed(&path, "venue_ns,bid_price\n").unwrap();
        assert!(!holds_ticks(&path));
        assert_eq!(unpacked(&path), "venue_ns,bid_price\n");
    }

    #[test]
    fn what_would_not_come_back_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        for (cell, what) in [
            ("1,12345678901.123456789", "write text"),
            ("soon,1", "venue_ns soon"),
            ("1", "no price"),
        ] {
            let error = packed(&path, &format!("venue_ns,price\n{cell}\n")).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
        }
        std::fs::write(&path, "PAR1").unwrap();
        assert!(!holds_ticks(&path) && text_of(&path).is_err());
    }
}
