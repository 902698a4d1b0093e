//! What an import may be told.

use qt_types::{E9, InstrumentKind, InstrumentSpec};

use super::detect::ImportFormat;
use crate::calendar::civil::{Day, SECOND_NS};
use crate::error::DataError;

/// Units that a quote without sizes stands for, unless told otherwise.
const QUOTE_SIZE_E9: i64 = 1_000_000 * E9;

/// How a source is to be understood. The default recognises everything by itself.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The format, or `None` to recognise it.
    pub format: Option<ImportFormat>,
    /// The instrument's name. Of a source with several instruments it picks one.
    pub symbol: Option<String>,
    /// Known instruments; those of other names follow from the data and the options below.
    pub specs: Vec<InstrumentSpec>,
    /// The price step in billionths; without one it is derived.
    pub tick_e9: Option<i64>,
    /// The quantity step in billionths; without one it is derived.
    pub lot_e9: Option<i64>,
    /// A quantity in billionths that a derived lot must divide.
    pub qty_hint_e9: Option<i64>,
    /// Units of the underlying per contract, in billionths; without one it is 1.
    pub multiplier_e9: Option<i64>,
    /// The currency of prices; without one it is guessed from the symbol.
    pub currency: Option<String>,
    /// The kind of instrument; without one it follows from format and symbol.
    pub kind: Option<InstrumentKind>,
    /// The day of files whose times count from midnight; without one the file's name must say it.
    pub date: Option<Day>,
    /// The IANA time zone of stamps without a zone; `None` for UTC. Files of US exchanges that
    /// count from midnight (LOBSTER, ITCH) do so in New York, whatever this says.
    pub tz: Option<String>,
    /// By how much a time may go back from one row to the next before the file is refused (ns);
    /// smaller steps back are lifted to the time of the row before and counted.
    pub disorder_ns_max: i64,
    /// Units (in billionths) that a quote without sizes stands for.
    pub quote_size_e9: i64,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            format: None,
            symbol: None,
            specs: Vec::new(),
            tick_e9: None,
            lot_e9: None,
            qty_hint_e9: None,
            multiplier_e9: None,
            currency: None,
            kind: None,
            date: None,
            tz: None,
            disorder_ns_max: 10 * SECOND_NS,
            quote_size_e9: QUOTE_SIZE_E9,
        }
    }
}

impl ImportOptions {
    /// Whether anything is said about units that a source may tell by itself.
    #[must_use]
    pub fn names_units(&self) -> bool {
        let numbers = [self.tick_e9, self.lot_e9, self.multiplier_e9];
        numbers.iter().any(Option::is_some) || self.currency.is_some() || self.kind.is_some()
    }

    /// Checks what does not depend on the data.
    ///
    /// # Errors
    /// When an option is out of its range.
    pub fn check(&self) -> Result<(), DataError> {
        for (name, value) in [
            ("--tick", self.tick_e9),
            ("--lot", self.lot_e9),
            ("--multiplier", self.multiplier_e9),
            ("the size of quotes", Some(self.quote_size_e9)),
            ("the disorder that is allowed", Some(self.disorder_ns_max.max(1))),
        ] {
            if value.is_some_and(|value| value <= 0) {
                return Err(DataError::Usage {
                    what: format!("{name} is not positive"),
                    fix: "Give a positive number".to_owned(),
                });
            }
        }
        Ok(())
    }
}
