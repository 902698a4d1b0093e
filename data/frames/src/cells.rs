//! From decoded arrays to the cells of a raw table.

use polars::prelude::{ArrayRef, ArrowDataType, ArrowTimeUnit};
use polars_core::utils::arrow::array::{
    BinaryViewArray, BooleanArray, PrimitiveArray, Utf8ViewArray,
};
use polars_core::utils::arrow::types::NativeType;
use qt_data::calendar::Day;
use qt_data::calendar::civil::{DAY_NS, SECOND_NS};
use qt_data::source::Cells;
use qt_data::stamp::iso_text;
use qt_types::format_scaled;

/// Digits that a decimal of 128 bits has behind the point at most.
const SCALE_MAX: u32 = 38;

/// How the values of a column become cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Integers of any width.
    Int,
    /// Floating-point numbers.
    Float,
    /// Text.
    Text,
    /// `true` and `false`.
    Bool,
    /// Counts since 1970 in units of so many ns.
    Epoch(i64),
    /// The same without a zone, to be read in the zone that the user names.
    Local(i64),
    /// Days since 1970.
    Date,
    /// A time of day in units of so many ns.
    Clock(i64),
    /// Digits with so many of them behind the point.
    Decimal(u32),
}

/// A cell that cannot be taken.
#[derive(Debug)]
pub struct BadCell {
    /// Its row in the array.
    pub row: usize,
    /// What is wrong with it.
    pub what: String,
}

impl Plan {
    /// The plan for the file's type `dtype` and the type to decode it as; `None` for types that no
    /// cell can hold. `local` asks for times without a zone to be left to the stamp reader.
    #[must_use]
    pub fn of(dtype: &ArrowDataType, local: bool) -> Option<(Self, ArrowDataType)> {
        use ArrowDataType as T;
        let decoded = dtype.clone();
        let (plan, decoded) = match dtype {
            T::Int8 | T::Int16 | T::Int32 | T::Int64 => (Self::Int, decoded),
            T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => (Self::Int, decoded),
            T::Float32 | T::Float64 => (Self::Float, decoded),
            T::Boolean => (Self::Bool, decoded),
            T::Utf8 | T::LargeUtf8 | T::Utf8View => (Self::Text, T::Utf8View),
            T::Binary | T::LargeBinary | T::BinaryView => (Self::Text, T::BinaryView),
            T::Date32 => (Self::Date, decoded),
            T::Date64 => (Self::Epoch(1_000_000), decoded),
            T::Timestamp(unit, None) if local => (Self::Local(unit_ns(*unit)), decoded),
            T::Timestamp(unit, _) => (Self::Epoch(unit_ns(*unit)), decoded),
            T::Time32(unit) | T::Time64(unit) => (Self::Clock(unit_ns(*unit)), decoded),
            T::Decimal(_, scale) | T::Decimal32(_, scale) | T::Decimal64(_, scale) => {
                let scale = u32::try_from(*scale).ok().filter(|scale| *scale <= SCALE_MAX)?;
                (Self::Decimal(scale), decoded)
            }
            T::Dictionary(_, values, _) => return Self::of(values, local),
            T::Extension(extension) => return Self::of(&extension.inner, local),
            _ => return None,
        };
        Some((plan, decoded))
    }

    /// Whether the values are instants or dates.
    #[must_use]
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Epoch(_) | Self::Local(_) | Self::Date)
    }

    /// No cells yet, with room for `rows`.
    #[must_use]
    pub fn cells(self, rows: usize) -> Cells {
        match self {
            Self::Int => Cells::Int(Vec::with_capacity(rows)),
            Self::Float => Cells::Float(Vec::with_capacity(rows)),
            Self::Epoch(_) => Cells::EpochNs(Vec::with_capacity(rows)),
            Self::Date => Cells::Date(Vec::with_capacity(rows)),
            _ => Cells::Text(Vec::with_capacity(rows)),
        }
    }

    /// Appends the values of `array`; cells without a value hold anything.
    ///
    /// # Errors
    /// The first value that cannot be held, or row 0 where the array is of another type.
    pub fn append(self, array: &ArrayRef, cells: &mut Cells) -> Result<(), BadCell> {
        let done = match (self, cells) {
            (Self::Int, Cells::Int(cells)) => append_ints(array, cells)?,
            (Self::Float, Cells::Float(cells)) => append_floats(array, cells),
            (Self::Text, Cells::Text(cells)) => append_text(array, cells),
            (Self::Bool, Cells::Text(cells)) => {
                let array = array.as_any().downcast_ref::<BooleanArray>();
                array.map(|array| cells.extend(array.values_iter().map(|b| b.to_string())))
            }
            (Self::Epoch(unit), Cells::EpochNs(cells)) => {
                append_checked(array, cells, |value| value.checked_mul(unit))?
            }
            (Self::Local(unit), Cells::Text(cells)) => append_checked(array, cells, |value| {
                // The zone is the user's: the text must not claim UTC.
                let text = iso_text(value.checked_mul(unit)?);
                Some(text.trim_end_matches('Z').to_owned())
            })?,
            (Self::Date, Cells::Date(cells)) => append_checked(array, cells, date)?,
            (Self::Clock(unit), Cells::Text(cells)) => {
                append_checked(array, cells, |value| clock_text(value, unit))?
            }
            (Self::Decimal(scale), Cells::Text(cells)) => values::<i128>(array)
                .map(|values| cells.extend(values.iter().map(|v| format_scaled(*v, scale)))),
            _ => None,
        };
        done.ok_or_else(|| BadCell { row: 0, what: "it is not of the type declared".to_owned() })
    }
}

