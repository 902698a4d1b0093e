//! `data import` and `data rm`: the catalog.

use clap::Args;
use serde_json::{Value, json};

use super::info::entry_document;
use super::{plan, ticks};
use crate::app::Session;
use crate::args::DataFlags;
use crate::dataset::{self, bars_of, catalog};
use crate::failure::Failure;
use crate::output::{Ink, number, progress};
use crate::settings::DataPlan;

/// Check files and keep them in the catalog, from where they load faster.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade data import prices.csv --id spy-daily\n  \
    quanttrade data import BTCUSDT-1m-*.zip --calendar 24x7\n  \
    quanttrade data import trades.csv --bars 1m --id btc-1m\n  \
    quanttrade data import trades.csv btcusdt.jsonl.gz --ticks")]
pub struct ImportArgs {
    /// Files, or samples
    #[arg(required = true, value_name = "[SYMBOL=]PATH")]
    pub data: Vec<String>,
    /// The id; symbol and bar length without it
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Replace an entry of the same id
    #[arg(long)]
    pub replace: bool,
    /// Read tables of trades or quotes as ticks; other tick data is recognised
    #[arg(long)]
    pub ticks: bool,
    /// How they are read.
    #[command(flatten)]
    pub flags: DataFlags,
}

/// Runs `data import`.
///
/// # Errors
/// When a file is refused or the catalog cannot be written to.
pub fn run(args: &ImportArgs, session: &Session) -> Result<(), Failure> {
    let plan = plan(&args.flags, session)?;
    let catalog = catalog::catalog()?;
    let mut series = Vec::new();
    let mut documents: Vec<Value> = Vec::new();
    for given in &args.data {
        if args.ticks || dataset::ticks::is_ticks(given, &plan) {
            documents.push(import_ticks(args, given, &plan, session)?);
            continue;
        }
        for loaded in dataset::open(given, &plan)? {
            series.push(bars_of(loaded, plan.bars.as_ref())?);
        }
    }
    if args.id.is_some() && series.len() > 1 {
        let count = series.len();
        return Err(Failure::usage(format!("one --id cannot name {count} data sets"))
            .hint("leave --id away, or import one after the other"));
    }
    for series in &series {
        let shown = progress::waiting(format!("writing {}", series.spec.symbol()));
        let entry = catalog.save(series, args.id.as_deref(), args.replace)?;
        drop(shown);
        if !session.out.json {
            let score = entry.quality.as_ref().map_or_else(
                || "not checked".to_owned(),
                |quality| format!("quality {:.1} of 100", quality.score),
            );
            session.out.line(&format!(
                "{}  {} of {}, {score}, {}",
                session.out.paint(Ink::Bold, &entry.id),
                number::plural(entry.rows, "bar"),
                entry.symbol,
                number::bytes(entry.file.bytes)
            ))?;
        }
        for note in &series.notes {
            session.out.detail(&format!("note: {note}"));
        }
        documents.push(entry_document(&entry));
    }
    if session.out.json {
        return session.out.document(&json!({"imported": documents}));
    }
    if let Some(id) = documents.first().and_then(|entry| entry["id"].as_str()) {
        let command = format!("quanttrade backtest --data {id} --strategy sma_cross");
        session.out.note(&format!("use it by its id: {command}"));
    }
    Ok(())
}

fn import_ticks(
    args: &ImportArgs,
    given: &str,
    plan: &DataPlan,
    session: &Session,
) -> Result<Value, Failure> {
    if args.id.is_some() || plan.bars.is_some() {
        return Err(Failure::usage(format!(
            "{given}: ticks are kept by their content, not by --id"
        ))
        .hint("leave --id and --bars away; runs find the file again by its path"));
    }
    ticks::import(given, plan, args.replace, session)
}

/// Take an entry out of the catalog.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  quanttrade data rm spy-daily --yes")]
pub struct RmArgs {
    /// Its id
    pub id: String,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Runs `data rm`.
///
/// # Errors
/// When there is no such entry, or nobody said yes.
pub fn remove(args: &RmArgs, session: &Session) -> Result<(), Failure> {
    let catalog = catalog::catalog()?;
    catalog.info(&args.id)?;
    if !args.yes {
        return Err(Failure::usage("nothing was removed: this cannot be undone")
            .hint(format!("quanttrade data rm {} --yes", args.id)));
    }
    catalog.remove(&args.id)?;
    if session.out.json {
        return session.out.document(&json!({"removed": [args.id]}));
    }
    session.out.line(&format!("removed {}", args.id))
}
