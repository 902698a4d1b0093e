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
        figures("Profit"),
        words("Holds"),
    ];
    let rows = all.iter().map(row).collect();
    let table = Table { label: "Strategies".to_owned(), columns, rows, is_long: false };
    Some(table.html())
}

fn row(of: &StrategyEntry) -> Vec<Cell> {
    let money = |text: &str| decimal_money(text, Sign::Both);
    let name = if of.name == of.strategy {
        of.name.clone()
    } else {
        format!("{} ({})", of.name, of.strategy)
    };
    let holds = of.open_position.iter().filter(|(_, qty)| qty.as_str() != "0");
    let holds: Vec<String> =
        holds.map(|(symbol, qty)| format!("{} {symbol}", decimal(qty))).collect();
    let cells = [
        name,
        of.symbols.join(", "),
        count(of.orders),
        count(of.fills),
        money(&of.realised),
        money(&of.unrealised),
        decimal_money(&of.fees, Sign::Minus),
        money(&of.profit),
        if holds.is_empty() { "nothing".to_owned() } else { holds.join(", ") },
    ];
    cells.into_iter().map(Cell::new).collect()
}
