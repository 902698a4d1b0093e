//! `data export` and `data bars`: bars for other programs, and bars from smaller things.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use qt_data::build::BarSpec;
use qt_data::series::BarSeries;
use qt_frames::{BarTimes, Span};
use serde_json::json;

use super::export_ticks::{self, What, Wish};
use super::info::entry_document;
use super::{only_one, plan, plan_of, write_bars};
use crate::app::Session;
use crate::args::DataFlags;
use crate::dataset::{self, bars_of, build, catalog, ticks};
use crate::failure::Failure;
use crate::output::number;

/// How times are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Times {
    /// ISO 8601 in UTC
    Iso,
    /// Seconds since 1970
    S,
    /// Milliseconds since 1970
    Ms,
    /// Nanoseconds since 1970
    Ns,
}

impl Times {
    const fn columns(self) -> BarTimes {
        match self {
            Self::Iso => BarTimes::Iso,
            Self::S => BarTimes::EpochS,
            Self::Ms => BarTimes::EpochMs,
            Self::Ns => BarTimes::EpochNs,
        }
    }
}

/// Write bars or ticks as CSV or Parquet for other programs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade data export spy-daily --out spy.csv\n  \
    quanttrade data export prices.csv --out prices.parquet --times ns\n  \
    quanttrade data export btcusdt.jsonl.gz --what trades --out trades.csv.gz")]
pub struct ExportArgs {
    /// A file, a catalog id or a sample
    #[arg(value_name = "[SYMBOL=]PATH|ID")]
    pub data: String,
    /// The file to write; its ending says how: .csv or .parquet (ticks: also .csv.gz, .csv.zst)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Read the data as ticks and write these of them [default for ticks: all]
    #[arg(long, value_enum)]
    pub what: Option<What>,
    /// How times are written
    #[arg(long, value_enum, default_value = "iso")]
    pub times: Times,
    /// Only bars that open at TIME or later; of ticks those that happen then
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only bars that open before TIME; of ticks those that happen before
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// How it is read.
    #[command(flatten)]
    pub flags: DataFlags,
}

/// Runs `data export`.
///
/// # Errors
/// When the data cannot be read or the file not be written.
pub fn run(args: &ExportArgs, session: &Session) -> Result<(), Failure> {
    let mut given = args.flags.0.clone();
    let range = [("from", &args.from), ("to", &args.to)];
    for (name, value) in range {
        if let Some(value) = value {
            given.insert(name, vec![value.clone()]);
        }
    }
    let layers = session.layers(&given, None)?;
    let plan = plan_of(&layers, session)?;
    let (from_ns, to_ns) = crate::settings::range_ns(&layers)?;
    let (from_ns, to_ns) = (from_ns.unwrap_or(i64::MIN), to_ns.unwrap_or(i64::MAX));
    if args.what.is_some() || ticks::is_ticks(&args.data, &plan) {
        let (data, out) = (args.data.as_str(), args.out.as_path());
        let what = args.what.unwrap_or(What::All);
        let wish = Wish { data, what, from_ns, to_ns, out };
        return export_ticks::run(&wish, &plan, session);
    }
    let part = Span { from_ns, to_ns, before: 0, after: 0 };
    let loaded = only_one(dataset::open_part(&args.data, &plan, Some(&part))?, &args.data)?;
    let mut series = bars_of(loaded, plan.bars.as_ref())?;
    let all = series.bars.len();
    let start = series.bars.partition_point(|bar| bar.open_ns < from_ns);
    let end = series.bars.partition_point(|bar| bar.open_ns < to_ns);
    if start >= end {
        return Err(Failure::nothing(format!(
            "{}: none of its {} lies in the range asked for",
            args.data,
            number::plural(all as u64, "bar")
        )));
    }
    series.bars.truncate(end);
    series.bars.drain(..start);
    if !series.half_spreads.is_empty() {
        series.half_spreads.truncate(end);
        series.half_spreads.drain(..start);
    }
    write_bars(&series, args.times.columns(), &args.out)?;
    report(&series, Some(&args.out), session)
}

/// Build bars from trades or from smaller bars.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade data bars minutes.csv 1h --out hours.csv\n  \
    quanttrade data bars trades.csv.gz dollar:1000000 --id btc-dollar")]
pub struct BarsArgs {
    /// A file, a catalog id or a sample
    #[arg(value_name = "[SYMBOL=]PATH|ID")]
    pub data: String,
    /// The bars: 5m, 1h, 1d, tick:1000, volume:500, dollar:1000000
    pub spec: String,
    /// The file to write; its ending says how: .csv or .parquet
    #[arg(long, value_name = "FILE", required_unless_present = "id")]
    pub out: Option<PathBuf>,
    /// Keep them in the catalog under this id
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Replace an entry of the same id
    #[arg(long, requires = "id")]
    pub replace: bool,
    /// How it is read.
    #[command(flatten)]
    pub flags: DataFlags,
}

/// Runs `data bars`.
///
/// # Errors
/// When bars of that kind cannot be built, or not be written.
pub fn bars(args: &BarsArgs, session: &Session) -> Result<(), Failure> {
    let plan = plan(&args.flags, session)?;
    let spec: BarSpec = args.spec.parse()?;
    let loaded = only_one(dataset::open(&args.data, &plan)?, &args.data)?;
    let series = build(loaded, &spec)?;
    if let Some(path) = &args.out {
        write_bars(&series, BarTimes::Iso, path)?;
    }
    if let Some(id) = &args.id {
        let entry = catalog::catalog()?.save(&series, Some(id), args.replace)?;
        if session.out.json && args.out.is_none() {
            return session.out.document(&entry_document(&entry));
        }
        session.out.note(&format!("catalog: {}", entry.id));
    }
    report(&series, args.out.as_deref(), session)
}

fn report(
    series: &BarSeries,
    path: Option<&std::path::Path>,
    session: &Session,
) -> Result<(), Failure> {
    let from = series.bars.first().map(|bar| qt_data::stamp::iso_text(bar.open_ns));
    let to = series.bars.last().map(|bar| qt_data::stamp::iso_text(bar.close_ns));
    if session.out.json {
        return session.out.document(&json!({
            "path": path, "symbol": series.spec.symbol(), "bars": series.bars.len(),
            "from": from, "to": to,
        }));
    }
    let place = path.map_or_else(String::new, |path| format!("{}: ", path.display()));
    session.out.line(&format!(
        "{place}{} of {}, {} to {}",
        number::plural(series.bars.len() as u64, "bar"),
        series.spec.symbol(),
        from.unwrap_or_default(),
        to.unwrap_or_default()
    ))
}
