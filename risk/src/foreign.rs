//! Open orders of others in the account. Nobody here has approved of them; they count against the
//! limits of the account, of its tenant and of everything as long as they are open.

use qt_engine::Exposure;
use qt_types::{ControlKind, InstrumentId, Level, OrderId, OrderKind, Price, Qty, Side};

use crate::ask::LOTS_MAX;
use crate::kill::Target;
use crate::risk_gate::RiskGate;

/// With this bit in its key a [`ControlKind::Limit`] is about no limit, but about an open order of
/// somebody else.
const FOREIGN: u16 = 1 << 14;
/// Whether that order sells.
const SELLS: u16 = 1 << 13;
/// The run that such orders have in their ids here, which is none of ours.
const NOBODY: u16 = u16::MAX;

/// An open order of somebody else in the account, as the gate is told of it: by a decision of the
/// machine, so that it is in the journal and a replay has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignOrder {
    /// Its place among those that are known of. What is told of a place later takes the place of
    /// what was told before.
    pub slot: u8,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Its limit in ticks; zero: it has none.
    pub price: Price,
    /// Lots that are open; none: it is over.
    pub open: Qty,
}

impl ForeignOrder {
    /// The decision that tells of it.
    #[must_use]
    pub fn control(&self) -> ControlKind {
        let side = if self.side == Side::Sell { SELLS } else { 0 };
        let lots = i128::from(self.open.lots().max(0));
        ControlKind::Limit {
            target: Target::new(Level::Instrument, self.instrument.0),
            key: FOREIGN | side | u16::from(self.slot),
            hard: i128::from(self.price.ticks()) << 64 | lots,
        }
    }

    /// The order that `kind` tells of, if it is about one.
    #[must_use]
    pub fn of(kind: &ControlKind) -> Option<Self> {
        let ControlKind::Limit { target, key, hard } = *kind else { return None };
        if target.level != Level::Instrument || key & FOREIGN == 0 {
            return None;
        }
        Some(Self {
            slot: (key & 0xFF) as u8,
            instrument: InstrumentId(target.index),
            side: if key & SELLS == 0 { Side::Buy } else { Side::Sell },
            price: Price::from_ticks((hard >> 64) as i64),
            open: Qty::from_lots(hard as i64),
        })
    }

    fn id(&self) -> OrderId {
        OrderId::new(NOBODY, u64::from(self.slot) + 1)
    }
}

/// Whether an order with this id is one of somebody else.
#[inline(always)]
pub(crate) const fn is_foreign(order: OrderId) -> bool {
    order.get() >= OrderId::new(NOBODY, 0).get()
}

impl RiskGate {
    /// From now on `order` counts, whatever the limits say to it; nothing of it once it is over.
    /// That it could meet one of ours is the venue's to prevent: of a stop nobody tells here that
    /// it only waits.
    #[cold]
    pub(crate) fn count_foreign(&mut self, order: &ForeignOrder, exposure: &Exposure<'_>) {
        if let Some(place) = self.state.reservations.find(order.id()) {
            self.release(place);
        }
        let lots = order.open.lots().min(LOTS_MAX);
        if lots <= 0 || order.instrument.index() >= self.state.instruments.len() {
            return;
        }
        let kind = match order.price.ticks() {
            ..=0 => OrderKind::Market,
            _ => OrderKind::Limit { price: order.price },
        };
        self.count_open((order.id(), 0), (order.instrument, order.side), (&kind, lots), exposure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_heard() {
        for (side, price, lots) in [(Side::Buy, 1, 1), (Side::Sell, i64::MAX, i64::MAX)] {
            let (price, open) = (Price::from_ticks(price), Qty::from_lots(lots));
            let order = ForeignOrder { slot: 255, instrument: InstrumentId(7), side, price, open };
            assert_eq!(ForeignOrder::of(&order.control()), Some(order));
            assert!(is_foreign(order.id()));
        }
        let target = Target::new(Level::Instrument, 0);
        for key in [0, 1, 1 << 15] {
            assert_eq!(ForeignOrder::of(&ControlKind::Limit { target, key, hard: 1 }), None);
        }
        assert_eq!(ForeignOrder::of(&ControlKind::Pause), None);
        assert!(!is_foreign(OrderId::new(3, u64::MAX)) && !is_foreign(OrderId::NONE));
    }
}
