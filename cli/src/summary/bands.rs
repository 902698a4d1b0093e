//! The bands of a run side by side.

use qt_backtest::report::bands::BandsEntry;

use crate::output::{Ink, Output, number};

/// The table, and what it says.
pub fn table(bands: &BandsEntry, out: &Output) -> String {
    let title = format!(
        "{:<14}{:>16}{:>12}{:>10}{:>14}",
        "Fills", "final equity", "return", "fills", "drawdown"
    );
    let mut lines = vec![out.paint(Ink::Bold, &title)];
    for (band, run) in bands.runs() {
        let mut line = format!(
            "{:<14}{:>16}{:>12}{:>10}{:>14}",
            band.text(),
            number::amount(&run.final_equity, 2),
            number::signed_percent(run.total_return),
            number::count(run.fills as u64),
            number::signed_percent(run.max_drawdown),
        );
        if let Some(early) = run.ended_early {
            line.push_str(&format!("  ({early})"));
        }
        lines.push(line);
    }
    for (band, run) in bands.runs() {
        lines.push(out.paint(Ink::Dim, &format!("  {}: {}", band.text(), run.fills_are)));
    }
    lines.push(bands.summary.clone());
    lines.join("\n")
}
