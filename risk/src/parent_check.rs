//! C21: the children of a parent order are never larger than it, counted at the last step before
//! the wire.

use qt_types::DenyReason;

use crate::ask::Ask;
use crate::control::Control;
use crate::limits::Limit;
use crate::measure::{Measure, Visit};
use crate::state::{Parent, State};
use crate::tally::Level;
use crate::unit::Unit;

/// Looks at what is filled and open of the parent's children, with this one.
#[inline]
pub(crate) fn check<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    if !ask.has_parent() {
        return Ok(());
    }
    let (control, level) = (Control::Parent, Level::Strategy);
    let reason = DenyReason::ParentQty;
    let owned = |known: &&Parent| usize::from(known.strategy) == ask.strategy && !known.is_over;
    let Some(parent) = state.parents.get(ask.parent as usize).filter(owned) else {
        return visit.see(Measure::flag(control, level, true, reason));
    };
    let lot_e9 = i128::from(ask.exposure.specs[ask.instrument].lot_e9());
    let used = i128::from(parent.used) + i128::from(ask.added_open);
    let limit = Limit::hard(i128::from(parent.lots) * lot_e9);
    let unit = Unit::Quantity;
    visit.see(Measure::new(control, level, limit, used * lot_e9, unit, reason))
}
