//! How much a price moves: true range, ATR, NATR, standard deviation, Bollinger and Keltner
//! channels.

use qt_engine::{stored, values};
use serde::{Deserialize, Serialize};

use super::Candle;
use super::average::{Ema, Wilder};
use super::error::{IndicatorError, factor, period};
use super::sum::Sum;
use super::window::{EqualRun, Window};
use ta::Next;

/// True range: the range of the bar, extended to the close before it.
///
/// The arithmetic is that of the crate `ta`; the first bar, which has no close before it, gives no
/// value here.
#[derive(Clone, Debug, Default)]
pub struct Trange {
    range: ta::indicators::TrueRange,
    started: bool,
}

stored!(Trange {
    state: started;
    value: range;
});

impl Trange {
    /// A range that waits for its first bar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bar in; the result is in the unit of the price.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let range = self.range.next(candle);
        std::mem::replace(&mut self.started, true).then_some(range)
    }

    /// The row of the first defined value: the second bar.
    pub fn first_row(&self) -> usize {
        1
    }
}

/// Average true range by Wilder's smoothing.
///
/// The one of the crate `ta` smooths with another factor.
#[derive(Clone, Debug)]
pub struct Atr {
    period: usize,
    range: Trange,
    average: Wilder,
}

stored!(Atr {
    state: range, average;
    same: period;
});

impl Atr {
    /// An average over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let period = period("ATR", "period", period_bars, 1)?;
        Ok(Self { period, range: Trange::new(), average: Wilder::new(period) })
    }

    /// Takes the next bar in; the result is in the unit of the price.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let range = self.range.update(candle)?;
        self.average.update(range)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.period
    }
}

/// Average true range in percent of the close.
#[derive(Clone, Debug)]
pub struct Natr {
    range: Atr,
}

stored!(Natr {
    state: range;
});

impl Natr {
    /// An average over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self { range: Atr::new(period("NATR", "period", period_bars, 1)?)? })
    }

    /// Takes the next bar in; the result is in percent, 0 if the close is zero.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let range = self.range.update(candle)?;
        Some(if candle.close == 0.0 { 0.0 } else { range / candle.close * 100.0 })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.range.first_row()
    }
}

/// Mean and variance of the last values.
///
/// The squares are summed without rounding, so the difference of two large numbers that the
/// variance is keeps its digits even when the price is a million times its own movement.
#[derive(Clone, Debug)]
struct Spread {
    window: Window,
    run: EqualRun,
    values: Sum,
    squares: Sum,
}

stored!(Spread {
    state: window, run, values, squares;
});

impl Spread {
    fn new(len: usize) -> Self {
        let run = EqualRun::default();
        Self { window: Window::new(len), run, values: Sum::ZERO, squares: Sum::ZERO }
    }

    /// Takes a value in and returns (mean, variance), the variance with divisor n.
    #[inline]
    fn push(&mut self, value: f64) -> Option<(f64, f64)> {
        let old = self.window.push(value);
        let run = self.run.push(value);
        self.values.add(value);
        self.values.add(-old);
        self.squares.add_product(value, value);
        self.squares.add_product(-old, old);
        if self.window.at_start() {
            self.values.settle();
            self.squares.settle();
        }
        if !self.window.is_full() {
            return None;
        }
        let count = self.window.len() as f64;
        let mean = self.values.value() / count;
        if run >= self.window.len() {
            // Not the quotient, which may be a last digit away from an unchanged value.
            return Some((value, 0.0));
        }
        let mut difference = self.squares.scaled(count);
        difference.add_sum(self.values.squared().negated());
        Some((mean, (difference.value() / (count * count)).max(0.0)))
    }
}

/// Variance of the last values, divided by their number.
#[derive(Clone, Debug)]
pub struct Var {
    spread: Spread,
}

stored!(Var {
    state: spread;
});

impl Var {
    /// A variance over `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self { spread: Spread::new(period("VAR", "period", period_bars, 2)?) })
    }

    /// Takes the next value in; the result is in the squared unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.spread.push(value).map(|(_, variance)| variance)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.spread.window.len() - 1
    }
}

/// Standard deviation of the last values (divisor n), times a factor.
///
/// The one of the crate `ta` carries a running moment that drifts by 2.5e-6 over a million bars.
#[derive(Clone, Debug)]
pub struct StdDev {
    spread: Spread,
    deviations: f64,
}

stored!(StdDev {
    state: spread;
    same: deviations;
});

impl StdDev {
    /// The largest factor that makes sense.
    pub const DEVIATIONS_MAX: f64 = 1000.0;

    /// `deviations` times the standard deviation over `period` bars, at least 2.
    ///
    /// # Errors
    /// If an argument is outside its range.
    pub fn new(period_bars: usize, deviations: f64) -> Result<Self, IndicatorError> {
        let spread = Spread::new(period("STDDEV", "period", period_bars, 2)?);
        let deviations = factor("STDDEV", "deviations", deviations, Self::DEVIATIONS_MAX)?;
        Ok(Self { spread, deviations })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.spread.push(value).map(|(_, variance)| variance.sqrt() * self.deviations)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.spread.window.len() - 1
    }
}

