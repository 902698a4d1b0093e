//! Streaming indicators: one update per bar in constant time, all memory taken at the start.
//!
//! The definitions are TA-Lib's (default compatibility, no unstable period), including how each
//! series is seeded and what it says about a market that does not move; RSI of an unchanged window
//! is 0. Every row from [`Indicator::first_row`] on has a value, no row before it has one, and no
//! value is NaN or infinite as long as prices and volumes are finite and of a magnitude between
//! 1e-30 and 1e30 (or zero), which the data gate of a backtest ensures by far.
//!
//! There are two ways to use them. The structs, such as [`Rsi`] or [`Macd`], take values or
//! candles and return typed results, without any indirection. [`parse`] builds any of them from
//! text, such as `"RSI(14)"` or `"MACD(12,26,9).hist"`, behind the trait [`Indicator`];
//! [`catalog`] lists what there is.
//!
//! Those of books and trades ([`BookImbalance`], [`Top::microprice`], [`OrderFlowImbalance`],
//! [`Vpin`], [`KyleLambda`], [`RealisedVolatility`]) have no bars and stand outside of the catalog.
//!
//! The crate `ta` does the arithmetic where it agrees with these definitions (true range, rate of
//! change, the recurrence of Wilder's smoothing); a [`Candle`] can be fed to any of its indicators.

mod average;
mod book_imbalance;
mod builtin;
mod catalog;
mod channel;
mod error;
mod extreme;
mod kyle;
mod macd;
mod momentum;
mod order_flow;
mod oscillator;
mod parse;
mod realised;
mod sar;
mod stochastic;
mod sum;
mod top;
mod trend;
mod volatility;
mod volume;
mod vpin;
mod window;

pub use average::{Dema, Ema, Kama, Sma, Tema, Wma};
pub use book_imbalance::BookImbalance;
pub use catalog::{ArgumentInfo, ArgumentKind, IndicatorInfo, catalog};
pub use channel::{Donchian, Max, Midpoint, Min};
pub use error::{IndicatorError, PERIOD_MAX};
pub use kyle::KyleLambda;
pub use macd::{Macd, MacdValue, Ppo};
pub use momentum::{Mom, Roc, Rocp, Rocr, Trix};
pub use order_flow::OrderFlowImbalance;
pub use oscillator::{Bop, Cci, Cmo, Rsi, UltOsc};
pub use parse::parse;
pub use realised::RealisedVolatility;
pub use sar::Sar;
pub use stochastic::{Stoch, StochF, StochFValue, StochValue, Willr};
pub use top::Top;
pub use trend::{Adx, Aroon, AroonValue, Dmi, DmiValue, LinearRegSlope};
pub use volatility::{Atr, Bbands, Channel, Keltner, Natr, StdDev, Trange, Var, ZScore};
pub use volume::{Ad, Adosc, Mfi, Obv, Vwap};
pub use vpin::Vpin;

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use qt_types::{Bar, InstrumentSpec};

/// One series of one value per bar.
///
/// A clone of the box continues where the original is, independently of it.
pub trait Indicator: Send {
    /// Takes the next bar in and returns the value of that bar, `None` during the warm-up.
    /// Allocates nothing.
    fn update(&mut self, candle: &Candle) -> Option<f64>;

    /// The row of the first defined value, 0 being the first bar: the number of bars that must
    /// have been seen before.
    fn first_row(&self) -> usize;

    /// Forgets all bars.
    fn reset(&mut self);

    /// The indicator with all its arguments in the usual form, for example `MACD(12,26,9).hist`.
    fn name(&self) -> &str;

    /// A copy in the same state.
    fn boxed_clone(&self) -> Box<dyn Indicator>;

    /// Writes its state for a snapshot. One that does not say how has none.
    fn save(&self, to: &mut Writer<'_>) {
        to.refuse("an indicator");
    }

    /// Reads what [`Self::save`] has written.
    ///
    /// # Errors
    /// When the bytes are not those of the state of such an indicator.
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let _ = from;
        Err(SnapshotError::NotStorable("an indicator"))
    }
}

impl Stored for Box<dyn Indicator> {
    fn save(&self, to: &mut Writer<'_>) {
        (**self).save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        (**self).load(from)
    }
}

impl Clone for Box<dyn Indicator> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}

/// One bar as indicators see it: prices in the currency of the quote, volume in the units that are
/// traded, both as floating-point numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Candle {
    /// The first price.
    pub open: f64,
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
    /// The last price.
    pub close: f64,
    /// The quantity traded; 0 where it is not known.
    pub volume: f64,
}

impl Candle {
    /// A bar in which the price did not move.
    #[must_use]
    pub const fn flat(price: f64, volume: f64) -> Self {
        Self { open: price, high: price, low: price, close: price, volume }
    }

    /// The candle of a completed bar of the instrument with the units `spec`.
    #[inline]
    #[must_use]
    pub fn of(bar: &Bar, spec: &InstrumentSpec) -> Self {
        Self {
            open: spec.price_f64(bar.open),
            high: spec.price_f64(bar.high),
            low: spec.price_f64(bar.low),
            close: spec.price_f64(bar.close),
            volume: spec.qty_f64(bar.volume),
        }
    }

    /// The mean of high, low and close.
    #[inline]
    #[must_use]
    pub fn typical(&self) -> f64 {
        (self.high + self.low + self.close) / 3.0
    }
}

impl ta::Open for Candle {
    fn open(&self) -> f64 {
        self.open
    }
}

impl ta::High for Candle {
    fn high(&self) -> f64 {
        self.high
    }
}

impl ta::Low for Candle {
    fn low(&self) -> f64 {
        self.low
    }
}

impl ta::Close for Candle {
    fn close(&self) -> f64 {
        self.close
    }
}

impl ta::Volume for Candle {
    fn volume(&self) -> f64 {
        self.volume
    }
}
