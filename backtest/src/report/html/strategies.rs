//! What each of several strategies brought.

use super::ReportInput;
use super::table::{Cell, Table, figures, words};
use super::text::{Sign, count, decimal, decimal_money};
use crate::report::strategies::StrategyEntry;

/// The section; `None` for a run of one strategy.
#[must_use]
pub fn section(input: &ReportInput<'_>) -> Option<String> {
    let all = &input.document.strategies;
    if all.is_empty() {
        return None;
    }
    let columns = vec![
        words("Strategy"),
        words("Trades"),
        figures("Orders"),
        figures("Fills"),
        figures("Realised"),
        figures("Open profit"),
        figures("Fees"),
        figures("Holding costs"),
        figures("Profit"),
        words("Holds"),
    ];
    let rows = all.iter().map(row).collect();
    let table = Table { label: "Strategies".to_owned(), columns, rows, is_long: false };
    Some(table.html())
}

fn row(of: &StrategyEntry) -> Vec<Cell> {
    let amount = |text: &Option<String>, sign: Sign| {
        text.as_ref().map_or_else(|| "-".to_owned(), |text| decimal_money(text, sign))
    };
    let money = |text: &Option<String>| amount(text, Sign::Both);
    let name = if of.name == of.strategy {
        of.name.clone()
    } else {
        format!("{} ({})", of.name, of.strategy)
    };
    let cells = [
        name,
        of.symbols.join(", "),
        count(of.orders),
        count(of.fills),
        money(&of.realised),
        money(&of.unrealised),
        amount(&of.fees, Sign::Minus),
        amount(&of.holding_costs, Sign::Minus),
        money(&of.profit),
        of.holds(decimal),
    ];
    cells.into_iter().map(Cell::new).collect()
}
