//! What each of several strategies brought, on the terminal.

use qt_backtest::report::result::ResultDocument;
use qt_backtest::report::strategies::StrategyEntry;

use crate::output::{Ink, Output, number, table};

/// The table; `None` for a run of one strategy.
pub fn lines(document: &ResultDocument, out: &Output) -> Option<String> {
    if document.strategies.is_empty() {
        return None;
    }
    let header =
        [">strategy", ">orders", ">fills", ">realised", ">open", ">fees", ">profit", "holds"];
    let row = |of: &StrategyEntry| {
        let money = |text: &String| number::amount(text, 2);
        let holds = of.open_position.iter().filter(|(_, qty)| qty.as_str() != "0");
        let holds: Vec<String> = holds.map(|(symbol, qty)| format!("{qty} {symbol}")).collect();
        vec![
            of.name.clone(),
            number::count(of.orders),
            number::count(of.fills),
            money(&of.realised),
            money(&of.unrealised),
            money(&of.fees),
            money(&of.profit),
            if holds.is_empty() { "nothing".to_owned() } else { holds.join(", ") },
        ]
    };
    let title = out.paint(Ink::Bold, "Strategies");
    Some(format!("{title}\n{}", table::table(&header, document.strategies.iter().map(row))))
}
