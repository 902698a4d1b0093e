//! Which open orders could open a position, and which close one.

use qt_types::{InstrumentId, OrderId, OrderKind, Side, StrategyId};

use super::Execution;
use crate::ledger::closable;
use crate::oms::{Order, Pending};

/// Orders that could open a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// One of the account: also what closes the position of a strategy, where another one holds
    /// against it.
    OfAccount,
    /// One of their own strategy.
    OfStrategy,
}

impl Execution {
    /// The oldest order of `which` whose end was not asked for yet; of one strategy where `only`
    /// names it.
    pub(crate) fn first_opening(
        &self,
        which: Opening,
        only: Option<StrategyId>,
    ) -> Option<OrderId> {
        let is_it = |order: &Order| match which {
            Opening::OfAccount => self.could_open(order),
            Opening::OfStrategy => !order.reduce_only,
        };
        self.orders
            .iter()
            .filter(|order| only.is_none_or(|of| order.strategy == of))
            .find(|order| is_it(order) && order.pending() != Pending::Cancel)
            .map(|order| order.id)
    }

    /// Whether the order could open a position of the account. What closes that of one strategy
    /// could, where another one holds against it.
    fn could_open(&self, order: &Order) -> bool {
        let is_shared = || order.armed && self.ledger.is_shared(order.instrument);
        let held = || self.ledger.position(order.instrument).qty().lots();
        !order.reduce_only || (is_shared() && order.leaves().lots() > closable(order.side, held()))
    }

    /// Whether market orders that close all that `strategy` holds of `instrument` are under way.
    pub(crate) fn is_closing(&self, strategy: StrategyId, instrument: InstrumentId) -> bool {
        let held = self.ledger.held_by(strategy, instrument).lots();
        let closing = self
            .orders
            .iter()
            .filter(|order| order.instrument == instrument && order.kind == OrderKind::Market)
            .filter(|order| order.strategy == strategy)
            .filter(|order| order.reduce_only && (order.side == Side::Sell) == (held > 0))
            .filter(|order| order.pending() != Pending::Cancel)
            .fold(0_i64, |lots, order| lots.saturating_add(order.leaves().lots()));
        closing >= held.saturating_abs()
    }
}
