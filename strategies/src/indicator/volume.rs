//! Price together with volume: OBV, accumulation/distribution, its oscillator, MFI and VWAP.

use qt_engine::stored;

use super::Candle;
use super::error::{IndicatorError, period};
use super::window::RollingSum;

/// On-balance volume: the volume of rising bars less that of falling ones, from the first bar on.
///
/// The one of the crate `ta` compares the first close with zero, which is wrong where a price may
/// be negative.
#[derive(Clone, Debug, Default)]
pub struct Obv {
    total: f64,
    previous_close: Option<f64>,
}

stored!(Obv {
    state: total, previous_close;
});

impl Obv {
    /// A total that begins with the volume of the first bar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bar in; the result is in the unit of the volume.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        match self.previous_close.replace(candle.close) {
            None => self.total = candle.volume,
            Some(previous) if candle.close > previous => self.total += candle.volume,
            Some(previous) if candle.close < previous => self.total -= candle.volume,
            Some(_) => {}
        }
        Some(self.total)
    }

    /// The row of the first defined value: the first bar.
    pub fn first_row(&self) -> usize {
        0
    }
}

/// Chaikin's accumulation/distribution line: volume weighted by where in its range a bar closes.
#[derive(Clone, Debug, Default)]
pub struct Ad {
    total: f64,
}

stored!(Ad {
    state: total;
});

impl Ad {
    /// A line that begins at zero before the first bar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bar in; the result is in the unit of the volume. A bar without a range adds
    /// nothing.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        Some(self.add(candle))
    }

    #[inline]
    fn add(&mut self, candle: &Candle) -> f64 {
        let range = candle.high - candle.low;
        if range > 0.0 {
            let above_low = candle.close - candle.low;
            let below_high = candle.high - candle.close;
            self.total += (above_low - below_high) / range * candle.volume;
        }
        self.total
    }

    /// The row of the first defined value: the first bar.
    pub fn first_row(&self) -> usize {
        0
    }
}

/// Chaikin's oscillator: a fast less a slow exponential average of the accumulation/distribution
/// line, both starting from its first value.
#[derive(Clone, Debug)]
pub struct Adosc {
    line: Ad,
    fast_factor: f64,
    slow_factor: f64,
    first_row: usize,
    seen: usize,
    averages: Option<(f64, f64)>,
}

stored!(Adosc {
    state: line, seen, averages;
    same: fast_factor, slow_factor, first_row;
});

impl Adosc {
    /// Periods in bars, at least 2; the first one counts positive, whichever is longer.
    ///
    /// # Errors
    /// If a period is outside its range.
    pub fn new(fast: usize, slow: usize) -> Result<Self, IndicatorError> {
        let fast = period("ADOSC", "fast", fast, 2)?;
        let slow = period("ADOSC", "slow", slow, 2)?;
        Ok(Self {
            line: Ad::new(),
            fast_factor: 2.0 / (fast + 1) as f64,
            slow_factor: 2.0 / (slow + 1) as f64,
            first_row: fast.max(slow) - 1,
            seen: 0,
            averages: None,
        })
    }

    /// Takes the next bar in; the result is in the unit of the volume.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let line = self.line.add(candle);
        let (mut fast, mut slow) = self.averages.unwrap_or((line, line));
        fast += self.fast_factor * (line - fast);
        slow += self.slow_factor * (line - slow);
        self.averages = Some((fast, slow));
        if self.seen < self.first_row {
            self.seen += 1;
            return None;
        }
        Some(fast - slow)
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.first_row
    }
}

/// Money flow index: the share of rising bars in the money (typical price times volume), 0 to 100.
#[derive(Clone, Debug)]
pub struct Mfi {
    previous: Option<f64>,
    rising: RollingSum,
    falling: RollingSum,
}

stored!(Mfi {
    state: previous, rising, falling;
});

impl Mfi {
    /// Changes below this share of the price are rounding, not movement.
    const ROUNDING: f64 = 1e-14;

