//! Direction and strength of a trend: directional movement (+DI, -DI, DX, ADX), Aroon, and the
//! slope of a fitted line.

use qt_engine::stored;

use super::Candle;
use super::error::{IndicatorError, period};
use super::extreme::Extreme;
use super::volatility::Trange;
use super::window::{EqualRun, WeightedSum};

/// Wilder's directional movement: +DI, -DI and DX of one period.
#[derive(Clone, Debug)]
pub struct Dmi {
    period: usize,
    range: Trange,
    previous: Option<(f64, f64)>,
    seen: usize,
    rises: f64,
    falls: f64,
    ranges: f64,
    strength: f64,
}

stored!(Dmi {
    state: range, previous, seen, rises, falls, ranges, strength;
    same: period;
});

/// The values of [`Dmi`], 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DmiValue {
    /// The share of the true range that rises made, percent.
    pub plus_di: f64,
    /// The share of the true range that falls made, percent.
    pub minus_di: f64,
    /// How one-sided the movement is, percent; the value before if nothing moved.
    pub dx: f64,
    /// Whether anything moved, so that `dx` is new.
    moved: bool,
}

impl Dmi {
    /// Directional shares below this are rounding: there is no direction.
    const ROUNDING: f64 = 1e-14;

    /// Directional movement over `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        Ok(Self {
            period: period("DMI", "period", period_bars, 2)?,
            range: Trange::new(),
            previous: None,
            seen: 0,
            rises: 0.0,
            falls: 0.0,
            ranges: 0.0,
            strength: 0.0,
        })
    }

    /// Takes the next bar in; the results are in percent, 0 while nothing has moved.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<DmiValue> {
        let range = self.range.update(candle);
        let (high, low) = self.previous.replace((candle.high, candle.low))?;
        let (up, down) = (candle.high - high, low - candle.low);
        let rise = if up > 0.0 && up > down { up } else { 0.0 };
        let fall = if down > 0.0 && down > up { down } else { 0.0 };
        self.accumulate(rise, fall, range?).then(|| self.value())
    }

    /// Adds one bar: the first `period - 1` bars are summed, then each sum gives up one part in
    /// `period` of itself per bar. Returns whether the sums are complete.
    #[inline]
    fn accumulate(&mut self, rise: f64, fall: f64, range: f64) -> bool {
        let complete = self.seen + 1 >= self.period;
        if complete {
            let period = self.period as f64;
            self.rises -= self.rises / period;
            self.falls -= self.falls / period;
            self.ranges -= self.ranges / period;
        } else {
            self.seen += 1;
        }
        self.rises += rise;
        self.falls += fall;
        self.ranges += range;
        complete
    }

    #[inline]
    fn value(&mut self) -> DmiValue {
        if self.ranges <= 0.0 {
            return DmiValue { plus_di: 0.0, minus_di: 0.0, dx: self.strength, moved: false };
        }
        let plus_di = 100.0 * (self.rises / self.ranges);
        let minus_di = 100.0 * (self.falls / self.ranges);
        let total = plus_di + minus_di;
        let moved = total >= Self::ROUNDING;
        if moved {
            self.strength = 100.0 * ((minus_di - plus_di).abs() / total);
        }
        DmiValue { plus_di, minus_di, dx: self.strength, moved }
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.period
    }
}

/// Average directional index: DX smoothed by Wilder's method.
#[derive(Clone, Debug)]
pub struct Adx {
    movement: Dmi,
    seen: usize,
    average: f64,
}

stored!(Adx {
    state: movement, seen, average;
});

impl Adx {
    /// An index over `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let movement = Dmi::new(period("ADX", "period", period_bars, 2)?)?;
        Ok(Self { movement, seen: 0, average: 0.0 })
    }

    /// Takes the next bar in; the result is in percent. A bar after which nothing has a direction
    /// leaves the index as it was.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let movement = self.movement.update(candle)?;
        let period = self.movement.period;
        if self.seen < period {
            self.seen += 1;
            self.average += if movement.moved { movement.dx } else { 0.0 };
            if self.seen < period {
                return None;
            }
            self.average /= period as f64;
        } else if movement.moved {
            self.average = (self.average * (period - 1) as f64 + movement.dx) / period as f64;
        }
        Some(self.average)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        2 * self.movement.period - 1
    }
}

/// Aroon: how recently the highest high and the lowest low of the last bars were.
#[derive(Clone, Debug)]
pub struct Aroon {
    period: usize,
    highest: Extreme,
    lowest: Extreme,
}

stored!(Aroon {
    state: highest, lowest;
    same: period;
});

