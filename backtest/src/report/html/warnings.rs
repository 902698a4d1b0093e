//! What the reader should know before believing the result.

use qt_data::stamp::iso_text;
use qt_types::Cash;

use super::ReportInput;
use super::text::{Sign, count_of, escape, money, plural};
use crate::simulator::Ended;
use crate::venue::FillAt;

/// Trades below which their statistics say little.
const TRADES_FEW: usize = 30;

/// All warnings, those of the run first.
#[must_use]
pub fn warnings(input: &ReportInput<'_>) -> Vec<String> {
    let mut list = input.document.warnings.clone();
    for Own { known_by, text } in own(input) {
        // The run may have said the same in other words.
        let is_known = |known: &String| {
            let known = known.to_lowercase();
            known_by.iter().any(|part| known.contains(part))
        };
        if !list.iter().any(is_known) {
            list.push(text);
        }
    }
    list
}

/// A warning that the report finds by itself, and words by which the same one is known.
struct Own {
    known_by: &'static [&'static str],
    text: String,
}

fn own(input: &ReportInput<'_>) -> Vec<Own> {
    let mut list = Vec::new();
    let mut add = |known_by, text: String| list.push(Own { known_by, text });
    on_the_run(input, &mut add);
    on_data(input, &mut add);
    on_trades(input, &mut add);
    list
}

fn on_the_run(input: &ReportInput<'_>, add: &mut impl FnMut(&'static [&'static str], String)) {
    let outcome = input.outcome;
    let until = outcome.end_ns().map_or_else(String::new, |ns| iso_text(ns.get()));
    match outcome.ended {
        Ended::Data => {}
        Ended::Bankrupt => add(
            &["bankrupt", "used up"],
            format!("The account went bankrupt at {until}: the run ended before its data did."),
        ),
        Ended::Interrupted => add(
            &["interrupt"],
            format!("The run was interrupted at {until}: it ended before its data did."),
        ),
    }
    if outcome.is_too_short() {
        add(
            &["figures per year"],
            format!(
                "{} are too few for figures per year: those are not shown.",
                plural(outcome.curve.len() as u64, "close")
            ),
        );
    }
    if input.config.fill_at == FillAt::Close {
        add(
            &["optimistic"],
            "Orders fill at the close that they were decided on: this is optimistic, nobody can \
             trade at a price that has only just been seen."
                .to_owned(),
        );
    }
    if outcome.counts.ambiguous_bars > 0 {
        let optimistic = outcome.final_equity + outcome.counts.ambiguous_gain;
        add(
            &["ambiguous", "both"],
            format!(
                "In {} both a stop and a target could have been hit; the worse outcome counts. \
                 With the better one the final equity would be {} instead of {}.",
                plural(outcome.counts.ambiguous_bars, "bar"),
                money(optimistic, Sign::Minus),
                money(outcome.final_equity, Sign::Minus),
            ),
        );
    }
    if outcome.margin_calls > 0 {
        let calls = plural(outcome.margin_calls, "margin call");
        add(&["margin call"], format!("{calls}: the positions of the account were closed."));
    }
}

fn on_data(input: &ReportInput<'_>, add: &mut impl FnMut(&'static [&'static str], String)) {
    for (series, range) in input.series.iter().zip(&input.outcome.ranges) {
        let symbol = series.spec.symbol();
        let Some(quality) = &series.quality else {
            add(&["skipped"], format!("The quality of the data of {symbol} was not checked."));
            continue;
        };
        let within = range.start..range.end;
        let splits = quality.splits.iter().filter(|split| within.contains(&split.bar)).count();
        if splits > 0 {
            add(
                &["buy and hold"],
                format!(
                    "The prices of {symbol} have suspected splits ({}): if they are some, the \
                     line of buy and hold is wrong; --price adjusted takes them out.",
                    count_of(splits),
                ),
            );
        }
    }
}

fn on_trades(input: &ReportInput<'_>, add: &mut impl FnMut(&'static [&'static str], String)) {
    let outcome = input.outcome;
    if outcome.counts.fills_over_volume > 0 {
        let fills = plural(outcome.counts.fills_over_volume, "fill");
        add(
            &["volume"],
            format!("{fills} above the volume of the bar: the market could not have taken that."),
        );
    }
    if outcome.fills.is_empty() {
        let text = "The strategy made no trade: there were no fills.";
        add(&["no trade", "no fill"], text.to_owned());
    } else if (1..TRADES_FEW).contains(&outcome.trips.len()) {
        let trades = plural(outcome.trips.len() as u64, "closed trade");
        add(&["closed trade"], format!("Only {trades}: figures about so few say little."));
    }
    if outcome.total_fees == Cash::ZERO && !outcome.fills.is_empty() {
        add(&["no fees"], "No fees were charged.".to_owned());
    }
}

/// The text with a large first letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The box of warnings; nothing when there are none.
#[must_use]
pub fn html(input: &ReportInput<'_>) -> String {
    let list = warnings(input);
    if list.is_empty() {
        return String::new();
    }
    let title = if list.len() == 1 { "1 warning" } else { &format!("{} warnings", list.len()) };
    let items: String =
        list.iter().map(|text| format!("<li>{}</li>\n", escape(&sentence(text)))).collect();
    format!(
        "<section class=\"warnings\" aria-labelledby=\"warnings-title\">\
         <h2 id=\"warnings-title\"><span aria-hidden=\"true\">\u{26a0}\u{fe0e}</span> {title}: \
         read before you believe the result</h2>\n<ul>{items}</ul></section>\n"
    )
}
