//! `data info` and `data list`: what there is.

use clap::Args;
use qt_frames::CatalogEntry;
use serde_json::{Value, json};

use super::{facts, interval_text, plan, ticks};
use crate::app::Session;
use crate::args::DataFlags;
use crate::dataset::sample::{PREFIX, SAMPLES};
use crate::dataset::{self, catalog};
use crate::failure::Failure;
use crate::output::table::{pairs, table};
use crate::output::{Ink, number};

/// Show what a file or an entry of the catalog is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade data info prices.csv.gz\n  \
    quanttrade data info sample:SP500 --json\n  \
    quanttrade data info btcusdt.jsonl.gz")]
pub struct InfoArgs {
    /// A file, a catalog id or a sample
    #[arg(value_name = "[SYMBOL=]PATH|ID")]
    pub data: String,
    /// Read a table of trades or quotes as ticks; other tick data is recognised
    #[arg(long)]
    pub ticks: bool,
    /// How it is read.
    #[command(flatten)]
    pub flags: DataFlags,
}

/// Runs `data info`.
///
/// # Errors
/// When the data cannot be read.
pub fn run(args: &InfoArgs, session: &Session) -> Result<(), Failure> {
    let mut plan = plan(&args.flags, session)?;
    // What a file is can be told even where the gate would refuse it.
    plan.load.check = false;
    if args.ticks || dataset::ticks::is_ticks(&args.data, &plan) {
        return ticks::info(&args.data, &plan, session);
    }
    let loaded = dataset::open(&args.data, &plan)?;
    if session.out.json {
        let all: Vec<Value> = loaded.iter().map(facts).collect();
        return match all.as_slice() {
            [one] => session.out.document(one),
            _ => session.out.document(&json!({"instruments": all})),
        };
    }
    for one in &loaded {
        let facts = facts(one);
        let mut lines = Vec::new();
        for (name, title) in TITLES {
            if let Some(value) = facts.get(*name).filter(|value| !value.is_null()) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                lines.push((*title, text));
            }
        }
        let title = session.out.paint(Ink::Bold, one.symbol());
        session.out.line(&format!("{title}\n{}", pairs(lines)))?;
        one.notes().iter().for_each(|note| session.out.note(&format!("note: {note}")));
    }
    session.out.note(&format!("quanttrade data check {} shows the quality", args.data));
    Ok(())
}

const TITLES: &[(&str, &str)] = &[
    ("path", "path"),
    ("format", "format"),
    ("kind", "rows are"),
    ("rows", "rows"),
    ("from", "from"),
    ("to", "to"),
    ("interval", "bar length"),
    ("calendar", "calendar"),
    ("instrument", "instrument"),
    ("currency", "currency"),
    ("tick", "tick"),
    ("lot", "lot"),
    ("multiplier", "multiplier"),
    ("sha256", "sha256"),
];

/// Runs `data list`.
///
/// # Errors
/// When the catalog cannot be read.
pub fn list(session: &Session) -> Result<(), Failure> {
    let catalog = catalog::catalog()?;
    let listing = catalog.list()?;
    if session.out.json {
        let entries: Vec<Value> = listing.entries.iter().map(entry_document).collect();
        let broken: Vec<Value> = listing
            .broken
            .iter()
            .map(|(id, error)| json!({"id": id, "error": error.to_string()}))
            .collect();
        let samples: Vec<Value> = SAMPLES
            .iter()
            .map(|sample| json!({"id": format!("{PREFIX}{}", sample.name), "doc": sample.doc}))
            .collect();
        return session.out.document(&json!({
            "catalog": catalog.dir(), "entries": entries, "broken": broken, "samples": samples,
            "ticks": ticks::list(),
        }));
    }
    let rows = listing.entries.iter().map(|entry| {
        vec![
            entry.id.clone(),
            entry.symbol.clone(),
            if entry.interval_ns > 0 { interval_text(entry.interval_ns) } else { String::new() },
            number::count(entry.rows),
            day(entry.first_ns),
            day(entry.last_ns.saturating_sub(1)),
            entry.quality.as_ref().map_or(number::NONE.into(), |q| format!("{:.1}", q.score)),
            number::bytes(entry.file.bytes),
        ]
    });
    let header = ["id", "symbol", "bars", ">rows", "from", "to", ">score", ">size"];
    if listing.entries.is_empty() {
        session.out.line("the catalog is empty: quanttrade data import FILE fills it")?;
    } else {
        session.out.line(&table(&header, rows))?;
    }
    for (id, error) in &listing.broken {
        session.out.warn(&format!("{id}: {error}"));
    }
    let stored = ticks::list();
    if !stored.is_empty() {
        session.out.line(&format!("\n{}", ticks::list_text(&stored)))?;
    }
    let lines: Vec<String> = SAMPLES
        .iter()
        .map(|sample| format!("  {PREFIX}{:<8} {}", sample.name, sample.doc))
        .collect();
    session.out.line(&format!("\nbundled samples\n{}", lines.join("\n")))
}

fn day(ns: i64) -> String {
    qt_data::stamp::iso_text(ns)[..10].to_owned()
}

/// An entry without what only the catalog itself needs.
pub fn entry_document(entry: &CatalogEntry) -> Value {
    let mut document = serde_json::to_value(entry).unwrap_or_default();
    if let Some(file) = document.get_mut("file").and_then(Value::as_object_mut) {
        file.remove("groups");
    }
    document
}
