//! A grid of limit orders around an anchor: every fill is followed by an order of the other side
//! one level further.

use qt_engine::{
    BookInterest, BookView, Context, OrderUpdate, Strategy, save_and_load, stored, values,
};
use qt_types::{
    Denied, InstrumentId, InstrumentSpec, Number, OrderKind, Place, Price, ReportKind, Side,
    StrategyId,
};
use serde::{Deserialize, Serialize};

use super::quotes::{Quotes, is_quote, two_sided};
use super::{lots, size, tuned};
use crate::param::{ParamValue, Params, choice, float, int};
use crate::registry::{Hears, Instruments, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "grid",
    summary: "rests buys below and sells above an anchor, and refills behind every fill",
    doc: "On order books. The levels are anchor + i x spacing for i from -levels to levels; the \
          anchor is a price, or where it is 0 the first middle of the book, and the spacing is \
          in ticks or in basis points of the anchor, rounded to a tick, at least one. One level, \
          at first the anchor, is empty: buys rest on the levels below it, sells on those above \
          it. When a buy is filled whole its level becomes the empty one, so that a sell rests \
          one level above the fill; when a sell is filled whole, the same the other way. Orders \
          are post-only, and placed one a side with each change of the best prices, nearest \
          first; a level at which an order would take waits. Buys are placed while the position \
          and the buys that rest come to less than max_position, sells alike, so that max_position \
          is passed by less than one order. Nothing is done while the book lacks a side, is stale \
          or halted. It may go short: give it a margin account.",
    hears: Hears::Book,
    instruments: Instruments::Exactly(1),
    params: &[
        int("levels", 5, (1, LEVELS_MAX), "levels on each side of the anchor"),
        float("spacing", 2.0, (1e-3, 1e6), "distance between levels"),
        choice("unit", "bps", &["bps", "ticks"], "what the spacing is in"),
        float("anchor", 0.0, (0.0, 1e9), "price in the middle; 0: the first middle"),
        float("quantity", 0.0, (0.0, 1e9), "units an order; 0: the run's sizing rule").live(),
        float("max_position", 0.1, (0.0, 1e9), "the largest position, in units").live(),
    ],
    rules: &[],
    build,
};

/// All levels are bits of one number.
const LEVELS_MAX: i64 = 50;

fn build(params: &Params, _instruments: usize) -> Box<dyn Strategy> {
    Box::new(Grid {
        levels: params.int("levels"),
        spacing: params.float("spacing"),
        in_bps: params.choice("unit") == "bps",
        anchor: params.float("anchor"),
        quantity: params.float("quantity"),
        max_position: params.float("max_position"),
        lattice: None,
        empty: 0,
        quotes: Quotes::new(),
    })
}

/// Where the levels are, in ticks.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Lattice {
    anchor: i64,
    spacing: i64,
}

values!(Lattice);

impl Lattice {
    /// The price of a level; `None` where it is no price.
    fn price(&self, level: i64) -> Option<Price> {
        let ticks = level.checked_mul(self.spacing)?.checked_add(self.anchor)?;
        (ticks > 0).then_some(Price::from_ticks(ticks))
    }

    /// The level at `price`, if one is there.
    fn level(&self, price: Price) -> Option<i64> {
        let distance = price.ticks().checked_sub(self.anchor)?;
        (distance % self.spacing == 0).then_some(distance / self.spacing)
    }
}

/// What rests.
#[derive(Clone, Copy, Debug)]
struct Resting {
    /// A bit for each level with an order, the lowest level first.
    levels: u128,
    /// Lots, by side.
    lots: [i64; 2],
    /// Our highest bid and our lowest ask, in ticks.
    best: [i64; 2],
}

struct Grid {
    levels: i64,
    spacing: f64,
    in_bps: bool,
    /// In units of the currency; zero: the first middle.
    anchor: f64,
    /// In units; zero: the run's sizing rule.
    quantity: f64,
    /// In units.
    max_position: f64,
    lattice: Option<Lattice>,
    /// The level between buys and sells.
    empty: i64,
    quotes: Quotes,
}

stored!(Grid {
    state: lattice, empty, quotes;
    same: levels, spacing, in_bps, anchor, quantity, max_position;
});

