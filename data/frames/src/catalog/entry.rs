//! What `meta.json` says about an entry.

use std::fs;
use std::path::Path;

use qt_data::calendar::{Calendar, FileCalendar};
use qt_data::series::{DataKind, Source};
use qt_types::{InstrumentKind, InstrumentSpec};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::quality::QualityFacts;
use super::stamps::StampStyle;
use super::{damaged, gone};
use crate::error::FramesError;

/// The version of the layout that this release writes, and the newest that it reads.
pub const SCHEMA: u32 = 1;

/// An entry of the catalog: everything but the bars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// Version of the layout.
    pub schema: u32,
    /// The entry's id.
    pub id: String,
    /// The instrument's name.
    pub symbol: String,
    /// The currency of prices.
    pub currency: String,
    /// The kind of instrument: `equity`, `spot`, ...
    pub kind: String,
    /// What one unit of the stored prices is worth, in billionths of the currency.
    pub tick_e9: i64,
    /// What one unit of the stored volumes is, in billionths.
    pub lot_e9: i64,
    /// Units of the underlying per contract, in billionths.
    pub multiplier_e9: i64,
    /// `bars` or `quote-bars`.
    pub data: String,
    /// The calendar's name, or the path of its file.
    pub calendar: String,
    /// The text of the calendar's file, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar_text: Option<String>,
    /// Most common length of a bar in ns; 0 when it cannot be told.
    pub interval_ns: i64,
    /// How many bars.
    pub rows: u64,
    /// When the first bar opens (UTC ns since 1970).
    pub first_ns: i64,
    /// When the last bar closes (UTC ns since 1970).
    pub last_ns: i64,
    /// How the source wrote its time stamps.
    pub stamps: StampStyle,
    /// Where the bars come from.
    pub source: SourceFacts,
    /// What the quality gate found; absent when the check was skipped.
    pub quality: Option<QualityFacts>,
    /// What was noticed when the source was read.
    pub notes: Vec<String>,
    /// How to read the columns without this program.
    pub columns: String,
    /// The file of bars.
    pub file: FileFacts,
}

/// Where bars come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// The path as it was given.
    pub path: String,
    /// SHA-256 of the source file, hex.
    pub sha256: String,
    /// The source's format in words.
    pub format: String,
}

/// The file of bars, by which damage is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the whole file, hex.
    pub sha256: String,
    /// SHA-256 of the file's footer, hex.
    pub footer_sha256: String,
    /// Its row groups in order.
    pub groups: Vec<GroupFacts>,
}

/// A row group of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// How many bars.
    pub rows: u64,
    /// Where its bytes begin in the file.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes of its columns, one behind the other, hex.
    pub sha256: String,
}

impl CatalogEntry {
    /// The instrument's units.
    ///
    /// # Errors
    /// When the numbers are no units, as only a damaged `meta.json` has them.
    pub fn spec(&self) -> Result<InstrumentSpec, FramesError> {
        let bad = |what: String| damaged(&self.id, Path::new(super::META_FILE), what);
        let kind = InstrumentKind::from_text(&self.kind)
            .ok_or_else(|| bad(format!("there is no kind of instrument '{}'", self.kind)))?;
        let (tick, lot, multiplier) = (self.tick_e9, self.lot_e9, self.multiplier_e9);
        InstrumentSpec::new(&self.symbol, &self.currency, kind, tick, lot, multiplier)
            .map_err(|error| bad(error.to_string()))
    }

    /// The calendar, read from the entry itself.
    ///
    /// # Errors
    /// When it is not understood.
    pub fn open_calendar(&self) -> Result<Calendar, FramesError> {
        let bad = |error: qt_data::calendar::CalendarError| {
            damaged(&self.id, Path::new(super::META_FILE), error.to_string())
        };
        match &self.calendar_text {
            None => Calendar::parse(&self.calendar).map_err(bad),
            Some(text) => FileCalendar::from_text(&self.calendar, text)
                .map(|calendar| Calendar::File(calendar.into()))
                .map_err(bad),
        }
    }

    pub(super) fn data_kind(&self) -> Result<DataKind, FramesError> {
        match self.data.as_str() {
            "bars" => Ok(DataKind::Bars),
            "quote-bars" => Ok(DataKind::QuoteBars),
            other => {
                let what = format!("it holds '{other}', not bars");
                Err(damaged(&self.id, Path::new(super::META_FILE), what))
            }
        }
    }
}

impl From<&Source> for SourceFacts {
    fn from(source: &Source) -> Self {
        let Source { path, sha256, format } = source.clone();
        Self { path, sha256, format }
    }
}

impl From<&SourceFacts> for Source {
    fn from(facts: &SourceFacts) -> Self {
        let SourceFacts { path, sha256, format } = facts.clone();
        Self { path, sha256, format }
    }
}

/// Reads the entry `id` from its `meta.json` at `path`.
///
/// # Errors
/// When the file is missing, damaged, of another entry or of a newer release.
pub fn read(path: &Path, id: &str) -> Result<CatalogEntry, FramesError> {
    let text = fs::read(path).map_err(|source| gone(id, path, source))?;
    let broken = |error: serde_json::Error| damaged(id, path, format!("it is damaged: {error}"));
    let value: Value = serde_json::from_slice(&text).map_err(broken)?;
    let schema = value.get("schema").and_then(Value::as_u64);
    let schema = schema.ok_or_else(|| damaged(id, path, "it does not say its schema version"))?;
    if schema > u64::from(SCHEMA) {
        return Err(FramesError::Entry {
            id: id.to_owned(),
            path: path.display().to_string(),
            what: format!("it has schema {schema}; this release reads up to {SCHEMA}"),
            fix: "Use the release that saved it, or import the data again".to_owned(),
        });
    }
    let entry: CatalogEntry = serde_json::from_value(value).map_err(broken)?;
    if entry.id != id {
        return Err(damaged(id, path, format!("it belongs to the entry '{}'", entry.id)));
    }
    Ok(entry)
}
