//! `data fetch`: files of a public archive, checked and kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use qt_data::calendar::Calendar;
use qt_data::calendar::civil::Day;
use serde_json::{Value, json};

use super::info::entry_document;
use super::{only_one, plan_of, ticks};
use crate::app::Session;
use crate::dataset::{self, bars_of, catalog};
use crate::failure::Failure;
use crate::fetch::archive::{BASE_URL, Kind, days_of, periods, span};
use crate::fetch::{Client, ClientOptions, Got, Period, Series, download, join};
use crate::output::{Ink, number};
use crate::place::{DataDir, make_folder};
use crate::runs::now_ns;
use crate::settings::number::duration_ns;

/// Download files of a public archive: Binance's klines, trades and best prices.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade data fetch binance:spot/BTCUSDT --kind klines --interval 1m --from 2024-01 --to \
    2024-03 --import\n  \
    quanttrade data fetch binance:um/BTCUSDT --kind aggTrades --from 2024-08-08 --out downloads")]
pub struct FetchArgs {
    /// The archive, the market (spot, um, cm) and the symbol: binance:spot/BTCUSDT
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// What the files hold
    #[arg(long, value_enum)]
    pub kind: Kind,
    /// The length of klines: 1m, 1h, 1d ...
    #[arg(long, value_name = "INTERVAL")]
    pub interval: Option<String>,
    /// The first day or month: 2024-01-31 or 2024-01
    #[arg(long, value_name = "DATE")]
    pub from: String,
    /// The last day or month, included; that of --from without it
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// The folder that the files go to, each at the archive's own path below it; `downloads` in
    /// the data directory without it
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Then keep klines in the catalog as one entry, and convert trades and best prices to ticks
    #[arg(long)]
    pub import: bool,
    /// Where the archive is
    #[arg(long, value_name = "URL", default_value = BASE_URL)]
    pub base_url: String,
    /// Trust the certificates in this file (PEM) instead of the system's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// How long to wait for a connection, an answer, and more of it
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub timeout: String,
    /// How often to try again what may pass: timeouts, broken connections, 5xx
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,
    /// How long to wait before trying again the first time; twice as long each time after
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub retry_pause: String,
}

/// Runs `data fetch`.
///
/// # Errors
/// When the request is wrong, the server does not answer, a file differs from its checksum, or
/// nothing of what was asked for is there.
pub fn run(args: &FetchArgs, session: &Session) -> Result<(), Failure> {
    let series = Series::parse(&args.source, args.kind, args.interval.as_deref());
    let series = series.map_err(Failure::usage)?;
    let (first, last) = span(&args.from, args.to.as_deref()).map_err(Failure::usage)?;
    let base = base(&args.base_url)?;
    let client = Client::new(&ClientOptions {
        timeout: time("timeout", &args.timeout)?,
        retries: args.retries,
        pause: time("retry-pause", &args.retry_pause)?,
        ca: args.ca.as_deref(),
    })?;
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => DataDir::find().downloads(),
    };
    make_folder(&folder)?;
    let today = Day::of_ns(now_ns());
    let errand = Errand { series: &series, base, folder: &folder, client: &client, session };
    let fetched = errand.fetch(periods(first, last, today), today)?;
    if fetched.files.is_empty() {
        let what = if fetched.missing.is_empty() {
            format!("{} is not over: the archive has whole days of the past", args.from)
        } else {
            let missing = listed(&fetched.missing);
            format!("{}: the archive does not have {missing} (or not yet)", args.source)
        };
        return Err(Failure::nothing(what).hint("check the symbol, the kind and the dates"));
    }
    let imported = if args.import { errand.import(&fetched.files)? } else { Vec::new() };
    if session.out.json {
        let missing: Vec<String> = fetched.missing.iter().map(Period::to_string).collect();
        let files: Vec<Value> = fetched.files.iter().map(Held::document).collect();
        return session.out.document(&json!({
            "source": args.source, "kind": args.kind.text(), "interval": args.interval,
            "base_url": base, "folder": folder, "files": files, "missing": missing,
            "imported": imported,
        }));
    }
    errand.tell(&fetched, &imported)
}

/// The archive's address without a slash at its end.
fn base(url: &str) -> Result<&str, Failure> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(url.trim_end_matches('/'));
    }
    Err(Failure::usage(format!("--base-url: '{url}' begins with neither https:// nor http://")))
}

fn time(name: &str, text: &str) -> Result<Duration, Failure> {
    let wrong = |what: String| Failure::usage(format!("--{name}: {what}"));
    let ns = duration_ns(text).map_err(wrong)?;
    Ok(Duration::from_nanos(ns.unsigned_abs()))
}

