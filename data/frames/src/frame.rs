//! From plain columns to Parquet, a row group at a time.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use polars::prelude::{
    ArrowDataType, BooleanChunked, Column as PolarsColumn, DataFrame, Float64Chunked, Int32Chunked,
    Int64Chunked, IntoColumn, IntoSeries, NewChunkedArray, PlSmallStr, PolarsError, PolarsResult,
    Series, TimeUnit, TimeZone, UInt32Chunked, UInt64Chunked,
};
use polars_core::utils::arrow::array::{PrimitiveArray, Utf8ViewArray};
use polars_core::utils::arrow::bitmap::Bitmap;
use polars_io::parquet::write::BatchedWriter;
use polars_io::prelude::{KeyValueMetadata, ParquetCompression, ParquetWriter, StatisticsOptions};
use qt_data::source::number::POWERS;

use crate::error::FramesError;
use crate::table::{Column, Table};

/// Rows of a row group: what a query for a span of time reads at least.
pub const GROUP_ROWS: usize = 65_536;

/// A part of a column that this crate writes for itself.
pub enum Piece<'a> {
    /// Integers.
    I64(Vec<i64>),
    /// Integers of 32 bits.
    I32(Vec<i32>),
    /// Integers of 32 bits without a sign.
    U32(Vec<u32>),
    /// Text.
    Text(Vec<&'a str>),
}

/// Writes `table` to `out`; `path` is named in errors.
///
/// # Errors
/// When writing fails.
pub fn write_table(table: &Table, path: &Path, out: impl Write) -> Result<(), FramesError> {
    let starts = (0..table.rows().max(1)).step_by(GROUP_ROWS);
    let frames = starts.map(|start| rows_of(table, start..table.rows().min(start + GROUP_ROWS)));
    write_frames(frames, Vec::new(), out).map_err(|error| failed(path, error))
}

/// Writes row groups of named columns to `out`, with `notes` in the footer.
///
/// # Errors
/// When writing fails.
pub fn write_pieces<'a>(
    groups: impl Iterator<Item = Vec<(&'static str, Piece<'a>)>>,
    notes: Vec<(String, String)>,
    path: &Path,
    out: impl Write,
) -> Result<(), FramesError> {
    let frames = groups.map(|group| {
        let columns = group.into_iter().map(|(name, piece)| {
            let name = PlSmallStr::from_static(name);
            Ok(match piece {
                Piece::I64(values) => Int64Chunked::from_vec(name, values).into_column(),
                Piece::I32(values) => Int32Chunked::from_vec(name, values).into_column(),
                Piece::U32(values) => UInt32Chunked::from_vec(name, values).into_column(),
                Piece::Text(values) => text(name, &values)?,
            })
        });
        DataFrame::new_infer_height(columns.collect::<PolarsResult<Vec<_>>>()?)
    });
    write_frames(frames, notes, out).map_err(|error| failed(path, error))
}

fn write_frames(
    mut frames: impl Iterator<Item = PolarsResult<DataFrame>>,
    notes: Vec<(String, String)>,
    out: impl Write,
) -> PolarsResult<()> {
    let Some(first) = frames.next().transpose()? else { return Ok(()) };
    let mut writer = begin(&first, notes, out)?;
    writer.write_batch(&first)?;
    for frame in frames {
        writer.write_batch(&frame?)?;
    }
    writer.finish().map(drop)
}

fn begin<W: Write>(
    first: &DataFrame,
    notes: Vec<(String, String)>,
    out: W,
) -> PolarsResult<BatchedWriter<W>> {
    // Columns are packed as they are written, by this thread: polars' own pool of threads, which
    // knows no limit but the number of cores, would have nothing to gain.
    ParquetWriter::new(out)
        .set_parallel(false)
        .with_compression(ParquetCompression::Zstd(None))
        .with_statistics(StatisticsOptions::default())
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(notes)))
        .batched(first.schema())
}

/// A Parquet file that is written a row group at a time, each a table with the same columns.
pub struct Groups<W: Write>(BatchedWriter<W>);

impl<W: Write> Groups<W> {
    /// A file with the columns of `like`, and `notes` in the footer.
    ///
    /// # Errors
    /// When writing fails.
    pub fn begin(like: &Table, notes: Vec<(String, String)>, out: W) -> io::Result<Self> {
        let begun = rows_of(like, 0..0).and_then(|frame| begin(&frame, notes, out));
        begun.map(Self).map_err(io_error)
    }

