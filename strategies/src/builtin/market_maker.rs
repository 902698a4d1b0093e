//! Market making after Avellaneda and Stoikov: quotes around a price that leans against the
//! inventory, as far apart as risk and the arrival of orders make best.

use qt_engine::{
    BookInterest, BookView, Context, OrderUpdate, Strategy, save_and_load, stored, values,
};
use qt_types::{
    Denied, DenyReason, InstrumentSpec, Nanos, Number, Price, Qty, Side, Size, StrategyId, Trade,
};
use serde::{Deserialize, Serialize};

use super::maker_estimates::{Arrival, Variance};
use super::quotes::{Aim, Quotes, two_sided};
use super::tape_top::TapeTop;
use super::{lots, tuned};
use crate::param::{ParamValue, Params, float, int};
use crate::registry::{Hears, Instruments, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "market_maker",
    summary: "quotes around a reservation price that leans against its inventory",
    doc: "On order books. M. Avellaneda and S. Stoikov, High-frequency trading in a limit order \
          book, Quantitative Finance 8(3), 2008, with distances in basis points of the middle \
          price, a horizon that rolls on, and the inventory q as a share of the largest position \
          (-1 to 1). With v, the variance of the middle price in square basis points a second, \
          and risk = gamma x v x horizon_s: the reservation price is q x risk below the middle, \
          and bid and ask are risk / 2 + ln(1 + gamma / k) / gamma from it, rounded to the \
          nearest tick, away from it when in doubt, and never at or through the best price of \
          the other side. v is the sum of squared moves over the sum of seconds, both halved \
          every half_life_s, sampled at the first change of the best prices after sample_ms; one \
          second more counts as a move of half the spread, so that there is a v at once. k of 0 \
          is estimated: 1 / k is the average distance from the middle at which the last 1,000 \
          trades printed, and half the spread before the first. Buys post-only while the \
          position is below the largest one, sells post-only while it is above its negative; a \
          quote is moved when it is move_ticks or more from where it should be. Without \
          max_position the run's sizing rule says how large the position may be; without \
          quantity an order is the steps-th part of it, or all of it where that is less than a \
          lot. Nothing is done while the book lacks a side, is stale or halted. Where 20 trades \
          come and never a book, the prices of the last buyer and the last seller stand for it. \
          It may go short: give it a margin account.",
    hears: Hears::Book,
    instruments: Instruments::Exactly(1),
    params: &[
        float("gamma", 0.1, (1e-6, 1e3), "aversion to risk, per basis point").live(),
        float("k", 0.0, (0.0, 1e6), "decay of the fill rate, per basis point; 0: estimated"),
        float("horizon_s", 10.0, (0.001, 1e6), "how far ahead risk is counted, in seconds").live(),
        float("half_life_s", 60.0, (0.001, 1e6), "half-life of the variance, in seconds"),
        int("sample_ms", 1_000, (1, 86_400_000), "time between samples of the middle"),
        int("move_ticks", 1, (1, 1_000_000), "smallest move of a quote, in ticks").live(),
        float("quantity", 0.0, (0.0, 1e9), "units an order; 0: max_position / steps").live(),
        float("max_position", 0.0, (0.0, 1e9), "units; 0: as the run's sizing rule says").live(),
        int("steps", 10, (1, 1_000), "orders to the largest position, where one is 0"),
    ],
    rules: &[],
    build,
};

fn build(params: &Params, _instruments: usize) -> Box<dyn Strategy> {
    let (gamma, k) = (params.float("gamma"), params.float("k"));
    let sample_ns = params.int("sample_ms").saturating_mul(1_000_000);
    Box::new(MarketMaker {
        model: Model { gamma, horizon_s: params.float("horizon_s") },
        variance: Variance::new(params.float("half_life_s"), sample_ns),
        arrival: Arrival::new(k),
        tape: TapeTop::new(),
        has_book: false,
        move_ticks: params.int("move_ticks"),
        quantity: params.float("quantity"),
        max_position: params.float("max_position"),
        steps: params.int("steps"),
        in_lots: None,
        quotes: Quotes::new(),
    })
}

/// One basis point.
const BPS: f64 = 1e-4;

/// The two formulas of the paper.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Model {
    gamma: f64,
    horizon_s: f64,
}

values!(Model);

