//! The risk stage: the only place where an intent can become approved.

use qt_types::{
    DenyReason, InstrumentId, Intent, OrderId, OrderKind, PegReference, Place, Price, Qty, Replace,
    Side, Size, StrategyId,
};

use crate::book::BookView;
use crate::command::Approved;
use crate::ledger::closable;
use crate::port::{Exposure, Gate, OrderRequest, SizeRequest};

/// What the risk stage says to an intent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict<'a> {
    Approved(Approved<&'a Intent>),
    Denied { side: Option<Side>, qty: Qty, reason: DenyReason },
}

/// The gate with the checks that hold for every gate.
#[derive(Debug)]
pub(crate) struct Risk<G> {
    pub(crate) gate: G,
}

impl<G: Gate> Risk<G> {
    /// `asked_by` says which of several strategies asks.
    pub(crate) fn on<'a>(
        &mut self,
        intent: &'a Intent,
        asked_by: Option<StrategyId>,
        exposure: &Exposure<'_>,
    ) -> Verdict<'a> {
        match intent {
            Intent::Place(place) => match self.place(place, asked_by, exposure) {
                Ok(qty) => Verdict::Approved(Approved::new(intent, qty)),
                Err((qty, reason)) => Verdict::Denied { side: Some(place.side), qty, reason },
            },
            Intent::Replace(replace) => match self.replace(replace, exposure) {
                Ok(()) => Verdict::Approved(Approved::new(intent, replace.qty)),
                Err(reason) => Verdict::Denied { side: None, qty: replace.qty, reason },
            },
            Intent::Cancel(cancel) => {
                if exposure.orders.get(cancel.order).is_some() {
                    Verdict::Approved(Approved::new(intent, Qty::ZERO))
                } else {
                    let reason = DenyReason::UnknownOrder;
                    Verdict::Denied { side: None, qty: Qty::ZERO, reason }
                }
            }
        }
    }

    fn place(
        &mut self,
        place: &Place,
        asked_by: Option<StrategyId>,
        exposure: &Exposure<'_>,
    ) -> Result<Qty, (Qty, DenyReason)> {
        let none = |reason| (Qty::ZERO, reason);
        let last = exposure.last(place.instrument).ok_or(none(DenyReason::NoPrice))?;
        if !prices_are_positive(&place.kind) || !bracket_is_sound(place, last) {
            return Err(none(DenyReason::InvalidPrice));
        }
        if place.bracket.stop.is_some() && place.bracket.trail_bps.is_some() {
            return Err(none(DenyReason::TwoStops));
        }
        let legs = 1 + usize::from(!place.bracket.is_empty()) * 2;
        if exposure.orders.room() < legs {
            return Err(none(DenyReason::OrdersOpenMax));
        }
        let qty = self.resolve(place, asked_by, last, exposure).map_err(none)?;
        if qty.lots() <= 0 {
            return Err(none(DenyReason::SizeBelowLot));
        }
        let kind = weighed(place.kind, place.instrument, place.side, exposure).map_err(none)?;
        let request = OrderRequest {
            instrument: place.instrument,
            side: place.side,
            kind,
            qty,
            reduce_only: place.reduce_only && reduces_account(place, qty, exposure),
            replaces: OrderId::NONE,
        };
        self.gate.check(&request, exposure).map_err(|reason| (qty, reason))?;
        Ok(qty)
    }

    fn resolve(
        &self,
        place: &Place,
        asked_by: Option<StrategyId>,
        last: Price,
        exposure: &Exposure<'_>,
    ) -> Result<Qty, DenyReason> {
        let held = match asked_by {
            None => exposure.position(place.instrument).lots(),
            Some(strategy) => exposure.ledger.held_by(strategy, place.instrument).lots(),
        };
        let closable = closable(place.side, held);
        let share_bps = match place.size {
            Size::Fixed(qty) => return Ok(qty),
            Size::Position if closable == 0 => return Err(DenyReason::NothingToClose),
            Size::Position => return Ok(Qty::from_lots(closable)),
            Size::Auto => 10_000,
            Size::Share(bps) => bps,
        };
        let stop = place.bracket.stop.or(match place.bracket.trail_bps {
            Some(stop_bps) => {
                let exits = crate::Exits { stop_bps: Some(stop_bps), ..crate::Exits::default() };
                exits.bracket(place.side, last).stop
            }
            None => None,
        });
        let request = SizeRequest {
            instrument: place.instrument,
            side: place.side,
            price: last,
            stop,
            share_bps,
        };
        self.gate.size(&request, exposure)
    }

    fn replace(&mut self, change: &Replace, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        let order = exposure.orders.get(change.order).ok_or(DenyReason::UnknownOrder)?;
        if !prices_are_positive(&change.kind)
            || std::mem::discriminant(&order.kind) != std::mem::discriminant(&change.kind)
        {
            return Err(DenyReason::InvalidPrice);
        }
        let leaves = change.qty.checked_sub(order.filled).unwrap_or(Qty::ZERO);
        if leaves.lots() <= 0 {
            return Err(DenyReason::SizeBelowLot);
        }
        let request = OrderRequest {
            instrument: order.instrument,
            side: order.side,
            kind: weighed(change.kind, order.instrument, order.side, exposure)?,
            qty: leaves,
            reduce_only: order.reduce_only && !exposure.ledger.is_shared(order.instrument),
            replaces: order.id,
        };
        self.gate.check(&request, exposure)
    }
}

