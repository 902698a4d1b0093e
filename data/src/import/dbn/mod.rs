//! Databento's DBN, versions 1 to 3: orders (`mbo`), levels, best prices and trades to the tick
//! store; bars and definitions to what they are here.

mod bars;
mod definition;
mod levels;
mod orders;
mod stream;
mod symbols;

use std::path::Path;

use dbn::{RType, Schema};
use qt_types::{InstrumentKind, TickFlags};

pub use definition::Definition;

use super::input::Input;
use super::open::Opened;
use super::{ImportFormat, detect};
use crate::error::DataError;
use crate::source::number::{DECIMALS_MAX, Number};
use crate::source::table::RawTable;

/// How the names of the schemas of bars begin.
const BARS: &str = "ohlcv";
/// The schema of definitions.
const DEFINITIONS: &str = "definition";

/// Whether the file at `path` is a DBN file.
#[must_use]
pub fn is_dbn(path: &Path) -> bool {
    let name = path.display().to_string();
    let head = Input::file(path).head();
    head.is_ok_and(|head| detect(&head, &name) == Some(ImportFormat::Dbn))
}

/// Whether the file at `path` is a DBN file of bars (`ohlcv-*`).
#[must_use]
pub fn holds_bars(path: &Path) -> bool {
    let is_bars = |held: &Held| matches!(held, Held::Other(name) if name.starts_with(BARS));
    is_dbn(path) && look(&Input::file(path)).is_ok_and(|(held, _)| is_bars(&held))
}

/// The bars in the DBN file at `path` as a table, which the loader takes by its own rules, and
/// what its instruments are where the data set says it.
///
/// # Errors
/// When it cannot be read, has no bars, or one without a time.
pub fn bars(path: &Path) -> Result<(RawTable, Option<InstrumentKind>), DataError> {
    bars::table(&Input::file(path))
}

/// The instruments that the DBN file at `path` (`definition`) defines, in the file's order.
///
/// # Errors
/// When it cannot be read, has no definition, or one without units.
pub fn definitions(path: &Path) -> Result<Vec<Definition>, DataError> {
    definition::definitions(&Input::file(path))
}

/// Bars and definitions of bytes, for the fuzz targets: any bytes give a result or an error.
///
/// # Errors
/// As [`bars`] and [`definitions`].
pub fn bars_and_definitions_any(bytes: &[u8], name: &str) -> Result<(), DataError> {
    let input = Input::memory(bytes, name, 64 << 20);
    let bars = bars::table(&input).map(|_| ());
    bars.or_else(|_| definition::definitions(&input).map(|_| ()))
}

/// Prepares to read `input`.
///
/// # Errors
/// When it is no DBN of a known version, or has no ticks.
pub(super) fn open(input: Input<'_>) -> Result<Opened<'_>, DataError> {
    let (schema, kind) = look(&input)?;
    let none = |what: String, fix: &str| {
        Err(DataError::UnknownFormat {
            path: input.name().to_owned(),
            what,
            fix: fix.to_owned(),
            supported: "mbo, mbp-1, mbp-10, tbbo, trades, bbo, cmbp-1, cbbo, tcbbo, status"
                .to_owned(),
        })
    };
    match schema {
        Held::Orders => Ok(Opened::Orders(Box::new(orders::OrderSource { input, kind }))),
        Held::Levels => Ok(Opened::Levels(Box::new(levels::LevelSource { input, kind }))),
        Held::Other(name) if name.starts_with(BARS) => {
            none(format!("it has bars ({name}), no ticks"), "Leave --ticks and --format away")
        }
        Held::Other(name) if name == DEFINITIONS => none(
            "it has definitions of instruments, no ticks".to_owned(),
            "Give it by --definitions, beside the data",
        ),
        Held::Other(name) => {
            none(format!("it has records of {name}, no ticks"), "Name a file of ticks")
        }
        Held::Nothing => Err(DataError::Empty { path: input.name().to_owned() }),
    }
}

// What the records of a file are.
enum Held {
    Orders,
    Levels,
    Other(String),
    Nothing,
}

fn look(input: &Input<'_>) -> Result<(Held, Option<InstrumentKind>), DataError> {
    // The first record decides where the head says nothing; then the rest need not be read.
    struct Stopped;
    let mut first = None;
    let mut head = (None, None);
    let read = stream::records(
        input,
        |metadata| {
            head = (metadata.schema, kind_of(&metadata.dataset));
            Ok(Stopped)
        },
        |_, record, _| {
            let rtype = record.header().rtype().ok();
            let service = matches!(rtype, Some(RType::SymbolMapping | RType::System));
            if first.is_none() && !service {
                first = Some(rtype);
            }
            match first {
                // Ends the reading; what is said here is not looked at.
                Some(_) => Err(DataError::Empty { path: String::new() }.into()),
                None => Ok(()),
            }
        },
    );
    let (schema, kind) = head;
    let held = match (schema, first) {
        (Some(Schema::Mbo), _) | (None, Some(Some(RType::Mbo))) => Held::Orders,
        (Some(schema), _) if is_levels(schema) => Held::Levels,
        (Some(schema), _) => Held::Other(schema.as_str().to_owned()),
        (None, Some(Some(rtype))) if is_tick(rtype) => Held::Levels,
        (None, Some(_)) => Held::Other("several kinds".to_owned()),
        (None, None) => match read {
            Err(error) => return Err(error),
            Ok(_) => Held::Nothing,
        },
    };
    Ok((held, kind))
}

const fn is_tick(rtype: RType) -> bool {
    matches!(
        rtype,
        RType::Mbp0
            | RType::Mbp1
            | RType::Mbp10
            | RType::Bbo1S
            | RType::Bbo1M
            | RType::Cmbp1
            | RType::Cbbo1S
            | RType::Cbbo1M
            | RType::Tcbbo
            | RType::Tbbo
            | RType::Status
    )
}

const fn is_levels(schema: Schema) -> bool {
    matches!(
        schema,
        Schema::Mbp1
            | Schema::Mbp10
            | Schema::Tbbo
            | Schema::Trades
            | Schema::Status
            | Schema::Cmbp1
            | Schema::Cbbo1S
            | Schema::Cbbo1M
            | Schema::Tcbbo
            | Schema::Bbo1S
            | Schema::Bbo1M
    )
}

// What a data set's instruments are: futures exchanges, or shares.
fn kind_of(dataset: &str) -> Option<InstrumentKind> {
    let venue = dataset.split('.').next().unwrap_or_default();
    match venue {
        "GLBX" | "IFEU" | "IFUS" | "NDEX" | "XEUR" | "XEEE" => Some(InstrumentKind::Future),
        "OPRA" => None,
        _ => Some(InstrumentKind::Equity),
    }
}

/// A price of the file, in billionths.
pub(super) const fn fixed(price: i64) -> Number {
    Number { mantissa: price, scale: DECIMALS_MAX, rounded: false }
}

/// Flags of side 0, the bids, or side 1, the asks.
pub(super) const fn side_flags(side: usize) -> TickFlags {
    if side == 0 { TickFlags::NONE } else { TickFlags::ASK }
}
