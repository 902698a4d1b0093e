//! What is in the account beside the run: positions that were there before it, and open orders of
//! others. Neither is a reason for a break, and neither is the run's.
//!
//! Commissions in kind leave parts of a lot, ours and those of others, and the venue tells of whole
//! lots of both together. So what is beside the run is known to lie between two amounts, and each
//! comparison says more of it.

use qt_backtest::risk::ForeignOrder;
use qt_engine::{Gate, Halt, Strategy, VenueOrder, VenueState};
use qt_types::{ControlKind, InstrumentId, Qty, Side};
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
    /// What is held beyond these lots, in billionths of a unit: at least, and at most.
    #[serde(default)]
    rests: Vec<(i64, i64)>,
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

    /// What is held of it beyond whole lots.
    fn rest(&self, instrument: InstrumentId) -> Span {
        let (least, most) = self.rests.get(instrument.index()).copied().unwrap_or_default();
        Span(i128::from(least), i128::from(most))
    }

    fn set_rest(&mut self, instrument: InstrumentId, Span(least, most): Span) {
        let Some((least, most)) = i64::try_from(least).ok().zip(i64::try_from(most).ok()) else {
            return;
        };
        if (least, most) != (0, 0) && self.rests.len() <= instrument.index() {
            self.rests.resize(instrument.index() + 1, (0, 0));
        }
        if let Some(rest) = self.rests.get_mut(instrument.index()) {
            *rest = (least, most);
        }
    }

    /// Whether orders of others can have moved what is held of `instrument` by one of `moves`.
    fn explains(&self, instrument: InstrumentId, moves: Span, lot_e9: i64) -> bool {
        let left = |side: Side| {
            let of_side = self.orders.iter().filter(|it| it.instrument == instrument);
            let of_side = of_side.filter(|it| it.side == side);
            let left = of_side.map(|it| it.qty.lots().saturating_sub(it.executed.lots()).max(0));
            i128::from(left.fold(0_i64, i64::saturating_add)) * i128::from(lot_e9)
        };
        moves.and(Span(-left(Side::Sell), left(Side::Buy))).is_some()
    }

    /// Whether there is nothing in it that `other` does not have, but for what is known more
    /// closely.
    fn is_as(&self, other: &Self) -> bool {
        self.positions == other.positions && self.orders == other.orders
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
            moves += u64::from(self.compare_position(instrument, is_first, &mut found));
        }
        if !self.reconciler.breaks.is_empty() {
            return Ok(());
        }
        self.figures.foreign_moves += moves;
        found.orders = self.others();
        self.figures.foreign_open = found.orders.len() as u64;
        let is_known = self.beside.as_ref().unwrap_or(&Beside::default()).is_as(&found);
        let bytes = serde_json::to_vec(&found).map_err(|_| Halt::NotKept)?;
        self.tell_gate(&found.orders)?;
        if is_known && !is_first {
            // It may be known more closely.
            self.beside = self.beside.take().map(|_| found);
            return Ok(());
        }
        self.beside = Some(found);
        self.note(BESIDE_NOTE, &bytes)
    }

    /// Holds the position in `instrument` against what we know of. Whether orders of others have
    /// moved it.
    fn compare_position(
        &mut self,
        instrument: InstrumentId,
        is_first: bool,
        found: &mut Beside,
    ) -> bool {
        let exposure = self.pipeline.exposure();
        let Some(lot_e9) = exposure.specs.get(instrument.index()).map(|spec| spec.lot_e9()) else {
            return false;
        };
        let own = exposure.ledger.position(instrument);
        let ours = own.qty().lots().saturating_add(found.position(instrument).lots());
        let told = self.reconciler.positions.iter().filter(|it| it.1 == instrument);
        let venue = told.map(|it| it.2).next_back().unwrap_or(Qty::ZERO);
        let lots = venue.lots().saturating_sub(ours);
        let told = Span::told(venue.lots(), lot_e9).plus(-i128::from(own.dust_e9()));
        // Beyond the lots that are known of.
        let seen = told.plus(i128::from(lots) * i128::from(lot_e9));
        let rest = found.rest(instrument);
        if let Some(both) = rest.and(seen) {
            found.set_rest(instrument, both);
            return false;
        }
        let moves = Span(seen.0 - rest.1, seen.1 - rest.0);
        let by_others = self.settings.accepts_foreign && found.explains(instrument, moves, lot_e9);
        if is_first || by_others {
            found.moved(instrument, lots);
            found.set_rest(instrument, told);
            return !is_first;
        }
        let ours = Qty::from_lots(ours);
        self.reconciler.breaks.push(Break::Position { instrument, venue, ours });
        false
    }

    /// Tells the gate what has changed of open orders of others: first of those that are new, so
    /// that it never counts too few.
    fn tell_gate(&mut self, orders: &[VenueOrder]) -> Result<(), Halt> {
        let open = |it: &VenueOrder| ForeignOrder {
            slot: 0,
            instrument: it.instrument,
            side: it.side,
            price: it.price,
            open: Qty::from_lots(it.qty.lots().saturating_sub(it.executed.lots())),
        };
        let mut wanted: Vec<ForeignOrder> =
            orders.iter().map(open).filter(|it| it.open.lots() > 0).collect();
        let mut over = Vec::new();
        for known in self.counted.iter().flatten() {
            match wanted.iter().position(|it| ForeignOrder { slot: known.slot, ..*it } == *known) {
                Some(at) => drop(wanted.swap_remove(at)),
                None => over.push(ForeignOrder { open: Qty::ZERO, ..*known }),
            }
        }
        for order in wanted {
            let Some(slot) = self.counted.free() else { break };
            self.decide(ForeignOrder { slot, ..order }.control())?;
        }
        over.iter().try_for_each(|order| self.decide(order.control()))
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

/// Open orders of others that the gate was told of, by their places.
#[derive(Clone, Debug)]
pub(super) struct Counted(Vec<Option<ForeignOrder>>);

impl Default for Counted {
    fn default() -> Self {
        Self(vec![None; ORDERS_MAX])
    }
}

impl Counted {
    /// Takes note of a decision that tells of one.
    pub(super) fn see(&mut self, kind: &ControlKind) {
        if let Some(order) = ForeignOrder::of(kind)
            && let Some(place) = self.0.get_mut(usize::from(order.slot))
        {
            *place = Some(order).filter(|it| it.open.lots() > 0);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Option<ForeignOrder>> {
        self.0.iter()
    }

    /// A place that is free.
    fn free(&self) -> Option<u8> {
        u8::try_from(self.0.iter().position(Option::is_none)?).ok()
    }
}

/// Amounts in billionths of a unit: at least, and at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span(i128, i128);

impl Span {
    /// What an amount may be beyond the `lots` that are told of it: whole lots towards zero.
    fn told(lots: i64, lot_e9: i64) -> Self {
        let part = i128::from(lot_e9.max(1)) - 1;
        match lots {
            1.. => Self(0, part),
            0 => Self(-part, part),
            _ => Self(-part, 0),
        }
    }

    /// The same with so much more.
    const fn plus(self, more_e9: i128) -> Self {
        Self(self.0 + more_e9, self.1 + more_e9)
    }

    /// What both allow.
    fn and(self, other: Self) -> Option<Self> {
        let (least, most) = (self.0.max(other.0), self.1.min(other.1));
        (least <= most).then_some(Self(least, most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOT: i64 = 1_000;

    /// What lies beyond `known` lots where the venue holds `all` and we hold `own`, both in parts.
    fn seen(all: i64, own: i64, known: i64) -> Span {
        let lots = all / LOT - own / LOT - known;
        Span::told(all / LOT, LOT).plus(i128::from(lots * LOT - own % LOT))
    }

    #[test]
    fn parts_of_lots_explain_a_lot_and_no_more() {
        for others in [-3_750, -400, 0, 1, 850, 149_850] {
            let known = others / LOT;
            let truth = i128::from(others % LOT);
            let mut rest = seen(others, 0, known);
            for own in 0..3_000 {
                let now = seen(others + own, own, known);
                rest = rest.and(now).expect("it is what it was");
                assert!(rest.0 <= truth && truth <= rest.1, "{others} {own} {rest:?}");
            }
            // A lot more or less is found at once, whatever we hold.
            for own in (41_000..50_000).step_by(130) {
                for wrong in [LOT, -LOT] {
                    let now = seen(others + own + wrong, own, known);
                    assert_eq!(rest.and(now), None, "{others} {own} {wrong}");
                }
            }
        }
    }
}
