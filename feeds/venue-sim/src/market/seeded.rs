//! A market out of a seed: a price that walks at random, a book around it, trades.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Market;
use crate::exchange::{Exchange, Nanos, Price, Qty, Side, SymbolId};

const SECOND_NS: u64 = 1_000_000_000;

/// What a seeded market is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeededSettings {
    /// Of which symbol.
    pub symbol: SymbolId,
    /// The same seed makes the same market.
    pub seed: u64,
    /// When it begins.
    pub start_ns: Nanos,
    /// The price at the start.
    pub mid: Price,
    /// How many prices a side has.
    pub levels: u32,
    /// Most steps of the lot size at a price.
    pub steps_max: u32,
    /// How many changes of the book a second.
    pub updates_per_s: u32,
    /// How many of a thousand changes are trades.
    pub trades_e3: u32,
    /// How many of a thousand changes move the price by a tick.
    pub moves_e3: u32,
}

impl SeededSettings {
    /// A lively market: 20 prices a side, 100 changes a second.
    #[must_use]
    pub const fn new(symbol: SymbolId, seed: u64, start_ns: Nanos, mid: Price) -> Self {
        Self {
            symbol,
            seed,
            start_ns,
            mid,
            levels: 20,
            steps_max: 1_000_000,
            updates_per_s: 100,
            trades_e3: 150,
            moves_e3: 100,
        }
    }
}

/// A market out of a seed.
#[derive(Clone, Debug)]
pub struct Seeded {
    settings: SeededSettings,
    random: ChaCha8Rng,
    mid: Price,
    changes: u64,
    is_filled: bool,
}

impl Seeded {
    /// A market that begins with a whole book.
    #[must_use]
    pub fn new(settings: SeededSettings) -> Self {
        let random = ChaCha8Rng::seed_from_u64(settings.seed);
        Self { mid: settings.mid, settings, random, changes: 0, is_filled: false }
    }

    /// A quantity of whole steps.
    fn qty(&mut self, step: Qty, min: Qty) -> Qty {
        let steps = self.random.random_range(1..=self.settings.steps_max.max(1));
        Qty::from(steps).saturating_mul(step).max(min / step * step)
    }

    fn price(&self, side: Side, distance: u32, tick: Price) -> Price {
        let off = Price::from(distance).saturating_mul(tick);
        match side {
            Side::Buy => self.mid.saturating_sub(off),
            Side::Sell => self.mid.saturating_add(off),
        }
    }

    /// Every price has something again.
    fn fill(&mut self, exchange: &mut Exchange, side: Side, tick: Price, step: Qty) {
        for distance in 1..=self.settings.levels {
            let price = self.price(side, distance, tick);
            if exchange.market_at(self.settings.symbol, side, price) == 0 {
                let qty = self.qty(step, step);
                exchange.market_level(self.settings.symbol, side, price, qty);
            }
        }
    }

    /// The price moves by a tick: the book follows.
    fn move_by(&mut self, exchange: &mut Exchange, up: bool, tick: Price, step: Qty) {
        let (symbol, levels) = (self.settings.symbol, self.settings.levels);
        let lowest = Price::from(levels + 2).saturating_mul(tick);
        if !up && self.mid <= lowest.max(self.settings.mid / 2) {
            return;
        }
        if up && self.mid >= self.settings.mid.saturating_mul(2) {
            return;
        }
        self.mid = if up { self.mid + tick } else { self.mid - tick };
        let (gains, loses) = if up { (Side::Buy, Side::Sell) } else { (Side::Sell, Side::Buy) };
        // The side that gives way loses its best price and gets a new one at its end.
        exchange.market_level(symbol, loses, self.mid, 0);
        exchange.market_level(symbol, gains, self.price(gains, levels + 1, tick), 0);
        for (side, distance) in [(loses, levels), (gains, 1)] {
            let (qty, price) = (self.qty(step, step), self.price(side, distance, tick));
            exchange.market_level(symbol, side, price, qty);
        }
    }
}

impl Market for Seeded {
    fn next_ns(&self) -> Option<Nanos> {
        if !self.is_filled {
            return Some(self.settings.start_ns);
        }
        let rate = u128::from(self.settings.updates_per_s.max(1));
        let after = u128::from(self.changes) * u128::from(SECOND_NS) / rate;
        self.settings.start_ns.checked_add(Nanos::try_from(after).ok()?)
    }

    fn play(&mut self, exchange: &mut Exchange) {
        self.changes += 1;
        let symbol = self.settings.symbol;
        let Some(spec) = exchange.symbol(symbol) else { return };
        let (tick, step) = (spec.filters.price.step, spec.filters.lot.step);
        let min = spec.filters.lot.min;
        if !self.is_filled {
            self.is_filled = true;
            self.mid = self.mid / tick * tick;
            self.fill(exchange, Side::Buy, tick, step);
            self.fill(exchange, Side::Sell, tick, step);
            return;
        }
        if self.mid % tick != 0 {
            // The tick has changed: the book is built anew around the same price.
            self.mid = self.mid / tick * tick;
            exchange.market_book(symbol, &[], &[]);
        }
        let best = exchange.best(symbol);
        for (side, is_there) in [(Side::Buy, best.bid), (Side::Sell, best.ask)] {
            if is_there.is_none() {
                self.fill(exchange, side, tick, step);
            }
        }
        let what = self.random.random_range(0..1_000_u32);
        let side = if self.random.random::<bool>() { Side::Buy } else { Side::Sell };
        if what < self.settings.trades_e3 {
            let best = match side {
                Side::Buy => best.ask,
                Side::Sell => best.bid,
            };
            if let Some((price, there)) = best {
                let qty = self.qty(step, min).min(there.max(step) / step * step);
                exchange.market_take(symbol, side, price, qty);
            }
        } else if what < self.settings.trades_e3 + self.settings.moves_e3 {
            self.move_by(exchange, side == Side::Buy, tick, step);
        } else {
            let (levels, random) = (self.settings.levels.max(1), &mut self.random);
            // Twice at random and the smaller one: more happens near the price.
            let near = random.random_range(1..=levels).min(random.random_range(1..=levels));
            let (qty, price) = (self.qty(step, step), self.price(side, near, tick));
            let is_gone = near > 1 && self.random.random_range(0..10_u32) == 0;
            exchange.market_level(symbol, side, price, if is_gone { 0 } else { qty });
        }
    }
}
