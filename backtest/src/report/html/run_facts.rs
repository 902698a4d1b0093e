//! What the run was made of: settings, data, denials, and how to make it again.

use qt_risk::{Account, Odds, Sizing};
use qt_types::E9;
use serde_json::Value;

use super::ReportInput;
use super::cards::currency;
use super::table::{Cell, Table, Tone, facts, figures, words};
use super::text::{
    Clock, Sign, UNDEFINED, count, count_of, decimal, escape, money, number, percent,
};
use crate::feed::FeedLatency;
use crate::venue::{FillAt, LatencyModel};

/// A share in billionths as per cent.
fn share_e9(value_e9: i64) -> String {
    let text = number(value_e9 as f64 / E9 as f64 * 100.0, 4, Sign::Minus);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

pub(super) fn pair(name: &str, value: impl Into<String>) -> (String, Cell) {
    (name.to_owned(), Cell::new(value))
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// How large an entry is, in words.
fn size_text(sizing: Sizing) -> String {
    match sizing {
        Sizing::Fixed { qty_e9 } => {
            format!("{} units", number(qty_e9 as f64 / E9 as f64, 4, Sign::Minus))
        }
        Sizing::Weight { weight_e9 } => format!("{} of the equity", share_e9(weight_e9)),
        Sizing::RiskPerTrade { risk_e9 } => {
            format!("{} of the equity at risk per trade", share_e9(risk_e9))
        }
        Sizing::Volatility { target_e9, window, cap_e9 } => format!(
            "{} volatility a year, by the last {window} returns; at most {} of the equity",
            share_e9(target_e9),
            share_e9(cap_e9)
        ),
        Sizing::Kelly { odds, fraction_e9, cap_e9 } => format!(
            "{} of the Kelly share {}, at most {} of the equity",
            share_e9(fraction_e9),
            match odds {
                Odds::Given { win_e9, payoff_e9 } => format!(
                    "for {} wins that pay {} times a loss",
                    share_e9(win_e9),
                    number(payoff_e9 as f64 / E9 as f64, 4, Sign::Minus)
                ),
                Odds::OfTrades { .. } => "of the run's trades".to_owned(),
            },
            share_e9(cap_e9)
        ),
    }
}

/// The strategy's parameters and the settings of the run.
#[must_use]
pub fn settings(input: &ReportInput<'_>) -> String {
    let config = input.config;
    let params: Vec<(String, Cell)> = input
        .document
        .params
        .iter()
        .map(|(name, value)| (name.clone(), Cell::toned(value_text(value), Tone::Code)))
        .collect();
    let mut html = format!("<h3>Parameters of {}</h3>\n", escape(&input.document.strategy));
    if params.is_empty() {
        html.push_str("<p class=\"empty\">The strategy has no parameters.</p>\n");
    } else {
        html.push_str(&facts(&params));
    }
    let account = match config.account {
        Account::Cash => "cash".to_owned(),
        Account::Margin { leverage_e9 } => {
            let times = number(leverage_e9 as f64 / E9 as f64, 2, Sign::Minus);
            format!("margin, up to {times} times the equity")
        }
    };
    let fill_at = match config.fill_at {
        FillAt::NextOpen => "next open",
        FillAt::Close => "the close of the decision (optimistic)",
    };
    let money_text = format!("{} {}", money(config.capital, Sign::Minus), currency(input));
    let mut pairs = vec![
        pair("Capital", money_text),
        pair("Account", account),
        pair("Size of an entry", size_text(config.sizing)),
        pair("Market orders fill at", fill_at),
        pair(
            "Fees, maker / taker",
            format!("{} / {}", share_e9(config.fees.maker_e9), share_e9(config.fees.taker_e9)),
        ),
        pair("Slippage", share_e9(config.slippage_e9)),
        pair("Limit fills at its touch", yes(config.touch_fills)),
        pair("Close positions at the end", yes(config.close_at_end)),
        pair("Risk-free rate a year", percent(Some(config.risk_free_rate), Sign::Minus)),
        pair("Closes a year", number(input.outcome.periods_per_year, 2, Sign::Minus)),
    ];
    pairs.extend(optional_settings(input));
    html.push_str("<h3>Settings</h3>\n");
    html.push_str(&facts(&pairs));
    html
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// Settings that are told only when they differ from nothing.
fn optional_settings(input: &ReportInput<'_>) -> Vec<(String, Cell)> {
    let config = input.config;
    let bps = |value: Option<u32>| value.map(|bps| share_e9(i64::from(bps) * (E9 / 10_000)));
    let qty = |value_e9: i64| number(value_e9 as f64 / E9 as f64, 4, Sign::Minus);
    let venue = config.venue();
    let latency =
        |model: &LatencyModel| (*model != LatencyModel::constant(0)).then(|| model.to_string());
    let feed = config.feed();
    let feed = (feed != FeedLatency::default()).then(|| feed.to_string());
    let participation = config.participation_e9.map(share_e9);
    let list = [
        ("Stop loss", bps(config.exits.stop_bps)),
        ("Take profit", bps(config.exits.target_bps)),
        ("Trailing stop", bps(config.exits.trail_bps)),
        ("Largest share of a bar's volume", participation),
        ("Largest order", config.order_qty_max_e9.map(qty)),
        ("Feed latency", feed),
        ("Order latency", latency(&venue.order_latency)),
        ("Response latency", latency(&venue.response_latency)),
    ];
    list.into_iter().filter_map(|(name, value)| Some(pair(name, value?))).collect()
}

/// The data of every instrument.
#[must_use]
pub fn data(input: &ReportInput<'_>, clock: Clock) -> String {
    let mut html = String::new();
    let entries = input.document.data.iter().zip(input.series).zip(&input.outcome.ranges);
    for ((entry, series), range) in entries {
        let bars = &series.bars[range.start..range.end];
        let period = match (bars.first(), bars.last()) {
            (Some(first), Some(last)) => {
                format!("{} to {}", clock.instant(first.open_ns), clock.close(last.close_ns))
            }
            _ => UNDEFINED.to_owned(),
        };
        let score = match entry.score {
            Some(score) => format!("{} of 100", number(score, 1, Sign::Minus)),
            None => "not checked".to_owned(),
        };
        let mut pairs = vec![
            (String::from("File"), Cell::toned(entry.path.as_str(), Tone::Code)),
            (String::from("SHA-256"), Cell::toned(entry.sha256.as_str(), Tone::Code)),
            pair("Period (UTC)", period),
        ];
        for file in entry.files.iter().skip(1) {
            pairs.push((String::from("File"), Cell::toned(file.path.as_str(), Tone::Code)));
            pairs.push((String::from("SHA-256"), Cell::toned(file.sha256.as_str(), Tone::Code)));
        }
        if input.outcome.records.is_some() {
            pairs.push(pair("Records", count(entry.events)));
            pairs.push(pair("Samples of the equity", count_of(entry.bars)));
        } else {
            pairs.extend([
                pair("Format", series.source.format.as_str()),
                pair("Bars traded", count_of(entry.bars)),
                pair("Bars to warm up", count_of(range.start - range.warmup_from)),
                pair("Calendar", series.calendar.name()),
                pair("Quality score", score),
            ]);
        }
        if let Some(quality) = &series.quality {
            let list = quality.findings.iter();
            let found: Vec<String> = list
                .map(|finding| format!("{} {}", count(finding.count), finding.kind.text()))
                .collect();
            let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
            pairs.push(pair("Findings", found));
        }
        pairs.extend(series.notes.iter().map(|note| pair("Note", note.as_str())));
        html.push_str(&format!("<h3>{}</h3>\n{}", escape(series.spec.symbol()), facts(&pairs)));
    }
    html
}

/// What was denied, dropped or not certain.
#[must_use]
pub fn orders(input: &ReportInput<'_>) -> String {
    let outcome = input.outcome;
    let optimistic = outcome.final_equity + outcome.counts.ambiguous_gain;
    let open = match &input.document.open_position {
        Value::Object(by_symbol) => by_symbol
            .iter()
            .map(|(symbol, qty)| format!("{symbol} {}", decimal(&value_text(qty))))
            .collect::<Vec<_>>()
            .join(", "),
        one => format!("{} {}", decimal(&value_text(one)), input.document.symbols.join(", ")),
    };
    let mut pairs =
        vec![pair("Fills", count_of(outcome.fills.len())), pair("Position at the end", open)];
    if outcome.records.is_none() {
        pairs.extend([
            pair("Fills over their bar's volume", count(outcome.counts.fills_over_volume)),
            pair("Fills over a tenth of it", count(outcome.counts.fills_over_tenth)),
            pair("Ambiguous bars", count(outcome.counts.ambiguous_bars)),
            pair("Final equity with the better outcome in them", money(optimistic, Sign::Minus)),
        ]);
    }
    pairs.extend([
        pair("Margin calls", count(outcome.margin_calls)),
        pair("Liquidations", count(outcome.counts.liquidations)),
        pair("Funding paid", money(outcome.funding_paid, Sign::Minus)),
        pair("Intents dropped", count(outcome.intents_dropped)),
    ]);
    let mut html = facts(&pairs);
    let denied: Vec<Vec<Cell>> = outcome
        .denials
        .iter()
        .filter(|(_, times)| **times > 0)
        .map(|(code, times)| vec![Cell::toned(*code, Tone::Code), Cell::new(count(*times))])
        .collect();
    html.push_str("<h3>Denied orders</h3>\n");
    if denied.is_empty() {
        html.push_str("<p class=\"empty\">No order was denied.</p>\n");
        return html;
    }
    html.push_str(
        &Table {
            label: "Denied orders by reason".to_owned(),
            columns: vec![words("Reason"), figures("Orders")],
            rows: denied,
            is_long: false,
        }
        .html(),
    );
    html
}

/// The command, the hash, the version.
#[must_use]
pub fn reproduce(input: &ReportInput<'_>) -> String {
    let document = input.document;
    let seconds = input.outcome.wall_seconds;
    let time = if seconds < 1.0 {
        format!("{} ms", number(seconds * 1e3, 1, Sign::Minus))
    } else {
        format!("{} s", number(seconds, 2, Sign::Minus))
    };
    let speed = format!("{} events in {time}", count(input.outcome.events));
    let mut pairs = vec![
        (
            String::from("Determinism hash"),
            Cell::toned(document.determinism_hash.as_str(), Tone::Code),
        ),
        pair("QuantTrade version", input.version),
        pair("Work done", speed),
    ];
    if !document.run_id.is_empty() {
        pairs.push((String::from("Run"), Cell::toned(document.run_id.as_str(), Tone::Code)));
    }
    format!(
        "<div class=\"command\"><pre id=\"command\" tabindex=\"0\"><code>{}</code></pre>\
         <button type=\"button\" data-copy=\"command\">Copy</button></div>\n{}\
         <p class=\"note\">The same command on the same data gives the same hash, on any machine \
         and in any build.</p>\n",
        escape(input.command),
        facts(&pairs)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_no_needless_zeros() {
        assert_eq!(share_e9(1_000_000), "0.1%");
        assert_eq!(share_e9(950_000_000), "95%");
        assert_eq!(share_e9(0), "0%");
        assert_eq!(share_e9(75_000), "0.0075%");
        assert_eq!(share_e9(10_000_000_000), "1,000%");
    }
}
