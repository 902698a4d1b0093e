//! Foreign Parquet files: any program's columns to the tables that `qt-data` understands.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use polars::prelude::ArrowField;
use qt_data::load::{LoadOptions, Loaded, from_table};
use qt_data::series::Source;
use qt_data::source::Format;
use qt_data::source::field::Role;
use qt_data::source::layout::Layout;
use qt_data::source::{RawTable, TableColumn};

use crate::cells::{Plan, missing_rows};
use crate::digest;
use crate::error::FramesError;
use crate::parallel::in_parallel;
use crate::parquet::ParquetFile;

/// Key in the footer of the catalog's own files.
pub(crate) const CATALOG_KEY: &str = "quanttrade.catalog";
/// What pandas calls an index without a name.
const PANDAS_INDEX: &str = "__index_level_0__";

/// Loads the Parquet file at `path`: one series for each instrument in it, by the same rules as
/// text files.
///
/// # Errors
/// When the file is no Parquet file, damaged, or of the catalog; when a column that is needed is of
/// a type that holds no numbers or times; and for the reasons of [`from_table`].
pub fn load(path: &Path, options: &LoadOptions) -> Result<Vec<Loaded>, FramesError> {
    let file = open(path)?;
    let local = options.tz.as_deref().is_some_and(|tz| !tz.eq_ignore_ascii_case("utc"));
    let columns = needed(&file, plan_columns(&file, local), options.format)?;
    let table = decode(&file, columns, options.threads, options.bytes_read.as_deref())?;
    Ok(from_table(&table, options)?)
}

/// Reads all columns of the Parquet file at `path` that hold numbers, times or text.
///
/// # Errors
/// When the file is no Parquet file, damaged, or of the catalog.
pub fn read_table(path: &Path) -> Result<RawTable, FramesError> {
    let file = open(path)?;
    let columns = plan_columns(&file, false).into_iter().filter(|column| column.plan.is_some());
    decode(&file, columns.collect(), 0, None)
}

fn open(path: &Path) -> Result<ParquetFile, FramesError> {
    let file = ParquetFile::open(path)?;
    match file.note(CATALOG_KEY) {
        None => Ok(file),
        Some(id) => {
            let what = format!("it is the bars of the catalog entry '{id}', with prices in ticks");
            let fix = format!("Name the entry: --data {id}");
            Err(FramesError::parquet(path, what, &fix))
        }
    }
}

// A column of the file, the name it goes by here, and how it is read.
struct Planned {
    field: ArrowField,
    name: String,
    plan: Option<Plan>,
}

fn plan_columns(file: &ParquetFile, local: bool) -> Vec<Planned> {
    let mut columns: Vec<Planned> = file
        .fields()
        .iter()
        .map(|field| {
            let name = field.name.to_string();
            match Plan::of(&field.dtype, local) {
                None => Planned { field: field.clone(), name, plan: None },
                Some((plan, dtype)) => {
                    let field = ArrowField { dtype, metadata: None, ..field.clone() };
                    Planned { field, name, plan: Some(plan) }
                }
            }
        })
        .collect();
    name_the_time(&mut columns);
    columns
}

// Where no name tells the time, but only one column can hold it, it is that one: files of pandas
// have an index without a name, others call it as they like.
fn name_the_time(columns: &mut [Planned]) {
    const NAME: &str = "timestamp";
    if columns.iter().any(|column| column.name == NAME) {
        return;
    }
    let is_time = |column: &Planned| column.plan.is_some_and(Plan::is_time);
    if let Some(index) = columns.iter_mut().find(|column| column.name == PANDAS_INDEX) {
        if is_time(index) {
            NAME.clone_into(&mut index.name);
        }
        return;
    }
    let named =
        |column: &Planned| Layout::from_names(&[column.name.clone(), "x".into()], None).is_ok();
    if columns.iter().any(named) {
        return;
    }
    let mut times = columns.iter_mut().filter(|column| is_time(column));
    if let (Some(only), None) = (times.next(), times.next()) {
        NAME.clone_into(&mut only.name);
    }
}

// Leaves away the columns that mean nothing to the loader; what is no time and no number, but
// should be one, is an error.
fn needed(
    file: &ParquetFile,
    columns: Vec<Planned>,
    format: Option<Format>,
) -> Result<Vec<Planned>, FramesError> {
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let Ok(layout) = Layout::from_names(&names, format.and_then(Format::kind)) else {
        // The loader says what is missing; it needs the names only.
        return Ok(columns.into_iter().filter(|column| column.plan.is_some()).collect());
    };
    let mut kept = Vec::with_capacity(columns.len());
    for (column, role) in columns.into_iter().zip(layout.roles) {
        let time = column.plan.is_some_and(Plan::is_time);
        match (role, column.plan) {
            (Role::Skip, _) if !time => {}
            (_, Some(_)) => kept.push(column),
            (_, None) => {
                return Err(FramesError::Column {
                    path: file.path().display().to_string(),
                    column: column.name,
                    place: String::new(),
                    what: format!("its type {:?} is not read", column.field.dtype),
                    fix: "Write it as float64, int64, decimal128, timestamp or string".to_owned(),
                });
            }
        }
    }
    Ok(kept)
}

fn decode(
    file: &ParquetFile,
    columns: Vec<Planned>,
    threads: usize,
    bytes_read: Option<&AtomicU64>,
) -> Result<RawTable, FramesError> {
    let path = file.path().display().to_string();
    let format = format!("parquet, {} columns", file.fields().len());
    let source = Source { path, sha256: digest::of_file(file.path())?, format };
    let share = file.bytes() / columns.len().max(1) as u64;
    let columns = in_parallel(threads, columns, |column| {
        let column = decode_column(file, column)?;
        if let Some(count) = bytes_read {
            count.fetch_add(share, Ordering::Relaxed);
        }
        Ok(column)
    })?;
    Ok(RawTable { source, columns })
}

fn decode_column(file: &ParquetFile, column: Planned) -> Result<TableColumn, FramesError> {
    let Planned { field, name, plan } = column;
    let plan = plan.unwrap_or(Plan::Text);
    let mut cells = plan.cells(file.rows());
    let mut missing = Vec::new();
    let mut rows = 0;
    for group in 0..file.group_rows().len() {
        for array in file.decode(group, &field, None)? {
            missing_rows(&array, rows, &mut missing);
            plan.append(&array, &mut cells).map_err(|bad| FramesError::Column {
                path: file.path().display().to_string(),
                column: name.clone(),
                place: format!(", row {}", rows + bad.row),
                what: bad.what,
                fix: "Repair or leave out the row".to_owned(),
            })?;
            rows += array.len();
        }
    }
    Ok(TableColumn { name, cells, missing })
}

#[cfg(test)]
mod tests;
