//! A burst: many changes of a book in a short time, which leave the book as it was.

use super::Market;
use crate::exchange::{Exchange, Nanos, Price, Qty, Side, SymbolId};

/// A burst of changes at the best bid.
#[derive(Clone, Debug)]
pub struct Burst {
    symbol: SymbolId,
    begin_ns: Nanos,
    step_ns: Nanos,
    left: u64,
    done: u64,
    /// The price, and what the market had there.
    place: Option<(Price, Qty)>,
}

impl Burst {
    /// `rate` changes a second for `for_ns`, an even number of them.
    #[must_use]
    pub fn new(symbol: SymbolId, begin_ns: Nanos, for_ns: Nanos, rate: u64) -> Self {
        let step_ns = (1_000_000_000 / Nanos::try_from(rate.max(1)).unwrap_or(1)).max(1);
        let left = u64::try_from(for_ns.max(0) / step_ns).unwrap_or(0) / 2 * 2;
        Self { symbol, begin_ns, step_ns, left, done: 0, place: None }
    }
}

impl Market for Burst {
    fn next_ns(&self) -> Option<Nanos> {
        let after = Nanos::try_from(self.done).ok()?.checked_mul(self.step_ns)?;
        (self.left > 0).then(|| self.begin_ns.saturating_add(after))
    }

    fn play(&mut self, exchange: &mut Exchange) {
        self.left -= 1;
        self.done += 1;
        let Some(spec) = exchange.symbol(self.symbol) else { return };
        let step = spec.filters.lot.step;
        if let Some((price, qty)) = self.place.take() {
            // Others may have taken of it meanwhile; then it is left as they left it.
            if exchange.market_at(self.symbol, Side::Buy, price) == qty + step {
                exchange.market_level(self.symbol, Side::Buy, price, qty);
            }
            return;
        }
        let Some((price, _)) = exchange.best(self.symbol).bid else { return };
        let qty = exchange.market_at(self.symbol, Side::Buy, price);
        if qty > 0 && exchange.market_level(self.symbol, Side::Buy, price, qty + step) {
            self.place = Some((price, qty));
        }
    }
}
