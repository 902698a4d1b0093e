//! What all positions and open orders are worth together (C15), and the open orders by
//! themselves: how many (C16) and how much (C17).

use qt_types::DenyReason;

use crate::ask::{Ask, MONEY_MAX};
use crate::control::Control;
use crate::keys::Key;
use crate::measure::{Measure, Visit};
use crate::state::State;
use crate::tally::Level;
use crate::unit::Unit;

/// Places of open orders that only orders get which make a position smaller.
pub(crate) const PLACES_KEPT: usize = 64;

/// C15: exposure as an amount and as a share of the equity, and what a bad move would cost.
#[inline]
pub(crate) fn exposure<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    if ask.is_reducing {
        return Ok(());
    }
    let control = Control::Exposure;
    let stress_bps = state.instruments[ask.instrument].stress_bps;
    for (level, at) in ask.levels() {
        let (line, node) = (state.line(ask.instrument, at), state.node(at));
        let sums = state.sums(at);
        let more = line.exposure_with(ask.request.side, ask.added_notional) - line.exposure();
        // Sums that left their range cannot be told from a breach.
        let (exposure, stress) = state.worth(at);
        let exposure = exposure + more + if sums.is_broken { MONEY_MAX << 8 } else { 0 };
        let limit = node.limits.get(Key::Exposure);
        let reason = DenyReason::MaxExposure;
        visit.see(Measure::new(control, level, limit, exposure, Unit::Money, reason))?;
        let equity = node.equity(sums);
        let share = (node.limits.get(Key::LeverageBps), equity);
        let reason = DenyReason::MaxLeverage;
        visit.see(Measure::share(control, level, share, exposure, reason))?;
        // The stress is in basis points already: both sides of the comparison carry them.
        let share = node.limits.get(Key::PortfolioRiskBps);
        let cost = stress + more * stress_bps;
        let reason = DenyReason::PortfolioRisk;
        let mut measure = Measure::share(control, level, (share, equity), 0, reason);
        measure.observed = cost;
        visit.see(measure)?;
    }
    Ok(())
}

/// C16 and C17. An order that makes a position smaller needs a place and no more; some places are
/// kept for such orders.
#[inline]
pub(crate) fn open_orders<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    let (control, reason) = (Control::OpenOrders, DenyReason::MaxOpenOrders);
    let kept = if ask.is_reducing { 0 } else { PLACES_KEPT };
    let full = !ask.is_change && state.reservations.room() <= kept;
    let full = Measure::flag(control, Level::Global, full, DenyReason::OrdersOpenMax);
    if ask.is_reducing {
        return visit.see(full);
    }
    if !ask.takes_room() {
        return Ok(());
    }
    let one = i128::from(!ask.is_change);
    let limit = state.instruments[ask.instrument].limits.get(Key::LineOrders);
    let orders = i128::from(state.line(ask.instrument, ask.nodes[1]).orders) + one;
    let level = Level::Instrument;
    visit.see(Measure::new(control, level, limit, orders, Unit::Count, reason))?;
    for (level, at) in ask.levels() {
        let limit = state.node(at).limits.get(Key::OpenOrders);
        let orders = i128::from(state.sums(at).orders) + one;
        visit.see(Measure::new(control, level, limit, orders, Unit::Count, reason))?;
    }
    visit.see(full)?;
    for (level, at) in ask.levels() {
        let limit = state.node(at).limits.get(Key::Unexecuted);
        let unexecuted = state.sums(at).unexecuted + ask.added_notional;
        let (control, reason) = (Control::Unexecuted, DenyReason::MaxUnexecuted);
        visit.see(Measure::new(control, level, limit, unexecuted, Unit::Money, reason))?;
    }
    Ok(())
}
