//! Name, kind and currency of an instrument: from the options, else from what the data shows.

use std::path::Path;

use qt_types::{E9, InstrumentKind, InstrumentSpec};

use super::LoadOptions;
use crate::calendar::Calendar;
use crate::error::{CellError, DataError};
use crate::source::rows::Rows;
use crate::units::Unit;

/// Currencies that a pair's name may end with, longest first.
const CURRENCIES: [&str; 17] = [
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "EUR", "GBP", "JPY", "CHF", "AUD", "CAD",
    "NZD", "TRY", "BRL", "BTC", "ETH",
];

/// Coins that inverse contracts are settled in and that nothing is priced in.
const COINS: [&str; 7] = ["SOL", "XRP", "LTC", "ADA", "DOT", "BNB", "DOGE"];

/// The name of the instrument that `rows` are about.
#[must_use]
pub fn symbol(rows: &Rows, options: &LoadOptions) -> String {
    match (&options.symbol, rows.symbol_names.as_slice()) {
        (Some(symbol), _) => symbol.clone(),
        (None, [name]) if !name.is_empty() => name.clone(),
        _ => symbol_of_path(&rows.source.path),
    }
}

/// The symbol in a file's name: what comes before the first `_`, or before a `-` that a digit
/// follows, without extensions. `LTCUSDT-1m-2026-02.csv.gz` is about `LTCUSDT`.
#[must_use]
pub fn symbol_of_path(path: &str) -> String {
    let name = Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy());
    let stem = name.split('.').next().unwrap_or_default();
    let bytes = stem.as_bytes();
    let ends = |index: &usize| match bytes[*index] {
        b'_' => true,
        b'-' => bytes.get(index + 1).is_some_and(u8::is_ascii_digit),
        _ => false,
    };
    let end = (1..bytes.len()).find(ends).unwrap_or(bytes.len());
    if end == 0 { name.into_owned() } else { stem[..end].to_owned() }
}

/// The instrument's units.
///
/// # Errors
/// When they are too large to count money in.
pub fn spec(
    rows: &Rows,
    options: &LoadOptions,
    calendar: &Calendar,
    tick: &Unit,
    lot: &Unit,
) -> Result<InstrumentSpec, DataError> {
    let symbol = symbol(rows, options);
    let kind = options.kind.unwrap_or(match calendar {
        Calendar::Always => InstrumentKind::Spot,
        Calendar::Fx => InstrumentKind::Fx,
        _ => InstrumentKind::Equity,
    });
    let currency = match &options.currency {
        Some(currency) => currency.clone(),
        None => currency_of(&symbol, kind).to_owned(),
    };
    let multiplier_e9 = options.multiplier_e9.unwrap_or(E9);
    InstrumentSpec::new(&symbol, &currency, kind, tick.unit_e9, lot.unit_e9, multiplier_e9).map_err(
        |error| {
            DataError::Units(Box::new(CellError {
                path: rows.source.path.clone(),
                place: "the whole file".to_owned(),
                column: String::new(),
                text: String::new(),
                what: error.0,
                fix: "Give --tick, --lot and --multiplier".to_owned(),
            }))
        },
    )
}

// The money that a pair is priced in. Shares are taken to be in dollars.
pub(crate) fn currency_of(symbol: &str, kind: InstrumentKind) -> &'static str {
    let upper: String =
        symbol.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    let pair = upper.strip_suffix("PERP").unwrap_or(&upper);
    if kind.is_inverse() {
        // Settled in what it is about: the coin that its name begins with.
        let pair = pair.replace("XBT", "BTC");
        let coin = CURRENCIES.into_iter().chain(COINS).find(|coin| pair.starts_with(coin));
        return coin.unwrap_or("COIN");
    }
    let shares = matches!(kind, InstrumentKind::Equity | InstrumentKind::Index);
    let found = CURRENCIES.into_iter().find(|currency| is_priced_in(pair, currency) && !shares);
    found.unwrap_or("USD")
}

/// Whether `pair` ends with `currency` behind something that can be a coin or a currency.
fn is_priced_in(pair: &str, currency: &str) -> bool {
    let Some(base) = pair.strip_suffix(currency) else { return false };
    // XBTUSD and USDTUSD are in dollars: names of two letters are rarer than those that end in T.
    base.len() >= 2 && (currency != "TUSD" || (base.len() >= 3 && base != "USD"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_paths() {
        for (path, want) in [
            ("data/SPY.csv", "SPY"),
            ("LTCUSDT-1m-2026-02.csv.gz", "LTCUSDT"),
            ("BTC-USD.csv", "BTC-USD"),
            ("GOOG_2004-2013.csv", "GOOG"),
            ("XRPUSDT-PERP_2021-11-15_5m.csv", "XRPUSDT-PERP"),
            (".hidden", ".hidden"),
            ("_x.csv", "_x"),
        ] {
            assert_eq!(symbol_of_path(path), want, "{path}");
        }
    }

    #[test]
    fn currencies_of_pairs() {
        use InstrumentKind::{Equity, Fx, InverseFuture, InversePerpetual, Spot};
        assert_eq!(currency_of("LTCUSDT", Spot), "USDT");
        assert_eq!(currency_of("XBTUSD", InversePerpetual), "BTC");
        assert_eq!(currency_of("ETHUSD_250328", InverseFuture), "ETH");
        assert_eq!(currency_of("WUSD", InverseFuture), "COIN");
        assert_eq!(currency_of("XRPUSDT-PERP", Spot), "USDT");
        assert_eq!(currency_of("ADABTC", Spot), "BTC");
        assert_eq!(currency_of("BTC-USD", Spot), "USD");
        assert_eq!(currency_of("XBTUSD", Spot), "USD");
        assert_eq!(currency_of("USDTUSD", Spot), "USD");
        assert_eq!(currency_of("BTCTUSD", Spot), "TUSD");
        assert_eq!(currency_of("USDJPY", Fx), "JPY");
        assert_eq!(currency_of("ETH", Spot), "USD");
        assert_eq!(currency_of("AUSD", Equity), "USD");
        assert_eq!(currency_of("MYTRY", Equity), "USD");
    }
}
