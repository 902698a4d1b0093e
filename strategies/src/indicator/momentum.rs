//! Change against an earlier bar: MOM, ROC and its relatives, TRIX.

use qt_engine::stored;

use super::average::Tema;
use super::error::{IndicatorError, period};
use super::window::Window;
use ta::Next;

/// The value of `n` bars ago.
#[derive(Clone, Debug)]
struct Lag {
    values: Window,
}

stored!(Lag {
    state: values;
});

impl Lag {
    fn new(len: usize) -> Self {
        Self { values: Window::new(len) }
    }

    #[inline]
    fn push(&mut self, value: f64) -> Option<f64> {
        let full = self.values.is_full();
        let old = self.values.push(value);
        full.then_some(old)
    }
}

/// Momentum: the value less that of `period` bars ago.
#[derive(Clone, Debug)]
pub struct Mom {
    lag: Lag,
}

stored!(Mom {
    state: lag;
});

impl Mom {
    /// A difference over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self { lag: Lag::new(period("MOM", "period", period_bars, 1)?) })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.lag.push(value).map(|old| value - old)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.lag.values.len()
    }
}

/// Rate of change against the value of `period` bars ago, percent.
///
/// The arithmetic is that of the crate `ta`; the warm-up and the case of an old value of zero,
/// for which the result is 0, are added here.
#[derive(Clone, Debug)]
pub struct Roc {
    period: usize,
    seen: usize,
    rate: ta::indicators::RateOfChange,
}

stored!(Roc {
    state: seen;
    value: rate;
    same: period;
});

impl Roc {
    /// A rate over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let period = period("ROC", "period", period_bars, 1)?;
        // `ta` refuses a period of 0 only, so its default is never taken.
        let rate = ta::indicators::RateOfChange::new(period).unwrap_or_default();
        Ok(Self { period, seen: 0, rate })
    }

    /// Takes the next value in; the result is in percent.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let rate = self.rate.next(value);
        if self.seen < self.period {
            self.seen += 1;
            return None;
        }
        Some(if rate.is_finite() { rate } else { 0.0 })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.period
    }
}

/// Rate of change against the value of `period` bars ago as a fraction; 0 if that was zero.
#[derive(Clone, Debug)]
pub struct Rocp {
    lag: Lag,
}

stored!(Rocp {
    state: lag;
});

impl Rocp {
    /// A rate over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self { lag: Lag::new(period("ROCP", "period", period_bars, 1)?) })
    }

    /// Takes the next value in; the result is a fraction, 0.01 for one percent.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.lag.push(value).map(|old| if old == 0.0 { 0.0 } else { (value - old) / old })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.lag.values.len()
    }
}

/// Ratio of the value to that of `period` bars ago; 0 if that was zero.
#[derive(Clone, Debug)]
pub struct Rocr {
    lag: Lag,
}

stored!(Rocr {
    state: lag;
});

impl Rocr {
    /// A ratio over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self { lag: Lag::new(period("ROCR", "period", period_bars, 1)?) })
    }

    /// Takes the next value in; the result has no unit, 1 for no change.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.lag.push(value).map(|old| if old == 0.0 { 0.0 } else { value / old })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.lag.values.len()
    }
}

/// TRIX: the change per bar of a threefold exponential average, percent.
#[derive(Clone, Debug)]
pub struct Trix {
    averages: Tema,
    previous: Option<f64>,
}

stored!(Trix {
    state: averages, previous;
});

impl Trix {
    /// An oscillator whose averages run over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let averages = Tema::new(period("TRIX", "period", period_bars, 1)?)?;
        Ok(Self { averages, previous: None })
    }

    /// Takes the next value in; the result is in percent per bar, 0 if the average was zero.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let (_, _, average) = self.averages.averages(value)?;
        let previous = self.previous.replace(average)?;
        Some(if previous == 0.0 { 0.0 } else { (average - previous) / previous * 100.0 })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.averages.first_row() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_by_hand() {
        let values = [2.0, 0.0, 3.0, 4.0];
        let mut mom = Mom::new(2).expect("valid");
        assert_eq!(values.map(|v| mom.update(v)), [None, None, Some(1.0), Some(4.0)]);
        let mut roc = Roc::new(2).expect("valid");
        assert_eq!(values.map(|v| roc.update(v)), [None, None, Some(50.0), Some(0.0)]);
        let mut rocp = Rocp::new(2).expect("valid");
        assert_eq!(values.map(|v| rocp.update(v)), [None, None, Some(0.5), Some(0.0)]);
        let mut rocr = Rocr::new(2).expect("valid");
        assert_eq!(values.map(|v| rocr.update(v)), [None, None, Some(1.5), Some(0.0)]);
    }

    #[test]
    fn trix_of_constant_growth_is_that_growth() {
        let mut trix = Trix::new(5).expect("valid");
        let mut price = 1e-8;
        let mut last = None;
        for row in 0..400 {
            last = trix.update(price);
            assert_eq!(last.is_some(), row >= trix.first_row());
            price *= 1.01;
        }
        assert!((last.expect("warm") - 1.0).abs() < 1e-9);
    }
}
