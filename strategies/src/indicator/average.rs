//! Moving averages of one value per bar: SMA, EMA, WMA, DEMA, TEMA and KAMA, and Wilder's
//! smoothing that other indicators are built on.

use qt_engine::stored;

use super::error::{IndicatorError, period};
use super::window::{EqualRun, RollingSum, WeightedSum, Window};
use ta::Next;

/// Simple moving average: the mean of the last `period` values.
#[derive(Clone, Debug)]
pub struct Sma {
    sum: RollingSum,
}

stored!(Sma {
    state: sum;
});

impl Sma {
    /// An average over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let len = period("SMA", "period", period_bars, 1)?;
        Ok(Self { sum: RollingSum::new(len) })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let len = self.sum.len() as f64;
        self.sum.push(value).map(|sum| sum / len)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.sum.len() - 1
    }
}

/// Exponential moving average with the factor 2 / (period + 1), starting from the plain mean of
/// the first `period` values.
///
/// The average of the crate `ta` starts from the first value alone, which is another series for
/// some hundred bars; and it mixes `k x + (1 - k) y`, which does not stay on an unchanged price.
#[derive(Clone, Debug)]
pub struct Ema {
    period: usize,
    factor: f64,
    seen: usize,
    value: f64,
}

stored!(Ema {
    state: seen, value;
    same: period, factor;
});

impl Ema {
    /// An average over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let period = period("EMA", "period", period_bars, 1)?;
        Ok(Self { period, factor: 2.0 / (period + 1) as f64, seen: 0, value: 0.0 })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        if self.seen < self.period {
            self.seen += 1;
            self.value += value;
            if self.seen < self.period {
                return None;
            }
            self.value /= self.period as f64;
        } else if self.period == 1 {
            // With a factor of 1 the recurrence below would still round the old value in.
            self.value = value;
        } else {
            self.value += self.factor * (value - self.value);
        }
        Some(self.value)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.period - 1
    }
}

/// Wilder's smoothing: the mean of the first `period` values, from then on
/// `(previous * (period - 1) + value) / period`.
///
/// That recurrence is the exponential average of `2 * period - 1` bars, so the crate `ta` does it;
/// only the start, which `ta` takes from a single value, is ours.
#[derive(Clone, Debug)]
pub(crate) struct Wilder {
    period: usize,
    seen: usize,
    sum: f64,
    average: ta::indicators::ExponentialMovingAverage,
}

stored!(Wilder {
    state: seen, sum;
    value: average;
    same: period;
});

impl Wilder {
    /// A smoothing over `period` bars that has been checked to be 1 or more.
    pub(crate) fn new(period: usize) -> Self {
        // `ta` refuses a length of 0 only, so its default is never taken.
        let length = (2 * period).saturating_sub(1).max(1);
        let average = ta::indicators::ExponentialMovingAverage::new(length).unwrap_or_default();
        Self { period, seen: 0, sum: 0.0, average }
    }

    /// Takes the next value in.
    #[inline]
    pub(crate) fn update(&mut self, value: f64) -> Option<f64> {
        if self.seen < self.period {
            self.seen += 1;
            self.sum += value;
            if self.seen < self.period {
                return None;
            }
            return Some(self.average.next(self.sum / self.period as f64));
        }
        Some(self.average.next(value))
    }
}

/// Weighted moving average: the newest value counts `period` times, the oldest once.
#[derive(Clone, Debug)]
pub struct Wma {
    sums: WeightedSum,
}

stored!(Wma {
    state: sums;
});

impl Wma {
    /// An average over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let len = period("WMA", "period", period_bars, 1)?;
        Ok(Self { sums: WeightedSum::new(len) })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let len = self.sums.len() as f64;
        let (plain, mut weighted) = self.sums.push(value)?;
        // The sums weigh from 0 to n - 1, the average from 1 to n.
        weighted.add_sum(plain);
        Some(weighted.value() / (len * (len + 1.0) / 2.0))
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.sums.len() - 1
    }
}

/// Double exponential moving average: `2 e1 - e2`, where `e2` is the EMA of the EMA `e1`.
#[derive(Clone, Debug)]
pub struct Dema {
    first: Ema,
    second: Ema,
}

stored!(Dema {
    state: first, second;
});

impl Dema {
    /// An average over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let first = Ema::new(period("DEMA", "period", period_bars, 1)?)?;
        Ok(Self { second: first.clone(), first })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let first = self.first.update(value)?;
        let second = self.second.update(first)?;
        Some(2.0 * first - second)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        2 * self.first.first_row()
    }
}

