//! Market making after Avellaneda and Stoikov: quotes around a price that leans against the
//! inventory, as far apart as risk and the arrival of orders make best.

use qt_engine::{BookInterest, BookView, Context, OrderUpdate, Strategy};
use qt_types::{Denied, Nanos, Price, Side, Size};

use super::quotes::{Aim, Quotes, two_sided};
use super::{lots, size};
use crate::param::{Params, float, int};
use crate::registry::{Hears, Instruments, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "market_maker",
    summary: "quotes around a reservation price that leans against its inventory",
    doc: "On order books. M. Avellaneda and S. Stoikov, High-frequency trading in a limit order \
          book, Quantitative Finance 8(3), 2008, with distances in basis points of the middle \
          price, a horizon that rolls on, and the inventory q as a share of max_position (-1 to \
          1). With v, the variance of the middle price in square basis points a second, and \
          risk = gamma x v x horizon_s: the reservation price is q x risk below the middle, and \
          bid and ask are risk / 2 + ln(1 + gamma / k) / gamma from it, rounded away from it to \
          a tick and never at or through the best price of the other side. v is the sum of \
          squared moves over the sum of seconds, both halved every half_life_s, sampled at the \
          first change of the best prices after sample_ms; quoting begins after 10 samples. \
          Buys post-only while the position is below max_position, sells post-only while it is \
          above -max_position; a quote is moved when it is move_ticks or more from where it \
          should be. Nothing is done while the book lacks a side, is stale or halted. It may go \
          short: give it a margin account.",
    hears: Hears::Book,
    instruments: Instruments::Exactly(1),
    params: &[
        float("gamma", 0.1, (1e-6, 1e3), "aversion to risk, per basis point"),
        float("k", 1.5, (1e-6, 1e6), "decay of the fill rate, per basis point"),
        float("horizon_s", 10.0, (0.001, 1e6), "how far ahead risk is counted, in seconds"),
        float("half_life_s", 60.0, (0.001, 1e6), "half-life of the variance, in seconds"),
        int("sample_ms", 1_000, (1, 86_400_000), "time between samples of the middle"),
        int("move_ticks", 1, (1, 1_000_000), "smallest move of a quote, in ticks"),
        float("quantity", 0.0, (0.0, 1e9), "units an order; 0: the run's sizing rule"),
        float("max_position", 0.1, (0.0, 1e9), "the largest position, in units"),
    ],
    rules: &[],
    build,
};

fn build(params: &Params, _instruments: usize) -> Box<dyn Strategy> {
    let (gamma, k) = (params.float("gamma"), params.float("k"));
    let model = Model {
        gamma,
        horizon_s: params.float("horizon_s"),
        arrival_bps: libm::log1p(gamma / k) / gamma,
    };
    let sample_ns = params.int("sample_ms").saturating_mul(1_000_000);
    Box::new(MarketMaker {
        model,
        variance: Variance::new(params.float("half_life_s"), sample_ns),
        move_ticks: params.int("move_ticks"),
        quantity: params.float("quantity"),
        max_position: params.float("max_position"),
        in_lots: None,
        quotes: Quotes::new(),
    })
}

/// How many samples of the middle price there must be before the first quote.
const SAMPLES_MIN: u32 = 10;

/// One basis point.
const BPS: f64 = 1e-4;

/// The two formulas of the paper.
#[derive(Clone, Copy, Debug)]
struct Model {
    gamma: f64,
    horizon_s: f64,
    /// The half of the spread that the arrival of orders asks for, in basis points.
    arrival_bps: f64,
}

impl Model {
    /// Bid and ask in ticks around `mid` (ticks), for an inventory from -1 to 1 and a variance in
    /// square basis points a second. Not rounded.
    fn quotes(&self, mid: f64, inventory: f64, variance: f64) -> (f64, f64) {
        let risk_bps = self.gamma * variance * self.horizon_s;
        let half_bps = risk_bps / 2.0 + self.arrival_bps;
        let reservation = mid - mid * BPS * inventory * risk_bps;
        (reservation - mid * BPS * half_bps, reservation + mid * BPS * half_bps)
    }
}

/// The variance of the middle price, with weights that halve in time.
#[derive(Clone, Copy, Debug)]
struct Variance {
    /// Per second.
    decay: f64,
    sample_ns: i64,
    last: Option<(Nanos, i64)>,
    squares: f64,
    seconds: f64,
    samples: u32,
}

impl Variance {
    fn new(half_life_s: f64, sample_ns: i64) -> Self {
        let decay = std::f64::consts::LN_2 / half_life_s;
        Self { decay, sample_ns, last: None, squares: 0.0, seconds: 0.0, samples: 0 }
    }

