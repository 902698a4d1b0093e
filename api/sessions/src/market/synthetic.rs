//! The synthetic market: what there is without any feed.

use qt_data::calendar::Calendar;
use qt_data::generate::{Book, GenerateError, Market};
use qt_types::{E9, InstrumentKind, InstrumentSpec, SpecError};

/// Rows of one book: at five a second they last for 27 years.
const ROWS: u64 = u32::MAX as u64;

/// An instrument of the synthetic market.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticInstrument {
    /// Its symbol.
    pub symbol: String,
    /// The currency that it is priced in.
    pub currency: String,
    /// What it is.
    pub kind: InstrumentKind,
    /// First price, in billionths.
    pub price_e9: i64,
    /// Price step, in billionths.
    pub tick_e9: i64,
    /// Quantity step, in billionths of a unit.
    pub lot_e9: i64,
    /// Mean size of an order, in lots.
    pub order_lots: i64,
    /// Standard deviation of a year's returns: 0.2 is 20 %.
    pub volatility: f64,
    /// Mean time between two changes of its book (ns).
    pub interval_ns: i64,
}

impl SyntheticInstrument {
    /// Its units.
    ///
    /// # Errors
    /// When tick or lot are not positive, or too large together.
    pub fn spec(&self) -> Result<InstrumentSpec, SpecError> {
        let (tick, lot) = (self.tick_e9, self.lot_e9);
        InstrumentSpec::new(&self.symbol, &self.currency, self.kind, tick, lot, E9)
    }

    /// Its book from `start_ns` (UTC) on, by `seed`.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub(super) fn book(&self, seed: u64, start_ns: i64) -> Result<Book, GenerateError> {
        let market = Market {
            symbol: self.symbol.clone(),
            currency: self.currency.clone(),
            seed,
            rows: ROWS,
            start_ns,
            interval_ns: self.interval_ns,
            calendar: Calendar::Always,
            start_price_e9: self.price_e9,
            volatility: self.volatility,
            drift: 0.0,
            tick_e9: self.tick_e9,
            lot_e9: self.lot_e9,
            order_lots: self.order_lots,
            ..Market::default()
        };
        market.book()
    }
}

/// The instruments of a fresh installation.
#[must_use]
pub fn defaults() -> Vec<SyntheticInstrument> {
    use InstrumentKind::{Equity, Fx, Spot};
    // Price, tick and volatility of a year such that a second is worth a few ticks.
    let of = |symbol: &str, kind, (price_e9, tick_e9, lot_e9), order_lots, volatility| {
        SyntheticInstrument {
            symbol: symbol.to_owned(),
            currency: "USD".to_owned(),
            kind,
            price_e9,
            tick_e9,
            lot_e9,
            order_lots,
            volatility,
            interval_ns: 200_000_000,
        }
    };
    vec![
        of("BTC-USD", Spot, (60_000 * E9, E9, 10_000), 50_000, 0.6),
        of("ETH-USD", Spot, (3_000 * E9, E9 / 10, 100_000), 100_000, 0.7),
        of("AAPL", Equity, (190 * E9, E9 / 100, E9), 200, 0.3),
        of("EURUSD", Fx, (E9 + E9 / 100 * 8, E9 / 100_000, E9), 50_000, 0.08),
    ]
}
