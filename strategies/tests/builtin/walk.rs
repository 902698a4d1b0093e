//! Seeded bars in ticks.

use qt_strategies::prelude::*;
use qt_types::BarFlags;

/// How long each bar lasts, in nanoseconds.
pub const BAR_NS: i64 = 60_000_000_000;

/// A small generator of random numbers (xorshift), the same on every machine.
pub struct Random(u64);

impl Random {
    /// A generator that the seed determines.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A whole number from `min` to `max`.
    pub fn between(&mut self, min: i64, max: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        min + ((self.0 >> 16) % (max - min + 1).unsigned_abs()).cast_signed()
    }
}

/// The bar number `row` with these prices, in ticks.
pub fn bar(row: usize, [open, high, low, close]: [i64; 4]) -> Bar {
    Bar {
        open_ns: Nanos::new(row as i64 * BAR_NS),
        open: Price::from_ticks(open),
        high: Price::from_ticks(high),
        low: Price::from_ticks(low),
        close: Price::from_ticks(close),
        volume: Qty::from_lots(1_000),
        half_spread: [0; 4],
        flags: BarFlags::NONE,
        row: row as u32,
    }
}

/// Bars in which the price does not move.
pub fn flat(rows: usize, price: i64) -> Vec<Bar> {
    (0..rows).map(|row| bar(row, [price; 4])).collect()
}

/// A random walk around 10,000 ticks with moves of up to 1 % a bar, so coarse that equal values
/// happen, and with stretches in which nothing moves at all.
pub fn walk(seed: u64, rows: usize) -> Vec<Bar> {
    let mut random = Random::new(seed);
    let mut price = 10_000;
    let mut still = 0;
    let mut bars = Vec::with_capacity(rows);
    for row in 0..rows {
        if still == 0 && random.between(0, 199) == 0 {
            still = random.between(2, 40);
        }
        if still > 0 {
            still -= 1;
            bars.push(bar(row, [price; 4]));
            continue;
        }
        let open = price + random.between(-2, 2);
        // A weak pull to the middle keeps the walk away from zero.
        let close = (open + random.between(-100, 100) + (10_000 - open) / 100).max(100);
        let high = open.max(close) + random.between(0, 10);
        let low = open.min(close) - random.between(0, 10);
        bars.push(bar(row, [open, high, low, close]));
        price = close;
    }
    bars
}