    /// Takes a middle price in, if it is time for one.
    fn update(&mut self, now_ns: Nanos, mid_x2: i64) {
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
        self.samples = self.samples.saturating_add(1);
        self.last = Some((now_ns, mid_x2));
    }

    /// In square basis points a second; `None` before there are enough samples.
    fn get(&self) -> Option<f64> {
        (self.samples >= SAMPLES_MIN).then(|| self.squares / self.seconds)
    }
}

struct MarketMaker {
    model: Model,
    variance: Variance,
    move_ticks: i64,
    /// In units; zero: the run's sizing rule.
    quantity: f64,
    /// In units.
    max_position: f64,
    /// The largest position and the size of an order, once the instrument is known.
    in_lots: Option<(i64, Size)>,
    quotes: Quotes,
}

impl MarketMaker {
    /// Bid and ask in ticks, on the grid and outside of the best prices of the other side.
    fn prices(&self, best: (Price, Price), inventory: f64, variance: f64) -> (Price, Price) {
        let (best_bid, best_ask) = (best.0.ticks(), best.1.ticks());
        let mid = (best_bid + best_ask) as f64 / 2.0;
        let (bid, ask) = self.model.quotes(mid, inventory, variance);
        // A float that does not fit becomes the nearest whole number that does.
        let bid = (bid.floor() as i64).min(best_ask - 1);
        let ask = (ask.ceil() as i64).max(best_bid + 1).max(bid.saturating_add(1));
        (Price::from_ticks(bid), Price::from_ticks(ask))
    }
}

impl Strategy for MarketMaker {
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        let Some(best) = two_sided(book) else { return };
        self.variance.update(ctx.now_ns(), best.0.ticks() + best.1.ticks());
        let Some(variance) = self.variance.get() else { return };
        if !ctx.is_active() {
            return;
        }
        let instrument = ctx.instrument();
        let Some(spec) = ctx.spec(instrument) else { return };
        let (quantity, max_position) = (self.quantity, self.max_position);
        let in_lots = || (lots(max_position, spec), size(quantity, spec));
        let (most, size) = *self.in_lots.get_or_insert_with(in_lots);
        let held = ctx.position(instrument).lots();
        // Partial fills and the size of an order may lead past the largest position.
        let inventory = if most > 0 { (held as f64 / most as f64).clamp(-1.0, 1.0) } else { 0.0 };
        let (bid, ask) = self.prices(best, inventory, variance);
        let sound = |price: Price| price.ticks() > 0;
        let aims = [
            (Side::Buy, (held < most && sound(bid)).then_some(bid)),
            (Side::Sell, (held > -most && sound(ask)).then_some(ask)),
        ];
        for (side, price) in aims {
            let aim = Aim { side, price, size, move_ticks: self.move_ticks };
            self.quotes.aim(instrument, aim, ctx);
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        self.quotes.on_order(update, ctx.now_ns());
    }

    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        self.quotes.on_denied(denied, ctx.now_ns());
    }

    fn interest(&self) -> BookInterest {
        BookInterest::TopChange
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formulas_are_those_of_the_paper() {
        // gamma 0.1, k 1.5, sigma 2, T - t = 1 of the paper's example: with q = 1 the
        // reservation price is 0.4 below, and the spread is 0.4 + 20 ln(1 + 1 / 15).
        let arrival_bps = libm::log1p(0.1 / 1.5) / 0.1;
        let model = Model { gamma: 0.1, horizon_s: 1.0, arrival_bps };
        let (bid, ask) = model.quotes(10_000.0, 1.0, 4.0);
        assert!((f64::midpoint(bid, ask) - (10_000.0 - 0.4)).abs() < 1e-9);
        assert!((ask - bid - (0.4 + 1.290_770_42)).abs() < 1e-7, "{}", ask - bid);
        let (bid, ask) = model.quotes(10_000.0, 0.0, 4.0);
        assert!((f64::midpoint(bid, ask) - 10_000.0).abs() < 1e-9);
    }

    #[test]
    fn the_variance_is_a_rate_and_forgets() {
        let mut variance = Variance::new(1.0, 1_000_000_000);
        let second = |s: i64| Nanos::new(s * 1_000_000_000);
        // A move of one basis point every two seconds: half a square basis point a second.
        for at in 0..40_i64 {
            variance.update(second(2 * at), 2_000_000 + 200 * (at % 2));
        }
        let rate = variance.get().expect("enough samples");
        assert!((rate - 0.5).abs() < 1e-3, "{rate}");
        // What comes too early is not looked at.
        variance.update(Nanos::new(78_500_000_000), 9_000_000);
        assert_eq!(variance.get(), Some(rate));
        // Then it stands still: the squares halve every second.
        variance.update(second(88), 2_000_200);
        assert!(variance.get().expect("enough samples") < 1e-3);
    }
}
