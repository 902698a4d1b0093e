//! One order that asks for approval, with what the checks need to know of it.

use qt_engine::{Exposure, OrderRequest};
use qt_types::{Cash, DenyReason, InstrumentSpec, OrderKind, Price, Qty, Side};

use crate::keys::Key;
use crate::reference::Reference;
use crate::reservation::NONE;
use crate::state::{InstrumentState, KnownRate, State};
use crate::tally::Level;

/// The most that one order or one position may be worth, in nano-units: about 1e15 units of the
/// currency. Sums over every instrument and level of such amounts, times any share in basis
/// points, stay within 128 bits.
pub(crate) const MONEY_MAX: i128 = 1 << 80;

/// The most lots of an order or a position: sums of two stay within 64 bits.
pub(crate) const LOTS_MAX: i64 = 1 << 61;

/// An order with its context.
pub(crate) struct Ask<'a> {
    pub(crate) request: &'a OrderRequest,
    pub(crate) exposure: &'a Exposure<'a>,
    pub(crate) now_ns: i64,
    pub(crate) strategy: usize,
    pub(crate) instrument: usize,
    /// Strategy, account, tenant, global.
    pub(crate) nodes: [usize; 4],
    pub(crate) reference: Reference,
    /// It can only make positions smaller, at every level.
    pub(crate) is_reducing: bool,
    /// A change of an open order.
    pub(crate) is_change: bool,
    /// The worst price that it counts at, in ticks.
    pub(crate) worst: i64,
    /// What it is worth at that price.
    pub(crate) notional: i128,
    /// What it takes beyond what the order that it changes has already.
    pub(crate) added_lots: i64,
    pub(crate) added_notional: i128,
    /// The same as `added_lots`, reduce-only or not.
    pub(crate) added_open: i64,
    pub(crate) parent: u32,
}

/// The price limit that `kind` names.
pub(crate) const fn limit_price(kind: &OrderKind) -> Option<Price> {
    match kind {
        OrderKind::Limit { price } => Some(*price),
        OrderKind::StopLimit { limit, .. } | OrderKind::LimitIfTouched { limit, .. } => {
            Some(*limit)
        }
        _ => None,
    }
}

/// The price that releases an order of `kind`.
pub(crate) const fn trigger_price(kind: &OrderKind) -> Option<Price> {
    match kind {
        OrderKind::Stop { trigger }
        | OrderKind::TakeProfit { trigger }
        | OrderKind::StopLimit { trigger, .. }
        | OrderKind::LimitIfTouched { trigger, .. } => Some(*trigger),
        _ => None,
    }
}

/// The price at which an order of `kind` rests in the book, in ticks; zero for one that does not.
pub(crate) const fn resting_price(kind: &OrderKind) -> i64 {
    match kind {
        OrderKind::Limit { price } => price.ticks(),
        _ => 0,
    }
}

/// The price that `kind` names first, in ticks; zero for none.
pub(crate) fn named_price(kind: &OrderKind) -> i64 {
    limit_price(kind).or(trigger_price(kind)).map_or(0, Price::ticks)
}

/// The worst price of an order in ticks: a buy limit at its limit; a sell limit at the better of
/// limit and reference (it may be filled there); what has no limit at the collar's edge above its
/// trigger or the reference.
#[inline]
pub(crate) fn worst_price(
    kind: &OrderKind,
    side: Side,
    reference: &Reference,
    collar_bps: i128,
) -> i64 {
    let at = reference.ticks_up();
    match (limit_price(kind), side) {
        (Some(limit), Side::Buy) => limit.ticks(),
        (Some(limit), Side::Sell) => limit.ticks().max(at),
        (None, _) => {
            let base = trigger_price(kind).map_or(at, |trigger| trigger.ticks().max(at));
            let edge = collar_bps.clamp(0, WORST_BPS_MAX) as i64;
            // Twice: 64 bits suffice for most prices, and their division is faster.
            match base.checked_mul(10_000 + edge) {
                Some(product) => product / 10_000 + i64::from(product % 10_000 != 0),
                None => {
                    let product = i128::from(base) * i128::from(10_000 + edge);
                    i64::try_from((product + 9_999) / 10_000).unwrap_or(i64::MAX)
                }
            }
        }
    }
}

/// A collar wider than this (ten percent) says nothing about the price that a market order gets.
const WORST_BPS_MAX: i128 = 1_000;

