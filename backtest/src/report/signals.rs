//! The signals of a run, in the result document.

use qt_data::stamp::iso_text;
use qt_strategies::quality::Quality;
use serde::Serialize;

use crate::report::result::FileEntry;
use crate::signals::{SignalCounts, SignalsOutcome, SourceOutcome};

/// The signals of a run.
#[derive(Clone, Debug, Serialize)]
pub struct SignalsEntry {
    /// The file that they are from.
    pub file: FileEntry,
    /// Signals that it holds.
    pub read: u64,
    /// Those about no instrument of the run.
    pub elsewhere: u64,
    /// What those are about.
    pub other_symbols: Vec<String>,
    /// What the others came to, of all sources together.
    #[serde(flatten)]
    pub counts: CountsEntry,
    /// Each source.
    pub sources: Vec<SourceEntry>,
}

/// How many signals about the instruments of the run went which way.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CountsEntry {
    /// All of them.
    pub told: u64,
    /// A human was asked.
    pub asked: u64,
    /// They had expired before the human had decided.
    pub not_approved: u64,
    /// They came after the end of the run.
    pub after_end: u64,
    /// They had expired when they arrived.
    pub expired: u64,
    /// They were heard in time.
    pub used: u64,
}

/// One source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceEntry {
    /// Its number, as strategies know it.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// What its signals came to.
    #[serde(flatten)]
    pub counts: CountsEntry,
    /// Claims that were not over at the end.
    pub open: u64,
    /// Claims of which no price tells.
    pub unseen: u64,
    /// How good what it claimed was.
    #[serde(flatten)]
    pub quality: Quality,
    /// When it had drifted, if it did.
    pub drifted_at: Option<String>,
}

impl SignalsEntry {
    /// What is written of `outcome`.
    #[must_use]
    pub fn of(outcome: &SignalsOutcome) -> Self {
        let SignalsOutcome { path, sha256, read, elsewhere, other_symbols, sources } = outcome;
        Self {
            file: FileEntry { path: path.clone(), sha256: sha256.clone() },
            read: *read,
            elsewhere: *elsewhere,
            other_symbols: other_symbols.clone(),
            counts: outcome.counts().into(),
            sources: sources.iter().map(SourceEntry::of).collect(),
        }
    }
}

impl SourceEntry {
    fn of(source: &SourceOutcome) -> Self {
        let drifted_ns = source.quality.drift.drifted_ns;
        Self {
            number: source.number.0,
            name: source.name.clone(),
            counts: source.counts.into(),
            open: source.open,
            unseen: source.unseen,
            quality: source.quality.clone(),
            drifted_at: drifted_ns.map(|ns| iso_text(ns.get())),
        }
    }
}

impl From<SignalCounts> for CountsEntry {
    fn from(of: SignalCounts) -> Self {
        let SignalCounts { told, asked, not_approved, after_end, expired, used } = of;
        Self { told, asked, not_approved, after_end, expired, used }
    }
}
