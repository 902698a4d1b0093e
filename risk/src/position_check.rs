//! C14: the position with every open order of a side filled, each side by itself.

use qt_types::{DenyReason, Side};

use crate::ask::Ask;
use crate::control::Control;
use crate::keys::Key;
use crate::measure::{Measure, Visit};
use crate::state::State;
use crate::unit::Unit;

/// Looks at the quantity at every level, and at the share of the equity.
#[inline]
pub(crate) fn check<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    if ask.is_reducing {
        return Ok(());
    }
    let side = ask.request.side;
    let limits = &state.instruments[ask.instrument].limits;
    let limit = limits.get(if side == Side::Buy { Key::Long } else { Key::Short });
    let lot_e9 = i128::from(ask.exposure.specs[ask.instrument].lot_e9());
    let (control, unit, reason) = (Control::Position, Unit::Quantity, DenyReason::MaxPosition);
    for (level, at) in ask.levels() {
        let (line, node) = (state.line(ask.instrument, at), state.node(at));
        let reach = line.reach(side, ask.added_lots) * lot_e9;
        visit.see(Measure::new(control, level, limit, reach, unit, reason))?;
        let share = (node.limits.get(Key::PositionShareBps), node.equity(state.sums(at)));
        let exposure = line.exposure_with(side, ask.added_notional);
        let reason = DenyReason::MaxPositionShare;
        visit.see(Measure::share(control, level, share, exposure, reason))?;
    }
    Ok(())
}
