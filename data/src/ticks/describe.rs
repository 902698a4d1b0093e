//! What a tick file says about itself: its instruments, where it comes from, what was noticed.

use qt_types::{InstrumentKind, InstrumentSpec, SpecError};
use rkyv::{Archive, Deserialize, Serialize};

/// The description of a tick file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The instruments; a record names one by its place here.
    pub instruments: Vec<InstrumentSpec>,
    /// Where the records come from.
    pub sources: Vec<SourceFact>,
    /// By how much the source's receive times were moved later, so that nothing arrives before it
    /// happened (ns).
    pub shift_ns: i64,
    /// What was noticed about the data while it was imported.
    pub facts: Vec<QualityFact>,
}

/// A file that records come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct SourceFact {
    /// The path as it was given.
    pub path: String,
    /// SHA-256 of its bytes as they are on the disk, hex.
    pub sha256: String,
    /// What read it.
    pub importer: String,
    /// What a reader of results must know.
    pub notes: Vec<String>,
}

/// Something that was noticed about the data, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct QualityFact {
    /// What it is: `crossed quotes`.
    pub name: String,
    /// How often it was seen.
    pub count: u64,
    /// Where it was seen first: `line 17`.
    pub first: String,
}

/// The description in the file.
#[derive(Archive, Serialize, Deserialize)]
pub(super) struct DescriptionOnDisk {
    instruments: Vec<InstrumentOnDisk>,
    sources: Vec<SourceFact>,
    shift_ns: i64,
    facts: Vec<QualityFact>,
}

#[derive(Archive, Serialize, Deserialize)]
struct InstrumentOnDisk {
    symbol: String,
    currency: String,
    kind: String,
    tick_e9: i64,
    lot_e9: i64,
    multiplier_e9: i64,
}

impl DescriptionOnDisk {
    pub(super) fn of(description: &Description) -> Self {
        let instrument = |spec: &InstrumentSpec| InstrumentOnDisk {
            symbol: spec.symbol().to_owned(),
            currency: spec.currency().to_owned(),
            kind: spec.kind().text().to_owned(),
            tick_e9: spec.tick_e9(),
            lot_e9: spec.lot_e9(),
            multiplier_e9: spec.multiplier_e9(),
        };
        Self {
            instruments: description.instruments.iter().map(instrument).collect(),
            sources: description.sources.clone(),
            shift_ns: description.shift_ns,
            facts: description.facts.clone(),
        }
    }

    /// The description, with its instruments checked.
    pub(super) fn checked(self) -> Result<Description, SpecError> {
        let spec = |one: &InstrumentOnDisk| {
            let kind = InstrumentKind::from_text(&one.kind);
            let unknown = || SpecError(format!("'{}' is no kind of instrument", one.kind));
            let kind = kind.ok_or_else(unknown)?;
            let (tick, lot, multiplier) = (one.tick_e9, one.lot_e9, one.multiplier_e9);
            InstrumentSpec::new(&one.symbol, &one.currency, kind, tick, lot, multiplier)
        };
        Ok(Description {
            instruments: self.instruments.iter().map(spec).collect::<Result<_, _>>()?,
            sources: self.sources,
            shift_ns: self.shift_ns,
            facts: self.facts,
        })
    }
}