impl Grid {
    /// The first book fixes it.
    fn lattice(&mut self, best: (Price, Price), spec: &InstrumentSpec) -> Lattice {
        if let Some(lattice) = self.lattice {
            return lattice;
        }
        let (middle, tick_e9) = ((best.0.ticks() + best.1.ticks()) / 2, spec.tick_e9());
        let wish = (self.anchor * 1e9).round() as i64 / tick_e9;
        let anchor = if wish > 0 { wish } else { middle };
        let ticks = if self.in_bps { anchor as f64 * self.spacing * 1e-4 } else { self.spacing };
        // A float that does not fit becomes the nearest whole number that does.
        let spacing = (ticks.round() as i64).max(1);
        *self.lattice.insert(Lattice { anchor, spacing })
    }

    fn resting(&self, instrument: InstrumentId, lattice: Lattice, ctx: &Context<'_>) -> Resting {
        let mut resting = Resting { levels: 0, lots: [0; 2], best: [i64::MIN, i64::MAX] };
        for order in ctx.orders().filter(|order| is_quote(order, instrument, order.side)) {
            let OrderKind::Limit { price } = order.kind else { continue };
            let (side, ticks) = (order.side as usize, price.ticks());
            resting.lots[side] = resting.lots[side].saturating_add(order.leaves().lots());
            resting.best[side] = match order.side {
                Side::Buy => resting.best[side].max(ticks),
                Side::Sell => resting.best[side].min(ticks),
            };
            if let Some(level) = lattice.level(price).filter(|level| level.abs() <= self.levels) {
                resting.levels |= 1 << (level + self.levels);
            }
        }
        resting
    }

    /// The price of the nearest level of `side` at which an order is missing and could rest.
    fn missing(
        &self,
        side: Side,
        lattice: Lattice,
        resting: &Resting,
        best: (Price, Price),
    ) -> Option<Price> {
        let rests = |price: &Price| match side {
            Side::Buy => *price < best.1 && price.ticks() < resting.best[Side::Sell as usize],
            Side::Sell => *price > best.0 && price.ticks() > resting.best[Side::Buy as usize],
        };
        (1..=2 * self.levels)
            .map(|step| self.empty - step * side.sign())
            .take_while(|level| level.abs() <= self.levels)
            .filter(|level| resting.levels & (1 << (level + self.levels)) == 0)
            .find_map(|level| lattice.price(level).filter(rests))
    }
}

impl Strategy for Grid {
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        let Some(best) = two_sided(book) else { return };
        let instrument = ctx.instrument();
        let Some(spec) = ctx.spec(instrument).filter(|_| ctx.is_active()) else { return };
        let lattice = self.lattice(best, spec);
        let (most, size) = (lots(self.max_position, spec), size(self.quantity, spec));
        let held = ctx.position(instrument).lots();
        let resting = self.resting(instrument, lattice, ctx);
        for side in [Side::Buy, Side::Sell] {
            let exposed = held.saturating_mul(side.sign());
            let is_full = exposed.saturating_add(resting.lots[side as usize]) >= most;
            if is_full || self.quotes.is_quiet(side, ctx.now_ns()) {
                continue;
            }
            if let Some(price) = self.missing(side, lattice, &resting, best) {
                let kind = OrderKind::Limit { price };
                ctx.place(Place::new(instrument, side, kind).size(size).post_only());
            }
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        self.quotes.on_order(update, ctx.now_ns());
        let (order, report) = (update.order, update.report);
        let is_whole = report.kind == ReportKind::Filled && order.is_ended();
        if is_whole && is_quote(order, order.instrument, order.side) {
            self.empty = (self.empty - order.side.sign()).clamp(-self.levels, self.levels);
        }
    }

    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        self.quotes.on_denied(denied, ctx.now_ns());
    }

    fn interest(&self) -> BookInterest {
        BookInterest::TopChange
    }

    fn tune(&mut self, _: StrategyId, param: u16, value: Number) {
        match tuned(&ENTRY, param, value) {
            Some(("quantity", ParamValue::Float(units))) => self.quantity = units,
            Some(("max_position", ParamValue::Float(units))) => self.max_position = units,
            _ => {}
        }
    }

    save_and_load!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_prices_lead_to_each_other() {
        let lattice = Lattice { anchor: 1_000, spacing: 7 };
        for level in -50..=50 {
            let price = lattice.price(level).expect("positive");
            assert_eq!(lattice.level(price), Some(level));
        }
        assert_eq!(lattice.level(Price::from_ticks(1_001)), None);
        assert_eq!(lattice.price(-143), None, "below one tick");
        let wide = Lattice { anchor: 1_000, spacing: i64::MAX };
        assert_eq!(wide.price(50), None);
    }
}
