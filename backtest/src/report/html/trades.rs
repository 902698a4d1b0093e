//! The tables of trades: the best, the worst, all.

use std::cmp::Reverse;

use super::ReportInput;
use super::execution::time;
use super::table::{Cell, Column, Table, Tone, figures, words};
use super::text::{Clock, Sign, count_of, decimal, money, percent};
use crate::report::result::TradeEntry;
use crate::trades::RoundTrip;

/// Rows of the list of all trades.
pub const TRADES_SHOWN_MAX: usize = 500;
/// Rows of the best and of the worst.
const EXTREMES_SHOWN_MAX: usize = 5;

const COLUMNS: [Column; 14] = [
    words("#"),
    words("Symbol"),
    words("Side"),
    words("Entry"),
    figures("Entry price"),
    words("Exit"),
    figures("Exit price"),
    figures("Quantity"),
    figures("Profit"),
    figures("Return"),
    figures("MAE"),
    figures("MFE"),
    figures("Bars"),
    figures("Fees"),
];

/// The column that says how long a trade lasted: bars, or on ticks the time.
const HELD_AT: usize = 12;

/// The trades with the largest profits and those with the smallest, in HTML.
#[must_use]
pub fn extremes(input: &ReportInput<'_>, clock: Clock) -> String {
    let trips = &input.outcome.trips;
    let mut order: Vec<usize> = (0..trips.len()).collect();
    order.sort_by_key(|&at| Reverse(trips[at].profit));
    let shown = EXTREMES_SHOWN_MAX.min(order.len());
    let worst: Vec<usize> = order.iter().rev().take(shown).copied().collect();
    let list = |title: &str, picked: &[usize]| {
        format!("<h3>{title}</h3>\n{}", table(input, clock, title, picked, false))
    };
    list("Best trades", &order[..shown]) + &list("Worst trades", &worst)
}

/// The list of all trades in HTML, as far as it is shown.
#[must_use]
pub fn all(input: &ReportInput<'_>, clock: Clock) -> String {
    let shown = input.outcome.trips.len().min(TRADES_SHOWN_MAX);
    let picked: Vec<usize> = (0..shown).collect();
    table(input, clock, "All trades", &picked, true)
}

/// What the list leaves out.
#[must_use]
pub fn list_note(count: usize) -> String {
    if count <= TRADES_SHOWN_MAX {
        return format!("All {} closed trades in the order of their exits.", count_of(count));
    }
    format!(
        "The first {} of {} closed trades in the order of their exits; --out DIR writes all of \
         them to trades.csv.",
        count_of(TRADES_SHOWN_MAX),
        count_of(count)
    )
}

fn table(
    input: &ReportInput<'_>,
    clock: Clock,
    label: &str,
    picked: &[usize],
    is_long: bool,
) -> String {
    let places = places(input, picked);
    let rows = picked.iter().filter_map(|&at| row(input, clock, at, &places)).collect();
    let mut columns = COLUMNS.to_vec();
    if input.outcome.records.is_some() {
        columns[HELD_AT] = figures("Held");
    }
    Table { label: label.to_owned(), columns, rows, is_long }.html()
}

fn row(input: &ReportInput<'_>, clock: Clock, at: usize, places: &[usize]) -> Option<Vec<Cell>> {
    let trip = input.outcome.trips.get(at)?;
    let entry: &TradeEntry = input.document.trades_list.get(at)?;
    let places = places.get(trip.instrument.index()).copied()?;
    let when = |row: u32, venue_ns: i64| time_of(input, trip, row, venue_ns, clock);
    Some(vec![
        Cell::new(count_of(at + 1)),
        Cell::new(entry.symbol.as_str()),
        Cell::new(entry.side),
        Cell::new(when(trip.entry_row, trip.entry_ns.get())),
        Cell::new(price_text(&entry.entry_price, places)),
        Cell::new(when(trip.exit_row, trip.exit_ns.get())),
        Cell::new(price_text(&entry.exit_price, places)),
        Cell::new(decimal(&entry.qty)),
        Cell::toned(money(trip.profit, Sign::Both), Tone::of(Some(trip.profit.to_f64()))),
        Cell::new(percent(entry.return_ratio, Sign::Both)),
        Cell::new(percent(entry.mae, Sign::Both)),
        Cell::new(percent(entry.mfe, Sign::Both)),
        Cell::new(match input.outcome.records {
            Some(_) => time(trip.held_ns()),
            None => count_of(entry.bars as usize),
        }),
        Cell::new(money(trip.fees, Sign::Minus)),
    ])
}

/// How many decimals the prices of each instrument have at most in these trades.
fn places(input: &ReportInput<'_>, picked: &[usize]) -> Vec<usize> {
    let mut places = vec![0; input.outcome.specs.len()];
    for &at in picked {
        let trip = &input.outcome.trips[at];
        let Some(most) = places.get_mut(trip.instrument.index()) else { continue };
        let Some(entry) = input.document.trades_list.get(at) else { continue };
        *most = decimals(&entry.entry_price).max(decimals(&entry.exit_price)).max(*most);
    }
    places
}

fn decimals(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// A price with at least `places` decimals, so that prices stand below each other.
fn price_text(text: &str, places: usize) -> String {
    let missing = places.saturating_sub(decimals(text));
    let mut padded = text.to_owned();
    if missing > 0 && !text.contains('.') {
        padded.push('.');
    }
    padded.extend(std::iter::repeat_n('0', missing));
    decimal(&padded)
}

/// The time of a fill; of daily bars the date of its bar, whether it was at the open or the close.
fn time_of(
    input: &ReportInput<'_>,
    trip: &RoundTrip,
    row: u32,
    venue_ns: i64,
    clock: Clock,
) -> String {
    if clock.is_daily
        && let Some(series) = input.series.get(trip.instrument.index())
        && let Some(bar) = series.bars.get(series.bars.partition_point(|bar| bar.row < row))
    {
        return clock.instant(bar.open_ns);
    }
    clock.instant(venue_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_of_a_table_have_the_same_decimals() {
        assert_eq!(price_text("1127.5", 2), "1,127.50");
        assert_eq!(price_text("1127", 2), "1,127.00");
        assert_eq!(price_text("1127", 0), "1,127");
        assert_eq!(price_text("0.000000001", 2), "0.000000001");
    }
}