/// The values of [`Aroon`], percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AroonValue {
    /// 100 if the highest high is that of this bar, 0 if it is `period` bars old.
    pub up: f64,
    /// 100 if the lowest low is that of this bar, 0 if it is `period` bars old.
    pub down: f64,
    /// `up - down`.
    pub osc: f64,
}

impl Aroon {
    /// Aroon over `period` bars, at least 2, and the bar before them.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let period = period("AROON", "period", period_bars, 2)?;
        let (highest, lowest) = (Extreme::highest(period + 1), Extreme::lowest(period + 1));
        Ok(Self { period, highest, lowest })
    }

    /// Takes the next bar in; of equal extremes the newest counts.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<AroonValue> {
        let highest = self.highest.push(candle.high);
        let lowest = self.lowest.push(candle.low);
        let (highest, lowest) = highest.zip(lowest)?;
        let percent_per_bar = 100.0 / self.period as f64;
        let (high_age, low_age) = (highest.age_bars as f64, lowest.age_bars as f64);
        let up = percent_per_bar * (self.period as f64 - high_age);
        let down = percent_per_bar * (self.period as f64 - low_age);
        let osc = percent_per_bar * (low_age - high_age);
        Some(AroonValue { up, down, osc })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.period
    }
}

/// Slope of the straight line that fits the last values best (least squares).
#[derive(Clone, Debug)]
pub struct LinearRegSlope {
    sums: WeightedSum,
    run: EqualRun,
}

stored!(LinearRegSlope {
    state: sums, run;
});

impl LinearRegSlope {
    /// A line through the last `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let len = period("LINEARREG_SLOPE", "period", period_bars, 2)?;
        Ok(Self { sums: WeightedSum::new(len), run: EqualRun::default() })
    }

    /// Takes the next value in; the result is in the unit of the values per bar.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let run = self.run.push(value);
        let (plain, weighted) = self.sums.push(value)?;
        if run >= self.sums.len() {
            return Some(0.0);
        }
        let count = self.sums.len() as f64;
        let positions = count * (count - 1.0) / 2.0;
        let squares = count * (count - 1.0) * (2.0 * count - 1.0) / 6.0;
        let mut numerator = weighted.scaled(count);
        numerator.add_sum(plain.scaled(positions).negated());
        Some(numerator.value() / (count * squares - positions * positions))
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.sums.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(high: f64, low: f64) -> Candle {
        Candle { open: low, high, low, close: high, volume: 0.0 }
    }

    #[test]
    fn directional_movement_by_hand() {
        let mut dmi = Dmi::new(2).expect("valid");
        assert_eq!(dmi.update(&candle(10.0, 8.0)), None);
        assert_eq!(dmi.update(&candle(11.0, 9.0)), None);
        // Sums: rises 1/2 + 3, falls 0, ranges 2/2 + 4.
        let value = dmi.update(&candle(14.0, 10.0)).expect("warm");
        assert_eq!((value.plus_di, value.minus_di, value.dx), (70.0, 0.0, 100.0));
    }

    #[test]
    fn a_market_without_movement_has_no_direction() {
        let (mut dmi, mut adx) = (Dmi::new(3).expect("valid"), Adx::new(3).expect("valid"));
        for row in 0..20 {
            let bar = Candle::flat(5.0, 0.0);
            let expected = (row >= 3).then_some((0.0, 0.0, 0.0));
            assert_eq!(dmi.update(&bar).map(|v| (v.plus_di, v.minus_di, v.dx)), expected);
            assert_eq!(adx.update(&bar), (row >= adx.first_row()).then_some(0.0));
        }
    }

    #[test]
    fn aroon_counts_the_newest_of_equal_extremes() {
        let mut aroon = Aroon::new(2).expect("valid");
        let bars = [candle(5.0, 1.0), candle(5.0, 2.0), candle(4.0, 3.0)];
        let last = bars.map(|bar| aroon.update(&bar))[2].expect("warm");
        assert_eq!(last, AroonValue { up: 50.0, down: 0.0, osc: 50.0 });
    }

    #[test]
    fn the_slope_of_a_line_is_its_slope() {
        let mut slope = LinearRegSlope::new(14).expect("valid");
        for row in 0..1000 {
            if let Some(value) = slope.update(1e6 + 0.001 * f64::from(row)) {
                assert!((value - 0.001).abs() < 1e-10, "{value} at {row}");
            }
        }
        for _ in 0..14 {
            slope.update(7.7);
        }
        assert_eq!(slope.update(7.7), Some(0.0));
    }
}
