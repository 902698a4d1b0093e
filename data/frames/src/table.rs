//! A result as plain columns, and its way into a Parquet or CSV file.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use qt_data::stamp::iso_text;
use qt_types::format_scaled;

use crate::atomic::AtomicFile;
use crate::error::FramesError;
use crate::frame;

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Integers.
    I64(Vec<i64>),
    /// Numbers that stand for something, like the ids of orders.
    U64(Vec<u64>),
    /// Integers, some of which are absent.
    OptI64(Vec<Option<i64>>),
    /// Floating-point numbers; NaN is an absent value.
    F64(Vec<f64>),
    /// Truth values.
    Bool(Vec<bool>),
    /// Text.
    Text(Vec<String>),
    /// Instants, UTC ns since 1970: ISO 8601 in CSV, a UTC time stamp in Parquet.
    TimeNs(Vec<i64>),
    /// Exact decimals, `mantissas[i]` x 10^-`scale`: all digits in CSV, the nearest
    /// floating-point number in Parquet.
    Decimal {
        /// The digits of every value.
        mantissas: Vec<i64>,
        /// Digits behind the point, at most 18.
        scale: u32,
    },
}

impl Column {
    /// How many values the column has.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::I64(values) | Self::TimeNs(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::OptI64(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Decimal { mantissas, .. } => mantissas.len(),
        }
    }

    /// Whether the column has no values.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all values out and keeps the memory.
    pub fn clear(&mut self) {
        match self {
            Self::I64(values) | Self::TimeNs(values) => values.clear(),
            Self::U64(values) => values.clear(),
            Self::OptI64(values) => values.clear(),
            Self::F64(values) => values.clear(),
            Self::Bool(values) => values.clear(),
            Self::Text(values) => values.clear(),
            Self::Decimal { mantissas, .. } => mantissas.clear(),
        }
    }

    /// The value of `row` as a CSV cell, not quoted; empty where it is absent.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn cell(&self, row: usize) -> Cow<'_, str> {
        match self {
            Self::I64(values) => values[row].to_string().into(),
            Self::U64(values) => values[row].to_string().into(),
            Self::OptI64(values) => values[row].map_or(Cow::Borrowed(""), |v| v.to_string().into()),
            Self::F64(values) if values[row].is_nan() => Cow::Borrowed(""),
            Self::F64(values) => values[row].to_string().into(),
            Self::Bool(values) => Cow::Borrowed(if values[row] { "true" } else { "false" }),
            Self::Text(values) => Cow::Borrowed(&values[row]),
            Self::TimeNs(values) => iso_text(values[row]).into(),
            Self::Decimal { mantissas, scale } => {
                format_scaled(i128::from(mantissas[row]), *scale).into()
            }
        }
    }
}

/// Named columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns with their names, in order.
    pub columns: Vec<(String, Column)>,
}

impl Table {
    /// Appends a column.
    pub fn push(&mut self, name: &str, column: Column) {
        self.columns.push((name.to_owned(), column));
    }

    /// How many rows the table has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Writes the table as a Parquet file (zstd), which appears whole or not at all.
    ///
    /// # Errors
    /// When the columns are no table, or the file cannot be written.
    pub fn write_parquet(&self, path: &Path) -> Result<(), FramesError> {
        self.check()?;
        let mut file = AtomicFile::create(path)?;
        frame::write_table(self, path, &mut file)?;
        file.commit()
    }

    /// Writes the table as comma-separated text with a header (RFC 4180), which appears whole or
    /// not at all.
    ///
    /// # Errors
    /// When the columns are no table, or the file cannot be written.
    pub fn write_csv(&self, path: &Path) -> Result<(), FramesError> {
        self.check()?;
        let mut file = AtomicFile::create(path)?;
        self.write_rows(&mut file).map_err(|source| FramesError::write(path, source))?;
        file.commit()
    }

