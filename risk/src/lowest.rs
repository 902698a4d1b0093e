//! How near orders came to the limits: of each control the comparison with an order that passed
//! which left the least of its limit, and when that was.

use qt_engine::{stored, values};
use qt_types::{DenyReason, InstrumentId, Nanos, Side};
use serde::{Deserialize, Serialize};

use crate::ask::Ask;
use crate::control::{CONTROLS, Control};
use crate::limits::Limit;
use crate::measure::{Headroom, Measure, Visit};
use crate::seen::{self, Groups};
use crate::state::State;
use crate::{
    exposure_check, loss_check, parent_check, position_check, price_check, repeat_check,
    size_check, standing_check,
};

/// The least that an order which passed has left of a control's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lowest {
    /// The comparison.
    pub headroom: Headroom,
    /// What the order was to trade.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// When (UTC ns): of several that left as little, the first.
    pub at_ns: Nanos,
}

/// One check.
type Check = fn(&State, &Ask<'_>, &mut Lowests) -> Result<(), DenyReason>;

/// The least of each control, by its place in the table.
#[derive(Clone, Debug)]
pub(crate) struct Lowests {
    by_control: Vec<Option<Lowest>>,
    /// The order that is looked at: what it trades, its side, the time.
    order: (InstrumentId, Side, Nanos),
}

values!(Lowest);
stored!(Lowests {
    each: by_control;
    made: order;
});

impl Lowests {
    pub(crate) fn new() -> Self {
        let order = (InstrumentId(0), Side::Buy, Nanos::MIN);
        Self { by_control: vec![None; CONTROLS.len()], order }
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Lowest> {
        self.by_control.get(place).and_then(Option::as_ref)
    }

    /// Looks at an order that passed, and takes nothing yet: at those controls anew whose amounts
    /// are larger than of any order before.
    #[inline]
    pub(crate) fn follow(&mut self, state: &mut State, ask: &Ask<'_>) {
        let grown = seen::grown(state, ask);
        if grown != 0 {
            self.look(state, ask, grown);
        }
    }

    #[inline(never)]
    fn look(&mut self, state: &State, ask: &Ask<'_>, grown: Groups) {
        self.order = (ask.request.instrument, ask.request.side, Nanos::new(ask.now_ns));
        let all: [(Groups, Check); 13] = [
            (seen::STANDING, standing_check::check),
            (seen::QUANTITY, size_check::quantity),
            (seen::REFERENCE, price_check::reference),
            (seen::NOTIONAL, size_check::notional),
            (seen::COLLAR, price_check::collar),
            (seen::DUPLICATES, repeat_check::duplicates),
            (seen::POSITION, position_check::check),
            (seen::EXPOSURE, exposure_check::exposure),
            (seen::OPEN_ORDERS, exposure_check::open_orders),
            (seen::RATES, repeat_check::rates),
            (seen::THROTTLES, repeat_check::throttles),
            (seen::PARENT, parent_check::check),
            (seen::LOSSES, loss_check::check),
        ];
        for (group, check) in all {
            if grown & group != 0 {
                // Nobody stops it: what passed is only looked at.
                let _ = check(state, ask, self);
            }
        }
    }
}

impl Visit for Lowests {
    fn see(&mut self, measure: Measure) -> Result<(), DenyReason> {
        let headroom = Headroom::of(&measure);
        let limit = Limit { soft: headroom.soft, hard: headroom.limit };
        // The state of a kill switch is no amount.
        let is_state = headroom.control == Control::Kill;
        if is_state || headroom.observed <= 0 || limit.is_off(headroom.unit) {
            return Ok(());
        }
        let place = &mut self.by_control[measure.control as usize];
        if place.is_none_or(|known| headroom.is_nearer_than(&known.headroom)) {
            let (instrument, side, at_ns) = self.order;
            *place = Some(Lowest { headroom, instrument, side, at_ns });
        }
        Ok(())
    }
}
