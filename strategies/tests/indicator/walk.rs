//! Seeded bars for tests: random walks with flat stretches, at any price level.

use qt_strategies::indicator::{Candle, parse};

/// A small generator of random numbers (xorshift), the same on every machine.
pub struct Random(u64);

impl Random {
    /// A generator that the seed determines.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number from 0 up to, but not including, 1.
    pub fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A random walk around `level` with moves of about 1 % per bar; every now and then the market
/// does not move at all for up to 60 bars, with or without volume.
pub fn walk(seed: u64, level: f64, rows: usize) -> Vec<Candle> {
    let mut random = Random::new(seed);
    let mut close = level;
    let mut flat = 0;
    let mut candles = Vec::with_capacity(rows);
    while candles.len() < rows {
        let volume = if random.unit() < 0.1 { 0.0 } else { (random.unit() * 1e6).round() };
        if flat == 0 && random.unit() < 0.01 {
            flat = (random.unit() * 60.0) as usize;
        }
        if flat > 0 {
            flat -= 1;
            candles.push(Candle::flat(close, volume));
            continue;
        }
        let open = close * (1.0 + 0.002 * (random.unit() - 0.5));
        close = open * (1.0 + 0.02 * (random.unit() - 0.5));
        let high = open.max(close) * (1.0 + 0.005 * random.unit());
        let low = open.min(close) * (1.0 - 0.005 * random.unit());
        candles.push(Candle { open, high, low, close, volume });
    }
    candles
}

/// All values of an indicator given as text.
pub fn series(text: &str, candles: &[Candle]) -> Vec<Option<f64>> {
    let mut indicator = parse(text).unwrap_or_else(|error| panic!("{error}"));
    candles.iter().map(|candle| indicator.update(candle)).collect()
}

/// Whether two values agree to `relative`, differences below `floor` counting as none.
pub fn close_to(left: f64, right: f64, relative: f64, floor: f64) -> bool {
    let scale = left.abs().max(right.abs());
    (left - right).abs() <= relative * scale + floor
}
