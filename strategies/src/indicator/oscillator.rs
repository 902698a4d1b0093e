//! Oscillators: RSI, CMO, CCI, the ultimate oscillator and the balance of power.

use qt_engine::stored;

use super::Candle;
use super::average::Wilder;
use super::error::{IndicatorError, period};
use super::window::{RollingSum, Window};

/// Wilder-smoothed rises and falls of a series, which RSI and CMO share.
#[derive(Clone, Debug)]
struct Swings {
    period: usize,
    previous: Option<f64>,
    rises: Wilder,
    falls: Wilder,
}

stored!(Swings {
    state: previous, rises, falls;
    same: period;
});

impl Swings {
    fn new(period: usize) -> Self {
        Self { period, previous: None, rises: Wilder::new(period), falls: Wilder::new(period) }
    }

    #[inline]
    fn update(&mut self, value: f64) -> Option<(f64, f64)> {
        let change = value - self.previous.replace(value)?;
        let rise = self.rises.update(change.max(0.0));
        let fall = self.falls.update((-change).max(0.0));
        rise.zip(fall)
    }
}

/// Wilder's relative strength index, 0 to 100; 0 while nothing has moved.
///
/// The index of the crate `ta` smooths with another factor and starts from invented values.
#[derive(Clone, Debug)]
pub struct Rsi {
    swings: Swings,
}

stored!(Rsi {
    state: swings;
});

impl Rsi {
    /// An index over `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self { swings: Swings::new(period("RSI", "period", period_bars, 2)?) })
    }

    /// Takes the next value in; the result has no unit and lies between 0 and 100.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let (rise, fall) = self.swings.update(value)?;
        let total = rise + fall;
        Some(if total > 0.0 { 100.0 * (rise / total) } else { 0.0 })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.swings.period
    }
}

/// Chande's momentum oscillator, -100 to 100, smoothed by Wilder's method; 0 while nothing moved.
#[derive(Clone, Debug)]
pub struct Cmo {
    swings: Swings,
}

stored!(Cmo {
    state: swings;
});

impl Cmo {
    /// An oscillator over `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self { swings: Swings::new(period("CMO", "period", period_bars, 2)?) })
    }

    /// Takes the next value in; the result has no unit and lies between -100 and 100.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let (rise, fall) = self.swings.update(value)?;
        let total = rise + fall;
        Some(if total > 0.0 { 100.0 * ((rise - fall) / total) } else { 0.0 })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.swings.period
    }
}

/// Commodity channel index: how far the typical price is from its mean, in units of 0.015 mean
/// absolute deviations.
///
/// The mean absolute deviation changes in every term when the mean moves, so an update looks at
/// the `period` values of its window; it never depends on the length of the series.
#[derive(Clone, Debug)]
pub struct Cci {
    prices: Window,
}

stored!(Cci {
    state: prices;
});

impl Cci {
    /// Deviations below this share of the price are rounding, not movement.
    const ROUNDING: f64 = 1e-14;

    /// An index over `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self { prices: Window::new(period("CCI", "period", period_bars, 2)?) })
    }

    /// Takes the next bar in; the result has no unit and no bounds. 0 for an unchanged window.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let price = candle.typical();
        self.prices.push(price);
        if !self.prices.is_full() {
            return None;
        }
        let count = self.prices.len() as f64;
        let values = self.prices.values();
        // Measured from the newest price, so that a high price does not eat the digits.
        let mean = values.iter().map(|value| value - price).sum::<f64>() / count;
        let deviation =
            values.iter().map(|value| (value - price - mean).abs()).sum::<f64>() / count;
        let distance = -mean;
        let rounding = Self::ROUNDING * (price + mean).abs();
        let scale = 0.015 * deviation;
        let moved = distance.abs() > rounding && deviation > rounding && scale > 0.0;
        Some(if moved { distance / scale } else { 0.0 })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.prices.len() - 1
    }
}

/// Williams' ultimate oscillator, 0 to 100: buying pressure over three periods, the shortest
/// counting four times and the middle one twice.
#[derive(Clone, Debug)]
pub struct UltOsc {
    terms: [Pressure; 3],
    previous_close: Option<f64>,
}