    fn write_rows(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut line = String::new();
        for (index, (name, _)) in self.columns.iter().enumerate() {
            push_cell(&mut line, index, name);
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
        for row in 0..self.rows() {
            line.clear();
            for (index, (_, column)) in self.columns.iter().enumerate() {
                push_cell(&mut line, index, &column.cell(row));
            }
            line.push('\n');
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), FramesError> {
        let rows = self.rows();
        for (index, (name, column)) in self.columns.iter().enumerate() {
            if column.len() != rows {
                let what = format!("column '{name}' has {} rows, not {rows}", column.len());
                return Err(FramesError::usage(what, "Give all columns the same length"));
            }
            if self.columns[..index].iter().any(|(other, _)| other == name) {
                let what = format!("two columns are called '{name}'");
                return Err(FramesError::usage(what, "Give each column a name of its own"));
            }
            if let Column::Decimal { scale, .. } = column
                && *scale > 18
            {
                let what = format!("column '{name}' has {scale} decimals");
                return Err(FramesError::usage(what, "Use at most 18"));
            }
        }
        if self.columns.is_empty() {
            return Err(FramesError::usage("the table has no columns", "Add one"));
        }
        Ok(())
    }
}

fn push_cell(line: &mut String, index: usize, cell: &str) {
    if index > 0 {
        line.push(',');
    }
    if !cell.contains([',', '"', '\n', '\r']) {
        line.push_str(cell);
        return;
    }
    line.push('"');
    line.push_str(&cell.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::read_table;
    use qt_data::source::Cells;

    fn table() -> Table {
        let mut table = Table::default();
        table.push("fast, slow", Column::Text(vec!["5".into(), "a \"b\"\nc".into()]));
        table.push("trades", Column::I64(vec![-3, i64::MAX]));
        table.push("held", Column::OptI64(vec![None, Some(7)]));
        table.push("sharpe", Column::F64(vec![0.1, f64::NAN]));
        table.push("best", Column::Bool(vec![true, false]));
        table.push("time", Column::TimeNs(vec![0, 1_600_000_000_000_000_001]));
        table.push("price", Column::Decimal { mantissas: vec![11_391, -5], scale: 2 });
        table
    }

    #[test]
    fn csv_is_exact() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        table().write_csv(&path).unwrap();
        let want = "\"fast, slow\",trades,held,sharpe,best,time,price\n\
            5,-3,,0.1,true,1970-01-01T00:00:00Z,113.91\n\
            \"a \"\"b\"\"\nc\",9223372036854775807,7,,false,2020-09-13T12:26:40.000000001Z,-0.05\n";
        assert_eq!(std::fs::read_to_string(path).unwrap(), want);
    }

    #[test]
    fn parquet_keeps_every_type() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        table().write_parquet(&path).unwrap();
        let read = read_table(&path).unwrap();
        let names: Vec<&str> = read.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["fast, slow", "trades", "held", "sharpe", "best", "time", "price"]);
        let text = |index: usize| format!("{:?}", read.columns[index].cells);
        assert_eq!(text(0), r#"Text(["5", "a \"b\"\nc"])"#);
        assert_eq!(text(1), "Int([-3, 9223372036854775807])");
        assert_eq!((text(2).as_str(), &read.columns[2].missing), ("Int([0, 7])", &vec![0]));
        assert_eq!(read.columns[3].missing, [1]);
        assert!(matches!(&read.columns[3].cells, Cells::Float(cells) if cells[0] == 0.1));
        assert_eq!(text(4), r#"Text(["true", "false"])"#);
        assert_eq!(text(5), "EpochNs([0, 1600000000000000001])");
        assert_eq!(text(6), "Float([113.91, -0.05])");
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let path = Path::new("never-written.csv");
        let mut table = Table::default();
        assert_eq!(table.write_csv(path).unwrap_err().code(), 2);
        table.push("a", Column::I64(vec![1]));
        table.push("b", Column::F64(vec![]));
        let error = table.write_parquet(path).unwrap_err().to_string();
        assert!(error.contains("'b' has 0 rows, not 1"), "{error}");
        table.columns[1] = ("a".to_owned(), Column::Bool(vec![true]));
        let error = table.write_csv(path).unwrap_err().to_string();
        assert!(error.contains("two columns are called 'a'"), "{error}");
        assert!(!path.exists());
    }
}
