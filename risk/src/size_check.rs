//! How large one order is: quantity (C06), notional (C07), and against what is usual (C08).

use qt_types::DenyReason;

use crate::ask::Ask;
use crate::control::Control;
use crate::keys::Key;
use crate::limits::Limit;
use crate::measure::{Measure, Visit};
use crate::state::State;
use crate::tally::Level;
use crate::unit::Unit;

/// C06, in units of the instrument, and as a share of a day's volume.
#[inline]
pub(crate) fn quantity<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    if ask.is_reducing {
        return Ok(());
    }
    let limits = &state.instruments[ask.instrument].limits;
    let lot_e9 = i128::from(ask.exposure.specs[ask.instrument].lot_e9());
    let qty = i128::from(ask.request.qty.lots()) * lot_e9;
    let (control, level) = (Control::OrderQty, Level::Instrument);
    let (unit, reason) = (Unit::Quantity, DenyReason::MaxOrderQty);
    visit.see(Measure::new(control, level, limits.get(Key::OrderQty), qty, unit, reason))?;
    let volume = limits.get(Key::DayVolume).hard.clamp(1, 1 << 90);
    let share = limits.get(Key::OrderAdvBps);
    let qty = qty.min(1 << 110);
    visit.see(Measure::share(control, level, (share, volume), qty, DenyReason::MaxAdvShare))
}

/// C07 and C08.
#[inline]
pub(crate) fn notional<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    if ask.is_reducing {
        return Ok(());
    }
    let limits = &state.instruments[ask.instrument].limits;
    let (control, level, unit) = (Control::OrderNotional, Level::Instrument, Unit::Money);
    let limit = limits.get(Key::OrderNotional);
    let reason = DenyReason::MaxOrderNotional;
    visit.see(Measure::new(control, level, limit, ask.notional, unit, reason))?;
    let Some(median) = state.nodes[ask.nodes[0]].usual.median() else { return Ok(()) };
    let multiple = limits.get(Key::UnitMultiple);
    let of = |count: i128| count.clamp(-1, 1 << 40) * median;
    let limit = Limit { soft: of(multiple.soft), hard: of(multiple.hard) };
    let (control, level, reason) = (Control::UnitSanity, Level::Strategy, DenyReason::UnitSuspect);
    visit.see(Measure::new(control, level, limit, ask.notional, unit, reason))
}