stored!(UltOsc {
    state: terms, previous_close;
});

/// Buying pressure and true range summed over one period.
#[derive(Clone, Debug)]
struct Pressure {
    buying: RollingSum,
    range: RollingSum,
}

stored!(Pressure {
    state: buying, range;
});

impl Pressure {
    #[inline]
    fn update(&mut self, buying: f64, range: f64) -> Option<f64> {
        let (buying, range) = self.buying.push(buying).zip(self.range.push(range))?;
        Some(if range > 0.0 { (buying / range).clamp(0.0, 1.0) } else { 0.0 })
    }
}

impl UltOsc {
    /// An oscillator over three periods in bars, each at least 1, in any order.
    ///
    /// # Errors
    /// If a period is outside its range.
    pub fn new(first: usize, second: usize, third: usize) -> Result<Self, IndicatorError> {
        let mut periods = [
            period("ULTOSC", "first", first, 1)?,
            period("ULTOSC", "second", second, 1)?,
            period("ULTOSC", "third", third, 1)?,
        ];
        periods.sort_unstable();
        let terms = periods
            .map(|len| Pressure { buying: RollingSum::new(len), range: RollingSum::new(len) });
        Ok(Self { terms, previous_close: None })
    }

    /// Takes the next bar in; the result has no unit and lies between 0 and 100.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let previous = self.previous_close.replace(candle.close)?;
        let true_low = candle.low.min(previous);
        let true_high = candle.high.max(previous);
        let (buying, range) = (candle.close - true_low, true_high - true_low);
        let [short, middle, long] = &mut self.terms;
        let short = short.update(buying, range);
        let middle = middle.update(buying, range);
        let long = long.update(buying, range)?;
        Some(100.0 * ((4.0 * short? + 2.0 * middle? + long) / 7.0))
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.terms[2].range.len()
    }
}

/// Balance of power: the body of the bar as a share of its range, -1 to 1; 0 without a range.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bop;

stored!(Bop {});

impl Bop {
    /// Takes the next bar in; the result has no unit.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let range = candle.high - candle.low;
        Some(if range > 0.0 { (candle.close - candle.open) / range } else { 0.0 })
    }

    /// The row of the first defined value: the first bar.
    pub fn first_row(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rsi_by_hand() {
        let mut rsi = Rsi::new(2).expect("valid");
        let values = [10.0, 11.0, 10.0, 12.0].map(|value| rsi.update(value));
        // Mean rise 1/2 and fall 1/2, then (1/2 + 2)/2 = 5/4 and 1/4.
        assert_eq!(values[..3], [None, None, Some(50.0)]);
        let last = values[3].expect("warm");
        assert!((last - 100.0 * 1.25 / 1.5).abs() < 1e-12, "{last}");
    }

    #[test]
    fn an_unchanged_window_gives_zero() {
        let (mut rsi, mut cmo) = (Rsi::new(3).expect("valid"), Cmo::new(3).expect("valid"));
        let mut cci = Cci::new(3).expect("valid");
        let mut ultosc = UltOsc::new(1, 2, 3).expect("valid");
        let candle = Candle::flat(0.3, 0.0);
        for row in 0..10 {
            let expected = (row >= 3).then_some(0.0);
            assert_eq!(rsi.update(0.3), expected);
            assert_eq!(cmo.update(0.3), expected);
            assert_eq!(ultosc.update(&candle), expected);
            assert_eq!(cci.update(&candle), (row >= 2).then_some(0.0));
            assert_eq!(Bop.update(&candle), Some(0.0));
        }
    }

    #[test]
    fn only_rises_give_the_upper_bound() {
        let (mut rsi, mut cmo) = (Rsi::new(3).expect("valid"), Cmo::new(3).expect("valid"));
        for row in 0..50 {
            let value = f64::from(row) * 1e-9;
            assert!(rsi.update(value).is_none_or(|rsi| rsi == 100.0));
            assert!(cmo.update(value).is_none_or(|cmo| cmo == 100.0));
        }
    }
}
