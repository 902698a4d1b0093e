//! The trials of a sweep: ranked, as a table, as a map, as a document, as columns.

use qt_backtest::sweep::{HeatMap, ParamRange, SweepOutcome, Trial};
use qt_frames::{Column, Table};
use serde_json::{Map, Value, json};

use crate::command::backtest::execute_command;
use crate::output::table::table;
use crate::output::{Ink, Output, number};
use crate::settings::Layers;
use crate::summary::Figure;

/// The figure by which trials are ranked.
pub struct Ranking {
    /// Its name.
    pub name: &'static str,
    figure: Figure,
}

impl Ranking {
    /// The ranking by `figure`, called `name`.
    pub const fn new(name: &'static str, figure: Figure) -> Self {
        Self { name, figure }
    }

    /// The figure of a trial.
    pub fn figure(&self, trial: &Trial) -> Option<f64> {
        (self.figure)(&trial.metrics)
    }

    /// The trials' places, the best first: the smallest volatility, the largest of all others.
    /// Trials without the figure come last, equal ones in the order of their numbers.
    pub fn order(&self, trials: &[Trial]) -> Vec<usize> {
        let sign = if self.name == "volatility" { -1.0 } else { 1.0 };
        let value = |at: usize| self.figure(&trials[at]).map_or(f64::NEG_INFINITY, |f| f * sign);
        let mut order: Vec<usize> = (0..trials.len()).collect();
        order.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
        order
    }

    /// The figure as it is read.
    fn text(&self, value: Option<f64>) -> String {
        match self.name {
            "sharpe" | "sortino" | "calmar" | "profit_factor" => number::ratio(value),
            "trades" => value.map_or(number::NONE.into(), |value| number::fixed(value, 0)),
            _ => number::percent(value),
        }
    }
}

/// The parameters of a trial as a JSON object.
pub fn params_of(trial: &Trial) -> Value {
    let pairs = trial.params.iter().map(|(name, value)| {
        let number = value.parse::<f64>().ok().filter(|n| n.is_finite());
        let value = match (value.parse::<i64>(), number) {
            (Ok(whole), _) => json!(whole),
            (_, Some(number)) => json!(number),
            _ if matches!(value.as_str(), "true" | "false") => json!(value == "true"),
            _ => json!(value),
        };
        (name.clone(), value)
    });
    Value::Object(pairs.collect())
}

/// The best `top` trials.
pub fn ranked_table(outcome: &SweepOutcome, ranking: &Ranking, top: usize) -> String {
    let order = ranking.order(&outcome.trials);
    let names: Vec<String> = outcome
        .trials
        .first()
        .map(|trial| trial.params.iter().map(|(name, _)| format!(">{name}")).collect())
        .unwrap_or_default();
    let mut header: Vec<&str> = vec![">rank"];
    header.extend(names.iter().map(String::as_str));
    let figures = [">return", ">sharpe", ">drawdown", ">trades", ">win rate"];
    header.extend(figures);
    let extra = format!(">{}", ranking.name);
    let is_shown = matches!(ranking.name, "sharpe" | "total_return" | "max_drawdown" | "trades");
    if !is_shown && ranking.name != "win_rate" {
        header.push(&extra);
    }
    let width = header.len();
    let rows = order.iter().take(top).enumerate().map(|(rank, &at)| {
        let trial = &outcome.trials[at];
        let mut row = vec![(rank + 1).to_string()];
        row.extend(trial.params.iter().map(|(_, value)| value.clone()));
        row.extend([
            number::signed_percent(trial.metrics.total_return),
            number::ratio(trial.metrics.sharpe),
            number::signed_percent(trial.metrics.max_drawdown),
            number::count(trial.metrics.trades as u64),
            number::percent(trial.metrics.win_rate),
        ]);
        if row.len() < width {
            row.push(ranking.text(ranking.figure(trial)));
        }
        row
    });
    table(&header, rows)
}

/// The narrowest column of the map.
const HEAT_WIDTH_MIN: usize = 7;
/// The shades of the map, from the worst to the best.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];

