//! Returns by month, or by year when the run is long.

use qt_backtest::report::tables::{MonthlyRow, monthly_returns, yearly_returns};

use super::Benchmark;
use crate::command::backtest::Finished;
use crate::output::{Ink, Output, number};

/// Longer runs than this, about three years, are shown year by year.
const MONTHLY_NS_MAX: i64 = 1_100 * 86_400_000_000_000;
/// More years than this are shown as the latest ones.
const YEARS_MAX: usize = 24;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The table; nothing for a run within one month.
pub fn table(finished: &Finished, benchmark: &Benchmark, out: &Output) -> Option<String> {
    let curve = &finished.outcome.curve;
    let last = curve.len().checked_sub(1)?;
    let (first_ns, last_ns) = (curve.get(0)?.0.get(), curve.get(last)?.0.get());
    if last_ns.saturating_sub(first_ns) > MONTHLY_NS_MAX {
        return Some(yearly(finished, benchmark, out));
    }
    let rows = monthly_returns(curve, finished.outcome.initial_equity);
    let months = rows.iter().flat_map(|row| row.months).flatten().count();
    (months > 1).then(|| monthly(&rows, out))
}

fn monthly(rows: &[MonthlyRow], out: &Output) -> String {
    let head: String = MONTHS.iter().map(|month| format!("{month:>7}")).collect();
    let mut lines = vec![out.paint(Ink::Bold, &format!("Return in %{head}{:>8}", "year"))];
    for row in rows {
        let cells: String = row.months.iter().map(|value| cell(*value, 7, out)).collect();
        lines.push(format!("{:<11}{cells}{}", row.year, cell(row.total, 8, out)));
    }
    lines.join("\n")
}

fn cell(value: Option<f64>, width: usize, out: &Output) -> String {
    let text = value.map_or_else(|| number::NONE.to_owned(), |v| number::fixed(v * 100.0, 1));
    painted(&format!("{text:>width$}"), value, out)
}

fn painted(text: &str, value: Option<f64>, out: &Output) -> String {
    match value {
        Some(value) if value > 0.0 => out.paint(Ink::Good, text),
        Some(value) if value < 0.0 => out.paint(Ink::Bad, text),
        _ => text.to_owned(),
    }
}

fn yearly(finished: &Finished, benchmark: &Benchmark, out: &Output) -> String {
    let capital = finished.outcome.initial_equity;
    let own = yearly_returns(&finished.outcome.curve, capital);
    let hold = yearly_returns(&benchmark.curve, capital);
    let title =
        format!("{:<8}{:>12}{:>14}{:>16}", "Year", "return", "max drawdown", "buy and hold");
    let mut lines = vec![out.paint(Ink::Bold, &title)];
    let skipped = own.len().saturating_sub(YEARS_MAX);
    for row in own.iter().skip(skipped) {
        let beside = hold.iter().find(|other| other.year == row.year).and_then(|row| row.total);
        let total = format!("{:>12}", number::signed_percent(row.total));
        lines.push(format!(
            "{:<8}{}{:>14}{:>16}",
            row.year,
            painted(&total, row.total, out),
            number::signed_percent(row.max_drawdown),
            number::signed_percent(beside)
        ));
    }
    if skipped > 0 {
        let years = number::plural(skipped as u64, "earlier year");
        lines.push(out.paint(Ink::Dim, &format!("{years}: see the report")));
    }
    lines.join("\n")
}
