//! The schema `definition` to units of instruments.

use dbn::{InstrumentDefMsg, RType, UNDEF_PRICE};
use qt_types::{E9, InstrumentKind, InstrumentSpec};

use super::stream::{Stop, records, time, typed};
use crate::error::DataError;
use crate::import::input::Input;
use crate::import::row::RowIssue;

/// An instrument as an exchange defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its number in the files.
    pub instrument_id: u32,
    /// From when the definition holds (UTC ns), where that is said.
    pub from_ns: Option<i64>,
    /// When it expires (UTC ns); `None` for what does not.
    pub expires_ns: Option<i64>,
    /// Symbol and units.
    pub spec: InstrumentSpec,
}

/// The definitions in `input`, in the file's order; several of one instrument follow each other.
///
/// # Errors
/// When it cannot be read, has no definition, or one without units.
pub(super) fn definitions(input: &Input<'_>) -> Result<Vec<Definition>, DataError> {
    let (all, count) = records(
        input,
        |_| Ok(Vec::new()),
        |all, record, _| {
            if record.header().rtype().ok() == Some(RType::InstrumentDef) {
                all.push(definition(typed::<InstrumentDefMsg>(&record)?)?);
            }
            Ok(())
        },
    )?;
    if all.is_empty() {
        return Err(DataError::UnknownFormat {
            path: input.name().to_owned(),
            what: format!("it has no definitions among {count} records"),
            fix: "Name a file of the schema definition".to_owned(),
            supported: "definition".to_owned(),
        });
    }
    Ok(all)
}

fn definition(record: &InstrumentDefMsg) -> Result<Definition, Stop> {
    let text = |text: dbn::Result<&str>, column: &str| {
        text.map(str::to_owned).map_err(|_| RowIssue::new(column, b"", "is no text"))
    };
    let symbol = text(record.raw_symbol(), "raw_symbol")?;
    let currency = text(record.currency(), "currency")?;
    let currency = if currency.is_empty() { "USD".to_owned() } else { currency };
    let given = |value: i64| Some(value).filter(|value| (1..UNDEF_PRICE).contains(value));
    // Shares have no step of their own: it is a cent.
    let tick_e9 = given(record.min_price_increment).unwrap_or(E9 / 100);
    let kind = match record.instrument_class as u8 {
        b'F' | b'S' | b'M' => InstrumentKind::Future,
        b'X' => InstrumentKind::Fx,
        b'P' if record.underlying_id == 0 => InstrumentKind::Perpetual,
        b'I' => InstrumentKind::Index,
        _ if record.expiration != dbn::UNDEF_TIMESTAMP && record.expiration != 0 => {
            InstrumentKind::Future
        }
        _ => InstrumentKind::Equity,
    };
    // What one contract is of: 50 times the index, 1,000 barrels.
    let multiplier_e9 = match kind {
        InstrumentKind::Future => given(record.unit_of_measure_qty).unwrap_or(E9),
        _ => E9,
    };
    let spec = InstrumentSpec::new(&symbol, &currency, kind, tick_e9, E9, multiplier_e9);
    let wrong = |error: qt_types::SpecError| RowIssue::new("", b"", error.0);
    Ok(Definition {
        instrument_id: record.hd.instrument_id,
        from_ns: time(record.ts_recv).or(time(record.hd.ts_event)),
        expires_ns: time(record.expiration).filter(|ns| *ns > 0),
        spec: spec.map_err(wrong)?,
    })
}
