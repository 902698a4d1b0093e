//! The data commands on ticks: a file of the tick store, or one that it can be filled from.

use std::path::Path;

use qt_data::stamp::iso_text;
use qt_data::ticks::{Description, RecordKind, TickFile, Verify};
use serde_json::{Value, json};

use crate::app::Session;
use crate::dataset::census::{self, Census};
use crate::dataset::ticks::{self, Converted};
use crate::failure::{Failure, Reason};
use crate::output::table::{pairs, table};
use crate::output::{Ink, number};
use crate::settings::DataPlan;

/// Runs `data import` on tick data.
///
/// # Errors
/// When a file cannot be converted.
pub fn import(
    given: &str,
    plan: &DataPlan,
    replace: bool,
    session: &Session,
) -> Result<Value, Failure> {
    let Converted { file, rows, .. } = ticks::convert(given, plan, replace, &session.out)?;
    let description = file.description()?;
    let mut document = facts(given, &file, &description);
    document["rows"] = json!(rows);
    if !session.out.json {
        let read = rows.map_or_else(
            || "converted before, checksums compared".to_owned(),
            |rows| format!("{} read, every record read back", number::plural(rows, "row")),
        );
        session.out.line(&format!(
            "{}  {} of {}, {read}, {}",
            session.out.paint(Ink::Bold, given),
            number::plural(file.len(), "record"),
            symbols(&description),
            file.path()
        ))?;
        notes(&description).iter().for_each(|note| session.out.note(&format!("note: {note}")));
    }
    Ok(document)
}

/// Runs `data info` on tick data.
///
/// # Errors
/// When it cannot be read.
pub fn info(given: &str, plan: &DataPlan, session: &Session) -> Result<(), Failure> {
    let file = ticks::convert(given, plan, false, &session.out)?.file;
    let (description, census) = (file.description()?, census::take(&file)?);
    let mut document = facts(given, &file, &description);
    merge(&mut document, &census);
    if session.out.json {
        return session.out.document(&document);
    }
    session.out.line(&text(given, &file, &description, &census, session))?;
    notes(&description).iter().for_each(|note| session.out.note(&format!("note: {note}")));
    Ok(())
}

/// Runs `data check` on tick data; gives the document, and the failure that it amounts to.
///
/// # Errors
/// When it cannot be read or is damaged.
pub fn check(
    given: &str,
    plan: &DataPlan,
    min_score: Option<f64>,
    session: &Session,
) -> Result<(Value, Option<Failure>), Failure> {
    let converted = ticks::convert(given, plan, false, &session.out)?;
    // All checksums, the hash over all records, and the order of times.
    let file = TickFile::open(Path::new(converted.file.path()), Verify::Full)?;
    let (description, census) = (file.description()?, census::take(&file)?);
    let odd = description.facts.iter().map(|fact| fact.count).sum();
    let score = census.score(odd, description.shift_ns);
    let accepted = min_score.is_none_or(|min| score >= min);
    let mut document = facts(given, &file, &description);
    merge(&mut document, &census);
    document["checksums"] = json!("right");
    document["score"] = json!(score);
    document["accepted"] = json!(accepted);
    if !session.out.json {
        let shown = text(given, &file, &description, &census, session);
        session.out.line(&format!("{shown}\nchecksums  right\nscore      {score:.1} of 100"))?;
        notes(&description).iter().for_each(|note| session.out.note(&format!("note: {note}")));
    }
    let failure = (!accepted).then(|| {
        let min = min_score.unwrap_or_default();
        Failure::new(Reason::Data, format!("{given}: the score {score:.1} is below {min}"))
    });
    Ok((document, failure))
}

/// The tick files of the data directory, one document each.
pub fn list() -> Vec<Value> {
    let about = |file: &TickFile| {
        let description = file.description().ok()?;
        let source = description.sources.first().map(|source| source.path.clone());
        Some(facts(&source.unwrap_or_default(), file, &description))
    };
    ticks::stored().iter().filter_map(about).collect()
}

/// [`list`] as a table.
pub fn list_text(documents: &[Value]) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows = documents.iter().map(|document| {
        let symbols = document["instruments"].as_array().into_iter().flatten();
        let symbols: Vec<String> = symbols.map(|one| text(&one["symbol"])).collect();
        let name = text(&document["path"]);
        vec![
            Path::new(&name).file_name().unwrap_or_default().display().to_string(),
            shortened(&symbols),
            text(&document["kind"]),
            number::count(document["records"].as_u64().unwrap_or(0)),
            text(&document["from"]).chars().take(19).collect(),
            number::bytes(document["bytes"].as_u64().unwrap_or(0)),
        ]
    });
    let header = ["tick file made from", "symbols", "records of", ">records", "from", ">size"];
    table(&header, rows)
}