/// Some of `periods` as text.
fn listed(periods: &[Period]) -> String {
    const SHOWN_MAX: usize = 5;
    let shown: Vec<String> = periods.iter().take(SHOWN_MAX).map(Period::to_string).collect();
    let more = match periods.len().saturating_sub(SHOWN_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown.join(", ") + &more
}

/// A file that is there now.
struct Held {
    period: Period,
    path: PathBuf,
    url: String,
    bytes: u64,
    sha256: String,
    is_new: bool,
}

impl Held {
    fn document(&self) -> Value {
        json!({
            "period": self.period.to_string(), "path": self.path, "url": self.url,
            "bytes": self.bytes, "sha256": self.sha256,
            "state": if self.is_new { "fetched" } else { "there" },
        })
    }
}

/// What came of the wishes.
#[derive(Default)]
struct Fetched {
    files: Vec<Held>,
    missing: Vec<Period>,
}

struct Errand<'a> {
    series: &'a Series,
    base: &'a str,
    folder: &'a Path,
    client: &'a Client,
    session: &'a Session,
}

impl Errand<'_> {
    /// Fetches the files of `wanted`; of a month that the archive does not have, its days.
    fn fetch(&self, wanted: Vec<Period>, today: Day) -> Result<Fetched, Failure> {
        let mut fetched = Fetched::default();
        let mut wanted: Vec<Period> = wanted.into_iter().rev().collect();
        let bar = self.session.out.progress(wanted.len() as u64, "files");
        let mut done = 0;
        while let Some(period) = wanted.pop() {
            let held = self.one(period, |bytes| {
                bar.set(done, || format!("{period}, {}", number::bytes(bytes)));
            });
            match held? {
                Some(held) => fetched.files.push(held),
                None => match period {
                    Period::Month(first) => {
                        let days = days_of(first).into_iter().rev();
                        wanted.extend(days.filter(|day| *day < Period::Day(today)));
                    }
                    Period::Day(_) => fetched.missing.push(period),
                },
            }
            done += 1;
            bar.set_of(done, done + wanted.len() as u64);
        }
        bar.finish();
        Ok(fetched)
    }

    fn one(&self, period: Period, tell: impl FnMut(u64)) -> Result<Option<Held>, Failure> {
        let below = self.series.path(period);
        let (url, path) = (format!("{}/{below}", self.base), self.folder.join(&below));
        let out = &self.session.out;
        let again = |what: &str| out.note(&format!("{url}: {what}; trying again"));
        let got = download(self.client, &url, &path, tell, again)?;
        let (bytes, sha256, is_new) = match got {
            Got::Missing => return Ok(None),
            Got::Fetched(bytes, sha256) => (bytes, sha256, true),
            Got::There(bytes, sha256) => (bytes, sha256, false),
        };
        Ok(Some(Held { period, path, url, bytes, sha256, is_new }))
    }

    /// Klines become one entry of the catalog, all else files of the tick store.
    fn import(&self, files: &[Held]) -> Result<Vec<Value>, Failure> {
        let mut plan = plan_of(&self.session.layers(&BTreeMap::new(), None)?, self.session)?;
        if self.series.kind != Kind::Klines {
            let import = |held: &Held| {
                let given = format!("{}={}", self.series.symbol, held.path.display());
                ticks::import(&given, &plan, false, self.session)
            };
            return files.iter().map(import).collect();
        }
        let (Some(first), Some(last)) = (files.first(), files.last()) else {
            return Ok(Vec::new());
        };
        let id = self.series.id();
        let joined = self.folder.join(format!("{id}-{}_{}.csv", first.period, last.period));
        let paths: Vec<PathBuf> = files.iter().map(|held| held.path.clone()).collect();
        join(&paths, &joined)?;
        plan.load.calendar.get_or_insert(Calendar::Always);
        let given = format!("{}={}", self.series.symbol, joined.display());
        let series = bars_of(only_one(dataset::open(&given, &plan)?, &given)?, None)?;
        let entry = catalog::catalog()?.save(&series, Some(&id), true)?;
        Ok(vec![entry_document(&entry)])
    }

    fn tell(&self, fetched: &Fetched, imported: &[Value]) -> Result<(), Failure> {
        let out = &self.session.out;
        for held in &fetched.files {
            let state = if held.is_new { "fetched" } else { "there already" };
            out.line(&format!(
                "{}  {}, {state}, checksum right",
                out.paint(Ink::Bold, &held.path.display().to_string()),
                number::bytes(held.bytes)
            ))?;
        }
        if !fetched.missing.is_empty() {
            out.note(&format!(
                "the archive does not have {} (or not yet)",
                listed(&fetched.missing)
            ));
        }
        for entry in imported {
            if let Some(id) = entry["id"].as_str() {
                out.line(&format!("catalog: {id}"))?;
            }
        }
        Ok(())
    }
}
