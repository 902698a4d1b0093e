//! The bands of the run side by side.

use super::table::{Cell, Table, Tone, figures, words};
use super::text::{Sign, UNDEFINED, count_of, escape, money, percent};
use crate::report::bands::BandsEntry;

/// The table, what each band supposes, and what it all says.
#[must_use]
pub fn html(bands: &BandsEntry) -> String {
    let amount = |text: &str| {
        text.parse().map_or_else(|_| UNDEFINED.to_owned(), |cash| money(cash, Sign::Minus))
    };
    let change = |value| Cell::toned(percent(value, Sign::Both), Tone::of(value));
    let rows = bands.runs().into_iter().map(|(band, run)| {
        let early = run.ended_early.map_or(String::new(), |early| format!(" ({early})"));
        vec![
            Cell::new(format!("{}{early}", band.text())),
            Cell::new(amount(&run.final_equity)),
            change(run.total_return),
            Cell::new(count_of(run.fills)),
            change(run.max_drawdown),
            Cell::new(amount(&run.total_fees)),
        ]
    });
    let table = Table {
        label: "The run with kinder and with harsher fills".to_owned(),
        columns: vec![
            words("Fills"),
            figures("Final equity"),
            figures("Return"),
            figures("Fills"),
            figures("Max drawdown"),
            figures("Fees"),
        ],
        rows: rows.collect(),
        is_long: false,
    };
    let supposed: String = bands
        .runs()
        .iter()
        .map(|(band, run)| {
            let text = escape(&format!("{}: {}.", band.text(), run.fills_are));
            format!("<p class=\"note\">{text}</p>\n")
        })
        .collect();
    format!(
        "<p class=\"verdict\">{}</p>\n{}<h3>What they suppose</h3>\n{supposed}",
        escape(&bands.summary),
        table.html(),
    )
}
