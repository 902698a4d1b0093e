//! Highest and lowest values: MAX, MIN, MIDPOINT, MIDPRICE and the Donchian channel.

use qt_engine::stored;

use super::Candle;
use super::error::{IndicatorError, period};
use super::extreme::Extreme;
use super::volatility::Channel;

/// The highest of the last values.
#[derive(Clone, Debug)]
pub struct Max {
    period: usize,
    highest: Extreme,
}

stored!(Max {
    state: highest;
    same: period;
});

impl Max {
    /// The highest value of `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let period = period("MAX", "period", period_bars, 1)?;
        Ok(Self { period, highest: Extreme::highest(period) })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.highest.push(value).map(|found| found.value)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.period - 1
    }
}

/// The lowest of the last values.
#[derive(Clone, Debug)]
pub struct Min {
    period: usize,
    lowest: Extreme,
}

stored!(Min {
    state: lowest;
    same: period;
});

impl Min {
    /// The lowest value of `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let period = period("MIN", "period", period_bars, 1)?;
        Ok(Self { period, lowest: Extreme::lowest(period) })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.lowest.push(value).map(|found| found.value)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.period - 1
    }
}

/// The middle between the highest and the lowest of the last values.
#[derive(Clone, Debug)]
pub struct Midpoint {
    highest: Max,
    lowest: Min,
}

stored!(Midpoint {
    state: highest, lowest;
});

impl Midpoint {
    /// The middle of `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let period = period("MIDPOINT", "period", period_bars, 1)?;
        Ok(Self { highest: Max::new(period)?, lowest: Min::new(period)? })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let highest = self.highest.update(value);
        highest.zip(self.lowest.update(value)).map(|(high, low)| (high + low) / 2.0)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.highest.first_row()
    }
}

/// Donchian channel: the highest high, the lowest low, and the middle between them.
#[derive(Clone, Debug)]
pub struct Donchian {
    highest: Max,
    lowest: Min,
}

stored!(Donchian {
    state: highest, lowest;
});

impl Donchian {
    /// A channel of `period` bars including the newest, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let period = period("DONCHIAN", "period", period_bars, 1)?;
        Ok(Self { highest: Max::new(period)?, lowest: Min::new(period)? })
    }

    /// Takes the next bar in; the result is in the unit of the price.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<Channel> {
        let highest = self.highest.update(candle.high);
        let (upper, lower) = highest.zip(self.lowest.update(candle.low))?;
        Some(Channel { upper, middle: (upper + lower) / 2.0, lower })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.highest.first_row()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_by_hand() {
        let values = [3.0, 1.0, 2.0, 5.0];
        let mut max = Max::new(2).expect("valid");
        assert_eq!(values.map(|v| max.update(v)), [None, Some(3.0), Some(2.0), Some(5.0)]);
        let mut min = Min::new(2).expect("valid");
        assert_eq!(values.map(|v| min.update(v)), [None, Some(1.0), Some(1.0), Some(2.0)]);
        let mut middle = Midpoint::new(2).expect("valid");
        assert_eq!(values.map(|v| middle.update(v)), [None, Some(2.0), Some(1.5), Some(3.5)]);
    }

    #[test]
    fn a_donchian_channel_takes_highs_and_lows() {
        let mut channel = Donchian::new(2).expect("valid");
        let bar = |high, low| Candle { open: low, high, low, close: high, volume: 0.0 };
        assert_eq!(channel.update(&bar(4.0, 3.0)), None);
        let expected = Channel { upper: 6.0, middle: 4.5, lower: 3.0 };
        assert_eq!(channel.update(&bar(6.0, 5.0)), Some(expected));
    }
}
