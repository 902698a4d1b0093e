//! The shortest way through the controls, for what almost every order is: a new limit order of the
//! only strategy of its account, with the same limits at every level. What is looked at is what
//! [`super::passes`] looks at; what is in doubt here takes the other ways.

use qt_engine::{Exposure, Gate, OrderRequest};
use qt_types::{InstrumentId, InstrumentSpec, OrderKind, Side};

use super::{has_places, has_room, stands};
use crate::ask::{LOTS_MAX, MONEY_MAX};
use crate::exposure_check::PLACES_KEPT;
use crate::reference::Reference;
use crate::repeat_check::fingerprint;
use crate::reservation::{NONE, Reservation};
use crate::risk_gate::{PENDING_MAX, RiskGate};
use crate::shape_check::TICKS_MAX;
use crate::state::{KnownRate, Sent, State};
use crate::tally::Line;

/// An order of that kind, with what it is worth.
#[derive(Clone, Copy)]
struct Usual {
    instrument: InstrumentId,
    side: Side,
    lots: i64,
    /// Its limit, in ticks.
    limit: i64,
    now_ns: i64,
    reference_x2: i64,
    /// The worst price that it counts at, in ticks, and what it is worth there.
    worst: i64,
    notional: i128,
    /// It can only make a position smaller.
    is_reducing: bool,
    /// What makes it look like another.
    print: u32,
}

impl RiskGate {
    /// Approves `order`, as [`Gate::check`] would, if it is of that kind and passes for certain.
    /// Otherwise nothing is taken.
    #[inline(always)]
    pub(crate) fn approves_usual(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> bool {
        // The only strategy is the first one.
        if self.strategy != 0 {
            return false;
        }
        let Some(usual) = self.state.usual(order, exposure) else { return false };
        let has_place = self.pending.len() < PENDING_MAX;
        if !has_place || !self.state.passes_usual(&usual, self.parent) {
            return false;
        }
        if self.account.check(order, exposure).is_err() {
            return false;
        }
        if self.follows_lowest {
            self.follow(order, exposure);
        }
        let Some(place) = self.state.take_usual(&usual, self.parent) else { return false };
        self.pending.push_back(place);
        true
    }
}

impl State {
    /// `order` with its worth, if it is a usual one.
    #[inline(always)]
    fn usual(&self, order: &OrderRequest, exposure: &Exposure<'_>) -> Option<Usual> {
        let OrderKind::Limit { price } = order.kind else { return None };
        let (limit, lots, side) = (price.ticks(), order.qty.lots(), order.side);
        let at = order.instrument.index();
        let (known, spec) = (self.instruments.get(at)?, exposure.specs.get(at)?);
        let is_one = self.is_uniform
            & !order.reduce_only
            & order.replaces.is_none()
            & (1..=LOTS_MAX).contains(&lots)
            & (1..=TICKS_MAX).contains(&limit)
            & (known.rate == KnownRate::Same);
        if !is_one {
            return None;
        }
        let reference = Reference::of(exposure, order.instrument, known.seen_ns);
        let now_ns = exposure.market.now_ns().get();
        let strategy = self.strategies.first()?;
        let is_allowed = *self.tenant_allows.get(at)? & *self.account_allows.get(at)?;
        let is_known = strategy.identity.is_complete();
        if !(is_allowed & is_known) || !stands(self, known, strategy, &reference, now_ns) {
            return None;
        }
        let worst = match side {
            Side::Buy => limit,
            Side::Sell => limit.max(reference.ticks_up()),
        };
        Some(Usual {
            instrument: order.instrument,
            side,
            lots,
            limit,
            now_ns,
            reference_x2: reference.price_x2,
            worst,
            notional: worth(spec, worst, lots)?,
            is_reducing: self.lines.get(at)?.closable(side) >= lots,
            print: fingerprint(order.instrument, side, lots, limit),
        })
    }

    /// Whether it passes for certain.
    #[inline(always)]
    fn passes_usual(&self, usual: &Usual, parent: u32) -> bool {
        let at = usual.instrument.index();
        // Those that are there where a usual order is.
        let (Some(known), Some(line), Some(resting), Some(sums), Some(strategy), Some(node)) = (
            self.instruments.get(at),
            self.lines.get(at),
            self.resting.get(at),
            self.sums.first(),
            self.strategies.first(),
            self.nodes.last(),
        ) else {
            return false;
        };
        let (bounds, side, now_ns) = (&known.bounds, usual.side, usual.now_ns);
        let best = resting[side.opposite() as usize].best;
        let is_worth_little = || {
            let equity = node.equity(sums);
            (equity >= node.bounds.equity_from)
                & (equity <= node.bounds.equity_to)
                & has_room((node, sums), line, usual.notional, known.stress_bps)
        };
        let is_small = (usual.lots <= bounds.lots)
            & (usual.notional <= bounds.notional)
            & (line.orders < bounds.orders)
            & (self.reservations.room() > PLACES_KEPT)
            & bounds.meets_nobody(best, usual.limit, side)
            & is_in_reach(line, usual, bounds.of_side(side))
            & has_places((node, sums), (usual.notional, 1));
        is_small
            && (!self.tracks_worth || is_worth_little())
            && bounds.is_within_collar(usual.limit, side, usual.reference_x2)
            && known.has_moved_little(usual.reference_x2)
            && node.is_usual(bounds, usual.notional)
            && (known.duplicate_ns == 0 || strategy.alike(usual.print) < bounds.duplicates)
            && (parent == NONE || self.fits_parent(parent, 0, usual.lots))
            && node.is_slow_enough(now_ns, false)
            && node.may_enter(now_ns)
    }

    /// Takes what an order needs that passed; `None` where there is no place for it.
    #[inline(always)]
    fn take_usual(&mut self, usual: &Usual, parent: u32) -> Option<u32> {
        let of = Reservation {
            lots: usual.lots,
            worst: usual.worst,
            open_lots: usual.lots,
            held_lots: usual.lots,
            held_notional: usual.notional,
            parent,
            reference_x2: usual.reference_x2,
            ..Reservation::empty(0, usual.instrument, usual.side)
        };
        let place = self.reserve_order(of, usual.limit)?;
        if let Some(node) = self.nodes.last_mut() {
            node.count_message(usual.now_ns, false);
            if !usual.is_reducing {
                node.count_entry(usual.now_ns, usual.notional, self.tracks_usual);
            }
        }
        if self.tracks_repeats {
            let sent = Sent {
                at_ns: usual.now_ns,
                lots: usual.lots,
                price: usual.limit,
                instrument: usual.instrument,
                side: usual.side,
            };
            if let Some(strategy) = self.strategies.first_mut() {
                strategy.remember(sent, usual.print);
            }
        }
        Some(place)
    }
}

/// What an order is worth where every tick of it is a whole number of nano-units.
#[inline(always)]
fn worth(spec: &InstrumentSpec, worst: i64, lots: i64) -> Option<i128> {
    let per_tick = spec.tick_value(qt_types::Qty::from_lots(lots))?;
    let worth = i128::from(per_tick) * i128::from(worst);
    (worth <= MONEY_MAX).then_some(worth)
}

/// C14.
#[inline(always)]
fn is_in_reach(line: &Line, usual: &Usual, most: i64) -> bool {
    let held = line.kept_lots(usual.side);
    let open = line.open[usual.side as usize].lots;
    // What does not fit is not certain.
    held.checked_add(open).and_then(|lots| lots.checked_add(usual.lots)).is_some_and(|l| l <= most)
}
