//! C01: the order is an order. C02: it is known whose it is.

use qt_types::{DenyReason, OrderKind, Price};

use crate::ask::{LOTS_MAX, limit_price, trigger_price};
use crate::control::Control;
use crate::measure::{Measure, Visit};
use crate::state::State;
use crate::tally::Level;
use qt_engine::OrderRequest;

/// The highest price of an order, in ticks: twice it times any collar stays within 128 bits, and
/// twice it within 64.
pub(crate) const TICKS_MAX: i64 = 1 << 61;

fn is_sound(request: &OrderRequest) -> bool {
    let in_range = |price: Price| price.ticks() > 0 && price.ticks() <= TICKS_MAX;
    let lots = request.qty.lots();
    let distance = match request.kind {
        OrderKind::TrailingStop { distance: qt_types::Distance::Ticks(ticks) } => ticks > 0,
        OrderKind::TrailingStop { distance: qt_types::Distance::Bps(bps) } => {
            bps > 0 && bps < 10_000
        }
        _ => true,
    };
    lots > 0
        && lots <= LOTS_MAX
        && distance
        && limit_price(&request.kind).is_none_or(in_range)
        && trigger_price(&request.kind).is_none_or(in_range)
}

/// Looks at shape and identity.
#[inline]
pub(crate) fn check<V: Visit>(
    state: &State,
    request: &OrderRequest,
    strategy: usize,
    visit: &mut V,
) -> Result<(), DenyReason> {
    let known = request.instrument.index() < state.instruments.len();
    // A change of an order that nothing is reserved for cannot be weighed.
    let change_known =
        request.replaces.is_none() || state.reservations.find(request.replaces).is_some();
    let bad = !known || !change_known || !is_sound(request);
    let reason = DenyReason::InvalidOrder;
    visit.see(Measure::flag(Control::Shape, Level::Instrument, bad, reason))?;
    let identity = state.strategies.get(strategy).map(|strategy| strategy.identity);
    let nameless = !identity.is_some_and(|identity| identity.is_complete());
    let reason = DenyReason::IdentityMissing;
    visit.see(Measure::flag(Control::Identity, Level::Strategy, nameless, reason))
}
