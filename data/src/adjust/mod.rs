//! Prices adjusted for splits and dividends (`--price adjusted`).
//!
//! Two sources: an `Adj Close` column (its factor is adjusted close / close, row by row; volume
//! stays, since the factor is one of total return), or a factor file, whose split factor also
//! scales volume inversely. The arithmetic is exact up to one rounding, half to even, at the end:
//! adjusted prices get 6 decimals (more where the data has more), and 9 as soon as one of them is
//! below 1, so that old prices keep their precision; volume keeps the decimals that it had.

use qt_types::{gcd, pow10, round_half_even};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::calendar::Day;

#[cfg(test)]
mod tests;

/// Adjusted prices have at least so many decimals.
pub const DECIMALS_MIN: u32 = 6;
/// Adjusted prices have at most so many decimals.
pub const DECIMALS_MAX: u32 = 9;

/// One column of a table: `values[i]` x 10^-`decimals`.
#[derive(Debug)]
pub struct Column<'a> {
    /// What errors call it: `open`, `close`.
    pub name: &'a str,
    /// The digits of every row's value.
    pub values: &'a mut [i64],
    /// Digits behind the point, the same for all rows; adjusting raises it.
    pub decimals: &'a mut u32,
}

/// What an adjustment did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// Rows whose factor is not 1.
    pub rows: usize,
    /// Decimals of the adjusted prices.
    pub decimals: u32,
}

/// Why prices cannot be adjusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdjustError {
    /// A row has no usable factor or leaves the range of numbers.
    #[error("row {row}, {column}: {what}")]
    Row {
        /// The row, from 0 for the first one of the columns.
        row: usize,
        /// The column that cannot be used.
        column: String,
        /// What is wrong with it.
        what: String,
    },
    /// A line of a factor file is not understood.
    #[error("factor file {path}, line {line}: {what}")]
    Line {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The columns have different numbers of rows.
    #[error("the columns have different lengths: {0} and {1} rows")]
    Lengths(usize, usize),
}

/// A factor as a fraction in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Factor {
    num: i64,
    den: i64,
}

impl Factor {
    const ONE: Self = Self { num: 1, den: 1 };

    const fn new(num: i64, den: i64) -> Self {
        let shared = gcd(num, den);
        Self { num: num / shared, den: den / shared }
    }
}

/// Scales `prices` by `adjusted close / close` of each row. `close` is the index of the close in
/// `prices`; `adj` holds the adjusted closes, `adj_decimals` their digits behind the point.
///
/// # Errors
/// When a close or an adjusted close is not positive, or a result leaves the range of numbers.
/// The columns are unchanged then.
///
/// # Panics
/// When `close` is not an index of `prices`.
pub fn by_adj_close(
    prices: &mut [Column<'_>],
    close: usize,
    adj: &[i64],
    adj_decimals: u32,
) -> Result<Adjusted, AdjustError> {
    let (closes, decimals) = (&*prices[close].values, *prices[close].decimals);
    if closes.len() != adj.len() {
        return Err(AdjustError::Lengths(closes.len(), adj.len()));
    }
    let factors = closes.iter().zip(adj).enumerate().map(|(row, (close, adj))| {
        for (column, value) in [("close", *close), ("adj close", *adj)] {
            if value <= 0 {
                let what = "the value is not positive, so there is no factor".to_owned();
                return Err(AdjustError::Row { row, column: column.to_owned(), what });
            }
        }
        // The closes' own powers of ten make the rest of the fraction.
        let up = |value: i64, by: u32| value.checked_mul(10_i64.checked_pow(by)?);
        let common = decimals.max(adj_decimals);
        let num = up(*adj, common - adj_decimals);
        let den = up(*close, common - decimals);
        num.zip(den).map(|(num, den)| Factor::new(num, den)).ok_or_else(|| too_large(row, "close"))
    });
    let factors = factors.collect::<Result<Vec<Factor>, AdjustError>>()?;
    let least = decimals.max(adj_decimals).max(DECIMALS_MIN);
    scale_prices(prices, &[&factors], least)
}

/// The factors of one instrument, by date.
///
/// The text has a line for each change: `YYYYMMDD,price factor,split factor[,reference price]`, in
/// order of dates. A line holds for the dates up to and including its own and after the line
/// before; later dates are not adjusted. This is the layout that LEAN data sets use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorFile {
    // The last day each pair holds for, the dividend's factor and the split's.
    steps: Vec<(Day, Factor, Factor)>,
}

impl FactorFile {
    /// Reads the factors from `text`; `path` names it in errors.
    ///
    /// # Errors
    /// When a line is not understood, a factor is not positive, or the dates are not in order.
    pub fn parse(path: &str, text: &str) -> Result<Self, AdjustError> {
        let mut steps: Vec<(Day, Factor, Factor)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim().trim_start_matches('\u{feff}');
            let header = index == 0 && line.starts_with(|first: char| first.is_ascii_alphabetic());
            if line.is_empty() || line.starts_with('#') || header {
                continue;
            }
            let wrong = |what| AdjustError::Line { path: path.to_owned(), line: index + 1, what };
            let step = step(line).map_err(wrong)?;
            if steps.last().is_some_and(|(day, _, _)| *day >= step.0) {
                return Err(wrong(format!("{} is not after the line before", step.0)));
            }
            steps.push(step);
        }
        if steps.is_empty() {
            let what = "there is no line with factors".to_owned();
            return Err(AdjustError::Line { path: path.to_owned(), line: 1, what });
        }
        Ok(Self { steps })
    }

    /// The dividend's and the split's factor of `day`.
    fn at(&self, day: Day) -> (Factor, Factor) {
        let index = self.steps.partition_point(|(last, _, _)| *last < day);
        self.steps
            .get(index)
            .map_or((Factor::ONE, Factor::ONE), |(_, price, split)| (*price, *split))
    }
}

