//! Tables that another reader has decoded: columns with names.

use qt_types::format_scaled;

use super::Format;
use super::field::Role;
use super::layout::Layout;
use super::number::{DECIMALS_MAX, Number, NumberIssue};
use super::parser::{COLUMNS_MAX, shown};
use super::rows::{NOT_SAID, Rows};
use crate::error::{CellError, DataError};
use crate::quality::{Example, FindingKind};
use crate::series::{DataKind, Source};
use crate::stamp::{DateOrder, EpochUnit, LocalClock, StampForm, StampIssue, StampParser};

/// The cells of one column.
#[derive(Clone, Debug)]
pub enum Cells {
    /// Text: numbers or times, as a CSV file would have them.
    Text(Vec<String>),
    /// Integers: numbers, or counts since 1970.
    Int(Vec<i64>),
    /// Floating-point numbers; they are taken as their shortest decimal.
    Float(Vec<f64>),
    /// Numbers in billionths.
    Billionths(Vec<i64>),
    /// Times: ns since 1970-01-01T00:00:00Z.
    EpochNs(Vec<i64>),
    /// Dates: days since 1970-01-01.
    Date(Vec<i32>),
}

impl Cells {
    const fn len(&self) -> usize {
        match self {
            Self::Text(cells) => cells.len(),
            Self::Int(cells) | Self::Billionths(cells) | Self::EpochNs(cells) => cells.len(),
            Self::Float(cells) => cells.len(),
            Self::Date(cells) => cells.len(),
        }
    }

    fn number(&self, row: usize, hint: u32) -> Result<Number, NumberIssue> {
        match self {
            Self::Text(cells) => Number::parse(cells[row].as_bytes()),
            Self::Float(cells) => Number::from_f64(cells[row], hint),
            Self::Int(cells) | Self::EpochNs(cells) => {
                Ok(Number { mantissa: cells[row], scale: 0, rounded: false })
            }
            Self::Billionths(cells) => {
                Ok(Number { mantissa: cells[row], scale: DECIMALS_MAX, rounded: false })
            }
            Self::Date(_) => Err(NumberIssue::NotANumber),
        }
    }

    fn text(&self, row: usize) -> String {
        match self {
            Self::Text(cells) => cells[row].clone(),
            Self::Int(cells) => cells[row].to_string(),
            Self::Float(cells) => cells[row].to_string(),
            Self::Billionths(cells) => format_scaled(i128::from(cells[row]), 9),
            Self::EpochNs(cells) => crate::stamp::iso_text(cells[row]),
            Self::Date(cells) => crate::calendar::Day(cells[row]).to_string(),
        }
    }
}

/// One column of a table.
#[derive(Clone, Debug)]
pub struct TableColumn {
    /// Its name, as a CSV header would have it.
    pub name: String,
    /// Its cells, one per row.
    pub cells: Cells,
    /// Rows without a value, ascending; their cells hold anything.
    pub missing: Vec<u32>,
}

/// A table of named columns of equal length.
#[derive(Clone, Debug)]
pub struct RawTable {
    /// Path, hash and format of the file.
    pub source: Source,
    /// The columns in the file's order.
    pub columns: Vec<TableColumn>,
}

/// Brings a table into the form of rows.
///
/// # Errors
/// When its layout is unknown or its stamps are doubtful as a whole. Single unreadable rows are
/// findings, not errors.
pub fn rows_of(
    table: &RawTable,
    format: Option<Format>,
    clock: Option<LocalClock>,
) -> Result<Rows, DataError> {
    let path = table.source.path.clone();
    let unknown = |what: String| DataError::UnknownFormat {
        path: path.clone(),
        what,
        fix: "Name the columns as in date,open,high,low,close,volume".to_owned(),
        supported: Format::list(),
    };
    let count = table.columns.first().map_or(0, |column| column.cells.len());
    if count == 0 {
        return Err(DataError::Empty { path });
    }
    if table.columns.len() > COLUMNS_MAX
        || table.columns.iter().any(|column| column.cells.len() != count)
        || u32::try_from(count).is_err()
    {
        return Err(unknown("the columns are too many or of different lengths".to_owned()));
    }
    let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let mut layout = Layout::from_names(&names, format.and_then(Format::kind)).map_err(unknown)?;
    prefer_real_time(&mut layout, table);
    let stamp = layout.roles.iter().position(|role| *role == Role::Stamp);
    let stamp = stamp.ok_or_else(|| unknown("no column holds the time".to_owned()))?;
    let clock_column = layout.roles.iter().position(|role| *role == Role::Clock);
    let form = form_of(table, stamp, clock_column, 0).ok_or_else(|| {
        let cell = table.columns[stamp].cells.text(0);
        unknown(format!("the column '{}' holds no time: '{cell}'", names[stamp]))
    })?;
    let clock = if layout.utc { None } else { clock };
    let stamps = StampParser::new(form, DateOrder::MonthFirst, clock);
    let received = layout.roles.iter().position(|role| *role == Role::Received);
    let received = received.and_then(|column| {
        let first = (0..count).find(|row| !is_blank(&table.columns[column], *row))?;
        Some((column, stamps.with_form(form_of(table, column, None, first)?)))
    });
    let rows = Rows::new(&layout, form, count);
    let mut reader = Reader { table, stamp, clock_column, stamps, received, rows };
    reader.rows.source.clone_from(&table.source);
    if reader.received.is_none() {
        reader.rows.note_unused_receipts();
    }
    for row in 0..count {
        reader.row(row)?;
    }
    reader.rows.facts = reader.stamps.facts;
    if reader.rows.facts.naive {
        let note = format!("times carry no zone: read as {}", reader.stamps.zone());
        reader.rows.notes.push(note);
    }
    Ok(reader.rows)
}