/// A channel around an average, in the unit of the price.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// The upper line.
    pub upper: f64,
    /// The average.
    pub middle: f64,
    /// The lower line.
    pub lower: f64,
}

values!(Channel);

impl Channel {
    #[inline]
    fn around(middle: f64, width: f64) -> Self {
        Self { upper: middle + width, middle, lower: middle - width }
    }
}

/// Bollinger bands: the simple average, and so many standard deviations above and below it.
#[derive(Clone, Debug)]
pub struct Bbands {
    spread: Spread,
    deviations: f64,
}

stored!(Bbands {
    state: spread;
    same: deviations;
});

impl Bbands {
    /// Bands over `period` bars, at least 2, `deviations` standard deviations wide on each side.
    ///
    /// # Errors
    /// If an argument is outside its range.
    pub fn new(period_bars: usize, deviations: f64) -> Result<Self, IndicatorError> {
        let spread = Spread::new(period("BBANDS", "period", period_bars, 2)?);
        let deviations = factor("BBANDS", "deviations", deviations, StdDev::DEVIATIONS_MAX)?;
        Ok(Self { spread, deviations })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<Channel> {
        let (mean, variance) = self.spread.push(value)?;
        Some(Channel::around(mean, variance.sqrt() * self.deviations))
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.spread.window.len() - 1
    }
}

/// Keltner channel: the exponential average of the close, and so many average true ranges above
/// and below it.
#[derive(Clone, Debug)]
pub struct Keltner {
    average: Ema,
    range: Atr,
    ranges: f64,
}

stored!(Keltner {
    state: average, range;
    same: ranges;
});

impl Keltner {
    /// A channel around the EMA of `period` bars, `ranges` times the ATR of `range_period` bars
    /// wide on each side.
    ///
    /// # Errors
    /// If an argument is outside its range.
    pub fn new(
        period_bars: usize,
        range_period: usize,
        ranges: f64,
    ) -> Result<Self, IndicatorError> {
        let average = Ema::new(period("KELTNER", "period", period_bars, 1)?)?;
        let range = Atr::new(period("KELTNER", "range_period", range_period, 1)?)?;
        let ranges = factor("KELTNER", "ranges", ranges, StdDev::DEVIATIONS_MAX)?;
        Ok(Self { average, range, ranges })
    }

    /// Takes the next bar in; the result is in the unit of the price.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<Channel> {
        let middle = self.average.update(candle.close);
        let range = self.range.update(candle);
        middle.zip(range).map(|(middle, range)| Channel::around(middle, range * self.ranges))
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.average.first_row().max(self.range.first_row())
    }
}

/// How many standard deviations the value is above its own mean; 0 for an unchanged window.
#[derive(Clone, Debug)]
pub struct ZScore {
    spread: Spread,
}

stored!(ZScore {
    state: spread;
});

impl ZScore {
    /// A score over `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self { spread: Spread::new(period("ZSCORE", "period", period_bars, 2)?) })
    }

    /// Takes the next value in; the result has no unit.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let (mean, variance) = self.spread.push(value)?;
        Some(if variance > 0.0 { (value - mean) / variance.sqrt() } else { 0.0 })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.spread.window.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_by_hand() {
        let bars = [(10.0, 8.0, 9.0), (12.0, 11.0, 11.0), (11.0, 6.0, 7.0), (8.0, 7.0, 8.0)]
            .map(|(high, low, close)| Candle { open: close, high, low, close, volume: 0.0 });
        let mut range = Trange::new();
        let ranges = bars.map(|bar| range.update(&bar));
        assert_eq!(ranges, [None, Some(3.0), Some(5.0), Some(1.0)]);
        let mut atr = Atr::new(2).expect("valid");
        assert_eq!(bars.map(|bar| atr.update(&bar)), [None, None, Some(4.0), Some(2.5)]);
        let mut natr = Natr::new(2).expect("valid");
        assert_eq!(bars.map(|bar| natr.update(&bar))[3], Some(31.25));
    }

    #[test]
    fn spread_by_hand() {
        let mut bands = Bbands::new(4, 2.0).expect("valid");
        let last = [1e6, 1e6 + 2.0, 1e6, 1e6 + 2.0].map(|value| bands.update(value))[3];
        let expected = Channel { upper: 1e6 + 3.0, middle: 1e6 + 1.0, lower: 1e6 - 1.0 };
        assert_eq!(last, Some(expected));
        let mut score = ZScore::new(2).expect("valid");
        assert_eq!([3.0, 5.0, 5.0].map(|v| score.update(v)), [None, Some(1.0), Some(0.0)]);
    }

    #[test]
    fn an_unchanged_window_has_no_spread_after_a_jump() {
        let mut deviation = StdDev::new(5, 1.0).expect("valid");
        deviation.update(1e12);
        for _ in 0..5 {
            deviation.update(0.1);
        }
        assert_eq!(deviation.update(0.1), Some(0.0));
    }

    #[test]
    fn keltner_waits_for_both_parts() {
        let mut channel = Keltner::new(2, 5, 2.0).expect("valid");
        for row in 0..8 {
            let defined = channel.update(&Candle::flat(3.0, 1.0)).is_some();
            assert_eq!(defined, row >= channel.first_row());
        }
    }
}