/// What `lots` at `price` ticks are worth; `None` where that is more than may ever be.
#[inline]
pub(crate) fn worth(spec: &InstrumentSpec, price: i64, lots: i64) -> Option<i128> {
    let notional = spec.notional(Price::from_ticks(price), Qty::from_lots(lots))?.nano();
    (notional.abs() <= MONEY_MAX).then_some(notional)
}

impl InstrumentState {
    /// [`worth`] in the currency of the account; `None` without a rate as well.
    #[inline]
    pub(crate) fn worth(&self, spec: &InstrumentSpec, price: i64, lots: i64) -> Option<i128> {
        let own = worth(spec, price, lots)?;
        match self.rate {
            KnownRate::Same => Some(own),
            KnownRate::Known { rate, .. } => {
                let value = rate.value_of(Cash::from_nano(own))?.nano();
                (value.abs() <= MONEY_MAX).then_some(value)
            }
            KnownRate::Missing => None,
        }
    }

    /// Whether new risk can be counted in the currency of the account.
    #[inline]
    pub(crate) const fn has_rate(&self) -> bool {
        matches!(self.rate, KnownRate::Same | KnownRate::Known { is_fresh: true, .. })
    }
}

impl<'a> Ask<'a> {
    /// What the checks need to know of `request`. Its shape must have been checked.
    #[inline(always)]
    pub(crate) fn new(
        state: &State,
        request: &'a OrderRequest,
        strategy: usize,
        parent: u32,
        exposure: &'a Exposure<'a>,
    ) -> Result<Self, DenyReason> {
        let instrument = request.instrument.index();
        let known = state.instruments.get(instrument).ok_or(DenyReason::InvalidOrder)?;
        let spec = exposure.specs.get(instrument).ok_or(DenyReason::InvalidOrder)?;
        let reference = Reference::of(exposure, request.instrument, known.seen_ns);
        let collar = known.limits.get(Key::CollarBps).hard;
        let worst = worst_price(&request.kind, request.side, &reference, collar);
        let lots = request.qty.lots();
        if known.rate == KnownRate::Missing {
            return Err(DenyReason::NoRate);
        }
        let notional = known.worth(spec, worst, lots).ok_or(DenyReason::InvalidOrder)?;
        let before = if request.replaces.is_none() {
            None
        } else {
            state.reservations.find(request.replaces).map(|place| state.reservations.at(place))
        };
        let (held_lots, held_notional) = match before {
            Some(before) if !before.reduce_only => (before.held_lots, before.held_notional),
            _ => (0, 0),
        };
        let nodes = state.strategies[strategy].nodes;
        let added_lots = lots.saturating_sub(held_lots).max(0);
        let mut is_reducing = lots > 0;
        for &node in &nodes[..state.levels()] {
            // Mostly nothing can be closed, and the first one says so.
            if request.reduce_only || !is_reducing {
                break;
            }
            is_reducing = state.line(instrument, node).closable(request.side) >= added_lots;
        }
        Ok(Self {
            is_reducing: request.reduce_only || is_reducing,
            request,
            exposure,
            now_ns: exposure.market.now_ns().get(),
            strategy,
            instrument,
            nodes,
            reference,
            is_change: !request.replaces.is_none(),
            worst,
            notional,
            added_lots,
            added_open: lots.saturating_sub(before.map_or(0, |before| before.open_lots)).max(0),
            added_notional: (notional - held_notional).max(0),
            parent: before.map_or(parent, |before| before.parent),
        })
    }

    /// The levels that it is held against, from its strategy on, and their nodes.
    #[inline(always)]
    pub(crate) fn levels(&self) -> impl Iterator<Item = (Level, usize)> + Clone + use<> {
        let levels = [Level::Strategy, Level::Account, Level::Tenant, Level::Global];
        levels.into_iter().zip(self.nodes)
    }

    /// How old the reference price is, in nanoseconds.
    #[inline]
    pub(crate) fn reference_age_ns(&self) -> i64 {
        self.now_ns.saturating_sub(self.reference.seen_ns.get()).max(0)
    }

    /// Whether it needs room among the open orders: a change that adds nothing does not.
    #[inline(always)]
    pub(crate) const fn takes_room(&self) -> bool {
        !self.is_change || self.added_lots != 0 || self.added_notional != 0
    }

    /// Whether it works for a parent order.
    pub(crate) const fn has_parent(&self) -> bool {
        self.parent != NONE
    }
}