// A column of real times beats one whose name only sounds like time, such as a row index.
fn prefer_real_time(layout: &mut Layout, table: &RawTable) {
    let timed =
        |index: usize| matches!(table.columns[index].cells, Cells::EpochNs(_) | Cells::Date(_));
    let chosen = layout.roles.iter().position(|role| *role == Role::Stamp);
    let better =
        (0..table.columns.len()).find(|index| layout.roles[*index] == Role::Skip && timed(*index));
    if let (Some(chosen), Some(better)) = (chosen, better)
        && !timed(chosen)
        && form_of(table, chosen, None, 0).is_none()
    {
        layout.roles[chosen] = Role::Skip;
        layout.roles[better] = Role::Stamp;
    }
}

// The form of the stamps in column `stamp`, by its cell of row `first`.
fn form_of(
    table: &RawTable,
    stamp: usize,
    clock: Option<usize>,
    first: usize,
) -> Option<StampForm> {
    match &table.columns[stamp].cells {
        Cells::EpochNs(_) => Some(StampForm::Epoch(EpochUnit::Nanos)),
        Cells::Date(_) => Some(StampForm::Date),
        cells => {
            let clock = clock.map(|clock| table.columns[clock].cells.text(first));
            StampForm::of(cells.text(first).as_bytes(), clock.as_deref().map(str::as_bytes))
        }
    }
}

// Whether a column says nothing in `row`.
fn is_blank(column: &TableColumn, row: usize) -> bool {
    let missing = column.missing.binary_search(&(row as u32)).is_ok();
    missing
        || match &column.cells {
            Cells::Text(cells) => matches!(cells[row].trim(), "" | "0"),
            Cells::Int(cells) | Cells::Billionths(cells) | Cells::EpochNs(cells) => cells[row] == 0,
            Cells::Float(cells) => cells[row] == 0.0,
            Cells::Date(_) => false,
        }
}

struct Reader<'a> {
    table: &'a RawTable,
    stamp: usize,
    clock_column: Option<usize>,
    stamps: StampParser,
    // The column of the times of receipt, and what reads its cells.
    received: Option<(usize, StampParser)>,
    rows: Rows,
}

