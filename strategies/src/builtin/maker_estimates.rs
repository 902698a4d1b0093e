//! What a market maker estimates from the market: how much the middle moves, and how far from it
//! trades print.

use qt_engine::values;
use qt_types::{Nanos, Price};
use serde::{Deserialize, Serialize};

/// One basis point.
const BPS: f64 = 1e-4;

/// The variance of the middle price, with weights that halve in time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Variance {
    /// Per second.
    decay: f64,
    sample_ns: i64,
    last: Option<(Nanos, i64)>,
    squares: f64,
    seconds: f64,
}

values!(Variance);

impl Variance {
    pub(super) fn new(half_life_s: f64, sample_ns: i64) -> Self {
        let decay = std::f64::consts::LN_2 / half_life_s;
        Self { decay, sample_ns, last: None, squares: 0.0, seconds: 0.0 }
    }

    /// Takes a middle price in, if it is time for one.
    pub(super) fn update(&mut self, now_ns: Nanos, mid_x2: i64) {
        let Some((then_ns, before)) = self.last else {
            self.last = Some((now_ns, mid_x2));
            return;
        };
        let passed_ns = now_ns.get().saturating_sub(then_ns.get());
        if passed_ns < self.sample_ns {
            return;
        }
        let seconds = passed_ns as f64 / 1e9;
        let move_bps = (mid_x2 - before) as f64 / before as f64 / BPS;
        let kept = libm::exp(-self.decay * seconds);
        self.squares = self.squares * kept + move_bps * move_bps;
        self.seconds = self.seconds * kept + seconds;
        self.last = Some((now_ns, mid_x2));
    }

    /// In square basis points a second; a second of a move of `half_spread_bps` is counted in, so
    /// that there is one before the first sample.
    pub(super) fn get(&self, half_spread_bps: f64) -> f64 {
        (self.squares + half_spread_bps * half_spread_bps) / (self.seconds + 1.0)
    }
}

/// Trades that the average distance remembers.
const TRADES: f64 = 1_000.0;
/// The least distance that is reckoned with, in basis points: no logarithm of zero.
const LEAST_BPS: f64 = 1e-6;

/// How far from the middle trades print. With a fill rate that falls by the factor e every 1 / k,
/// distances have an exponential distribution, whose mean is 1 / k.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Arrival {
    /// 1 / k where k is given.
    given_bps: Option<f64>,
    mean_bps: f64,
    trades: f64,
}

values!(Arrival);

impl Arrival {
    /// With the decay `k` per basis point; zero estimates it.
    pub(super) fn new(k: f64) -> Self {
        Self { given_bps: (k > 0.0).then(|| 1.0 / k), mean_bps: 0.0, trades: 0.0 }
    }

    /// Takes in a trade at `price` that met a book with these best prices.
    pub(super) fn update(&mut self, price: Price, best: (Price, Price)) {
        let mid = (best.0.ticks() + best.1.ticks()) as f64 / 2.0;
        let distance_bps = (price.ticks() as f64 - mid).abs() / mid / BPS;
        self.trades = (self.trades + 1.0).min(TRADES);
        self.mean_bps += (distance_bps - self.mean_bps) / self.trades;
    }

    /// 1 / k in basis points.
    pub(super) fn reach_bps(&self, half_spread_bps: f64) -> f64 {
        let estimated = if self.trades > 0.0 { self.mean_bps } else { half_spread_bps };
        self.given_bps.unwrap_or(estimated).max(LEAST_BPS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variance_is_a_rate_and_forgets() {
        let mut variance = Variance::new(1.0, 1_000_000_000);
        let second = |s: i64| Nanos::new(s * 1_000_000_000);
        // A move of one basis point every two seconds: half a square basis point a second.
        for at in 0..40_i64 {
            variance.update(second(2 * at), 2_000_000 + 200 * (at % 2));
        }
        // 1.44 seconds and half as much of squares are remembered, and the second that is
        // counted in moved by nothing.
        let rate = variance.get(0.0);
        let seconds = variance.seconds;
        assert!((rate * (seconds + 1.0) / seconds - 0.5).abs() < 1e-3, "{rate}");
        // What comes too early is not looked at.
        variance.update(Nanos::new(78_500_000_000), 9_000_000);
        assert_eq!(variance.get(0.0), rate);
        // Then it stands still: the squares halve every second.
        variance.update(second(88), 2_000_200);
        assert!(variance.get(0.0) < 1e-3);
    }

    #[test]
    fn before_the_first_sample_there_is_the_spread() {
        let variance = Variance::new(60.0, 1_000_000_000);
        assert_eq!(variance.get(3.0), 9.0);
    }

    #[test]
    fn the_decay_is_one_over_the_mean_distance_of_trades() {
        let price = Price::from_ticks;
        let mut arrival = Arrival::new(0.0);
        assert_eq!(arrival.reach_bps(0.7), 0.7);
        // A basis point is ten ticks: 1, 2 and 6 of them.
        for ticks in [100_010, 99_980, 100_060] {
            arrival.update(price(ticks), (price(99_995), price(100_005)));
        }
        assert!((arrival.reach_bps(0.7) - 3.0).abs() < 1e-12);
        assert_eq!(Arrival::new(4.0).reach_bps(0.7), 0.25);
    }
}
