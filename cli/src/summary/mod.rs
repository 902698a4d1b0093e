//! A run on the terminal: what was done, what came of it, what to be careful about.

mod bands;
mod benchmark;
mod currencies;
mod execution;
mod figures;
mod signals;
mod strategies;
pub mod warnings;
mod years;

use qt_backtest::venue::FillAt;
use qt_data::build::BarSpec;
use qt_data::stamp::iso_text;
use qt_risk::{Account, Odds, Sizing};
use qt_types::format_scaled;

use benchmark::Benchmark;

use crate::command::backtest::{Finished, params_text};
use crate::output::{Ink, Output, number};
use crate::version;

pub use figures::{Figure, METRIC_NAMES};

/// The whole summary of a run.
pub fn text(finished: &Finished, out: &Output) -> String {
    let mut parts = vec![header(finished, out)];
    if let Some(warnings) = warning_list(finished, out) {
        parts.push(warnings);
    }
    let references = finished.references();
    let benchmark = Benchmark::new(&finished.plan.config, &finished.outcome, &references);
    parts.push(figures::table(finished, &benchmark, out));
    parts.extend(strategies::lines(&finished.document, out));
    parts.extend(signals::lines(&finished.document, out));
    parts.extend(currencies::lines(&finished.document, out));
    parts.extend(years::table(finished, &benchmark, out));
    parts.extend(execution::lines(&finished.document.execution, out));
    parts.extend(finished.document.bands.as_ref().map(|bands| bands::table(bands, out)));
    parts.push(footer(finished, out));
    parts.join("\n\n")
}

fn header(finished: &Finished, out: &Output) -> String {
    let document = &finished.document;
    let strategy = out.paint(Ink::Bold, &document.strategy);
    let symbols = out.paint(Ink::Bold, &symbols(&document.symbols));
    let params = params_text(&document.params);
    let params = if params.is_empty() { String::new() } else { format!(" {params}") };
    let mut lines = vec![format!("{strategy}{params} on {symbols}")];
    lines.extend(finished.series.iter().zip(&document.data).take(SHOWN_MAX).map(
        |(series, entry)| {
            let name = if document.symbols.len() == 1 { "data" } else { series.spec.symbol() };
            let bars = number::plural(entry.bars as u64, "bar");
            let (from, to) = (&entry.from[..10.min(entry.from.len())], last_day(series, finished));
            if finished.records().is_some() {
                let records = number::plural(entry.events, "record");
                let every = interval(series.interval_ns).replace(" of ", " ");
                return format!(
                    "  {name:<9} {from} to {to}, {records}, equity sampled every{every}"
                );
            }
            let score = entry.score.map_or_else(
                || "not checked".to_owned(),
                |score| format!("quality {score:.1} of 100"),
            );
            let interval = interval(series.interval_ns);
            let calendar = series.calendar.name();
            format!("  {name:<9} {from} to {to}, {bars}{interval}, calendar {calendar}, {score}")
        },
    ));
    if document.symbols.len() > SHOWN_MAX {
        lines.push(format!("  and {} more", document.symbols.len() - SHOWN_MAX));
    }
    lines.push(format!("  {:<9} {}", "account", account(finished)));
    lines.push(format!("  {:<9} {}", "orders", orders(finished)));
    lines.push(format!("  {:<9} {}", "risk", risk(finished)));
    lines.join("\n")
}

/// More instruments than this are counted, not listed.
const SHOWN_MAX: usize = 8;

fn symbols(symbols: &[String]) -> String {
    if symbols.len() > SHOWN_MAX {
        return format!("{} instruments", symbols.len());
    }
    symbols.join(", ")
}

/// The day of the last bar, by its opening: a daily bar closes on the next day.
fn last_day(series: &qt_data::series::BarSeries, finished: &Finished) -> String {
    let at = finished.series.iter().position(|other| std::ptr::eq(other, series)).unwrap_or(0);
    let end = finished.outcome.ranges.get(at).map_or(0, |range| range.end);
    let bar = end.checked_sub(1).and_then(|last| series.bars.get(last));
    bar.map_or_else(String::new, |bar| iso_text(bar.open_ns)[..10].to_owned())
}

fn interval(interval_ns: i64) -> String {
    if interval_ns <= 0 {
        return String::new();
    }
    format!(" of {}", BarSpec::Time { interval_ns })
}

