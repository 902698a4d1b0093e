//! The evaluation of one order: every check in the order of the table of controls.

use qt_engine::{Exposure, Gate, OrderRequest};
use qt_types::DenyReason;

use crate::ask::Ask;
use crate::control::Control;
use crate::gate::AccountGate;
use crate::measure::{Measure, Visit};
use crate::state::State;
use crate::tally::Level;
use crate::{
    exposure_check, loss_check, parent_check, position_check, price_check, repeat_check,
    self_trade_check, shape_check, size_check, standing_check,
};

/// Runs every check over the order; the visitor says when to stop.
#[inline]
pub(crate) fn evaluate<'a, V: Visit>(
    state: &State,
    account: &mut AccountGate,
    (strategy, parent): (usize, u32),
    request: &'a OrderRequest,
    exposure: &'a Exposure<'a>,
    visit: &mut V,
) -> Result<Ask<'a>, DenyReason> {
    shape_check::check(state, request, strategy, visit)?;
    let ask = match Ask::new(state, request, strategy, parent, exposure) {
        Ok(ask) => ask,
        Err(reason) => {
            let control =
                if reason == DenyReason::NoRate { Control::Reference } else { Control::Shape };
            visit.see(Measure::flag(control, Level::Instrument, true, reason))?;
            return Err(reason);
        }
    };
    standing_check::check(state, &ask, visit)?;
    size_check::quantity(state, &ask, visit)?;
    price_check::reference(state, &ask, visit)?;
    size_check::notional(state, &ask, visit)?;
    price_check::collar(state, &ask, visit)?;
    repeat_check::duplicates(state, &ask, visit)?;
    self_trade_check::check(state, &ask, visit)?;
    position_check::check(state, &ask, visit)?;
    exposure_check::exposure(state, &ask, visit)?;
    if let Err(reason) = account.check(request, exposure) {
        visit.see(Measure::flag(Control::Account, Level::Account, true, reason))?;
    }
    exposure_check::open_orders(state, &ask, visit)?;
    repeat_check::rates(state, &ask, visit)?;
    repeat_check::throttles(state, &ask, visit)?;
    parent_check::check(state, &ask, visit)?;
    loss_check::check(state, &ask, visit)?;
    Ok(ask)
}
