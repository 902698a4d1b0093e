//! `data`: from files to data sets that can be trusted.

mod book;
mod check;
mod export;
mod export_ticks;
mod fetch;
mod generate;
mod import;
mod indicator;
mod info;
mod ticks;

use clap::{Args, Subcommand};
use qt_data::load::Loaded;
use qt_data::series::{BarSeries, DataKind};
use qt_data::stamp::iso_text;
use serde_json::{Value, json};

use crate::app::Session;
use crate::args::DataFlags;
use crate::failure::Failure;
use crate::output::progress;
use crate::settings::{DataPlan, Layers};

/// Import, inspect, check, build and export market data.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  quanttrade data check prices.csv")]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Check files and keep them in the catalog, from where they load faster
    Import(import::ImportArgs),
    /// Show what a file or an entry of the catalog is
    Info(info::InfoArgs),
    /// List the catalog and the bundled samples
    #[command(after_help = "Example:\n  quanttrade data list")]
    List,
    /// Print the quality report of files, with a score
    Check(check::CheckArgs),
    /// Write bars or ticks as CSV or Parquet for other programs
    Export(export::ExportArgs),
    /// Download files of a public archive
    Fetch(fetch::FetchArgs),
    /// Write a synthetic market, made from a seed
    Generate(generate::GenerateArgs),
    /// Build bars from trades or from smaller bars
    Bars(export::BarsArgs),
    /// Compute one indicator over a file
    Indicator(indicator::IndicatorArgs),
    /// Rebuild the order book of a recorded stream
    Book(book::BookArgs),
    /// Take an entry out of the catalog
    Rm(import::RmArgs),
}

/// Runs the command.
///
/// # Errors
/// When data is missing, unreadable or refused, or a file cannot be written.
pub fn run(args: DataArgs, session: &Session) -> Result<(), Failure> {
    match args.action {
        Action::Import(args) => import::run(&args, session),
        Action::Info(args) => info::run(&args, session),
        Action::List => info::list(session),
        Action::Check(args) => check::run(&args, session),
        Action::Export(args) => export::run(&args, session),
        Action::Fetch(args) => fetch::run(&args, session),
        Action::Generate(args) => generate::run(&args, session),
        Action::Bars(args) => export::bars(&args, session),
        Action::Indicator(args) => indicator::run(&args, session),
        Action::Book(args) => book::run(&args, session),
        Action::Rm(args) => import::remove(&args, session),
    }
}

/// How data is read, by the flags and all other layers.
fn plan(flags: &DataFlags, session: &Session) -> Result<DataPlan, Failure> {
    let layers: Layers = session.layers(&flags.0, None)?;
    plan_of(&layers, session)
}

fn plan_of(layers: &Layers, session: &Session) -> Result<DataPlan, Failure> {
    let mut plan = DataPlan::new(layers)?;
    plan.load.threads = session.threads;
    Ok(plan)
}

/// The word for a kind of rows.
const fn kind_text(kind: DataKind) -> &'static str {
    match kind {
        DataKind::Bars => "bars",
        DataKind::QuoteBars => "quote bars",
        DataKind::Trades => "trades",
        DataKind::Quotes => "quotes",
        DataKind::Values => "values",
    }
}

/// When the first row begins and the last one ends (UTC ns).
fn span(loaded: &Loaded) -> Option<(i64, i64)> {
    match loaded {
        Loaded::Bars(series) => Some((series.bars.first()?.open_ns, series.bars.last()?.close_ns)),
        Loaded::Trades(series) => {
            Some((series.trades.first()?.venue_ns, series.trades.last()?.venue_ns))
        }
        Loaded::Quotes(series) => {
            Some((series.quotes.first()?.venue_ns, series.quotes.last()?.venue_ns))
        }
        Loaded::Values(series) => Some((*series.times_ns.first()?, *series.times_ns.last()?)),
    }
}

/// What is known about a series, for `info` and `check`.
fn facts(loaded: &Loaded) -> Value {
    let source = loaded.source();
    let span = span(loaded);
    let units = match loaded {
        Loaded::Bars(series) => Some((&series.spec, series.interval_ns)),
        Loaded::Trades(series) => Some((&series.spec, 0)),
        Loaded::Quotes(series) => Some((&series.spec, 0)),
        Loaded::Values(_) => None,
    };
    let e9 = |value: i64| qt_types::format_scaled(i128::from(value), 9);
    let mut facts = json!({
        "path": source.path,
        "sha256": source.sha256,
        "format": source.format,
        "kind": kind_text(loaded.kind()),
        "symbol": loaded.symbol(),
        "rows": loaded.len(),
        "from": span.map(|(from, _)| iso_text(from)),
        "to": span.map(|(_, to)| iso_text(to)),
        "calendar": loaded.calendar().name(),
        "score": loaded.quality().map(|report| report.score),
        "notes": loaded.notes(),
    });
    if let Some((spec, interval_ns)) = units {
        facts["currency"] = json!(spec.currency());
        facts["instrument"] = json!(spec.kind().text());
        facts["tick"] = json!(e9(spec.tick_e9()));
        facts["lot"] = json!(e9(spec.lot_e9()));
        facts["multiplier"] = json!(e9(spec.multiplier_e9()));
        if interval_ns > 0 {
            facts["interval"] = json!(interval_text(interval_ns));
        }
    }
    facts
}

/// A length of bars as `--bars` writes it.
fn interval_text(interval_ns: i64) -> String {
    qt_data::build::BarSpec::Time { interval_ns }.to_string()
}

/// The only series of several.
///
/// # Errors
/// When there are more: the flags have to name one.
fn only_one(mut all: Vec<Loaded>, given: &str) -> Result<Loaded, Failure> {
    if all.len() > 1 {
        let names: Vec<&str> = all.iter().map(Loaded::symbol).collect();
        return Err(Failure::usage(format!("{given}: holds {} instruments", all.len()))
            .hint(format!("name one of them: {}={given}", names.join(" or "))));
    }
    all.pop().ok_or_else(|| Failure::data(format!("{given}: holds nothing")))
}

/// Writes bars as a table, by the ending of the file's name.
fn write_bars(
    series: &BarSeries,
    times: qt_frames::BarTimes,
    path: &std::path::Path,
) -> Result<(), Failure> {
    let table = qt_frames::bars_table(series, times)?;
    write_table(&table, path)
}

/// Writes a table as CSV or Parquet, by the ending of the file's name.
///
/// # Errors
/// When the ending is another one, or the file cannot be written.
pub fn write_table(table: &qt_frames::Table, path: &std::path::Path) -> Result<(), Failure> {
    let _shown = progress::waiting(format!("writing {}", path.display()));
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("csv") => Ok(table.write_csv(path)?),
        Some("parquet") => Ok(table.write_parquet(path)?),
        _ => Err(Failure::usage(format!("{}: what format is that?", path.display()))
            .hint("give the file the ending .csv or .parquet")),
    }
}
