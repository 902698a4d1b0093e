//! Rows that contradict themselves or each other.

use super::finding::{FindingKind, Findings};
use crate::series::DataKind;
use crate::source::field::Field;
use crate::source::rows::Rows;

/// Checks the four prices of every bar: positive, low at the bottom, high at the top.
pub fn check_bars(rows: &Rows, fields: [Field; 4], findings: &mut Findings) {
    let mut columns = [&[][..]; 4];
    for (column, field) in columns.iter_mut().zip(fields) {
        *column = rows.column(field).map_or(&[], |column| &column.mantissas);
    }
    let [opens, highs, lows, closes] = columns;
    for (row, (((open, high), low), close)) in
        opens.iter().zip(highs).zip(lows).zip(closes).enumerate()
    {
        let inside = low <= open && open <= high && low <= close && close <= high;
        if *low > 0 && inside {
            continue;
        }
        let mut add =
            |kind, field, what: &str| findings.add(kind, || rows.example(row, field, what));
        let positive = [open, high, low, close].map(|price| *price > 0);
        if let Some(first) = positive.iter().position(|positive| !positive) {
            add(FindingKind::NonPositivePrice, fields[first], "is not a positive price");
        } else if high < low {
            let what = format!("is below the low {}", text(rows, row, fields[2]));
            add(FindingKind::HighBelowLow, fields[1], &what);
        } else {
            let range = format!("{} to {}", text(rows, row, fields[2]), text(rows, row, fields[1]));
            if open < low || open > high {
                let what = format!("is outside of the bar's range {range}");
                add(FindingKind::OpenOutside, fields[0], &what);
            }
            if close < low || close > high {
                let what = format!("is outside of the bar's range {range}");
                add(FindingKind::CloseOutside, fields[3], &what);
            }
        }
    }
}

fn text(rows: &Rows, row: usize, field: Field) -> String {
    rows.column(field).map_or(String::new(), |column| column.number(row).text())
}

/// Checks that every number of `field` is positive; zero stands for a missing quote and passes
/// where `zero_is_missing`.
pub fn check_positive(rows: &Rows, field: Field, zero_is_missing: bool, findings: &mut Findings) {
    let Some(column) = rows.column(field) else { return };
    for (row, value) in column.mantissas.iter().enumerate() {
        if *value <= 0 && !(zero_is_missing && *value == 0) {
            let what = "is not a positive price";
            findings.add(FindingKind::NonPositivePrice, || rows.example(row, field, what));
        }
    }
}

/// Checks that no number of `field`, a volume or a quantity, is negative, and counts the zeros of
/// data that has other volumes too.
pub fn check_volume(rows: &Rows, field: Field, findings: &mut Findings) {
    let Some(column) = rows.column(field) else { return };
    let traded = column.mantissas.iter().any(|value| *value != 0);
    for (row, value) in column.mantissas.iter().enumerate() {
        if *value < 0 {
            let what = "is a negative volume";
            findings.add(FindingKind::NegativeVolume, || rows.example(row, field, what));
        } else if *value == 0 && traded {
            let what = "means that nothing was traded";
            findings.add(FindingKind::ZeroVolume, || rows.example(row, field, what));
        }
    }
}

/// What follows from the order of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Rows that repeat the one before, ascending.
    pub repeated: Vec<u32>,
    /// Whether the time goes back somewhere.
    pub disorder: bool,
}

/// Checks that the time never goes back and, except for ticks, that no two rows share a time.
pub fn check_order(rows: &Rows, findings: &mut Findings) -> Order {
    let mut order = Order::default();
    let ticks = matches!(rows.layout.kind, DataKind::Trades | DataKind::Quotes);
    let descending = rows.len() > 2 && rows.stamps.windows(2).all(|pair| pair[1] < pair[0]);
    for row in 1..rows.len() {
        let (before, this) = (rows.stamps[row - 1], rows.stamps[row]);
        if before < this || (before == this && ticks) {
            continue;
        }
        if this < before {
            order.disorder = true;
            findings.add(FindingKind::Disorder, || {
                let earlier = rows.stamp_text(row - 1);
                let newest_first =
                    if descending { ": the file is sorted newest first" } else { "" };
                let what = format!("comes after the later time '{earlier}'{newest_first}");
                rows.stamp_example(row, &what)
            });
            continue;
        }
        let same = |column: &[i64]| column[row] == column[row - 1];
        if rows.numbers.iter().all(|(_, column)| same(&column.mantissas)) {
            order.repeated.push(row as u32);
            findings.add(FindingKind::IdenticalDuplicate, || {
                rows.stamp_example(row, "repeats the row before")
            });
        } else {
            findings.add(FindingKind::ConflictingDuplicate, || {
                let what = "has the time of the row before and different contents";
                rows.stamp_example(row, what)
            });
        }
    }
    order
}

/// The most common positive distance between neighbouring stamps (ascending, UTC ns), the
/// shortest one of several; 0 when there is none.
#[must_use]
pub fn interval_ns(stamps: &[i64]) -> i64 {
    // Enough to tell: of longer series every n-th distance is looked at.
    const SAMPLE_MAX: usize = 1 << 16;
    let step = stamps.len().div_ceil(SAMPLE_MAX).max(1);
    let pairs = stamps.windows(2).step_by(step);
    let mut distances: Vec<i64> =
        pairs.map(|pair| pair[1].saturating_sub(pair[0])).filter(|ns| *ns > 0).collect();
    distances.sort_unstable();
    let runs = distances.chunk_by(|one, other| one == other);
    // The first of the longest runs is the shortest distance.
    let longest = runs.fold(&[][..], |best, run| if run.len() > best.len() { run } else { best });
    longest.first().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_common_distance() {
        assert_eq!(interval_ns(&[]), 0);
        assert_eq!(interval_ns(&[5]), 0);
        assert_eq!(interval_ns(&[0, 60, 120, 300, 360]), 60);
        assert_eq!(interval_ns(&[0, 1, 3]), 1);
        assert_eq!(interval_ns(&[7, 7, 7]), 0);
        let long: Vec<i64> = (0..200_000).map(|row| row * 60 + row / 1_000).collect();
        assert_eq!(interval_ns(&long), 60);
    }
}
