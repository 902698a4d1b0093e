//! The schema `definition` to units of instruments.

use dbn::{InstrumentDefMsg, RType, UNDEF_PRICE};
use qt_types::{E9, InstrumentKind, InstrumentSpec, round_half_even};

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
/// When it cannot be read, has no definition of what is no option, or one without units.
pub(super) fn definitions(input: &Input<'_>) -> Result<Vec<Definition>, DataError> {
    let (all, count) = records(
        input,
        |_| Ok(Vec::new()),
        |all, record, _| {
            if record.header().rtype().ok() == Some(RType::InstrumentDef) {
                all.extend(definition(typed::<InstrumentDefMsg>(&record)?)?);
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

/// `None` for an option, which nothing here can value.
fn definition(record: &InstrumentDefMsg) -> Result<Option<Definition>, Stop> {
    if matches!(record.instrument_class as u8, b'C' | b'P' | b'T') {
        return Ok(None);
    }
    let text = |text: dbn::Result<&str>, column: &str| {
        text.map(str::to_owned).map_err(|_| RowIssue::new(column, b"", "is no text"))
    };
    let symbol = text(record.raw_symbol(), "raw_symbol")?;
    let currency = text(record.currency(), "currency")?;
    let currency = if currency.is_empty() { "USD".to_owned() } else { currency };
    // Shares have no step of their own: it is a cent.
    let tick_e9 = given(record.min_price_increment).unwrap_or(E9 / 100);
    let kind = match record.instrument_class as u8 {
        b'F' | b'S' | b'M' => InstrumentKind::Future,
        b'X' => InstrumentKind::Fx,
        b'I' => InstrumentKind::Index,
        _ if record.expiration != dbn::UNDEF_TIMESTAMP && record.expiration != 0 => {
            InstrumentKind::Future
        }
        _ => InstrumentKind::Equity,
    };
    let multiplier_e9 = match kind {
        InstrumentKind::Future => {
            point_value_e9(record).or(given(record.unit_of_measure_qty)).unwrap_or(E9)
        }
        _ => E9,
    };
    let spec = InstrumentSpec::new(&symbol, &currency, kind, tick_e9, E9, multiplier_e9);
    let wrong = |error: qt_types::SpecError| RowIssue::new("", b"", error.0);
    Ok(Some(Definition {
        instrument_id: record.hd.instrument_id,
        from_ns: time(record.ts_recv).or(time(record.hd.ts_event)),
        expires_ns: time(record.expiration).filter(|ns| *ns > 0),
        spec: spec.map_err(wrong)?,
    }))
}

fn given(value: i64) -> Option<i64> {
    Some(value).filter(|value| (1..UNDEF_PRICE).contains(value))
}

/// What a move of the price by one is worth, in billionths of the currency, by what a tick is
/// worth: not all prices are of a whole unit of what a contract is of (cents a bushel, per cent of
/// what is borrowed). `None` where that is not said.
fn point_value_e9(record: &InstrumentDefMsg) -> Option<i64> {
    let of = |value: i64| given(value).map(i128::from);
    let tick_e9 = of(record.min_price_increment)?;
    // With the display factor applied.
    let (amount_e9, factor_e9) =
        (of(record.min_price_increment_amount)?, of(record.display_factor)?);
    let e9 = i128::from(E9);
    let point_e9 = round_half_even(amount_e9 * e9 * e9, factor_e9 * tick_e9);
    i64::try_from(point_e9).ok().filter(|point_e9| *point_e9 > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tick, display factor, contract size and value of a tick, in billionths.
    fn future(tick: i64, factor: i64, size: i64, amount: i64) -> InstrumentDefMsg {
        let mut raw_symbol = InstrumentDefMsg::default().raw_symbol;
        raw_symbol[0] = b'X' as std::ffi::c_char;
        InstrumentDefMsg {
            raw_symbol,
            instrument_class: b'F' as std::ffi::c_char,
            min_price_increment: tick,
            display_factor: factor,
            unit_of_measure_qty: size,
            min_price_increment_amount: amount,
            expiration: 1_700_000_000_000_000_000,
            ..InstrumentDefMsg::default()
        }
    }

    fn multiplier(record: &InstrumentDefMsg) -> i64 {
        let defined = definition(record).unwrap_or_else(|_| panic!("a definition")).unwrap();
        assert_eq!(defined.spec.kind(), InstrumentKind::Future);
        defined.spec.multiplier_e9()
    }

    #[test]
    fn a_point_is_worth_what_a_tick_is_worth() {
        let cent = E9 / 100;
        // The index of 50 dollars a point, in quarters: 12.50 a tick.
        assert_eq!(multiplier(&future(E9 / 4, cent, 50 * E9, E9 / 8)), 50 * E9);
        // 5,000 bushels in cents: 12.50 for a quarter of a cent, 50 dollars a cent.
        assert_eq!(multiplier(&future(E9 / 4, cent, 5_000 * E9, E9 / 8)), 50 * E9);
        // 100,000 dollars of notes in per cent of them: 15.625 for half of a 32nd.
        let note = future(15_625_000, E9, 100_000 * E9, 15_625_000_000);
        assert_eq!(multiplier(&note), 1_000 * E9);
        // 1,000 barrels in dollars.
        assert_eq!(multiplier(&future(cent, cent, 1_000 * E9, E9 / 10)), 1_000 * E9);
    }

    #[test]
    fn the_contract_size_counts_where_the_value_of_a_tick_is_not_said() {
        for [factor, amount] in [[E9, UNDEF_PRICE], [UNDEF_PRICE, E9], [E9, 0], [0, E9]] {
            assert_eq!(multiplier(&future(E9 / 4, factor, 50 * E9, amount)), 50 * E9);
        }
    }

    #[test]
    fn options_are_left_out() {
        for class in [b'C', b'P', b'T'] {
            let mut option = future(E9, E9, E9, E9);
            option.instrument_class = class as std::ffi::c_char;
            assert!(matches!(definition(&option), Ok(None)));
        }
    }
}
