//! The instruments of a source: their numbers while it is read, and their units after that.

use std::collections::HashMap;

use qt_types::{InstrumentKind, InstrumentSpec};

use super::options::ImportOptions;
use super::units::Divisor;
use crate::error::{CellError, DataError};
use crate::load::instrument::currency_of;
use crate::units::{Unit, lot};

/// Bytes that an instrument's name may have.
const SYMBOL_BYTES_MAX: usize = 255;

/// Money of states: a pair of two of these is a currency pair.
const FIAT: [&str; 12] =
    ["USD", "EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "NZD", "SEK", "NOK", "TRY", "BRL"];

/// What was seen of one instrument's numbers.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The name.
    pub symbol: String,
    /// Its prices.
    pub prices: Divisor,
    /// Its quantities.
    pub sizes: Divisor,
}

/// Instruments in the order of first mention.
#[derive(Clone, Debug, Default)]
pub struct Instruments {
    /// What was seen of each.
    pub list: Vec<Seen>,
    by_name: HashMap<String, u16>,
}

impl Instruments {
    /// The number of `symbol`; `None` when another instrument was asked for.
    ///
    /// # Errors
    /// When there are more than a record can name, or the name is too long to be one.
    pub fn number(
        &mut self,
        symbol: &str,
        wanted: Option<&str>,
        path: &str,
    ) -> Result<Option<u16>, DataError> {
        if let Some(number) = self.by_name.get(symbol) {
            return Ok(Some(*number));
        }
        if wanted.is_some_and(|wanted| wanted != symbol) {
            return Ok(None);
        }
        let wrong = |what: &str, fix: &str| {
            let (what, fix) = (what.to_owned(), fix.to_owned());
            DataError::UnknownFormat { path: path.to_owned(), what, fix, supported: String::new() }
        };
        if symbol.len() > SYMBOL_BYTES_MAX {
            return Err(wrong("it has an instrument name of more than 255 bytes", "Repair it"));
        }
        let number = u16::try_from(self.list.len()).map_err(|_| {
            wrong("it has more than 65,536 instruments", "Pick one with --symbol, or split it")
        })?;
        self.list.push(Seen {
            symbol: symbol.to_owned(),
            prices: Divisor::default(),
            sizes: Divisor::default(),
        });
        self.by_name.insert(symbol.to_owned(), number);
        Ok(Some(number))
    }

    /// The units of every instrument: those of `options`, those that the source tells (`told`),
    /// or those that follow from its numbers. What there is to say about them is added to `notes`.
    ///
    /// # Errors
    /// When they are too large to count money in.
    pub fn specs(
        &self,
        options: &ImportOptions,
        told: &[InstrumentSpec],
        kind: Option<InstrumentKind>,
        path: &str,
        notes: &mut Vec<String>,
    ) -> Result<Vec<InstrumentSpec>, DataError> {
        let spec = |seen: &Seen| {
            let known = options.specs.iter().find(|spec| spec.symbol() == seen.symbol);
            let told = told.iter().find(|spec| spec.symbol() == seen.symbol);
            match known.or(told.filter(|_| !options.names_units())) {
                Some(spec) => Ok(spec.clone()),
                None => spec_of(seen, options, kind, path, notes),
            }
        };
        self.list.iter().map(spec).collect()
    }
}

fn spec_of(
    seen: &Seen,
    options: &ImportOptions,
    kind: Option<InstrumentKind>,
    path: &str,
    notes: &mut Vec<String>,
) -> Result<InstrumentSpec, DataError> {
    let symbol = &seen.symbol;
    for (name, rounded) in [("prices", seen.prices.rounded), ("quantities", seen.sizes.rounded)] {
        if rounded > 0 {
            notes.push(format!(
                "{symbol}: {rounded} {name} have more than 9 decimals and were rounded half-even"
            ));
        }
    }
    let tick_e9 =
        options.tick_e9.unwrap_or_else(|| Unit::derive(&[&seen.prices.column()], 1).unit_e9);
    let mut said = Vec::new();
    let lot = lot(&[&seen.sizes.column()], options.lot_e9, options.qty_hint_e9, &mut said);
    notes.extend(said.into_iter().map(|note| format!("{symbol}: {note}")));
    let kind = options.kind.or(kind).unwrap_or_else(|| kind_of(symbol));
    let currency = match &options.currency {
        Some(currency) => currency.clone(),
        // Some venues' own name of the coin would make `XBTUSD` end with another coin's.
        None => currency_of(&symbol.replace("XBT", "BTC"), kind).to_owned(),
    };
    let multiplier_e9 = options.multiplier_e9.unwrap_or(qt_types::E9);
    let spec = InstrumentSpec::new(symbol, &currency, kind, tick_e9, lot.unit_e9, multiplier_e9);
    spec.map_err(|error| {
        DataError::Units(Box::new(CellError {
            path: path.to_owned(),
            place: "the whole file".to_owned(),
            column: String::new(),
            text: String::new(),
            what: error.0,
            fix: "Give --tick, --lot and --multiplier".to_owned(),
        }))
    })
}

