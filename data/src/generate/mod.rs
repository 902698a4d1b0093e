//! A synthetic market from a seed: bars, trades, and the updates of an order book.
//!
//! The same options give the same bytes on every machine and in every release: the random numbers
//! are ChaCha8 in its plain form, and the model uses only arithmetic that IEEE 754 defines to the
//! last bit (no logarithm, no exponential). It is a market to try things on, not to learn from:
//! prices are a random walk with changing regimes, and nothing in them can be predicted.

mod bars;
mod book;
mod csv;
pub(crate) mod dice;
#[cfg(test)]
mod tests;
mod timeline;
mod trades;
mod walk;

use qt_types::{E9, InstrumentKind, InstrumentSpec, SpecError, format_scaled};

use crate::calendar::Calendar;
use crate::calendar::civil::{DAY_NS, Day, MINUTE_NS};

pub use bars::Bars;
pub use book::{Book, BookKind, BookRow};
pub use csv::{write_bars_csv, write_book_csv, write_trades_csv};
pub use trades::Trades;

/// A start price has at least so many ticks, that a step of one is a small one.
pub const START_TICKS_MIN: i64 = 100;

/// What the synthetic market is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Market {
    /// Name of the instrument.
    pub symbol: String,
    /// Currency of its prices.
    pub currency: String,
    /// Two markets differ in everything when their seeds do.
    pub seed: u64,
    /// How many bars, trades or book rows.
    pub rows: u64,
    /// No row is earlier (UTC ns).
    pub start_ns: i64,
    /// Length of a bar in ns, at most a day; average time between trades or book events.
    pub interval_ns: i64,
    /// When the market is open. `none` is taken as `24x7`.
    pub calendar: Calendar,
    /// First price, in billionths of the currency.
    pub start_price_e9: i64,
    /// Standard deviation of a year's returns: 0.2 is 20 %.
    pub volatility: f64,
    /// Average return of a year: 0.05 is 5 %.
    pub drift: f64,
    /// Price step, in billionths of the currency.
    pub tick_e9: i64,
    /// Quantity step, in billionths of a unit.
    pub lot_e9: i64,
    /// Average volume of a bar, in lots.
    pub bar_lots: i64,
    /// Average size of a trade or of an order in the book, in lots.
    pub order_lots: i64,
}

impl Default for Market {
    fn default() -> Self {
        Self {
            symbol: "SYN".to_owned(),
            currency: "USD".to_owned(),
            seed: 1,
            rows: 10_000,
            start_ns: Day::new(2024, 1, 2).start_ns(),
            interval_ns: MINUTE_NS,
            calendar: Calendar::Xnys,
            start_price_e9: 100 * E9,
            volatility: 0.2,
            drift: 0.08,
            tick_e9: E9 / 100,
            lot_e9: E9,
            bar_lots: 20_000,
            order_lots: 200,
        }
    }
}

/// Why there is no such market.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// An option is out of its range.
    #[error("{option} is {value}: {what}")]
    Option {
        /// The option's name on the command line.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        what: &'static str,
    },
    /// Tick, lot or symbol make no instrument.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The calendar has no session after the start.
    #[error("the calendar {0} has no session in the two years after the start")]
    NoSession(String),
}

impl Market {
    /// The instrument that is traded.
    ///
    /// # Errors
    /// When tick or lot are not positive.
    pub fn spec(&self) -> Result<InstrumentSpec, GenerateError> {
        let (symbol, currency) = (&self.symbol, &self.currency);
        let kind = match self.calendar {
            Calendar::Always | Calendar::None => InstrumentKind::Spot,
            Calendar::Fx => InstrumentKind::Fx,
            Calendar::Xnys | Calendar::File(_) => InstrumentKind::Equity,
        };
        Ok(InstrumentSpec::new(symbol, currency, kind, self.tick_e9, self.lot_e9, E9)?)
    }

    /// Its bars. The marks of sessions are not set ([`Calendar::mark_sessions`] does that).
    ///
    /// # Errors
    /// When an option is out of its range.
    pub fn bars(&self) -> Result<Bars, GenerateError> {
        self.check()?;
        Bars::new(self)
    }

    /// Its trades.
    ///
    /// # Errors
    /// When an option is out of its range.
    pub fn trades(&self) -> Result<Trades, GenerateError> {
        self.check()?;
        Trades::new(self)
    }

    /// The updates of its order book, with the trades that cause them.
    ///
    /// # Errors
    /// When an option is out of its range.
    pub fn book(&self) -> Result<Book, GenerateError> {
        self.check()?;
        Book::new(self)
    }

    fn check(&self) -> Result<(), GenerateError> {
        self.spec()?;
        let wrong =
            |option, value: String, what| Err(GenerateError::Option { option, value, what });
        let price = || format_scaled(i128::from(self.start_price_e9), 9);
        let fractional = self.start_price_e9 % self.tick_e9 != 0;
        if fractional || self.start_price_e9 / self.tick_e9 < START_TICKS_MIN {
            return wrong("start price", price(), "use a multiple of the tick, at least 100 ticks");
        }
        if self.start_price_e9 / self.tick_e9 > 1_000_000_000_000 {
            return wrong("start price", price(), "use at most 1e12 ticks");
        }
        if !(0.0..=5.0).contains(&self.volatility) {
            return wrong("volatility", self.volatility.to_string(), "use 0 to 5 (500 % a year)");
        }
        if !(-5.0..=5.0).contains(&self.drift) {
            return wrong("drift", self.drift.to_string(), "use -5 to 5 (500 % a year)");
        }
        if self.rows > u64::from(u32::MAX) {
            return wrong("rows", self.rows.to_string(), "use at most 4294967295");
        }
        if self.interval_ns < 1000 || self.interval_ns > DAY_NS {
            let value = format!("{} ns", self.interval_ns);
            return wrong("interval", value, "use one microsecond to one day");
        }
        for (option, lots) in [("bar lots", self.bar_lots), ("order lots", self.order_lots)] {
            if !(1..=1_000_000_000_000).contains(&lots) {
                return wrong(option, lots.to_string(), "use 1 to 1e12");
            }
        }
        let years = Day::new(1900, 1, 1).start_ns()..Day::new(2200, 1, 1).start_ns();
        if !years.contains(&self.start_ns) {
            let value = Day::of_ns(self.start_ns).to_string();
            return wrong("start", value, "use a date from 1900 to 2199");
        }
        Ok(())
    }

    /// Sessions of a year, by which a year's volatility is shared out.
    const fn sessions_a_year(&self) -> f64 {
        match self.calendar {
            Calendar::Always | Calendar::None => 365.0,
            Calendar::Fx => 258.0,
            Calendar::Xnys | Calendar::File(_) => 252.0,
        }
    }
}