fn step(line: &str) -> Result<(Day, Factor, Factor), String> {
    let mut fields = line.split(',').map(str::trim);
    let date = fields.next().unwrap_or_default();
    let day = Day::parse(date).ok_or_else(|| format!("'{date}' is no date; write YYYYMMDD"))?;
    let mut factor = |name: &str| {
        let text = fields.next().ok_or_else(|| format!("the {name} factor is missing"))?;
        let value: Decimal = text
            .parse()
            .or_else(|_| Decimal::from_scientific(text))
            .map_err(|_| format!("the {name} factor '{text}' is no number"))?;
        let mut value = value.round_dp_with_strategy(9, RoundingStrategy::MidpointNearestEven);
        value.rescale(9);
        match i64::try_from(value.mantissa()) {
            Ok(num) if num > 0 => Ok(Factor::new(num, 1_000_000_000)),
            _ => Err(format!("the {name} factor '{text}' is not between 0 and 9.2e9")),
        }
    };
    Ok((day, factor("price")?, factor("split")?))
}

/// Scales `prices` by the file's price and split factor of each row's day and `volume` by the
/// inverse of the split factor. `days[i]` is the trading day of row i on the market's clocks.
///
/// # Errors
/// When a result leaves the range of numbers. The columns are unchanged then.
pub fn by_factor_file(
    factors: &FactorFile,
    days: &[Day],
    prices: &mut [Column<'_>],
    volume: Option<&mut Column<'_>>,
) -> Result<Adjusted, AdjustError> {
    let (price, split): (Vec<Factor>, Vec<Factor>) =
        days.iter().map(|day| factors.at(*day)).unzip();
    let scaled_volume = match &volume {
        Some(column) => {
            let inverse: Vec<Factor> =
                split.iter().map(|split| Factor { num: split.den, den: split.num }).collect();
            Some(scaled(column, &[&inverse], *column.decimals)?)
        }
        None => None,
    };
    let least = prices.iter().map(|column| *column.decimals).max().unwrap_or(0).max(DECIMALS_MIN);
    let adjusted = scale_prices(prices, &[&price, &split], least)?;
    if let (Some(column), Some(values)) = (volume, scaled_volume) {
        column.values.copy_from_slice(&values);
    }
    Ok(adjusted)
}

/// Multiplies every column by the product of the factors, at `least` decimals or, when a price
/// falls below 1, at the most there are.
fn scale_prices(
    prices: &mut [Column<'_>],
    factors: &[&[Factor]],
    least: u32,
) -> Result<Adjusted, AdjustError> {
    let all = |decimals: u32| -> Result<Vec<Vec<i64>>, AdjustError> {
        prices.iter().map(|column| scaled(column, factors, decimals)).collect()
    };
    let mut decimals = least.min(DECIMALS_MAX);
    let mut columns = all(decimals)?;
    let below_one = columns.iter().flatten().any(|value| i128::from(*value) < pow10(decimals));
    if below_one && decimals < DECIMALS_MAX {
        // Where the largest price has no room for more decimals, the coarser ones have to do.
        if let Ok(finer) = all(DECIMALS_MAX) {
            (columns, decimals) = (finer, DECIMALS_MAX);
        }
    }
    for (column, values) in prices.iter().zip(&columns) {
        let vanished = |(old, new): (&i64, &i64)| *old > 0 && *new <= 0;
        if let Some(row) = column.values.iter().zip(values).position(vanished) {
            let what = "the adjusted price is too small to be written with 9 decimals".to_owned();
            return Err(AdjustError::Row { row, column: column.name.to_owned(), what });
        }
    }
    for (column, values) in prices.iter_mut().zip(columns) {
        column.values.copy_from_slice(&values);
        *column.decimals = decimals;
    }
    let count = factors.first().map_or(0, |rows| rows.len());
    let changed = |row: &usize| factors.iter().any(|rows| rows[*row] != Factor::ONE);
    Ok(Adjusted { rows: (0..count).filter(changed).count(), decimals })
}

/// The column's values times the product of the factors, rounded once at `decimals`.
fn scaled(
    column: &Column<'_>,
    factors: &[&[Factor]],
    decimals: u32,
) -> Result<Vec<i64>, AdjustError> {
    if let Some(rows) = factors.iter().find(|rows| rows.len() != column.values.len()) {
        return Err(AdjustError::Lengths(column.values.len(), rows.len()));
    }
    let up = pow10(decimals.saturating_sub(*column.decimals));
    let down = pow10(column.decimals.saturating_sub(decimals));
    let one = |(row, value): (usize, &i64)| {
        let product = factors.iter().try_fold((i128::from(*value), 1_i128), |(num, den), rows| {
            let factor = rows[row];
            let den = den.checked_mul(i128::from(factor.den))?;
            Some((num.checked_mul(i128::from(factor.num))?, den))
        });
        product
            .and_then(|(num, den)| Some((num.checked_mul(up)?, den.checked_mul(down)?)))
            .and_then(|(num, den)| i64::try_from(round_half_even(num, den)).ok())
            .ok_or_else(|| too_large(row, column.name))
    };
    column.values.iter().enumerate().map(one).collect()
}

fn too_large(row: usize, column: &str) -> AdjustError {
    let what = "the adjusted value has more digits than 64 bits hold".to_owned();
    AdjustError::Row { row, column: column.to_owned(), what }
}