fn facts(given: &str, file: &TickFile, description: &Description) -> Value {
    let times = file.times();
    let e9 = |value: i64| qt_types::format_scaled(i128::from(value), 9);
    let instruments: Vec<Value> = description
        .instruments
        .iter()
        .map(|spec| {
            json!({
                "symbol": spec.symbol(),
                "currency": spec.currency(),
                "instrument": spec.kind().text(),
                "tick": e9(spec.tick_e9()),
                "lot": e9(spec.lot_e9()),
                "multiplier": e9(spec.multiplier_e9()),
            })
        })
        .collect();
    let source = description.sources.first();
    json!({
        "path": given,
        "file": file.path(),
        "bytes": std::fs::metadata(file.path()).map(|found| found.len()).unwrap_or(0),
        "sha256": source.map(|source| &source.sha256),
        "format": source.map(|source| &source.importer),
        "kind": match file.kind() {
            RecordKind::Levels => "levels",
            RecordKind::Orders => "orders",
        },
        "records": file.len(),
        "from": iso_text(times.recv_first),
        "to": iso_text(times.recv_last),
        "venue_from": iso_text(times.venue_first),
        "venue_to": iso_text(times.venue_last),
        "shift_ns": description.shift_ns,
        "instruments": instruments,
        "notes": notes(description),
    })
}

/// Adds what was counted; of instruments what was counted of each.
fn merge(document: &mut Value, census: &Census) {
    let counted = serde_json::to_value(census).unwrap_or_default();
    let (Value::Object(into), Value::Object(from)) = (document, counted) else { return };
    for (name, value) in from {
        let known = into.get_mut(&name).and_then(Value::as_array_mut);
        match (known, value) {
            (Some(known), Value::Array(more)) => {
                for (one, more) in known.iter_mut().zip(more) {
                    if let (Value::Object(one), Value::Object(more)) = (one, more) {
                        one.extend(more);
                    }
                }
            }
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}

/// What the import noticed.
fn notes(description: &Description) -> Vec<String> {
    let said = description.sources.iter().flat_map(|source| source.notes.iter().cloned());
    let counted = description.facts.iter().map(|fact| {
        format!("{}: {} (the first at {})", fact.name, number::count(fact.count), fact.first)
    });
    said.chain(counted).collect()
}

fn symbols(description: &Description) -> String {
    let all: Vec<String> =
        description.instruments.iter().map(|spec| spec.symbol().to_owned()).collect();
    shortened(&all)
}

fn shortened(symbols: &[String]) -> String {
    match symbols {
        [] => String::new(),
        [one] => one.clone(),
        [one, others @ ..] => format!("{one} and {} more", others.len()),
    }
}

fn text(
    given: &str,
    file: &TickFile,
    description: &Description,
    census: &Census,
    session: &Session,
) -> String {
    let times = file.times();
    let kinds: Vec<String> = census
        .kinds
        .iter()
        .map(|(kind, count)| format!("{kind} {}", number::count(*count)))
        .collect();
    let micros = |ns: i64| format!("{} us", number::count(ns.unsigned_abs() / 1_000));
    let latency = census.latency;
    let lines = vec![
        ("file", file.path().to_owned()),
        ("records", format!("{}: {}", number::count(census.records), kinds.join(", "))),
        ("from", iso_text(times.recv_first)),
        ("to", iso_text(times.recv_last)),
        (
            "latency",
            format!(
                "{} to {}, median {}; the clock was moved by {}",
                micros(latency.min_ns),
                micros(latency.max_ns),
                micros(latency.median_ns),
                micros(description.shift_ns)
            ),
        ),
        (
            "silence",
            format!(
                "at most {}, from {}",
                number::seconds(census.silence_ns as f64 / 1e9),
                iso_text(census.silence_from_ns)
            ),
        ),
    ];
    let rows = census.instruments.iter().map(|one| {
        let counts = [one.records, one.trades, one.updates, one.crossed];
        let more = [one.one_sided, one.gaps, one.misfits];
        let cells = counts.into_iter().chain(more).map(number::count);
        std::iter::once(one.symbol.clone()).chain(cells).collect()
    });
    let header = [
        "symbol",
        ">records",
        ">trades",
        ">book updates",
        ">crossed",
        ">one-sided",
        ">gaps",
        ">misfits",
    ];
    let title = session.out.paint(Ink::Bold, given);
    format!("{title}\n{}\n\n{}", pairs(lines), table(&header, rows))
}
