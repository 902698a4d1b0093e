//! Differences of two exponential averages: MACD and PPO.

use qt_engine::stored;

use super::average::Ema;
use super::error::{IndicatorError, period};

/// Two checked periods, the shorter one first.
fn fast_and_slow(
    name: &'static str,
    fast: usize,
    slow: usize,
) -> Result<(usize, usize), IndicatorError> {
    let fast = period(name, "fast", fast, 2)?;
    let slow = period(name, "slow", slow, 2)?;
    Ok((fast.min(slow), fast.max(slow)))
}

/// Moving average convergence/divergence: the fast EMA less the slow one, and an EMA of that as
/// the signal.
///
/// The fast average leaves out the first `slow - fast` values, so that both averages start from
/// means of values that end on the same bar.
#[derive(Clone, Debug)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
    skip: usize,
}

stored!(Macd {
    state: fast, slow, signal, skip;
});

/// The three values of [`Macd`], in the unit of its input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MacdValue {
    /// The fast average less the slow one.
    pub macd: f64,
    /// The average of `macd`.
    pub signal: f64,
    /// `macd - signal`.
    pub hist: f64,
}

impl Macd {
    /// Periods in bars: fast and slow at least 2 (exchanged if fast is the longer one), signal at
    /// least 1.
    ///
    /// # Errors
    /// If a period is outside its range.
    pub fn new(fast: usize, slow: usize, signal: usize) -> Result<Self, IndicatorError> {
        let (fast, slow) = fast_and_slow("MACD", fast, slow)?;
        let signal = Ema::new(period("MACD", "signal", signal, 1)?)?;
        Ok(Self { fast: Ema::new(fast)?, slow: Ema::new(slow)?, signal, skip: slow - fast })
    }

    /// Takes the next value in; the result is in the unit of the values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<MacdValue> {
        let slow = self.slow.update(value);
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        let fast = self.fast.update(value)?;
        let macd = fast - slow?;
        let signal = self.signal.update(macd)?;
        Some(MacdValue { macd, signal, hist: macd - signal })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.slow.first_row() + self.signal.first_row()
    }
}

/// Percentage price oscillator: the fast EMA less the slow one, in percent of the slow one.
///
/// Unlike in [`Macd`], each average starts from the first value of the series.
#[derive(Clone, Debug)]
pub struct Ppo {
    fast: Ema,
    slow: Ema,
}

stored!(Ppo {
    state: fast, slow;
});

impl Ppo {
    /// Periods in bars, at least 2; exchanged if fast is the longer one.
    ///
    /// # Errors
    /// If a period is outside its range.
    pub fn new(fast: usize, slow: usize) -> Result<Self, IndicatorError> {
        let (fast, slow) = fast_and_slow("PPO", fast, slow)?;
        Ok(Self { fast: Ema::new(fast)?, slow: Ema::new(slow)? })
    }

    /// Takes the next value in; the result is in percent, 0 if the slow average is 0.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let fast = self.fast.update(value);
        let (fast, slow) = fast.zip(self.slow.update(value))?;
        Some(if slow == 0.0 { 0.0 } else { (fast - slow) / slow * 100.0 })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.slow.first_row()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_averages_start_where_they_should() {
        let values = [1.0, 2.0, 3.0, 5.0];
        // MACD: (3 + 5) / 2 - (1 + 2 + 3 + 5) / 4.
        let mut macd = Macd::new(2, 4, 1).expect("valid");
        let expected = MacdValue { macd: 1.25, signal: 1.25, hist: 0.0 };
        assert_eq!(values.map(|value| macd.update(value)), [None, None, None, Some(expected)]);
        // PPO: the fast average goes 1.5, 2.5, 4.1666.
        let mut ppo = Ppo::new(2, 4).expect("valid");
        let last = values.map(|value| ppo.update(value))[3].expect("warm");
        let fast = 2.5 + 2.0 / 3.0 * 2.5;
        assert!((last - (fast - 2.75) / 2.75 * 100.0).abs() < 1e-12, "{last}");
    }

    #[test]
    fn an_unchanged_price_has_no_divergence() {
        let mut macd = Macd::new(12, 26, 9).expect("valid");
        let last = (0..200).filter_map(|_| macd.update(17.3)).last().expect("warm");
        assert!(last.macd.abs() < 1e-14 && last.hist.abs() < 1e-14);
        assert_eq!(macd.first_row(), 33);
    }

    #[test]
    fn the_order_of_the_periods_does_not_matter() {
        let (mut one, mut two) = (Ppo::new(3, 5).expect("valid"), Ppo::new(5, 3).expect("valid"));
        for value in [3.0, 4.0, 5.0, 4.0, 6.0, 7.0, 3.0] {
            assert_eq!(one.update(value), two.update(value));
        }
    }
}
