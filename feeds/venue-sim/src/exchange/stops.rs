//! Orders that wait for a price.

use std::collections::{BTreeMap, BTreeSet};

use super::order::{Order, OrderKind, Side};
use super::units::Price;

/// What one percent of a percent is a part of.
const BIPS: i128 = 10_000;

/// An order that follows the price.
#[derive(Clone, Copy, Debug)]
struct Trail {
    side: Side,
    delta: u32,
    /// The price from which on it follows, if it has one.
    from: Option<(bool, Price)>,
    /// The best price for it since it follows.
    extreme: Option<Price>,
}

/// The orders of a symbol that wait for a price.
#[derive(Clone, Debug, Default)]
pub(super) struct Stops {
    /// Those that wait for a price at or above theirs.
    above: BTreeSet<(Price, u64)>,
    /// Those that wait for a price at or below theirs.
    below: BTreeSet<(Price, u64)>,
    trailing: BTreeMap<u64, Trail>,
}

/// Whether such an order waits for the price to rise.
pub(super) const fn waits_above(kind: OrderKind, side: Side) -> bool {
    match kind {
        OrderKind::StopLoss | OrderKind::StopLossLimit => matches!(side, Side::Buy),
        _ => matches!(side, Side::Sell),
    }
}

/// Whether `last` is the price that is waited for.
pub(super) const fn is_reached(above: bool, stop: Price, last: Price) -> bool {
    if above { last >= stop } else { last <= stop }
}

impl Stops {
    /// How many follow the price.
    pub(super) fn trailing_len(&self) -> usize {
        self.trailing.len()
    }

    /// An order begins to wait. Says whether it follows the price from now on.
    pub(super) fn add(&mut self, order: &Order, last: Option<Price>) -> bool {
        let above = waits_above(order.kind, order.side);
        if let Some(delta) = order.trailing_delta {
            let from = (order.stop_price > 0).then_some((above, order.stop_price));
            let mut trail = Trail { side: order.side, delta, from, extreme: None };
            if let Some(last) = last {
                trail.follow(last);
            }
            self.trailing.insert(order.id, trail);
            return trail.extreme.is_some();
        }
        let waiting = if above { &mut self.above } else { &mut self.below };
        waiting.insert((order.stop_price, order.id));
        false
    }

    /// An order does not wait any more.
    pub(super) fn remove(&mut self, order: &Order) {
        self.trailing.remove(&order.id);
        self.above.remove(&(order.stop_price, order.id));
        self.below.remove(&(order.stop_price, order.id));
    }

    /// A trade at `last`: the orders that wait no more, in the order of their ids, and those that
    /// follow the price from now on.
    pub(super) fn on_trade(&mut self, last: Price) -> (Vec<u64>, Vec<u64>) {
        let (mut ready, mut follow) = (Vec::new(), Vec::new());
        while let Some((_, id)) = self.above.first().filter(|(stop, _)| *stop <= last).copied() {
            self.above.pop_first();
            ready.push(id);
        }
        while let Some((_, id)) = self.below.last().filter(|(stop, _)| *stop >= last).copied() {
            self.below.pop_last();
            ready.push(id);
        }
        for (id, trail) in &mut self.trailing {
            let before = trail.extreme.is_some();
            if trail.follow(last) {
                ready.push(*id);
            } else if !before && trail.extreme.is_some() {
                follow.push(*id);
            }
        }
        for id in &ready {
            self.trailing.remove(id);
        }
        ready.sort_unstable();
        (ready, follow)
    }
}

impl Trail {
    /// A trade at `last`. Says whether the price has turned by as much as it waits for.
    fn follow(&mut self, last: Price) -> bool {
        let Some(extreme) = self.extreme else {
            let begins = self.from.is_none_or(|(above, stop)| is_reached(above, stop, last));
            self.extreme = begins.then_some(last);
            return false;
        };
        let (price, delta) = (i128::from(last) * BIPS, i128::from(self.delta));
        match self.side {
            Side::Buy => {
                self.extreme = Some(extreme.min(last));
                price >= i128::from(extreme) * (BIPS + delta)
            }
            Side::Sell => {
                self.extreme = Some(extreme.max(last));
                price <= i128::from(extreme) * (BIPS - delta)
            }
        }
    }
}
