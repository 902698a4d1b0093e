//! What happens to rows before they become a series: missing cells, rounding, order, refusal.

use crate::error::{CellError, DataError};
use crate::quality::structure::{self, Order};
use crate::quality::{FindingKind, Findings, QualityReport};
use crate::source::decimals::{DecimalColumn, TooWide};
use crate::source::field::{Field, Role};
use crate::source::number::DECIMALS_MAX;
use crate::source::rows::{NOT_SAID, Rows};
use crate::stamp::iso_text;

/// Drops optional columns that have no values at all; single missing cells of a volume are
/// unreadable rows.
pub fn settle_missing(rows: &mut Rows) {
    for (field, count, example) in std::mem::take(&mut rows.missing) {
        // Rows that were left out for other reasons do not count here.
        if count >= rows.len() as u64 {
            rows.take(field);
            let name = rows.layout.name_of(Role::Number(field)).to_owned();
            rows.notes.push(format!("the column '{name}' is empty"));
        } else if field == Field::Volume {
            rows.findings.add_many(FindingKind::UnreadableRow, count, || example);
        } else if field == Field::AdjClose {
            // Only adjusting needs it, and finds it missing then.
            rows.take(field);
            rows.notes.push(format!("the adjusted close is missing in {count} rows: not used"));
        }
    }
}

/// Says how many values were rounded.
pub fn note_rounding(rows: &mut Rows) {
    let columns = rows.numbers.iter().filter(|(_, column)| column.rounded > 0);
    let notes: Vec<String> = columns
        .map(|(field, column)| {
            let name = rows.layout.name_of(Role::Number(*field));
            let first = column.rounded_first.filter(|row| *row < rows.len());
            let first =
                first.map_or(String::new(), |row| format!(", the first in {}", rows.place(row)));
            format!(
                "column '{name}': {} values have more than {DECIMALS_MAX} decimals and were \
                 rounded half-even{first}",
                column.rounded
            )
        })
        .collect();
    rows.notes.extend(notes);
}

/// The error that refuses `rows` for their findings.
pub fn refuse(rows: &mut Rows) -> DataError {
    let findings = std::mem::take(&mut rows.findings);
    if !findings.is_structural() {
        return DataError::Empty { path: rows.source.path.clone() };
    }
    let report = report(rows, findings);
    DataError::Refused { path: rows.source.path.clone(), report: Box::new(report) }
}

/// A report on `rows` with `findings`.
pub fn report(rows: &Rows, findings: Findings) -> QualityReport {
    let left_out =
        findings.count(FindingKind::UnreadableRow) + findings.count(FindingKind::NullRow);
    let mut report = QualityReport::new(rows.len() as u64 + left_out, findings);
    report.from = rows.stamps.iter().min().map(|ns| iso_text(*ns));
    report.to = rows.stamps.iter().max().map(|ns| iso_text(*ns));
    report.interval_ns = structure::interval_ns(&rows.stamps);
    report
}

/// The rows that make the series, in time order: `None` stands for all of them as they are.
pub type Sequence = Option<Vec<u32>>;

/// Checks the order and decides whether the rows are usable.
///
/// # Errors
/// When there are structural errors: any with the check, unreadable rows without it.
pub fn settle(rows: &mut Rows, mut findings: Findings, check: bool) -> Result<Sequence, DataError> {
    let order = structure::check_order(rows, &mut findings);
    let unusable = findings.count(FindingKind::UnreadableRow) > 0;
    let refused = unusable || (check && findings.is_structural());
    rows.findings = findings;
    if refused {
        return Err(refuse(rows));
    }
    Ok(sequence(rows, &order))
}

fn sequence(rows: &mut Rows, order: &Order) -> Sequence {
    if order.repeated.is_empty() && !order.disorder {
        return None;
    }
    let mut repeated = order.repeated.iter().peekable();
    let mut sequence: Vec<u32> =
        (0..rows.len() as u32).filter(|row| repeated.next_if_eq(&row).is_none()).collect();
    if !order.repeated.is_empty() {
        rows.notes.push(format!("{} repeated rows were left out", order.repeated.len()));
    }
    if order.disorder {
        sequence.sort_by_key(|row| rows.stamps[*row as usize]);
        rows.notes.push("the rows were out of order and were sorted by time".to_owned());
    }
    Some(sequence)
}

/// Brings the columns of `fields` to one number of decimals, which is returned.
///
/// # Errors
/// When their values have too many digits together.
pub fn align(rows: &mut Rows, fields: &[Field]) -> Result<u32, DataError> {
    let (path, place) = (rows.source.path.clone(), "the whole file".to_owned());
    let mut columns: Vec<&mut DecimalColumn> = rows
        .numbers
        .iter_mut()
        .filter(|(field, _)| fields.contains(field))
        .map(|(_, column)| column)
        .collect();
    DecimalColumn::align(&mut columns).map_err(|TooWide| {
        DataError::Units(Box::new(CellError {
            path,
            place,
            column: String::new(),
            text: String::new(),
            what: "has prices with too many digits together to be held at one number of decimals"
                .to_owned(),
            fix: "Round them to fewer decimals".to_owned(),
        }))
    })
}

/// Takes negative numbers of `field` for zero: they were counted as a warning.
pub fn clear_negatives(rows: &mut Rows, field: Field) {
    if let Some((_, column)) = rows.numbers.iter_mut().find(|(other, _)| *other == field) {
        for mantissa in column.mantissas.iter_mut().filter(|mantissa| **mantissa < 0) {
            *mantissa = 0;
        }
    }
}

/// Counts the rows that were received before they happened, by the clock of a second stamp.
pub fn check_clock_skew(rows: &Rows, findings: &mut Findings) {
    for (row, (received_ns, stamp_ns)) in rows.received.iter().zip(&rows.stamps).enumerate() {
        if *received_ns != NOT_SAID && received_ns < stamp_ns {
            findings.add(FindingKind::ClockSkew, || {
                rows.received_example(row, "is before the time of the row itself")
            });
        }
    }
}