impl Reader<'_> {
    fn row(&mut self, row: usize) -> Result<(), DataError> {
        let mut numbers = Vec::with_capacity(self.rows.numbers.len());
        let mut aggressor = None;
        for (index, column) in self.table.columns.iter().enumerate() {
            let missing = column.missing.binary_search(&(row as u32)).is_ok();
            match self.rows.layout.roles[index] {
                Role::Number(field) => {
                    let hint = self.rows.numbers[numbers.len()].1.scale;
                    let issue = match column.cells.number(row, hint) {
                        _ if missing => NumberIssue::Missing,
                        Ok(number) => {
                            numbers.push(number);
                            continue;
                        }
                        Err(issue) => issue,
                    };
                    let absent = matches!(issue, NumberIssue::Missing | NumberIssue::NotFinite);
                    let kind = self.rows.layout.kind;
                    if absent && (field.is_optional() || kind == DataKind::Quotes) {
                        numbers.push(Number::ZERO);
                        let example = self.example(row, index, issue.text());
                        if field.is_optional() {
                            self.rows.count_missing(field, || example);
                        } else {
                            self.rows.findings.add(FindingKind::OneSidedQuote, || example);
                        }
                        continue;
                    }
                    self.unreadable(row, index, issue.text());
                    return Ok(());
                }
                Role::Side | Role::BuyerMaker => {
                    let text = column.cells.text(row);
                    let role = self.rows.layout.roles[index];
                    aggressor = super::parser::aggressor(role, text.as_bytes());
                    if aggressor.is_none() {
                        self.unreadable(row, index, "is no side");
                        return Ok(());
                    }
                }
                Role::Stamp if missing => {
                    self.unreadable(row, index, "the time is missing");
                    return Ok(());
                }
                _ => {}
            }
        }
        self.finish(row, &numbers, aggressor)
    }

    fn finish(
        &mut self,
        row: usize,
        numbers: &[Number],
        aggressor: Option<i8>,
    ) -> Result<(), DataError> {
        let stamp_ns = match self.stamp_ns(row) {
            Ok(stamp_ns) => stamp_ns,
            Err(issue) => {
                let (what, fix) = issue.text(self.stamps.zone());
                if !issue.is_fatal() {
                    self.unreadable(row, self.stamp, &what);
                    return Ok(());
                }
                return Err(DataError::Stamp(Box::new(CellError {
                    path: self.table.source.path.clone(),
                    place: format!("row {row}"),
                    column: self.table.columns[self.stamp].name.clone(),
                    text: shown(self.table.columns[self.stamp].cells.text(row).as_bytes()),
                    what,
                    fix,
                })));
            }
        };
        let received_ns = match self.received_ns(row) {
            Ok(received_ns) => received_ns,
            Err((column, what)) => {
                self.unreadable(row, column, &what);
                return Ok(());
            }
        };
        let symbol = self.rows.layout.roles.iter().position(|role| *role == Role::Symbol);
        if let Some(symbol) = symbol {
            let name = self.table.columns[symbol].cells.text(row);
            match self.rows.symbol_index(name.trim()) {
                Some(index) => self.rows.symbols.push(index),
                None => {
                    self.unreadable(row, symbol, "is one instrument too many");
                    return Ok(());
                }
            }
        }
        if let Err((field, _)) = self.rows.push(stamp_ns, numbers) {
            self.rows.symbols.truncate(self.rows.stamps.len());
            let roles = &self.rows.layout.roles;
            let index = roles.iter().position(|role| *role == Role::Number(field)).unwrap_or(0);
            self.unreadable(row, index, "has too many digits for its column");
            return Ok(());
        }
        self.rows.aggressors.extend(aggressor);
        if self.received.is_some() {
            self.rows.received.push(received_ns);
        }
        if let Cells::Text(cells) = &self.table.columns[self.stamp].cells {
            let clock = self.clock_column.map(|clock| self.table.columns[clock].cells.text(row));
            let clock = clock.as_deref().map(str::as_bytes);
            self.rows.texts.push(cells[row].as_bytes(), clock);
        }
        Ok(())
    }

    fn stamp_ns(&mut self, row: usize) -> Result<i64, StampIssue> {
        let clock = self.clock_column.map(|clock| self.table.columns[clock].cells.text(row));
        stamp_in(&self.table.columns[self.stamp].cells, row, clock.as_deref(), &mut self.stamps)
    }

    // When the row was received; or the column that does not say it, and why.
    fn received_ns(&mut self, row: usize) -> Result<i64, (usize, String)> {
        let Some((index, stamps)) = &mut self.received else { return Ok(NOT_SAID) };
        let column = &self.table.columns[*index];
        if is_blank(column, row) {
            return Ok(NOT_SAID);
        }
        let parsed = stamp_in(&column.cells, row, None, stamps);
        parsed.map_err(|issue| (*index, issue.text(stamps.zone()).0))
    }

    fn example(&self, row: usize, index: usize, what: &str) -> Example {
        let column = &self.table.columns[index];
        let missing = column.missing.binary_search(&(row as u32)).is_ok();
        let text = if missing { String::new() } else { shown(column.cells.text(row).as_bytes()) };
        let (row, column) = (Some(row as u64), column.name.clone());
        Example { line: None, row, column, text, what: what.to_owned() }
    }

    fn unreadable(&mut self, row: usize, index: usize, what: &str) {
        let example = self.example(row, index, what);
        self.rows.findings.add(FindingKind::UnreadableRow, || example);
    }
}

// The time in a cell; `clock` is the time of day beside it.
fn stamp_in(
    cells: &Cells,
    row: usize,
    clock: Option<&str>,
    stamps: &mut StampParser,
) -> Result<i64, StampIssue> {
    match cells {
        Cells::EpochNs(cells) => Ok(cells[row]),
        Cells::Date(cells) => Ok(crate::calendar::Day(cells[row]).start_ns()),
        Cells::Int(cells) => {
            let mantissa = cells[row];
            let StampForm::Epoch(unit) = stamps.form else {
                return stamps.parse(mantissa.to_string().as_bytes(), None);
            };
            let this = EpochUnit::of(mantissa);
            if this != unit {
                return Err(StampIssue::MixedUnits(unit, this));
            }
            let number = Number { mantissa, scale: 0, rounded: false };
            unit.to_ns(number).ok_or(StampIssue::OutOfRange)
        }
        cells => stamps.parse(cells.text(row).as_bytes(), clock.map(str::as_bytes)),
    }
}