impl Model {
    /// Bid and ask in ticks around `mid` (ticks), for an inventory from -1 to 1, a variance in
    /// square basis points a second, and 1 / k in basis points. Not rounded.
    fn quotes(&self, mid: f64, inventory: f64, variance: f64, reach_bps: f64) -> (f64, f64) {
        let risk_bps = self.gamma * variance * self.horizon_s;
        let half_bps = risk_bps / 2.0 + libm::log1p(self.gamma * reach_bps) / self.gamma;
        let reservation = mid - mid * BPS * inventory * risk_bps;
        (reservation - mid * BPS * half_bps, reservation + mid * BPS * half_bps)
    }
}

/// Sizes in lots.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Sizes {
    /// What an order asks for.
    order: Size,
    /// The largest position; `None` until the sizing rule has said it.
    most: Option<i64>,
    /// How many orders of the sizing rule's part make it up.
    parts: i64,
    /// Since when an order is all that the sizing rule gives.
    since_ns: Nanos,
}

values!(Sizes);

impl Sizes {
    fn new(quantity: f64, max_position: f64, steps: i64, spec: &InstrumentSpec) -> Self {
        let fixed = |lots: i64| Size::Fixed(Qty::from_lots(lots));
        let (order, most) = (lots(quantity, spec), lots(max_position, spec));
        let (order, most, parts) = match (quantity > 0.0, max_position > 0.0) {
            (true, true) => (fixed(order), Some(most), 1),
            (true, false) => (fixed(order), Some(order.saturating_mul(steps)), 1),
            (false, true) => (fixed((most / steps).max(1)), Some(most), 1),
            (false, false) => {
                (Size::Share(u32::try_from(10_000 / steps).unwrap_or(10_000)), None, steps)
            }
        };
        Self { order, most, parts, since_ns: Nanos::MIN }
    }

    /// At `now_ns` a part of what the sizing rule gives was less than a lot: takes all of it.
    /// `false` when what was denied was all already.
    fn take_all(&mut self, now_ns: Nanos) -> bool {
        if matches!(self.order, Size::Share(share) if share < 10_000) {
            (self.order, self.parts, self.since_ns) = (Size::Auto, 1, now_ns);
        }
        // Both sides are asked for at once, and both denials come.
        self.since_ns == now_ns
    }
}

struct MarketMaker {
    model: Model,
    variance: Variance,
    arrival: Arrival,
    tape: TapeTop,
    /// Whether there ever was a book.
    has_book: bool,
    move_ticks: i64,
    /// In units; zero: a part of the largest position.
    quantity: f64,
    /// In units; zero: the run's sizing rule.
    max_position: f64,
    steps: i64,
    /// The same in lots, once the instrument is known.
    in_lots: Option<Sizes>,
    quotes: Quotes,
}

stored!(MarketMaker {
    state: variance, arrival, tape, has_book, in_lots, quotes;
    same: model, move_ticks, quantity, max_position, steps;
});

impl MarketMaker {
    /// Bid and ask in ticks, on the grid and outside of the best prices of the other side.
    fn prices(&self, best: (Price, Price), inventory: f64) -> (Price, Price) {
        let (best_bid, best_ask) = (best.0.ticks(), best.1.ticks());
        let mid = (best_bid + best_ask) as f64 / 2.0;
        let half_spread_bps = (best_ask - best_bid) as f64 / 2.0 / mid / BPS;
        let variance = self.variance.get(half_spread_bps);
        let reach_bps = self.arrival.reach_bps(half_spread_bps);
        let (bid, ask) = self.model.quotes(mid, inventory, variance, reach_bps);
        // A float that does not fit becomes the nearest whole number that does.
        let bid = ((bid - 0.5).ceil() as i64).min(best_ask - 1);
        let ask = ((ask + 0.5).floor() as i64).max(best_bid + 1).max(bid.saturating_add(1));
        (Price::from_ticks(bid), Price::from_ticks(ask))
    }

    fn quote(&mut self, best: (Price, Price), ctx: &mut Context<'_>) {
        self.variance.update(ctx.now_ns(), best.0.ticks() + best.1.ticks());
        if !ctx.is_active() {
            return;
        }
        let instrument = ctx.instrument();
        let Some(spec) = ctx.spec(instrument) else { return };
        let (quantity, max_position, steps) = (self.quantity, self.max_position, self.steps);
        let in_lots = || Sizes::new(quantity, max_position, steps, spec);
        let sizes = *self.in_lots.get_or_insert_with(in_lots);
        let held = ctx.position(instrument).lots();
        // Partial fills and the size of an order may lead past the largest position. Before it is
        // known there is none.
        let most = sizes.most.unwrap_or(i64::MAX);
        let inventory = if most > 0 { (held as f64 / most as f64).clamp(-1.0, 1.0) } else { 0.0 };
        let (bid, ask) = self.prices(best, inventory);
        let sound = |price: Price| price.ticks() > 0;
        let aims = [
            (Side::Buy, (held < most && sound(bid)).then_some(bid)),
            (Side::Sell, (held > -most && sound(ask)).then_some(ask)),
        ];
        for (side, price) in aims {
            let aim = Aim { side, price, size: sizes.order, move_ticks: self.move_ticks };
            self.quotes.aim(instrument, aim, ctx);
        }
    }
}