fn account(finished: &Finished) -> String {
    let plan = &finished.plan;
    let own = finished.series.first().map_or("", |series| series.spec.currency());
    let of = finished.document.currencies.as_ref();
    let currency = of.map_or(own, |of| of.account.as_str());
    let capital = number::amount(&plan.config.capital.to_string(), 2);
    let kind = match plan.config.account {
        Account::Cash => "cash account".to_owned(),
        Account::Margin { leverage_e9 } => {
            format!("margin account, leverage {}", scaled(leverage_e9))
        }
    };
    let size = match plan.config.sizing {
        Sizing::Fixed { qty_e9 } => format!("{} units an entry", scaled(qty_e9)),
        Sizing::Weight { weight_e9 } => {
            let default = default_mark(finished, "weight");
            format!("{} of equity an entry{default}", percent(weight_e9))
        }
        Sizing::RiskPerTrade { risk_e9 } => {
            format!("{} of equity at risk a trade", percent(risk_e9))
        }
        Sizing::Volatility { target_e9, cap_e9, .. } => format!(
            "{} volatility a year, at most {} of equity",
            percent(target_e9),
            percent(cap_e9)
        ),
        Sizing::Kelly { odds, fraction_e9, cap_e9 } => {
            let of = match odds {
                Odds::Given { .. } => "the Kelly share given",
                Odds::OfTrades { .. } => "the Kelly share of the run's trades",
            };
            format!("{} of {of}, at most {} of equity", percent(fraction_e9), percent(cap_e9))
        }
    };
    format!("{capital} {currency}, {kind}, {size}")
}

fn orders(finished: &Finished) -> String {
    let config = &finished.plan.config;
    let mut words = vec![match config.fill_at {
        _ if finished.records().is_some() => {
            let queue = finished.plan.config.queue_model.text();
            format!("orders meet the book, queue {queue}{}", default_mark(finished, "queue-model"))
        }
        FillAt::NextOpen => {
            format!("market orders fill at the next open{}", default_mark(finished, "fill"))
        }
        FillAt::Close => "market orders fill at the close of the decision".to_owned(),
    }];
    let (maker, taker) = (config.fees.maker_e9, config.fees.taker_e9);
    words.push(if maker == taker {
        format!("fee {}{}", percent(taker), default_mark(finished, "fee-rate"))
    } else {
        format!("fees {} maker, {} taker", percent(maker), percent(taker))
    });
    if config.slippage_e9 > 0 {
        words.push(format!("slippage {}", percent(config.slippage_e9)));
    }
    let conditions = &config.conditions;
    if conditions.order_latency.is_some() || conditions.feed_latency.is_some() {
        let order = config.venue().order_latency;
        words.push(format!("order latency {order}, feed {}", config.feed()));
    } else if config.order_latency_ns + config.feed_latency_ns > 0 {
        let seconds = (config.order_latency_ns + config.feed_latency_ns) as f64 / 1e9;
        words.push(format!("latency {}", number::seconds(seconds)));
    }
    words.join(", ")
}

/// The profile of the risk gate, and how much it said.
fn risk(finished: &Finished) -> String {
    let risk = &finished.outcome.risk;
    let profile = risk.limits.profile.name().text();
    let source = match &risk.limits.file {
        Some(file) => format!(" from {file}"),
        None => default_mark(finished, "risk-profile").to_owned(),
    };
    let denied = match risk.denials() {
        0 => "no order denied by a control".to_owned(),
        count => format!("{} denied by its controls", number::plural(count, "order")),
    };
    let warned = match risk.warnings() {
        0 => String::new(),
        count => format!(", {}", number::plural(count, "warning")),
    };
    format!("profile {profile}{source}, {denied}{warned}")
}

fn default_mark(finished: &Finished, name: &str) -> &'static str {
    if finished.defaults.contains(&name) { " (default)" } else { "" }
}

/// Billionths as plain decimal text.
fn scaled(value_e9: i64) -> String {
    format_scaled(i128::from(value_e9), 9)
}

/// Billionths as per cent.
fn percent(value_e9: i64) -> String {
    format!("{} %", format_scaled(i128::from(value_e9) * 100, 9))
}

fn warning_list(finished: &Finished, out: &Output) -> Option<String> {
    let warnings = &finished.document.warnings;
    if warnings.is_empty() {
        return None;
    }
    let mark = out.paint(Ink::Warn, "!");
    let mut lines = vec![out.paint(Ink::Warn, "Warnings")];
    lines.extend(warnings.iter().map(|warning| format!("  {mark} {warning}")));
    Some(lines.join("\n"))
}

fn footer(finished: &Finished, out: &Output) -> String {
    let program = version::program();
    let mut lines = Vec::new();
    for note in notes(finished) {
        lines.push(out.paint(Ink::Dim, &note));
    }
    let rate = finished.outcome.events as f64 / finished.outcome.wall_seconds.max(1e-9);
    let played = match finished.records() {
        Some(records) => number::plural(records, "record"),
        None => number::plural(finished.bars(), "bar"),
    };
    lines.push(format!(
        "{played} in {} ({} events/s), whole command {}",
        number::seconds(finished.outcome.wall_seconds),
        number::rate(rate),
        number::seconds(finished.total_seconds)
    ));
    let id = out.paint(Ink::Accent, finished.id.text());
    lines.push(format!("run {id}: {program} runs show {}", finished.id));
    lines.join("\n")
}

/// What was noticed while the data was read.
fn notes(finished: &Finished) -> Vec<String> {
    let all = finished.series.iter().take(SHOWN_MAX);
    let notes = all.flat_map(|series| {
        series.notes.iter().map(move |note| format!("note: {}: {note}", series.spec.symbol()))
    });
    notes.collect()
}