/// The map as text: each cell its figure and a shade.
pub fn heat_text(map: &HeatMap, ranking: &Ranking, is_drawn: bool, out: &Output) -> String {
    let title = format!("{} by {} (down) and {} (across)", ranking.name, map.y, map.x);
    let all = || map.cells.iter().flatten().flatten().copied();
    let (low, high) = all().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    let (xs, ys) = (labels(&map.xs), labels(&map.ys));
    let widest = |labels: &[String]| labels.iter().map(|l| l.chars().count()).max().unwrap_or(0);
    let (column, width) = (widest(&xs).max(HEAT_WIDTH_MIN), widest(&ys).max(4));
    let cell = |value: Option<f64>| match value {
        None => format!("{:>column$}  ", number::NONE),
        Some(value) => {
            let place = if high > low { (value - low) / (high - low) } else { 1.0 };
            let shade = SHADES[((place * SHADES.len() as f64) as usize).min(SHADES.len() - 1)];
            let text = format!("{:>column$}{shade} ", short(ranking, value));
            if value == high { out.paint(Ink::Good, &text) } else { text }
        }
    };
    let head: String = xs.iter().map(|x| format!("{x:>column$}  ")).collect();
    let mut lines = vec![out.paint(Ink::Bold, &title), format!("{:width$} {head}", "")];
    for (y, row) in ys.iter().zip(&map.cells) {
        let cells: String = row.iter().map(|value| cell(*value)).collect();
        lines.push(format!("{y:>width$} {cells}"));
    }
    if map.is_grouped {
        let exact = if is_drawn { "" } else { "; --json has each of them" };
        let note = format!("a cell is the mean over neighbouring values{exact}");
        lines.push(out.paint(Ink::Dim, &note));
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// Values and groups of values, numbers in a few digits.
fn labels(names: &[String]) -> Vec<String> {
    let brief = |name: &str| match name.parse::<f64>() {
        Ok(value) if name.len() > 6 && value.is_finite() => {
            let decimals = 2_usize.saturating_sub(value.abs().max(1.0).log10() as usize);
            format!("{value:.decimals$}")
        }
        _ => name.to_owned(),
    };
    let label = |name: &String| match name.split_once("..") {
        Some((first, last)) => format!("{}..{}", brief(first), brief(last)),
        None => brief(name),
    };
    names.iter().map(label).collect()
}

fn short(ranking: &Ranking, value: f64) -> String {
    match ranking.name {
        "sharpe" | "sortino" | "calmar" | "profit_factor" => number::fixed(value, 2),
        "trades" => number::fixed(value, 0),
        _ => format!("{}%", number::fixed(value * 100.0, 1)),
    }
}

/// The command that runs the best trial alone: with all that was set for the sweep.
pub fn best_command(outcome: &SweepOutcome, ranking: &Ranking, layers: &Layers) -> Option<String> {
    let best = ranking.order(&outcome.trials).first().map(|at| &outcome.trials[*at])?;
    Some(execute_command("backtest", &layers.with_params(&best.params), &[]))
}

/// The document of a sweep, the best trial first.
pub fn document(outcome: &SweepOutcome, ranking: &Ranking, map: Option<&HeatMap>) -> Value {
    let order = ranking.order(&outcome.trials);
    let trials: Vec<Value> = order.iter().map(|at| trial_document(&outcome.trials[*at])).collect();
    json!({
        "schema": "quanttrade.sweep/1",
        "trials": outcome.trials.len(),
        "skipped": outcome.skipped,
        "interrupted": outcome.interrupted,
        "sort": ranking.name,
        "deflated": false,
        "warnings": ["not yet deflated: the best of many trials looks better than it is"],
        "results": trials,
        "heat_map": map.map(|map| json!({
            "x": map.x, "xs": map.xs, "y": map.y, "ys": map.ys, "cells": map.cells,
            "grouped": map.is_grouped,
        })),
    })
}

fn trial_document(trial: &Trial) -> Value {
    let mut document = match serde_json::to_value(&trial.metrics) {
        Ok(Value::Object(figures)) => figures,
        _ => Map::new(),
    };
    document.insert("trial".to_owned(), json!(trial.index));
    document.insert("params".to_owned(), params_of(trial));
    document.insert("fills".to_owned(), json!(trial.fills));
    document.insert("final_equity".to_owned(), json!(trial.final_equity));
    document.insert("total_fees".to_owned(), json!(trial.total_fees));
    document
        .insert("determinism_hash".to_owned(), json!(format!("{:016x}", trial.determinism_hash)));
    Value::Object(document)
}

/// All trials as columns, in the order of their numbers.
pub fn trial_columns(outcome: &SweepOutcome, ranges: &[ParamRange]) -> Table {
    let trials = &outcome.trials;
    let mut table = Table::default();
    let count = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    table.push("trial", Column::I64(trials.iter().map(|t| count(t.index)).collect()));
    for range in ranges {
        let values: Vec<&str> = trials.iter().map(|trial| value_of(trial, &range.name)).collect();
        let whole: Result<Vec<i64>, _> = values.iter().map(|value| value.parse()).collect();
        let number: Result<Vec<f64>, _> = values.iter().map(|value| value.parse()).collect();
        let column = match (whole, number) {
            (Ok(whole), _) => Column::I64(whole),
            (_, Ok(number)) => Column::F64(number),
            _ => Column::Text(values.iter().map(|value| (*value).to_owned()).collect()),
        };
        table.push(&range.name, column);
    }
    for (name, figure) in crate::summary::METRIC_NAMES {
        let values = trials.iter().map(|trial| figure(&trial.metrics).unwrap_or(f64::NAN));
        table.push(name, Column::F64(values.collect()));
    }
    table.push("fills", Column::I64(trials.iter().map(|t| count(t.fills)).collect()));
    let text = |pick: fn(&Trial) -> String| Column::Text(trials.iter().map(pick).collect());
    table.push("final_equity", text(|trial| trial.final_equity.clone()));
    table.push("total_fees", text(|trial| trial.total_fees.clone()));
    table.push("determinism_hash", text(|trial| format!("{:016x}", trial.determinism_hash)));
    table
}

fn value_of<'a>(trial: &'a Trial, name: &str) -> &'a str {
    trial.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}