/// Whether an order of `qty` lots that may only reduce what its strategy holds reduces what the
/// account holds as well: where several strategies trade an instrument, they may hold it against
/// each other, and then it is new risk.
fn reduces_account(place: &Place, qty: Qty, exposure: &Exposure<'_>) -> bool {
    if !exposure.ledger.is_shared(place.instrument) {
        return true;
    }
    closable(place.side, exposure.position(place.instrument).lots()) >= qty.lots()
}

/// `kind` as it is held against the limits: a pegged order as the limit order that it is now, so
/// that it has a price to be worth something at. Where there is no book at all the venue says
/// what it thinks of it.
///
/// # Errors
/// When the book has nothing to follow.
#[inline(always)]
pub(crate) fn weighed(
    kind: OrderKind,
    instrument: InstrumentId,
    side: Side,
    exposure: &Exposure<'_>,
) -> Result<OrderKind, DenyReason> {
    if matches!(kind, OrderKind::Pegged { .. }) {
        return followed_now(kind, instrument, side, exposure);
    }
    Ok(kind)
}

#[cold]
fn followed_now(
    kind: OrderKind,
    instrument: InstrumentId,
    side: Side,
    exposure: &Exposure<'_>,
) -> Result<OrderKind, DenyReason> {
    let OrderKind::Pegged { to, offset } = kind else { return Ok(kind) };
    let Some(book) = exposure.book(instrument) else { return Ok(kind) };
    let price = followed(book, side, to, offset).ok_or(DenyReason::NoPrice)?;
    Ok(OrderKind::Limit { price })
}

/// The price of an order of `side` that follows `to` in `book`, `offset` ticks away from it;
/// `None` where there is nothing to follow.
pub(crate) fn followed(
    book: BookView<'_>,
    side: Side,
    to: PegReference,
    offset: i64,
) -> Option<Price> {
    let sign = side.sign();
    // Mirrored for sells, every price negated: away from the other side is down.
    let best = |side: Side| book.best(side).map(|(price, _)| price.ticks() * sign);
    let (own, other) = (best(side), best(side.opposite()));
    let reference = match to {
        PegReference::SameSide => own,
        PegReference::Opposite => other,
        PegReference::Mid => own.zip(other).map(|(own, other)| (own + other).div_euclid(2)),
    };
    let price = reference.and_then(|price| price.checked_sub(offset)).map(|price| price * sign);
    price.filter(|&ticks| ticks > 0).map(Price::from_ticks)
}

fn prices_are_positive(kind: &OrderKind) -> bool {
    match *kind {
        OrderKind::Market => true,
        OrderKind::Limit { price } => price.ticks() > 0,
        OrderKind::Stop { trigger } | OrderKind::TakeProfit { trigger } => trigger.ticks() > 0,
        OrderKind::StopLimit { trigger, limit } | OrderKind::LimitIfTouched { trigger, limit } => {
            trigger.ticks() > 0 && limit.ticks() > 0
        }
        // Its price is the book's: the venue works it out.
        OrderKind::Pegged { .. } => true,
        OrderKind::TrailingStop { distance } => match distance {
            qt_types::Distance::Ticks(ticks) => ticks > 0,
            qt_types::Distance::Bps(bps) => bps > 0 && bps < 10_000,
        },
    }
}

/// A stop belongs on the losing side of the entry and a target on the winning one; the entry's
/// own price counts where it has one, else the last price.
fn bracket_is_sound(place: &Place, last: Price) -> bool {
    if place.bracket.is_empty() {
        return true;
    }
    let entry = match place.kind {
        OrderKind::Limit { price } => price,
        OrderKind::Stop { trigger } | OrderKind::StopLimit { trigger, .. } => trigger,
        OrderKind::LimitIfTouched { limit, .. } => limit,
        OrderKind::Market
        | OrderKind::TakeProfit { .. }
        | OrderKind::TrailingStop { .. }
        | OrderKind::Pegged { .. } => last,
    };
    let beyond =
        |price: Price, sign: i64| price.ticks() > 0 && (price.ticks() - entry.ticks()) * sign >= 0;
    let sign = place.side.sign();
    let stop_is_sound = place.bracket.stop.is_none_or(|stop| beyond(stop, -sign));
    let target_is_sound = place.bracket.target.is_none_or(|target| beyond(target, sign));
    let trail_is_sound = place.bracket.trail_bps.is_none_or(|bps| bps > 0 && bps < 10_000);
    stop_is_sound && target_is_sound && trail_is_sound
}
