//! What each of several strategies brought, on the terminal.

use qt_backtest::report::result::ResultDocument;
use qt_backtest::report::strategies::StrategyEntry;

use crate::output::{Ink, Output, number, table};

/// The table; `None` for a run of one strategy.
pub fn lines(document: &ResultDocument, out: &Output) -> Option<String> {
    if document.strategies.is_empty() {
        return None;
    }
    let header = [
        ">strategy",
        ">orders",
        ">fills",
        ">realised",
        ">open",
        ">fees",
        ">holding costs",
        ">profit",
        "holds",
    ];
    let row = |of: &StrategyEntry| {
        let money = |text: &Option<String>| {
            text.as_ref().map_or_else(|| "-".to_owned(), |text| number::amount(text, 2))
        };
        vec![
            of.name.clone(),
            number::count(of.orders),
            number::count(of.fills),
            money(&of.realised),
            money(&of.unrealised),
            money(&of.fees),
            money(&of.holding_costs),
            money(&of.profit),
            of.holds(str::to_owned),
        ]
    };
    let title = out.paint(Ink::Bold, "Strategies");
    Some(format!("{title}\n{}", table::table(&header, document.strategies.iter().map(row))))
}
