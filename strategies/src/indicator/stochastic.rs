//! Where the close lies in the range of the last bars: stochastic oscillators and Williams' %R.

use qt_engine::stored;

use super::Candle;
use super::average::Sma;
use super::error::{IndicatorError, period};
use super::extreme::Extreme;

/// The highest high and the lowest low of the last bars.
#[derive(Clone, Debug)]
struct Range {
    period: usize,
    highest: Extreme,
    lowest: Extreme,
}

stored!(Range {
    state: highest, lowest;
    same: period;
});

impl Range {
    fn new(period: usize) -> Self {
        Self { period, highest: Extreme::highest(period), lowest: Extreme::lowest(period) }
    }

    #[inline]
    fn update(&mut self, candle: &Candle) -> Option<(f64, f64)> {
        let highest = self.highest.push(candle.high);
        let lowest = self.lowest.push(candle.low);
        highest.zip(lowest).map(|(high, low)| (high.value, low.value))
    }
}

/// Fast stochastic oscillator: %K unsmoothed, %D its moving average.
#[derive(Clone, Debug)]
pub struct StochF {
    range: Range,
    average: Sma,
}

stored!(StochF {
    state: range, average;
});

/// The two values of [`StochF`], 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StochFValue {
    /// The place of the close in the range, percent.
    pub fastk: f64,
    /// The moving average of `fastk`, percent.
    pub fastd: f64,
}

impl StochF {
    /// Ranges below this share of the prices are rounding, not movement.
    const ROUNDING: f64 = 1e-14;

    /// Periods in bars, at least 1.
    ///
    /// # Errors
    /// If a period is outside its range.
    pub fn new(fastk: usize, fastd: usize) -> Result<Self, IndicatorError> {
        let range = Range::new(period("STOCHF", "fastk", fastk, 1)?);
        Ok(Self { range, average: Sma::new(period("STOCHF", "fastd", fastd, 1)?)? })
    }

    /// Takes the next bar in; the results are in percent, 0 for a window without a range.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<StochFValue> {
        let (high, low) = self.range.update(candle)?;
        let range = high - low;
        let flat = range <= Self::ROUNDING * (high.abs() + low.abs());
        let fastk = if flat { 0.0 } else { 100.0 * ((candle.close - low) / range) };
        let fastd = self.average.update(fastk)?;
        Some(StochFValue { fastk, fastd })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.range.period - 1 + self.average.first_row()
    }
}

/// Slow stochastic oscillator: %K smoothed by a moving average, %D an average of that.
#[derive(Clone, Debug)]
pub struct Stoch {
    fast: StochF,
    average: Sma,
}

stored!(Stoch {
    state: fast, average;
});

/// The two values of [`Stoch`], 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StochValue {
    /// The smoothed place of the close in the range, percent.
    pub slowk: f64,
    /// The moving average of `slowk`, percent.
    pub slowd: f64,
}

impl Stoch {
    /// Periods in bars, at least 1: the range, the smoothing of %K, the average %D.
    ///
    /// # Errors
    /// If a period is outside its range.
    pub fn new(fastk: usize, slowk: usize, slowd: usize) -> Result<Self, IndicatorError> {
        let fastk = period("STOCH", "fastk", fastk, 1)?;
        let slowk = period("STOCH", "slowk", slowk, 1)?;
        let slowd = period("STOCH", "slowd", slowd, 1)?;
        Ok(Self { fast: StochF::new(fastk, slowk)?, average: Sma::new(slowd)? })
    }

    /// Takes the next bar in; the results are in percent, 0 for a window without a range.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<StochValue> {
        let slowk = self.fast.update(candle)?.fastd;
        let slowd = self.average.update(slowk)?;
        Some(StochValue { slowk, slowd })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.fast.first_row() + self.average.first_row()
    }
}

/// Williams' %R, -100 (close at the low of the range) to 0 (at its high).
#[derive(Clone, Debug)]
pub struct Willr {
    range: Range,
}

stored!(Willr {
    state: range;
});

impl Willr {
    /// An oscillator over `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self { range: Range::new(period("WILLR", "period", period_bars, 2)?) })
    }

    /// Takes the next bar in; the result is in percent, 0 for a window without a range.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let (high, low) = self.range.update(candle)?;
        let range = high - low;
        let depth = if range > 0.0 { (high - candle.close) / range } else { 0.0 };
        // Subtracting from zero keeps a close at the high from becoming "-0".
        Some(0.0 - (100.0 * depth).clamp(0.0, 100.0))
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.range.period - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(high: f64, low: f64, close: f64) -> Candle {
        Candle { open: close, high, low, close, volume: 1.0 }
    }

    #[test]
    fn the_place_in_the_range_by_hand() {
        let bars = [candle(10.0, 8.0, 9.0), candle(12.0, 9.0, 11.0), candle(11.0, 9.0, 11.0)];
        let mut stoch = StochF::new(2, 2).expect("valid");
        let values = bars.map(|bar| stoch.update(&bar));
        let expected = 200.0 / 3.0;
        assert_eq!(values[..2], [None, None]);
        let last = values[2].expect("warm");
        assert!((last.fastk - expected).abs() < 1e-12, "{last:?}");
        assert!((last.fastd - (75.0 + expected) / 2.0).abs() < 1e-12, "{last:?}");
        let mut willr = Willr::new(2).expect("valid");
        let values = bars.map(|bar| willr.update(&bar));
        assert_eq!(values[1], Some(-25.0));
    }

    #[test]
    fn a_window_without_range_gives_zero() {
        let mut stoch = Stoch::new(3, 2, 2).expect("valid");
        let mut willr = Willr::new(3).expect("valid");
        let bar = candle(0.3, 0.3, 0.3);
        for row in 0..20 {
            let zero = StochValue { slowk: 0.0, slowd: 0.0 };
            assert_eq!(stoch.update(&bar), (row >= stoch.first_row()).then_some(zero));
            let value = willr.update(&bar);
            assert_eq!(value.map(f64::to_bits), (row >= 2).then_some(0));
        }
    }
}
