//! The random walk of a price.

use super::Market;
use super::dice::Dice;

/// A price never falls below so many ticks.
const TICKS_MIN: f64 = 20.0;
/// Nor rises above so many.
const TICKS_MAX: f64 = 1e15;
/// A regime lasts so many steps on average.
const REGIME_STEPS: f64 = 400.0;

/// How volatility is multiplied, and what is added to the year's drift, in each regime: calm,
/// usual, stressed.
const REGIMES: [(f64, f64); 3] = [(0.7, 0.12), (1.0, 0.0), (1.7, -0.12)];

/// A geometric random walk in ticks whose volatility and drift switch between regimes.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    ticks: f64,
    regime: usize,
    volatility: f64,
    drift: f64,
}

impl Walk {
    pub(super) fn new(market: &Market) -> Self {
        let ticks = (market.start_price_e9 / market.tick_e9) as f64;
        Self { ticks, regime: 1, volatility: market.volatility, drift: market.drift }
    }

    /// The price in ticks, between two of them.
    pub(super) const fn ticks(&self) -> f64 {
        self.ticks
    }

    /// The price at the nearest tick.
    pub(super) const fn rounded(&self) -> i64 {
        (self.ticks + 0.5) as i64
    }

    /// May change the regime: once for each bar or event.
    pub(super) fn turn(&mut self, dice: &mut Dice) {
        if dice.happens(1.0 / REGIME_STEPS) {
            self.regime = (self.regime + 1 + dice.below(2) as usize) % REGIMES.len();
        }
    }

    /// The standard deviation of a return over `years`, in the regime at hand.
    pub(super) fn deviation(&self, years: f64) -> f64 {
        // A square root is correctly rounded on every machine, which no other root or power is.
        self.volatility * REGIMES[self.regime].0 * years.sqrt()
    }

    /// Moves by a random return with the deviation of `years`, and by the drift of that time.
    pub(super) fn step(&mut self, years: f64, dice: &mut Dice) {
        let drift = (self.drift + REGIMES[self.regime].1) * years;
        let change = drift + self.deviation(years) * dice.normal();
        self.ticks = (self.ticks * (1.0 + change.clamp(-0.5, 0.5))).clamp(TICKS_MIN, TICKS_MAX);
    }
}
