//! What is in the account beside the run: positions that were there before it, and open orders of
//! others. Neither is a reason for a break, and neither is the run's.

use qt_engine::{Gate, Halt, Strategy, VenueOrder, VenueState};
use qt_types::{InstrumentId, Qty, Side};
use serde::{Deserialize, Serialize};

use super::driver::Driver;
use super::reconcile::Break;
use super::settings::Opening;

/// Marks the notes in a journal that hold what is beside the run.
pub const BESIDE_NOTE: u16 = 0x4253;
/// Orders of others that are known of, at most; what more of them execute is a break.
const ORDERS_MAX: usize = 256;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// Lots, by instrument.
    positions: Vec<i64>,
    /// Open orders that are not ours, as they stood when both sides were in step.
    orders: Vec<VenueOrder>,
}

impl Beside {
    /// As a note says.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// What is held of `instrument` and is not the run's.
    #[must_use]
    pub fn position(&self, instrument: InstrumentId) -> Qty {
        Qty::from_lots(self.positions.get(instrument.index()).copied().unwrap_or_default())
    }

    /// Open orders that are not ours.
    #[must_use]
    pub fn orders(&self) -> &[VenueOrder] {
        &self.orders
    }

    /// Whether orders of others can have moved the position in `instrument` by `lots`.
    fn explains(&self, instrument: InstrumentId, lots: i64) -> bool {
        let side = if lots > 0 { Side::Buy } else { Side::Sell };
        let of_side = self.orders.iter().filter(|it| it.instrument == instrument);
        let of_side = of_side.filter(|it| it.side == side);
        let left = of_side.map(|it| it.qty.lots().saturating_sub(it.executed.lots()).max(0));
        let left = left.fold(0_i64, i64::saturating_add);
        lots.checked_abs().is_some_and(|moved| moved <= left)
    }

    fn moved(&mut self, instrument: InstrumentId, lots: i64) {
        if self.positions.len() <= instrument.index() {
            self.positions.resize(instrument.index() + 1, 0);
        }
        let held = &mut self.positions[instrument.index()];
        *held = held.saturating_add(lots);
    }
}

impl<S: Strategy, G: Gate> Driver<S, G> {
    /// What is in the account beside the run, once that is known.
    #[must_use]
    pub const fn beside(&self) -> Option<&Beside> {
        self.beside.as_ref()
    }

    /// Goes on with what an earlier process has found beside the run.
    pub fn set_beside(&mut self, beside: Beside) {
        self.beside = Some(beside);
    }

    /// Holds the positions against what we know of. All is well where nothing is left: then that is
    /// kept before anything follows from it.
    pub(super) fn compare_positions(&mut self) -> Result<(), Halt> {
        let is_first = self.beside.is_none() && self.settings.opening == Opening::AsFound;
        let mut found = self.beside.clone().unwrap_or_default();
        let mut moves = 0;
        for at in 0..self.pipeline.exposure().specs.len() {
            let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
            let ours = self.pipeline.exposure().position(instrument).lots();
            let ours = ours.saturating_add(found.position(instrument).lots());
            let told = self.reconciler.positions.iter().filter(|it| it.1 == instrument);
            let venue = told.map(|it| it.2).next_back().unwrap_or(Qty::ZERO);
            let lots = venue.lots().saturating_sub(ours);
            let by_others = self.settings.accepts_foreign && found.explains(instrument, lots);
            if lots == 0 {
                continue;
            }
            if is_first || by_others {
                found.moved(instrument, lots);
                moves += u64::from(!is_first);
                continue;
            }
            let ours = Qty::from_lots(ours);
            self.reconciler.breaks.push(Break::Position { instrument, venue, ours });
        }
        if !self.reconciler.breaks.is_empty() {
            return Ok(());
        }
        self.figures.foreign_moves += moves;
        found.orders = self.others();
        self.figures.foreign_open = found.orders.len() as u64;
        let is_known = self.beside.clone().unwrap_or_default() == found;
        if is_known && !is_first {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&found).map_err(|_| Halt::NotKept)?;
        self.beside = Some(found);
        self.note(BESIDE_NOTE, &bytes)
    }

    /// Open orders of others, as the venue has told of them now.
    fn others(&self) -> Vec<VenueOrder> {
        let told = self.reconciler.orders.iter().map(|told| told.order);
        let open = told.filter(|it| it.order.is_none() && it.state == VenueState::Open);
        let mut open: Vec<VenueOrder> = open.take(ORDERS_MAX).collect();
        open.sort_unstable_by_key(|it| it.number);
        open.dedup_by_key(|it| it.number);
        open
    }
}
