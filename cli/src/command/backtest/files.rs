//! The files that a run writes: the report, and the tables of `--out`.

use std::io::Write;
use std::path::Path;

use qt_backtest::report::html::{ReportInput, render};
use qt_backtest::report::result::{FillEntry, TradeEntry};
use qt_data::stamp::iso_text;
use serde_json::Value;

use super::{Finished, orders};
use crate::app::Session;
use crate::failure::Failure;
use crate::output::file::write_whole;
use crate::output::number;
use crate::place::make_folder;
use crate::runs;
use crate::version;

/// Writes what the plan asks for.
///
/// # Errors
/// When a file cannot be written.
pub fn write(finished: &Finished, session: &Session) -> Result<(), Failure> {
    if let Some(path) = &finished.plan.report {
        write_report(finished, path, session)?;
    }
    if let Some(folder) = &finished.plan.out {
        write_tables(finished, folder, session)?;
    }
    Ok(())
}

fn write_report(finished: &Finished, path: &Path, session: &Session) -> Result<(), Failure> {
    let now = runs::time_text(runs::now_ns());
    let generated_note = format!("{now} UTC, run {}", finished.id);
    let page = render(&ReportInput {
        outcome: &finished.outcome,
        series: &finished.references(),
        document: &finished.document,
        config: &finished.plan.config,
        command: &finished.command,
        version: &version::full_with(session.code),
        generated_note: &generated_note,
    });
    write_whole(path, |out| out.write_all(page.as_bytes()))?;
    let size = number::bytes(page.len() as u64);
    session.out.note(&format!("report: {} ({size})", path.display()));
    Ok(())
}

fn write_tables(finished: &Finished, folder: &Path, session: &Session) -> Result<(), Failure> {
    make_folder(folder)?;
    let document = &finished.document;
    write_whole(&folder.join("result.json"), |out| {
        if document.equity_curve.len() == finished.outcome.curve.len() {
            return Ok(serde_json::to_writer(&mut *out, document)?);
        }
        // The document for scripts has a thinned curve; the one on the disk has all of it.
        let mut whole = document.clone();
        whole.equity_curve = curve(finished).collect();
        Ok(serde_json::to_writer(&mut *out, &whole)?)
    })?;
    write_whole(&folder.join("fills.csv"), |out| {
        writeln!(out, "symbol,time,bar,side,order,price,qty,fee,order_id,liquidity")?;
        document.fills_list.iter().try_for_each(|fill| writeln!(out, "{}", fill_row(fill)))
    })?;
    write_whole(&folder.join("trades.csv"), |out| {
        writeln!(
            out,
            "symbol,side,entry_time,exit_time,entry_price,exit_price,qty,profit,return,fees,bars,\
             mae,mfe"
        )?;
        document.trades_list.iter().try_for_each(|trade| writeln!(out, "{}", trade_row(trade)))
    })?;
    write_whole(&folder.join("equity.csv"), |out| {
        writeln!(out, "time,equity")?;
        curve(finished).try_for_each(|(time, equity)| writeln!(out, "{time},{equity}"))
    })?;
    orders::write(&finished.outcome, &folder.join("orders.csv"))?;
    session.out.note(&format!("tables: {}", folder.display()));
    Ok(())
}

fn curve(finished: &Finished) -> impl Iterator<Item = (String, String)> + '_ {
    let points = finished.outcome.curve.iter();
    points.map(|(time_ns, equity)| (iso_text(time_ns.get()), equity.to_string()))
}

fn fill_row(fill: &FillEntry) -> String {
    let cells = [
        quoted(&fill.symbol),
        fill.time.clone(),
        quoted(&fill.bar),
        fill.side.to_owned(),
        fill.order.to_owned(),
        fill.price.clone(),
        fill.qty.clone(),
        fill.fee.clone(),
        fill.order_id.to_string(),
        fill.liquidity.to_owned(),
    ];
    cells.join(",")
}

fn trade_row(trade: &TradeEntry) -> String {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let cells = [
        quoted(&trade.symbol),
        trade.side.to_owned(),
        trade.entry_time.clone(),
        trade.exit_time.clone(),
        trade.entry_price.clone(),
        trade.exit_price.clone(),
        trade.qty.clone(),
        trade.profit.clone(),
        number(trade.return_ratio),
        trade.fees.clone(),
        trade.bars.to_string(),
        number(trade.mae),
        number(trade.mfe),
    ];
    cells.join(",")
}

/// A cell as RFC 4180 wants it.
pub(super) fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// The parameters as `fast=10 slow=50`.
pub fn params_text(params: &std::collections::BTreeMap<String, Value>) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let pairs: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    pairs.join(" ")
}