    /// Writes all rows of `table`.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write(&mut self, table: &Table) -> io::Result<()> {
        let frame = rows_of(table, 0..table.rows());
        frame.and_then(|frame| self.0.write_batch(&frame)).map_err(io_error)
    }

    /// Writes the footer.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(self) -> io::Result<()> {
        self.0.finish().map(drop).map_err(io_error)
    }
}

fn failed(path: &Path, error: PolarsError) -> FramesError {
    FramesError::write(path, io_error(error))
}

fn io_error(error: PolarsError) -> io::Error {
    match error {
        PolarsError::IO { error, .. } => io::Error::new(error.kind(), error.to_string()),
        other => io::Error::other(other.to_string()),
    }
}

fn rows_of(table: &Table, rows: Range<usize>) -> PolarsResult<DataFrame> {
    let columns = table.columns.iter().map(|(name, column)| part(name, column, rows.clone()));
    DataFrame::new(rows.len(), columns.collect::<PolarsResult<Vec<_>>>()?)
}

// The rows `rows` of a column. Loops over rows run here: polars-core is not optimised.
fn part(name: &str, column: &Column, rows: Range<usize>) -> PolarsResult<PolarsColumn> {
    let name = PlSmallStr::from_str(name);
    Ok(match column {
        Column::I64(values) => Int64Chunked::from_vec(name, values[rows].to_vec()).into_column(),
        Column::U64(values) => UInt64Chunked::from_vec(name, values[rows].to_vec()).into_column(),
        Column::OptI64(values) => {
            let values = &values[rows];
            let plain = values.iter().map(|value| value.unwrap_or_default()).collect();
            let valid: Bitmap = values.iter().map(Option::is_some).collect();
            let array = PrimitiveArray::try_new(ArrowDataType::Int64, plain, Some(valid))?;
            Series::from_arrow(name, Box::new(array))?.into_column()
        }
        Column::F64(values) => {
            let values = &values[rows];
            let valid: Bitmap = values.iter().map(|value| !value.is_nan()).collect();
            let plain = values.to_vec().into();
            let array = PrimitiveArray::try_new(ArrowDataType::Float64, plain, Some(valid))?;
            Series::from_arrow(name, Box::new(array))?.into_column()
        }
        Column::Bool(values) => BooleanChunked::from_slice(name, &values[rows]).into_column(),
        Column::Text(values) => text(name, &values[rows])?,
        Column::TimeNs(values) => Int64Chunked::from_vec(name, values[rows].to_vec())
            .into_series()
            .into_datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC))
            .into_column(),
        Column::Decimal { mantissas, scale } => {
            let nearest = |mantissa: &i64| nearest_f64(*mantissa, *scale);
            let values = mantissas[rows].iter().map(nearest).collect();
            Float64Chunked::from_vec(name, values).into_column()
        }
    })
}

fn text<S: AsRef<str>>(name: PlSmallStr, values: &[S]) -> PolarsResult<PolarsColumn> {
    let array = Utf8ViewArray::from_slice_values(values);
    Ok(Series::from_arrow(name, Box::new(array))?.into_column())
}

// The floating-point number nearest to the decimal.
fn nearest_f64(mantissa: i64, scale: u32) -> f64 {
    const EXACT_MAX: u64 = 1 << 53;
    match POWERS.get(scale as usize) {
        // One rounded division of two exact numbers is the nearest one.
        Some(power) if mantissa.unsigned_abs() <= EXACT_MAX => mantissa as f64 / *power as f64,
        _ => format!("{mantissa}e-{scale}").parse().unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_said() {
        let mut table = Table::default();
        table.push("a", Column::I64(vec![1, 2, 3]));
        let error = write_table(&table, Path::new("out.parquet"), Full).unwrap_err();
        assert_eq!(error.code(), 1);
        let text = error.to_string();
        assert!(text.contains("out.parquet") && text.contains("storage space"), "{text}");
    }

    proptest! {
        #[test]
        fn decimals_become_the_nearest_float(mantissa in any::<i64>(), scale in 0_u32..19) {
            let want: f64 = format!("{mantissa}e-{scale}").parse().unwrap();
            prop_assert_eq!(nearest_f64(mantissa, scale), want);
        }
    }
}
