//! Wilder's parabolic stop and reverse.

use qt_engine::{stored, values};
use serde::{Deserialize, Serialize};

use super::Candle;
use super::error::{IndicatorError, factor};

/// Parabolic SAR: a stop that follows the price faster and faster, and changes sides when hit.
///
/// The first bar gives the first stop; the second one decides the side, which is long unless the
/// bar extends the range downwards more than upwards.
#[derive(Clone, Debug)]
pub struct Sar {
    acceleration: f64,
    maximum: f64,
    state: State,
}

stored!(Sar {
    state: state;
    same: acceleration, maximum;
});

#[derive(Clone, Debug, Serialize, Deserialize)]
enum State {
    Empty,
    First { high: f64, low: f64 },
    Running(Stop),
}

values!(State);

/// The stop for the next bar and what moves it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stop {
    long: bool,
    level: f64,
    extreme: f64,
    factor: f64,
    previous_high: f64,
    previous_low: f64,
}

impl Sar {
    /// The largest acceleration that makes sense.
    pub const FACTOR_MAX: f64 = 10.0;

    /// A stop whose acceleration factor starts at `acceleration`, grows by it with each new
    /// extreme, and ends at `maximum`; an acceleration above the maximum counts as the maximum.
    ///
    /// # Errors
    /// If a factor is outside its range.
    pub fn new(acceleration: f64, maximum: f64) -> Result<Self, IndicatorError> {
        let acceleration = factor("SAR", "acceleration", acceleration, Self::FACTOR_MAX)?;
        let maximum = factor("SAR", "maximum", maximum, Self::FACTOR_MAX)?;
        Ok(Self { acceleration: acceleration.min(maximum), maximum, state: State::Empty })
    }

    /// Takes the next bar in; the result is the price of the stop during that bar.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let (high, low) = (candle.high, candle.low);
        match &mut self.state {
            State::Running(stop) => {
                return Some(stop.update(self.acceleration, self.maximum, high, low));
            }
            State::Empty => {
                self.state = State::First { high, low };
                return None;
            }
            State::First { .. } => {}
        }
        let State::First { high: first_high, low: first_low } = self.state else { return None };
        let (up, down) = (high - first_high, first_low - low);
        let long = !(down > 0.0 && down > up);
        let mut stop = Stop {
            long,
            level: if long { first_low } else { first_high },
            extreme: if long { high } else { low },
            factor: self.acceleration,
            // The second bar stands for the one before it, as the first one gave the stop.
            previous_high: high,
            previous_low: low,
        };
        let level = stop.update(self.acceleration, self.maximum, high, low);
        self.state = State::Running(stop);
        Some(level)
    }

    /// The row of the first defined value: the second bar.
    pub fn first_row(&self) -> usize {
        1
    }
}

impl Stop {
    /// Applies one bar and returns the level that held during it.
    #[inline]
    fn update(&mut self, acceleration: f64, maximum: f64, high: f64, low: f64) -> f64 {
        let hit = if self.long { low <= self.level } else { high >= self.level };
        let level = if hit {
            // The extreme of the trade that ends is the first stop of the next one.
            self.long = !self.long;
            let level = self.kept_outside(self.extreme, high, low);
            self.level = level;
            self.factor = acceleration;
            self.extreme = if self.long { high } else { low };
            level
        } else {
            let extended = if self.long { high > self.extreme } else { low < self.extreme };
            if extended {
                self.extreme = if self.long { high } else { low };
                self.factor = (self.factor + acceleration).min(maximum);
            }
            self.level
        };
        let moved = self.level + self.factor * (self.extreme - self.level);
        self.level = self.kept_outside(moved, high, low);
        self.previous_high = high;
        self.previous_low = low;
        level
    }

    /// The stop of a long trade never above the lows of this bar and the one before it, that of a
    /// short trade never below the highs.
    #[inline]
    fn kept_outside(&self, level: f64, high: f64, low: f64) -> f64 {
        if self.long {
            level.min(self.previous_low).min(low)
        } else {
            level.max(self.previous_high).max(high)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(high: f64, low: f64) -> Candle {
        Candle { open: low, high, low, close: high, volume: 0.0 }
    }

    #[test]
    fn a_rise_and_a_reversal_by_hand() {
        let mut sar = Sar::new(0.1, 0.2).expect("valid");
        assert_eq!(sar.update(&candle(10.0, 9.0)), None);
        assert_eq!(sar.update(&candle(11.0, 10.0)), Some(9.0));
        // 9 + 0.1 (11 - 9) = 9.2; then the extreme is 12 and the factor 0.2.
        assert_eq!(sar.update(&candle(12.0, 11.0)), Some(9.2));
        let next = 9.2 + 0.2 * (12.0 - 9.2);
        // The bar falls through the stop: from now on short, from the extreme of 12.
        assert!(8.0 < next);
        assert_eq!(sar.update(&candle(9.5, 8.0)), Some(12.0));
        // 12 + 0.1 (8 - 12) = 11.6, but not below the high of the bar before the last.
        assert_eq!(sar.update(&candle(9.0, 8.5)), Some(12.0));
    }

    #[test]
    fn the_second_bar_decides_the_side() {
        let mut sar = Sar::new(0.02, 0.2).expect("valid");
        sar.update(&candle(10.0, 9.0));
        assert_eq!(sar.update(&candle(9.5, 8.0)), Some(10.0));
    }
}
