//! What the venue asks of an order for an instrument, as of the order's date: the steps of price
//! and quantity, the least worth, the band of prices.

use qt_types::{Cash, InstrumentSpec, OrderKind, Price, Qty, RejectReason};

use super::{SimOrder, SimVenue};

/// The rules of an instrument from some time on. What is `None` is not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstrumentRule {
    /// From when on (UTC ns).
    pub from_ns: i64,
    /// Prices are multiples of this, in billionths.
    pub tick_e9: Option<i64>,
    /// Quantities are multiples of this, in billionths of a unit.
    pub lot_e9: Option<i64>,
    /// The least quantity, in billionths of a unit.
    pub qty_min_e9: Option<i64>,
    /// The least worth of an order.
    pub notional_min: Option<Cash>,
    /// How far below the last price (the middle of the book) a limit or trigger may be, in
    /// billionths of it ...
    pub below_e9: Option<i64>,
    /// ... and how far above it.
    pub above_e9: Option<i64>,
}

impl InstrumentRule {
    /// Why an order breaks the rule, if it does. `mark` is the price that it is held against.
    fn breaks(
        &self,
        spec: &InstrumentSpec,
        order: &SimOrder,
        mark: Option<Price>,
    ) -> Option<RejectReason> {
        let prices = prices_of(order.kind);
        let price_e9 = |price: Price| i128::from(price.ticks()) * i128::from(spec.tick_e9());
        let off = |value: i128, step: Option<i64>| {
            step.is_some_and(|step| value % i128::from(step.max(1)) != 0)
        };
        if prices.iter().flatten().any(|&price| off(price_e9(price), self.tick_e9)) {
            return Some(RejectReason::TickSize);
        }
        let qty_e9 = i128::from(order.qty) * i128::from(spec.lot_e9());
        let is_small = self.qty_min_e9.is_some_and(|least| qty_e9 < i128::from(least));
        if is_small || off(qty_e9, self.lot_e9) {
            return Some(RejectReason::LotSize);
        }
        let at = prices.iter().flatten().next().copied().or(mark);
        let worth = at.and_then(|price| spec.notional(price, Qty::from_lots(order.qty)));
        if let (Some(least), Some(worth)) = (self.notional_min, worth)
            && worth < least
            && !order.reduce_only
        {
            return Some(RejectReason::MinNotional);
        }
        let mark = i128::from(mark?.ticks());
        let one = i128::from(qt_types::E9);
        let is_outside = |price: &Price| {
            let ticks = i128::from(price.ticks()) * one;
            let is_low = self.below_e9.is_some_and(|b| ticks < mark * (one - i128::from(b)));
            let is_high = self.above_e9.is_some_and(|a| ticks > mark * (one + i128::from(a)));
            is_low || is_high
        };
        prices.iter().flatten().any(is_outside).then_some(RejectReason::PriceBand)
    }
}

/// The limit, then the trigger.
const fn prices_of(kind: OrderKind) -> [Option<Price>; 2] {
    match kind {
        OrderKind::Limit { price } => [Some(price), None],
        OrderKind::Stop { trigger } | OrderKind::TakeProfit { trigger } => [Some(trigger), None],
        OrderKind::StopLimit { trigger, limit } | OrderKind::LimitIfTouched { trigger, limit } => {
            [Some(limit), Some(trigger)]
        }
        OrderKind::Market | OrderKind::TrailingStop { .. } | OrderKind::Pegged { .. } => {
            [None, None]
        }
    }
}

impl SimVenue {
    /// Why the venue does not take `order` by its rules at `now_ns`, if it does not.
    pub(super) fn rule_refuses(&mut self, order: &SimOrder, now_ns: i64) -> Option<RejectReason> {
        let rules = self.config.scene.rules.get(order.instrument.index())?;
        let rule = *rules.iter().rev().find(|rule| rule.from_ns <= now_ns)?;
        self.note_mark(order.instrument);
        let mark = self.account.last(order.instrument);
        rule.breaks(self.account.spec(order.instrument)?, order, mark)
    }
}