/// Triple exponential moving average: `3 e1 - 3 e2 + e3`, each an EMA of the one before.
#[derive(Clone, Debug)]
pub struct Tema {
    first: Ema,
    second: Ema,
    third: Ema,
}

stored!(Tema {
    state: first, second, third;
});

impl Tema {
    /// An average over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let first = Ema::new(period("TEMA", "period", period_bars, 1)?)?;
        Ok(Self { second: first.clone(), third: first.clone(), first })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let (first, second, third) = self.averages(value)?;
        Some(third + (3.0 * first - 3.0 * second))
    }

    /// Takes the next value in and returns the three averages.
    #[inline]
    pub(crate) fn averages(&mut self, value: f64) -> Option<(f64, f64, f64)> {
        let first = self.first.update(value)?;
        let second = self.second.update(first)?;
        let third = self.third.update(second)?;
        Some((first, second, third))
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        3 * self.first.first_row()
    }
}

/// Kaufman's adaptive moving average: fast (2 bars) while the price moves in one direction, slow
/// (30 bars) while it goes to and fro.
#[derive(Clone, Debug)]
pub struct Kama {
    closes: Window,
    changes: RollingSum,
    unchanged: EqualRun,
    previous: Option<f64>,
    average: Option<f64>,
}

stored!(Kama {
    state: closes, changes, unchanged, previous, average;
});

impl Kama {
    /// The slowest smoothing, that of an EMA of 30 bars.
    const SLOWEST: f64 = 2.0 / 31.0;
    /// The fastest smoothing, that of an EMA of 2 bars.
    const FASTEST: f64 = 2.0 / 3.0;

    /// An average whose efficiency is measured over `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let len = period("KAMA", "period", period_bars, 2)?;
        Ok(Self {
            closes: Window::new(len),
            changes: RollingSum::new(len),
            unchanged: EqualRun::default(),
            previous: None,
            average: None,
        })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let oldest = self.closes.push(value);
        let run = self.unchanged.push(value);
        let previous = self.previous.replace(value)?;
        let path = self.changes.push((value - previous).abs())?;
        let distance = (value - oldest).abs();
        // A window without any change counts as perfectly efficient.
        let flat = run > self.closes.len() || path <= 0.0;
        let efficiency = if flat { 1.0 } else { (distance / path).min(1.0) };
        let smoothing = (efficiency * (Self::FASTEST - Self::SLOWEST) + Self::SLOWEST).powi(2);
        let average = self.average.unwrap_or(previous);
        let average = average + smoothing * (value - average);
        self.average = Some(average);
        Some(average)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.closes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_computed_averages() {
        let mut sma = Sma::new(2).expect("valid");
        assert_eq!([1.0, 2.0, 4.0].map(|v| sma.update(v)), [None, Some(1.5), Some(3.0)]);
        let mut ema = Ema::new(3).expect("valid");
        let ema = [1.0, 2.0, 6.0, 5.0].map(|v| ema.update(v));
        assert_eq!(ema, [None, None, Some(3.0), Some(4.0)]);
        let mut wma = Wma::new(3).expect("valid");
        assert_eq!([1.0, 2.0, 4.0].map(|v| wma.update(v))[2], Some(17.0 / 6.0));
        let mut wilder = Wilder::new(2);
        let wilder = [1.0, 3.0, 4.0].map(|v| wilder.update(v));
        assert_eq!(wilder, [None, Some(2.0), Some(3.0)]);
    }

    #[test]
    fn an_unchanged_price_is_its_own_average() {
        let price = 0.1 + 0.2;
        let mut ema = Ema::new(10).expect("valid");
        let start = (0..10).filter_map(|_| ema.update(price)).last().expect("warm");
        let mut kama = Kama::new(10).expect("valid");
        for _ in 0..1000 {
            assert_eq!(ema.update(price), Some(start));
            assert!(kama.update(price).is_none_or(|v| v == price));
        }
    }

    #[test]
    fn a_period_of_one_copies_the_input() {
        let (mut sma, mut ema) = (Sma::new(1).expect("valid"), Ema::new(1).expect("valid"));
        let (mut wma, mut tema) = (Wma::new(1).expect("valid"), Tema::new(1).expect("valid"));
        for value in [1e15, 0.1, 3.7e-9] {
            assert_eq!(sma.update(value), Some(value));
            assert_eq!(ema.update(value), Some(value));
            assert_eq!(wma.update(value), Some(value));
            assert_eq!(tema.update(value), Some(value));
        }
    }

    #[test]
    fn a_period_out_of_range_is_refused() {
        assert!(Sma::new(0).is_err());
        assert!(Kama::new(1).is_err());
        assert!(Ema::new(100_001).is_err());
    }
}