    /// An index over `period` bars, at least 2.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let len = period("MFI", "period", period_bars, 2)?;
        Ok(Self { previous: None, rising: RollingSum::new(len), falling: RollingSum::new(len) })
    }

    /// Takes the next bar in; the result is in percent, 0 for a window without any money flow.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let price = candle.typical();
        let previous = self.previous.replace(price)?;
        let change = price - previous;
        let moved = change.abs() > Self::ROUNDING * (price.abs() + previous.abs());
        let flow = price * candle.volume;
        let rising = self.rising.push(if moved && change > 0.0 { flow } else { 0.0 });
        let falling = self.falling.push(if moved && change < 0.0 { flow } else { 0.0 });
        let (rising, falling) = rising.zip(falling)?;
        let total = rising + falling;
        Some(if total > 0.0 { 100.0 * (rising / total).clamp(0.0, 1.0) } else { 0.0 })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.rising.len()
    }
}

/// Volume-weighted average of the typical price over the last bars.
#[derive(Clone, Debug)]
pub struct Vwap {
    money: RollingSum,
    volume: RollingSum,
}

stored!(Vwap {
    state: money, volume;
});

impl Vwap {
    /// An average over `period` bars, at least 1.
    ///
    /// # Errors
    /// If the period is outside its range.
    pub fn new(period_bars: usize) -> Result<Self, IndicatorError> {
        let len = period("VWAP", "period", period_bars, 1)?;
        Ok(Self { money: RollingSum::new(len), volume: RollingSum::new(len) })
    }

    /// Takes the next bar in; the result is in the unit of the price, the typical price of this
    /// bar if no bar of the window has any volume.
    #[inline]
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        let price = candle.typical();
        let money = self.money.push(price * candle.volume);
        let volume = self.volume.push(candle.volume);
        let (money, volume) = money.zip(volume)?;
        Some(if volume > 0.0 { money / volume } else { price })
    }

    /// The row of the first defined value, 0 being the first bar.
    pub fn first_row(&self) -> usize {
        self.volume.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(high: f64, low: f64, close: f64, volume: f64) -> Candle {
        Candle { open: close, high, low, close, volume }
    }

    #[test]
    fn lines_by_hand() {
        let bars = [
            candle(10.0, 8.0, 9.5, 100.0),
            candle(11.0, 9.0, 9.0, 50.0),
            candle(11.0, 9.0, 9.0, 70.0),
            candle(12.0, 12.0, 12.0, 30.0),
        ];
        let (mut obv, mut ad) = (Obv::new(), Ad::new());
        let obv = bars.map(|bar| obv.update(&bar).expect("from the first bar"));
        assert_eq!(obv, [100.0, 50.0, 50.0, 80.0]);
        let ad = bars.map(|bar| ad.update(&bar).expect("from the first bar"));
        assert_eq!(ad, [50.0, 0.0, -70.0, -70.0]);
        let mut adosc = Adosc::new(3, 2).expect("valid");
        let values = bars.map(|bar| adosc.update(&bar));
        assert_eq!(values[..2], [None, None]);
        assert!(values[2].is_some());
    }

    #[test]
    fn money_flow_by_hand() {
        let mut mfi = Mfi::new(2).expect("valid");
        let prices = [(10.0, 5.0), (11.0, 3.0), (9.0, 2.0), (9.0, 8.0), (9.0, 8.0)];
        let values = prices.map(|(price, volume)| mfi.update(&Candle::flat(price, volume)));
        assert_eq!(values[..2], [None, None]);
        assert_eq!(values[2..], [Some(100.0 * (33.0 / 51.0)), Some(0.0), Some(0.0)]);
    }

    #[test]
    fn vwap_by_hand() {
        let mut vwap = Vwap::new(2).expect("valid");
        let bars = [(10.0, 1.0), (20.0, 3.0), (5.0, 0.0), (7.0, 0.0)];
        let values = bars.map(|(price, volume)| vwap.update(&Candle::flat(price, volume)));
        assert_eq!(values, [None, Some(17.5), Some(20.0), Some(7.0)]);
    }
}
