//! The risk gate in the result document: its limits, and what each control said.

use std::collections::BTreeMap;

use qt_data::stamp::iso_text;
use qt_risk::{Allowed, Headroom, Holder, KEYS, Level, LimitSet, Profile, text_of};
use serde::Serialize;
use serde_json::{Value, json};

use crate::risk::{ControlOutcome, LowestHeadroom, RiskOutcome};

/// The gate of a run.
#[derive(Clone, Debug, Serialize)]
pub struct RiskDocument {
    /// The profile's name.
    pub profile: &'static str,
    /// The file that the limits were read from; null for a profile as it is delivered.
    pub file: Option<String>,
    /// Which instruments may be traded: `all`, `given` or a list.
    pub allowed: Value,
    /// Every limit by table and name, as in a profile's file.
    pub limits: BTreeMap<String, BTreeMap<String, String>>,
    /// Every control, in the order of evaluation.
    pub controls: Vec<ControlEntry>,
}

/// One control.
#[derive(Clone, Debug, Serialize)]
pub struct ControlEntry {
    /// Its number.
    pub control: &'static str,
    /// What it is about.
    pub name: &'static str,
    /// Orders that it denied.
    pub denials: u64,
    /// Orders that it let pass above a soft limit.
    pub warnings: u64,
    /// The last order that it denied, in the fields of a rejection.
    pub last_reject: Option<BTreeMap<&'static str, String>>,
    /// What was left at the end for one lot more.
    pub headroom: Option<HeadroomEntry>,
    /// The least that an order which passed had left in the run.
    pub lowest: Option<LowestEntry>,
}

/// What is left of a limit.
#[derive(Clone, Debug, Serialize)]
pub struct HeadroomEntry {
    /// Whose limit it is.
    pub level: &'static str,
    /// The limit.
    pub limit: String,
    /// What is observed.
    pub observed: String,
    /// What is left.
    pub left: String,
    /// What they count.
    pub unit: &'static str,
}

/// The least that was left of a limit.
#[derive(Clone, Debug, Serialize)]
pub struct LowestEntry {
    /// The comparison.
    #[serde(flatten)]
    pub headroom: HeadroomEntry,
    /// The share of the limit that was left (0.1 is a tenth).
    pub left_share: f64,
    /// What the order was to trade.
    pub instrument: String,
    /// Its side: `buy` or `sell`.
    pub side: &'static str,
    /// When (ISO 8601, UTC).
    pub time: String,
}

impl HeadroomEntry {
    fn new(found: &Headroom) -> Self {
        Self {
            level: found.level.text(),
            limit: text_of(found.unit, found.limit),
            observed: text_of(found.unit, found.observed),
            left: text_of(found.unit, found.headroom),
            unit: found.unit.text(),
        }
    }
}

impl LowestEntry {
    fn new(lowest: &LowestHeadroom) -> Self {
        Self {
            headroom: HeadroomEntry::new(&lowest.found.headroom),
            left_share: lowest.left_share(),
            instrument: lowest.symbol.clone(),
            side: lowest.found.side.text(),
            time: iso_text(lowest.found.at_ns.get()),
        }
    }
}

impl RiskDocument {
    /// The document of `outcome`.
    #[must_use]
    pub fn new(outcome: &RiskOutcome) -> Self {
        let profile = &outcome.limits.profile;
        Self {
            profile: profile.name().text(),
            file: outcome.limits.file.clone(),
            allowed: match profile.allowed() {
                Allowed::All => json!("all"),
                Allowed::Given => json!("given"),
                Allowed::Only(symbols) => json!(symbols),
            },
            limits: limits(profile),
            controls: outcome.controls.iter().map(entry).collect(),
        }
    }
}

/// Every limit of `profile`: tables as in its file, and in them the numbers.
#[must_use]
pub fn limits(profile: &Profile) -> BTreeMap<String, BTreeMap<String, String>> {
    // No symbol is empty: this one has the limits of all.
    let of_all = numbers(profile.instrument(""), Holder::Instrument);
    let mut tables = BTreeMap::from([("instrument".to_owned(), of_all)]);
    for symbol in profile.symbols() {
        let own = numbers(profile.instrument(symbol), Holder::Instrument);
        tables.insert(format!("instrument.{symbol}"), own);
    }
    for level in [Level::Strategy, Level::Account, Level::Tenant, Level::Global] {
        tables.insert(level.text().to_owned(), numbers(profile.level(level), Holder::Node));
    }
    tables
}

fn numbers(set: &LimitSet, holder: Holder) -> BTreeMap<String, String> {
    let mut numbers = BTreeMap::new();
    for row in KEYS.iter().filter(|row| row.holder == holder) {
        let limit = set.get(row.key);
        if limit.is_missing() {
            continue;
        }
        numbers.insert(row.name.to_owned(), text_of(row.unit, limit.hard));
        if limit.soft != limit.hard {
            numbers.insert(format!("{}.soft", row.name), text_of(row.unit, limit.soft));
        }
    }
    numbers
}

fn entry(outcome: &ControlOutcome) -> ControlEntry {
    let row = outcome.control.row();
    let fields = |reject: &qt_risk::Reject| reject.fields().into_iter().collect();
    ControlEntry {
        control: row.id,
        name: row.name,
        denials: outcome.denials,
        warnings: outcome.warnings,
        last_reject: outcome.last.as_ref().map(fields),
        headroom: outcome.headroom.as_ref().map(HeadroomEntry::new),
        lowest: outcome.lowest.as_ref().map(LowestEntry::new),
    }
}
