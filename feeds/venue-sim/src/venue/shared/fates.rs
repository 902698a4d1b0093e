//! What becomes of requests by a plan, whatever they look like.

use std::time::Duration;

use crate::exchange::{Nanos, Order, Qty};
use crate::fault::{Action, Fault};
use crate::simulation::Simulation;
use crate::wire::service::Fate;

/// What becomes of a request whose result is a `T`.
pub(in crate::venue) struct Fated<T> {
    pub(in crate::venue) result: T,
    pub(in crate::venue) after: Duration,
    pub(in crate::venue) fate: Fate,
    /// Whether what happened is told before the answer.
    pub(in crate::venue) events_first: bool,
}

impl<T> Fated<T> {
    pub(in crate::venue) fn of(result: T) -> Self {
        Self { result, after: Duration::ZERO, fate: Fate::Whole, events_first: false }
    }

    /// The same, as `how` of the action loses it.
    pub(in crate::venue) fn lost(result: T, action: &Action) -> Self {
        let mut fated = Self::of(result);
        match action.params.how.as_deref() {
            Some("drop") => fated.fate = Fate::Reset,
            Some("silence") => fated.fate = Fate::Never,
            _ => {}
        }
        fated
    }
}

pub(in crate::venue) fn nanos(ns: Nanos) -> Duration {
    Duration::from_nanos(u64::try_from(ns).unwrap_or(0))
}

/// Whether a fault is that another book is told.
pub(in crate::venue) const fn is_other_book(fault: Fault) -> bool {
    matches!(fault, Fault::StaleSnapshot | Fault::SnapshotAtLast | Fault::SnapshotBeforeFirst)
}

/// Makes a text so long as a huge frame is.
pub(in crate::venue) fn make_huge(json: &mut String, action: &Action) {
    let bytes = action.params.bytes.unwrap_or(10_000_000).min(64_000_000);
    let missing = usize::try_from(bytes).unwrap_or(0).saturating_sub(json.len());
    json.push_str(&" ".repeat(missing));
}

/// Fills a part of an order that rests, at its price; whether that could be done.
pub(in crate::venue) fn fill(sim: &mut Simulation, order: &Order, qty: Qty) -> bool {
    sim.exchange.fill_order(order.id, qty) > 0
}

/// Fills an order that rests whole, in so many parts; whether anything was filled.
pub(in crate::venue) fn fill_in_parts(sim: &mut Simulation, order: &Order, parts: Qty) -> bool {
    let step = sim.exchange.symbol(order.symbol).map_or(1, |spec| spec.filters.lot.step);
    let part = (order.left() / parts / step.max(1) * step).max(step);
    let mut left = order.left();
    while left > 0 {
        let qty = if left < 2 * part { left } else { part };
        if !fill(sim, order, qty) {
            return left < order.left();
        }
        left -= qty;
    }
    true
}

/// What goes wrong with an order that was just placed and rests; `None`: it is none of these.
pub(in crate::venue) fn after_order(
    sim: &mut Simulation,
    action: &Action,
    order: &Order,
) -> Option<bool> {
    Some(match action.fault {
        Fault::ExpireOrder => sim.exchange.expire_order(order.id),
        Fault::PartialThenCancel => {
            let is_filled = fill(sim, order, order.left() / 2);
            is_filled && sim.exchange.cancel_order(order.id)
        }
        Fault::PartialFills => {
            let parts = action.params.parts.unwrap_or(3).clamp(1, 1_000);
            fill_in_parts(sim, order, Qty::try_from(parts).unwrap_or(1))
        }
        _ => return None,
    })
}