/// Rows of `array` that have no value, counted from `start`.
pub fn missing_rows(array: &ArrayRef, start: usize, missing: &mut Vec<u32>) {
    let Some(valid) = array.validity().filter(|valid| valid.unset_bits() > 0) else { return };
    let absent = valid.iter().enumerate().filter(|(_, valid)| !valid);
    missing.extend(absent.map(|(row, _)| (start + row) as u32));
}

const fn unit_ns(unit: ArrowTimeUnit) -> i64 {
    match unit {
        ArrowTimeUnit::Second => 1_000_000_000,
        ArrowTimeUnit::Millisecond => 1_000_000,
        ArrowTimeUnit::Microsecond => 1_000,
        ArrowTimeUnit::Nanosecond => 1,
    }
}

/// The values of an array of `T`; those that are missing are anything.
pub fn values<T: NativeType>(array: &ArrayRef) -> Option<&[T]> {
    let array = array.as_any().downcast_ref::<PrimitiveArray<T>>()?;
    Some(array.values().as_slice())
}

// Integers of every width as 64 bits.
fn append_ints(array: &ArrayRef, cells: &mut Vec<i64>) -> Result<Option<()>, BadCell> {
    fn widen<T: NativeType + Into<i64>>(array: &ArrayRef, cells: &mut Vec<i64>) -> Option<()> {
        values::<T>(array).map(|values| cells.extend(values.iter().map(|value| (*value).into())))
    }
    if let Some(values) = values::<u64>(array) {
        for (row, value) in values.iter().enumerate() {
            let Ok(value) = i64::try_from(*value) else {
                let what = format!("{value} is too large; numbers go up to {}", i64::MAX);
                return Err(BadCell { row, what });
            };
            cells.push(value);
        }
        return Ok(Some(()));
    }
    let done = widen::<i64>(array, cells)
        .or_else(|| widen::<i32>(array, cells))
        .or_else(|| widen::<u32>(array, cells))
        .or_else(|| widen::<i16>(array, cells))
        .or_else(|| widen::<u16>(array, cells))
        .or_else(|| widen::<i8>(array, cells))
        .or_else(|| widen::<u8>(array, cells));
    Ok(done)
}

fn append_floats(array: &ArrayRef, cells: &mut Vec<f64>) -> Option<()> {
    if let Some(values) = values::<f64>(array) {
        cells.extend_from_slice(values);
        return Some(());
    }
    // 0.1 in 32 bits means 0.1, not the 0.10000000149 that it is in 64.
    let decimal = |value: &f32| value.to_string().parse().unwrap_or_else(|_| f64::from(*value));
    values::<f32>(array).map(|values| cells.extend(values.iter().map(decimal)))
}

fn append_text(array: &ArrayRef, cells: &mut Vec<String>) -> Option<()> {
    if let Some(array) = array.as_any().downcast_ref::<Utf8ViewArray>() {
        cells.extend(array.values_iter().map(str::to_owned));
        return Some(());
    }
    let array = array.as_any().downcast_ref::<BinaryViewArray>()?;
    cells.extend(array.values_iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
    Some(())
}

// Appends what `convert` makes of the integers that are there.
fn append_checked<R: Default>(
    array: &ArrayRef,
    cells: &mut Vec<R>,
    convert: impl Fn(i64) -> Option<R>,
) -> Result<Option<()>, BadCell> {
    let mut integers = Vec::new();
    let Some(()) = append_ints(array, &mut integers)? else { return Ok(None) };
    for (row, value) in integers.into_iter().enumerate() {
        let cell = if array.is_valid(row) { convert(value) } else { Some(R::default()) };
        cells.push(cell.ok_or_else(|| BadCell {
            row,
            what: format!("the time {value} is outside of the years 1678 to 2261"),
        })?);
    }
    Ok(Some(()))
}

fn date(value: i64) -> Option<i32> {
    value.checked_mul(DAY_NS)?;
    i32::try_from(value).ok()
}

fn clock_text(value: i64, unit: i64) -> Option<String> {
    let ns = value.checked_mul(unit).filter(|ns| (0..DAY_NS).contains(ns))?;
    let text = iso_text(Day(0).start_ns() + ns);
    let clock = text.trim_end_matches('Z').split_once('T')?.1;
    Some(if ns % SECOND_NS == 0 { clock[..8].to_owned() } else { clock.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_and_dates() {
        assert_eq!(clock_text(34_200_000, 1_000_000).unwrap(), "09:30:00");
        assert_eq!(clock_text(1, 1).unwrap(), "00:00:00.000000001");
        assert_eq!(clock_text(-1, 1), None);
        assert_eq!(clock_text(86_400, SECOND_NS), None);
        assert_eq!(date(18_000), Some(18_000));
        assert_eq!(date(i64::from(i32::MAX)), None);
    }

    #[test]
    fn types_have_plans() {
        use ArrowDataType as T;
        let plan = |dtype| Plan::of(&dtype, false).map(|(plan, _)| plan);
        assert_eq!(plan(T::UInt8), Some(Plan::Int));
        assert_eq!(plan(T::Decimal(10, 2)), Some(Plan::Decimal(2)));
        assert_eq!(plan(T::Timestamp(ArrowTimeUnit::Microsecond, None)), Some(Plan::Epoch(1_000)));
        assert_eq!(plan(T::FixedSizeBinary(16)), None);
        assert_eq!(plan(T::Struct(Vec::new())), None);
        let naive = T::Timestamp(ArrowTimeUnit::Second, None);
        assert_eq!(Plan::of(&naive, true).unwrap().0, Plan::Local(SECOND_NS));
    }
}
