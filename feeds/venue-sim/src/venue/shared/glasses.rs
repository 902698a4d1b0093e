//! What queries are told that is not so, or not any more.

use std::cell::Cell;

use crate::exchange::{Exchange, Fill, Nanos, Order, OrderRef};
use crate::fault::{Action, Fault};

/// What queries are told for the time of one request.
#[derive(Debug, Default)]
pub(in crate::venue) struct Glasses {
    /// Orders and executions as they stood then.
    as_of_ns: Option<Nanos>,
    /// Orders that have ended are not found.
    hides_ended: bool,
    /// Whether anything was told otherwise than it is.
    pub(in crate::venue) has_lied: Cell<bool>,
}

impl Glasses {
    /// Those of a fault.
    pub(in crate::venue) fn of(action: &Action, now_ns: Nanos) -> Self {
        match action.fault {
            Fault::StaleAnswer => {
                Self { as_of_ns: Some(now_ns - action.delay_ns(1_000)), ..Self::default() }
            }
            Fault::RecentOrdersEmpty => Self { hides_ended: true, ..Self::default() },
            _ => Self::default(),
        }
    }

    /// Whether everything is told as it is.
    pub(in crate::venue) const fn are_clear(&self) -> bool {
        self.as_of_ns.is_none() && !self.hides_ended
    }

    /// An order as queries see it: as it was, or not any more.
    pub(in crate::venue) fn order(&self, exchange: &Exchange, order: &Order) -> Option<Order> {
        let told = match self.as_of_ns {
            _ if self.hides_ended && !order.status.is_open() => None,
            None => Some(order.clone()),
            Some(at_ns) => {
                let name = OrderRef::id(order.id);
                exchange.order_as_of(order.account, order.symbol, &name, at_ns)
            }
        };
        if told.as_ref() != Some(order) {
            self.has_lied.set(true);
        }
        told
    }

    /// Whether queries see an execution.
    pub(in crate::venue) fn shows(&self, fill: &Fill) -> bool {
        let is_told = self.as_of_ns.is_none_or(|at_ns| fill.time_ns <= at_ns);
        if !is_told {
            self.has_lied.set(true);
        }
        is_told
    }
}