// What an instrument of that name most likely is. Nothing but names of reports, the fees' default
// and the calendar follow from it, and `--kind` says it for sure.
fn kind_of(symbol: &str) -> InstrumentKind {
    let upper: String =
        symbol.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    if upper.ends_with("PERP") || upper.ends_with("PERPETUAL") || upper.ends_with("SWAP") {
        return InstrumentKind::Perpetual;
    }
    let halves = upper.split_at_checked(3);
    if halves.is_some_and(|(base, quote)| FIAT.contains(&base) && FIAT.contains(&quote)) {
        return InstrumentKind::Fx;
    }
    let quoted = |currency: &str| {
        upper.len() >= currency.len() + 2 && upper.ends_with(currency) && upper.len() >= 6
    };
    let coins = ["FDUSD", "USDT", "USDC", "BUSD", "TUSD", "BTC", "XBT", "ETH"];
    if coins.iter().chain(&FIAT).any(|currency| quoted(currency)) {
        return InstrumentKind::Spot;
    }
    InstrumentKind::Equity
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::number::Number;

    #[test]
    fn kinds_by_name() {
        use InstrumentKind::{Equity, Fx, Perpetual, Spot};
        for (symbol, kind) in [
            ("BTCUSDT", Spot),
            ("BTC-USD", Spot),
            ("XBTUSD", Spot),
            ("BCHEUR", Spot),
            ("EURUSD", Fx),
            ("USD/JPY", Fx),
            ("BTC-PERPETUAL", Perpetual),
            ("BTC-USDT-SWAP", Perpetual),
            ("AAPL", Equity),
            ("SPY", Equity),
            ("", Equity),
        ] {
            assert_eq!(kind_of(symbol), kind, "{symbol}");
        }
    }

    #[test]
    fn numbers_are_given_once() {
        let mut all = Instruments::default();
        let mut number = |symbol: &str, wanted| all.number(symbol, wanted, "x").unwrap();
        assert_eq!(
            [number("A", None), number("B", None), number("A", None)].map(Option::unwrap),
            [0, 1, 0]
        );
        assert_eq!(number("C", Some("D")), None);
        assert_eq!(number("D", Some("D")), Some(2));
        assert!(all.number(&"x".repeat(256), None, "x").is_err());
        for name in 3..=65_535_u32 {
            assert!(all.number(&name.to_string(), None, "x").unwrap().is_some());
        }
        assert!(all.number("one more", None, "x").is_err());
    }

    #[test]
    fn units_follow_from_the_numbers_or_the_options() {
        let mut all = Instruments::default();
        all.number("BTCUSDT", None, "x").unwrap();
        all.list[0].prices.see(Number::parse(b"58710.20").unwrap());
        all.list[0].sizes.see(Number::parse(b"0.003").unwrap());
        let mut notes = Vec::new();
        let spec = &all.specs(&ImportOptions::default(), &[], None, "x", &mut notes).unwrap()[0];
        assert_eq!((spec.currency(), spec.kind()), ("USDT", InstrumentKind::Spot));
        assert_eq!((spec.tick_e9(), spec.lot_e9()), (58_710_200_000_000, 3_000_000));
        let known = InstrumentSpec::new("BTCUSDT", "X", InstrumentKind::Future, 1, 2, 3).unwrap();
        let options = ImportOptions { specs: vec![known.clone()], ..ImportOptions::default() };
        assert_eq!(all.specs(&options, &[], None, "x", &mut notes).unwrap()[0], known);
        let options =
            ImportOptions { tick_e9: Some(5), lot_e9: Some(6), ..ImportOptions::default() };
        let spec =
            &all.specs(&options, &[], Some(InstrumentKind::Future), "x", &mut notes).unwrap()[0];
        assert_eq!((spec.tick_e9(), spec.lot_e9()), (5, 6));
        assert_eq!((spec.kind(), notes.len()), (InstrumentKind::Future, 0));
    }
}
