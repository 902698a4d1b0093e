//! Adjusted prices: which factors apply, and to which columns.

use std::path::Path;

use super::{LoadOptions, PriceMode};
use crate::adjust::{Column, FactorFile, by_adj_close, by_factor_file};
use crate::calendar::{Calendar, Day};
use crate::error::DataError;
use crate::series::BarRecord;
use crate::source::field::{Field, Role};
use crate::source::rows::Rows;
use crate::stamp::StampForm;

/// Adjusts the columns `prices` of `rows`, if that was asked for. `times` are the rows' times in
/// the sequence of the series.
///
/// # Errors
/// When there are no factors, or they cannot be applied.
pub fn apply(
    rows: &mut Rows,
    options: &LoadOptions,
    prices: &[Field],
    calendar: &Calendar,
    times: &[BarRecord],
) -> Result<(), DataError> {
    if options.price == PriceMode::Raw {
        return Ok(());
    }
    let source = rows.source.path.clone();
    let factors = options.factor_file.as_deref().map(read_factors).transpose()?;
    let adjusted_close = rows.take(Field::AdjClose);
    let mut volume = rows.take(Field::Volume);
    let days = days(rows, calendar, times);
    let names: Vec<String> =
        prices.iter().map(|field| rows.layout.name_of(Role::Number(*field)).to_owned()).collect();
    let mut taken: Vec<_> = prices.iter().filter_map(|field| rows.take(*field)).collect();
    let mut columns: Vec<Column<'_>> = taken
        .iter_mut()
        .zip(&names)
        .map(|(column, name)| Column {
            name,
            values: &mut column.mantissas,
            decimals: &mut column.scale,
        })
        .collect();
    let outcome = match (&factors, &adjusted_close) {
        (Some(factors), _) => {
            let mut volume = volume.as_mut().map(|column| Column {
                name: "volume",
                values: &mut column.mantissas,
                decimals: &mut column.scale,
            });
            by_factor_file(factors, &days, &mut columns, volume.as_mut())
        }
        (None, Some(adj)) if prices.len() == 4 => {
            by_adj_close(&mut columns, 3, &adj.mantissas, adj.scale)
        }
        _ => {
            let what = "there is no 'Adj Close' column to adjust the prices by".to_owned();
            return Err(failed(&source, what, "Give a factor file, or use --price raw"));
        }
    };
    let adjusted = outcome.map_err(|error| {
        failed(&source, error.to_string(), "Repair the row, or use --price raw")
    })?;
    rows.numbers.extend(prices.iter().copied().zip(taken));
    rows.numbers.extend(volume.map(|column| (Field::Volume, column)));
    rows.notes.push(format!(
        "prices are adjusted in {} rows and rounded half-even to {} decimals",
        adjusted.rows, adjusted.decimals
    ));
    Ok(())
}

fn failed(path: &str, what: String, fix: &str) -> DataError {
    DataError::Adjust { path: path.to_owned(), what, fix: fix.to_owned() }
}

fn read_factors(file: &Path) -> Result<FactorFile, DataError> {
    let path = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| {
        failed(&path, format!("cannot be read: {error}"), "Check the path of the factor file")
    })?;
    FactorFile::parse(&path, &text).map_err(|error| {
        failed(&path, error.to_string(), "Write lines as YYYYMMDD,price factor,split factor")
    })
}

// The trading day of each source row.
fn days(rows: &Rows, calendar: &Calendar, times: &[BarRecord]) -> Vec<Day> {
    let mut days: Vec<Day> = rows.stamps.iter().map(|stamp_ns| Day::of_ns(*stamp_ns)).collect();
    if rows.form != StampForm::Date {
        for bar in times {
            days[bar.row as usize] = calendar.trading_day(bar.open_ns);
        }
    }
    days
}
