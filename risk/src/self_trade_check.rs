//! C13: an order that could meet a resting order of the same tenant.

use qt_types::{DenyReason, OrderKind, Side};

use crate::ask::{Ask, resting_price};
use crate::control::Control;
use crate::keys::Key;
use crate::measure::{Measure, Visit};
use crate::state::State;
use crate::tally::Level;
use crate::unit::Unit;

/// Looks at the best resting price on the other side. An order that waits for a trigger meets
/// nobody yet; when it is released the venue looks again.
#[inline]
pub(crate) fn check<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    let resting = &state.resting[ask.instrument * state.tenants + (ask.nodes[2] - 1)];
    let best = resting[ask.request.side.opposite() as usize].best;
    let meets = best != 0
        && match ask.request.kind {
            OrderKind::Market | OrderKind::Pegged { .. } => true,
            OrderKind::Limit { .. } => {
                let price = resting_price(&ask.request.kind);
                match ask.request.side {
                    Side::Buy => price >= best,
                    Side::Sell => price <= best,
                }
            }
            _ => false,
        };
    let limit = state.instruments[ask.instrument].limits.get(Key::SelfTrade);
    let (control, level) = (Control::SelfTrade, Level::Tenant);
    let reason = DenyReason::SelfTrade;
    visit.see(Measure::new(control, level, limit, i128::from(meets), Unit::Count, reason))
}
