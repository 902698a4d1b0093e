//! Realised volatility: the root of the sum of squared returns of the middle price.

use qt_engine::stored;

use super::error::{IndicatorError, period};
use super::window::RollingSum;

/// The realised volatility over the last `returns` returns: the root of the sum of their squares,
/// a return being the difference of the logarithms of two middle prices in turn. It is the
/// standard deviation of the return over the whole window, without unit (0.01: one per cent).
///
/// T. Andersen, T. Bollerslev, F. Diebold and P. Labys, *Modeling and forecasting realized
/// volatility*, Econometrica 71(2), 2003. When a middle price is taken in is the caller's choice.
#[derive(Clone, Debug)]
pub struct RealisedVolatility {
    squares: RollingSum,
    last_log: Option<f64>,
    variance: Option<f64>,
}

stored!(RealisedVolatility {
    state: squares, last_log, variance;
});

impl RealisedVolatility {
    /// Over so many returns, at least 1.
    ///
    /// # Errors
    /// If the number of returns is outside its range.
    pub fn new(returns: usize) -> Result<Self, IndicatorError> {
        let returns = period("REALISED", "returns", returns, 1)?;
        Ok(Self { squares: RollingSum::new(returns), last_log: None, variance: None })
    }

    /// Takes twice the middle price, in ticks, in; the first one makes no return. One that is not
    /// positive has no logarithm: it is left out, and with it the returns to and from it.
    #[inline]
    pub fn update(&mut self, mid_x2: i64) -> Option<f64> {
        if mid_x2 <= 0 {
            self.last_log = None;
            return self.value();
        }
        let log = libm::log(mid_x2 as f64);
        if let Some(last) = self.last_log.replace(log) {
            let change = log - last;
            self.variance = self.squares.push(change * change);
        }
        self.value()
    }

    /// The volatility; `None` before there were enough returns.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// The realised variance: the sum of squared returns.
    #[inline]
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        self.variance.map(|sum| sum.max(0.0))
    }
}
