//! What the venue should have of an order that is worked, as things stand.

use qt_types::{Lacks, OrderKind, Price, Qty, RejectReason, Side, TimeInForce};

use super::{Sight, Work};
use crate::ledger::closable;
use crate::oms::Order;
use crate::stage::followed;

/// What the venue should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// What it has: there is nothing to go by.
    AsItIs,
    /// Nothing any more.
    Nothing,
    /// Nothing any more, and the order ends for this reason.
    End(RejectReason),
    /// So many lots open, as such an order.
    Open { kind: OrderKind, lots: i64 },
}

impl Work {
    /// What the venue should have of `order`.
    pub(super) fn wanted(&mut self, order: &Order, sight: &Sight<'_>) -> Want {
        let (kind, total) = match &self.change {
            Some(change) => (self.kind_of(change), change.qty),
            None => (self.new.kind, self.new.qty),
        };
        // What is too much for the order as we know it was executed all the same.
        let executed = order.filled.lots().saturating_add(order.overfill().lots());
        let left = total.lots().saturating_sub(executed).saturating_sub(self.gone);
        if left <= 0 {
            // What its executions were taken back of nobody works again.
            let is_taken_back = self.gone > 0 && self.change.is_none();
            let reason =
                if is_taken_back { RejectReason::TradeBusted } else { RejectReason::Requested };
            return Want::End(reason);
        }
        let open = self.part.map_or(0, |part| part.open());
        let mut lots = left;
        if self.does.has(Lacks::ICEBERG) {
            // What is shown is filled whole before it shows as much again.
            lots = lots.min(if open > 0 { open } else { self.new.display.lots() });
        }
        if self.does.has(Lacks::REDUCE_ONLY) {
            lots = lots.min(closable(self.new.side, sight.held.lots()));
            if lots <= 0 {
                return Want::End(RejectReason::NothingToReduce);
            }
        }
        let there = self.part.filter(|part| !part.is_over());
        let kind = match (self.priced(kind, sight), there) {
            (Ok(kind), _) => kind,
            // With nothing to follow it stays where it is.
            (Err(Want::AsItIs), Some(part)) => part.kind,
            (Err(want), _) => return want,
        };
        // A part that is there was checked when it was sent.
        let is_there = there.is_some_and(|part| part.kind == kind);
        match if is_there { None } else { self.refused(kind, lots, sight) } {
            Some(reason) => Want::End(reason),
            None => Want::Open { kind, lots },
        }
    }

    /// `kind` as the venue can hold it: one that follows the book as a limit order where it is
    /// now.
    fn priced(&self, kind: OrderKind, sight: &Sight<'_>) -> Result<OrderKind, Want> {
        let OrderKind::Pegged { to, offset } = kind else { return Ok(kind) };
        if !self.follows() {
            return Ok(kind);
        }
        let Some(book) = sight.market.book(self.new.instrument) else {
            return Err(Want::End(RejectReason::NeedsBook));
        };
        let ((Some((bid, _)), Some((ask, _))), false, false) =
            ((book.best_bid(), book.best_ask()), book.is_stale(), book.is_halted())
        else {
            return Err(Want::AsItIs);
        };
        let price = followed(book, self.new.side, to, offset).filter(|_| bid < ask);
        price.map(|price| OrderKind::Limit { price }).ok_or(Want::AsItIs)
    }

    /// Why a part of `lots` lots as `kind` is not to go out, if it is not: checks that a venue
    /// would make on its arrival, by the book as we see it.
    fn refused(&self, kind: OrderKind, lots: i64, sight: &Sight<'_>) -> Option<RejectReason> {
        let (instrument, side) = (self.new.instrument, self.new.side);
        let limit = match kind {
            OrderKind::Limit { price } => Some(price),
            _ => None,
        };
        if self.does.has(Lacks::POST_ONLY) {
            let far = sight.market.touch(instrument, side);
            if far.zip(limit).is_some_and(|(far, limit)| reaches(side, limit, far)) {
                return Some(RejectReason::WouldTake);
            }
        }
        if self.does.has(Lacks::FOK) {
            let Some(book) = sight.market.book(instrument) else {
                return Some(RejectReason::NeedsBook);
            };
            let mut missing = lots;
            for (price, qty) in book.levels(side.opposite()) {
                if missing <= 0 || limit.is_some_and(|limit| !reaches(side, limit, price)) {
                    break;
                }
                missing = missing.saturating_sub(qty.lots());
            }
            if missing > 0 {
                return Some(RejectReason::NotImmediate);
            }
        }
        None
    }

    /// How long a part lives at the venue: what the venue does not know we see to.
    pub(super) fn tif_at_venue(&self) -> TimeInForce {
        let lacks = |one: Lacks| self.does.has(one);
        match self.new.tif {
            TimeInForce::Gtd(_) if lacks(Lacks::GTD) => TimeInForce::Gtc,
            TimeInForce::Day if lacks(Lacks::DAY) => TimeInForce::Gtc,
            TimeInForce::Ioc if lacks(Lacks::IOC) => TimeInForce::Gtc,
            TimeInForce::Fok if lacks(Lacks::IOC) => TimeInForce::Gtc,
            TimeInForce::Fok if lacks(Lacks::FOK) => TimeInForce::Ioc,
            tif => tif,
        }
    }

    pub(super) fn display_at_venue(&self) -> Qty {
        if self.does.has(Lacks::ICEBERG) { Qty::ZERO } else { self.new.display }
    }
}

/// Whether an order of `side` at `limit` trades with what is displayed at `price`.
fn reaches(side: Side, limit: Price, price: Price) -> bool {
    match side {
        Side::Buy => limit >= price,
        Side::Sell => limit <= price,
    }
}