impl Strategy for MarketMaker {
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        self.has_book = true;
        let Some(best) = two_sided(book) else { return };
        self.quote(best, ctx);
    }

    fn on_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) {
        if !self.has_book {
            let before = self.tape.best();
            self.tape.update(trade);
            if let Some(best) = self.tape.best() {
                self.arrival.update(trade.price, before.unwrap_or(best));
                self.quote(best, ctx);
            }
            return;
        }
        let best = ctx.book(ctx.instrument()).and_then(two_sided);
        if let Some(best) = best {
            self.arrival.update(trade.price, best);
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        if let Some(sizes) = &mut self.in_lots
            && sizes.most.is_none()
        {
            sizes.most = Some(update.order.qty.lots().saturating_mul(sizes.parts));
        }
        self.quotes.on_order(update, ctx.now_ns());
    }

    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        if denied.reason == DenyReason::SizeBelowLot
            && let Some(sizes) = &mut self.in_lots
            && sizes.take_all(ctx.now_ns())
        {
            return;
        }
        self.quotes.on_denied(denied, ctx.now_ns());
    }

    fn interest(&self) -> BookInterest {
        BookInterest::TopChange
    }

    fn tune(&mut self, _: StrategyId, param: u16, value: Number) {
        match tuned(&ENTRY, param, value) {
            Some(("gamma", ParamValue::Float(gamma))) => self.model.gamma = gamma,
            Some(("horizon_s", ParamValue::Float(horizon_s))) => self.model.horizon_s = horizon_s,
            Some(("move_ticks", ParamValue::Int(ticks))) => self.move_ticks = ticks,
            // Sizes in lots are worked out anew.
            Some(("quantity", ParamValue::Float(units))) => {
                (self.quantity, self.in_lots) = (units, None);
            }
            Some(("max_position", ParamValue::Float(units))) => {
                (self.max_position, self.in_lots) = (units, None);
            }
            _ => {}
        }
    }

    save_and_load!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formulas_are_those_of_the_paper() {
        // gamma 0.1, k 1.5, sigma 2, T - t = 1 of the paper's example: with q = 1 the
        // reservation price is 0.4 below, and the spread is 0.4 + 20 ln(1 + 1 / 15).
        let model = Model { gamma: 0.1, horizon_s: 1.0 };
        let (bid, ask) = model.quotes(10_000.0, 1.0, 4.0, 1.0 / 1.5);
        assert!((f64::midpoint(bid, ask) - (10_000.0 - 0.4)).abs() < 1e-9);
        assert!((ask - bid - (0.4 + 1.290_770_42)).abs() < 1e-7, "{}", ask - bid);
        let (bid, ask) = model.quotes(10_000.0, 0.0, 4.0, 1.0 / 1.5);
        assert!((f64::midpoint(bid, ask) - 10_000.0).abs() < 1e-9);
    }

    #[test]
    fn sizes_follow_from_each_other() {
        let spec = InstrumentSpec::new(
            "X",
            "USD",
            qt_types::InstrumentKind::Spot,
            10_000_000,
            1_000_000_000,
            1_000_000_000,
        )
        .expect("units");
        let fixed = |lots| Size::Fixed(Qty::from_lots(lots));
        let sizes = |quantity, most| Sizes::new(quantity, most, 10, &spec);
        assert_eq!((sizes(2.0, 7.0).order, sizes(2.0, 7.0).most), (fixed(2), Some(7)));
        assert_eq!(sizes(2.0, 0.0).most, Some(20));
        assert_eq!(sizes(0.0, 50.0).order, fixed(5));
        assert_eq!(sizes(0.0, 3.0).order, fixed(1));
        let mut by_rule = sizes(0.0, 0.0);
        assert_eq!((by_rule.order, by_rule.most, by_rule.parts), (Size::Share(1_000), None, 10));
        let at = Nanos::new;
        assert!(by_rule.take_all(at(5)) && by_rule.take_all(at(5)) && !by_rule.take_all(at(6)));
        assert_eq!((by_rule.order, by_rule.parts), (Size::Auto, 1));
    }
}
