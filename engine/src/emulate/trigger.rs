//! When an order that waits for a price has waited long enough. Written for buys; for sells every
//! price is negated.

use qt_types::{Bar, Distance, OrderKind, Price, Side, round_half_even};

/// The prices that an event shows, in ticks: the lowest and the highest one for buys, and the
/// same for sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    buys: (i64, i64),
    sells: (i64, i64),
}

impl Seen {
    /// A trade.
    pub(crate) const fn trade(price: Price) -> Self {
        let both = (price.ticks(), price.ticks());
        Self { buys: both, sells: both }
    }

    /// The best prices of a book without trades: a buy goes by the ask, a sale by the bid.
    pub(crate) const fn best(bid: Price, ask: Price) -> Self {
        Self { buys: (ask.ticks(), ask.ticks()), sells: (bid.ticks(), bid.ticks()) }
    }

    /// A completed bar.
    pub(crate) const fn bar(bar: &Bar) -> Self {
        let both = (bar.low.ticks(), bar.high.ticks());
        Self { buys: both, sells: both }
    }

    /// The lowest and the highest price in the mirror of `side`.
    pub(super) const fn mirrored(&self, side: Side) -> (i64, i64) {
        match side {
            Side::Buy => self.buys,
            Side::Sell => (-self.sells.1, -self.sells.0),
        }
    }
}

/// What an order of `kind` is once its price was seen.
pub(crate) const fn after_trigger(kind: OrderKind) -> OrderKind {
    match kind {
        OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } | OrderKind::TrailingStop { .. } => {
            OrderKind::Market
        }
        OrderKind::StopLimit { limit, .. } | OrderKind::LimitIfTouched { limit, .. } => {
            OrderKind::Limit { price: limit }
        }
        OrderKind::Market | OrderKind::Limit { .. } | OrderKind::Pegged { .. } => kind,
    }
}

/// The price that a report of a change names.
pub(crate) const fn named(kind: &OrderKind) -> Price {
    match *kind {
        OrderKind::Limit { price } => price,
        OrderKind::StopLimit { limit, .. } | OrderKind::LimitIfTouched { limit, .. } => limit,
        OrderKind::Stop { trigger } | OrderKind::TakeProfit { trigger } => trigger,
        OrderKind::Market | OrderKind::TrailingStop { .. } | OrderKind::Pegged { .. } => {
            Price::ZERO
        }
    }
}

/// Whether prices between `low` and `high` (mirrored) release an order of `kind`, whose best
/// price so far is `best` where it trails.
pub(super) fn is_met(kind: &OrderKind, side: Side, best: Option<i64>, low: i64, high: i64) -> bool {
    let mirrored = |price: Price| price.ticks().saturating_mul(side.sign());
    match *kind {
        OrderKind::Stop { trigger } | OrderKind::StopLimit { trigger, .. } => {
            high >= mirrored(trigger)
        }
        OrderKind::TakeProfit { trigger } | OrderKind::LimitIfTouched { trigger, .. } => {
            low <= mirrored(trigger)
        }
        OrderKind::TrailingStop { distance } => {
            best.is_some_and(|best| high >= best.saturating_add(behind(distance, best)))
        }
        OrderKind::Market | OrderKind::Limit { .. } | OrderKind::Pegged { .. } => true,
    }
}

/// How many ticks a trailing stop stays behind `best` (mirrored).
fn behind(distance: Distance, best: i64) -> i64 {
    match distance {
        Distance::Ticks(ticks) => ticks,
        Distance::Bps(bps) => {
            let scaled = i128::from(best.saturating_abs()) * i128::from(bps);
            i64::try_from(round_half_even(scaled, 10_000)).unwrap_or(i64::MAX).max(1)
        }
    }
}

/// Lets a trailing stop follow `low` (mirrored): it only ever moves in the order's favour.
pub(super) fn follow(kind: &OrderKind, best: &mut Option<i64>, low: i64) {
    if matches!(kind, OrderKind::TrailingStop { .. }) {
        *best = Some(best.map_or(low, |best| best.min(low)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ticks: i64) -> Price {
        Price::from_ticks(ticks)
    }

    /// Whether the prices `seen`, one trade after the other, release the order: at the how
    /// manieth (from 1), zero for never.
    fn met_at(kind: OrderKind, side: Side, prices: &[i64]) -> usize {
        let mut best = None;
        for (count, &price) in prices.iter().enumerate() {
            let (low, high) = Seen::trade(at(price)).mirrored(side);
            if is_met(&kind, side, best, low, high) {
                return count + 1;
            }
            follow(&kind, &mut best, low);
        }
        0
    }

    #[test]
    fn each_kind_waits_for_its_own_side_of_the_market() {
        let (stop, touch) =
            (OrderKind::Stop { trigger: at(105) }, OrderKind::TakeProfit { trigger: at(95) });
        assert_eq!(met_at(stop, Side::Buy, &[100, 104, 105]), 3);
        assert_eq!(met_at(stop, Side::Sell, &[106, 105, 100]), 2);
        assert_eq!(met_at(touch, Side::Buy, &[100, 96, 95]), 3);
        assert_eq!(met_at(touch, Side::Sell, &[94, 94, 96]), 3);
        assert_eq!(met_at(stop, Side::Buy, &[90, 104]), 0);
    }

    #[test]
    fn a_trailing_stop_follows_and_never_goes_back() {
        // A sale 5 behind: the best is 110, so 105 releases; 106 does not.
        let trail = OrderKind::TrailingStop { distance: Distance::Ticks(5) };
        assert_eq!(met_at(trail, Side::Sell, &[100, 110, 106, 105]), 4);
        // A buy: the best is 90, so 95.
        assert_eq!(met_at(trail, Side::Buy, &[100, 90, 94, 95]), 4);
        // One percent of 1,000 is 10.
        let share = OrderKind::TrailingStop { distance: Distance::Bps(100) };
        assert_eq!(met_at(share, Side::Sell, &[1_000, 991, 990]), 3);
    }

    #[test]
    fn a_bar_shows_both_its_ends() {
        let mut bar = Bar {
            open_ns: qt_types::Nanos::new(0),
            open: at(100),
            high: at(104),
            low: at(97),
            close: at(101),
            volume: qt_types::Qty::ZERO,
            half_spread: [0; 4],
            flags: qt_types::BarFlags::NONE,
            row: 0,
        };
        let stop = OrderKind::Stop { trigger: at(104) };
        let met = |bar: &Bar, kind: &OrderKind, side: Side| {
            let (low, high) = Seen::bar(bar).mirrored(side);
            is_met(kind, side, None, low, high)
        };
        assert!(met(&bar, &stop, Side::Buy));
        assert!(met(&bar, &OrderKind::Stop { trigger: at(97) }, Side::Sell));
        assert!(met(&bar, &OrderKind::TakeProfit { trigger: at(97) }, Side::Buy));
        bar.high = at(103);
        assert!(!met(&bar, &stop, Side::Buy));
    }
}
