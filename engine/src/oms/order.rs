//! One order as we know it.

use qt_types::{
    Activation, ExecId, InstrumentId, OrderId, OrderKind, ParentId, Qty, RejectReason, Report,
    ReportKind, Side, StrategyId, TimeInForce,
};
use serde::{Deserialize, Serialize};

use super::{Life, OrderEnd, OrderStatus, Pending};

/// An order and the facts about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Our id.
    pub id: OrderId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Type and prices.
    pub kind: OrderKind,
    /// How long it lives.
    pub tif: TimeInForce,
    /// Total quantity in lots.
    pub qty: Qty,
    /// Executed quantity in lots.
    pub filled: Qty,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// The order whose fills bring this one to life, or none.
    pub parent: OrderId,
    /// What of the parent brings it to life: a protective order comes with the first fill.
    pub activation: Activation,
    /// The order that ends when this one is filled, or none.
    pub oco: OrderId,
    /// Whether its parent has brought it to life (true for an order without one).
    pub armed: bool,
    /// Whether the engine does some of it because the venue lacks it.
    pub emulated: bool,
    /// The parent order whose child this is, or none.
    pub works_for: ParentId,
    /// Whose it is.
    pub strategy: StrategyId,
    pub(super) life: Life,
    pub(super) cancel_asked: bool,
    pub(super) replaces_asked: u8,
    /// Price (ticks) times lots of what was executed.
    pub(super) cost: i128,
    /// Executed lots that were more than was ordered.
    pub(super) overfill: Qty,
    /// Lots that the venue had executed when it said that the order is over.
    pub(super) counted: Qty,
    /// The execution that left nothing open at a venue that reports in order, though our total
    /// may be larger.
    pub(super) closing: ExecId,
    /// The venue's number of the last replacement, where it has one.
    pub(super) revision: ExecId,
    /// A numbered replacement by less than is executed as far as we know: it waits until we know
    /// what was taken back.
    pub(super) waiting: Option<Revision>,
}

/// A replacement as the venue numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Revision {
    pub(super) number: ExecId,
    pub(super) total: Qty,
    pub(super) kind: OrderKind,
}

impl Order {
    /// A new order of `lots` lots that was not sent yet.
    #[must_use]
    pub const fn new(
        id: OrderId,
        instrument: InstrumentId,
        side: Side,
        kind: OrderKind,
        tif: TimeInForce,
        lots: i64,
    ) -> Self {
        Self {
            id,
            instrument,
            side,
            kind,
            tif,
            qty: Qty::from_lots(lots),
            filled: Qty::ZERO,
            reduce_only: false,
            parent: OrderId::NONE,
            oco: OrderId::NONE,
            activation: Activation::FirstFill,
            armed: true,
            emulated: false,
            works_for: ParentId::NONE,
            strategy: StrategyId::FIRST,
            life: Life::New,
            cancel_asked: false,
            replaces_asked: 0,
            cost: 0,
            overfill: Qty::ZERO,
            counted: Qty::ZERO,
            closing: ExecId(0),
            revision: ExecId(0),
            waiting: None,
        }
    }

    /// The same, on its way to the venue.
    #[must_use]
    pub const fn sent(
        id: OrderId,
        instrument: InstrumentId,
        side: Side,
        kind: OrderKind,
        tif: TimeInForce,
        lots: i64,
    ) -> Self {
        let new = Self::new(id, instrument, side, kind, tif, lots);
        Self { life: Life::Sent, ..new }
    }

    /// Whether nothing is done about another order when this one fills or ends, and nothing about
    /// this one when another one does.
    #[must_use]
    pub const fn stands_alone(&self) -> bool {
        self.parent.is_none() && self.oco.is_none() && !self.reduce_only && !self.emulated
    }

    /// Lots that are still open; none once the order is over. An order of which nobody can say
    /// what became of it counts in full.
    #[must_use]
    #[inline]
    pub const fn leaves(&self) -> Qty {
        if self.is_ended() {
            return Qty::ZERO;
        }
        Qty::from_lots(self.qty.lots() - self.filled.lots())
    }

    /// Lots that the venue had executed when the order ended, and that we have yet to hear of.
    #[must_use]
    #[inline]
    pub const fn unheard(&self) -> Qty {
        let left = self.counted.lots().saturating_sub(self.filled.lots());
        match self.life {
            Life::Done(_) if left > 0 => Qty::from_lots(left),
            _ => Qty::ZERO,
        }
    }

    /// Where the order stands. The precedence is FIX's, of which "filled" comes before
    /// "cancelled", with two conditions of our own: an end comes before what we asked for (FIX
    /// means a request that the venue has in work), and an unknown fate before all but an end.
    #[must_use]
    pub const fn status(&self) -> OrderStatus {
        if let Some(end) = self.end() {
            return OrderStatus::Ended(end);
        }
        match (self.life, self.pending(), self.filled.is_zero()) {
            (Life::Unknown, ..) => OrderStatus::Unknown,
            (_, Pending::Cancel, _) => OrderStatus::PendingCancel,
            (_, Pending::Replace, _) => OrderStatus::PendingReplace,
            (_, Pending::None, false) => OrderStatus::PartiallyFilled,
            (Life::New, ..) => OrderStatus::New,
            (Life::Sent, ..) => OrderStatus::Sent,
            (Life::Live | Life::Done(_), ..) => OrderStatus::Working,
        }
    }

    /// How the order ended; `None` while it is open.
    #[must_use]
    #[inline]
    pub const fn end(&self) -> Option<OrderEnd> {
        if self.closing.0 != 0 || (self.filled.lots() >= self.qty.lots() && !self.filled.is_zero())
        {
            return Some(OrderEnd::Filled);
        }
        match self.life {
            Life::Done(end) => Some(end),
            _ => None,
        }
    }

    /// Whether the order is over.
    #[must_use]
    #[inline]
    pub const fn is_ended(&self) -> bool {
        self.end().is_some()
    }

    /// Whether it is over without having been filled whole.
    #[must_use]
    pub fn leaves_unfilled(&self) -> bool {
        self.end().is_some_and(|end| end != OrderEnd::Filled)
    }

    /// How far its life has come, whatever was executed.
    #[must_use]
    pub const fn life(&self) -> Life {
        self.life
    }

    /// What was asked for and not answered yet.
    #[must_use]
    pub const fn pending(&self) -> Pending {
        match (self.cancel_asked, self.replaces_asked) {
            (true, _) => Pending::Cancel,
            (false, 0) => Pending::None,
            (false, _) => Pending::Replace,
        }
    }

    /// Price (ticks) times lots of what was executed: divided by [`Self::filled`] the average.
    #[must_use]
    pub const fn cost(&self) -> i128 {
        self.cost
    }

    /// Lots that the venue reported as executed beyond the total: flagged and not applied.
    #[must_use]
    pub const fn overfill(&self) -> Qty {
        self.overfill
    }

    /// Why the order ended early; `None` while it is open or when it was filled.
    #[must_use]
    pub const fn end_reason(&self) -> Option<RejectReason> {
        match self.end() {
            Some(OrderEnd::Cancelled(reason) | OrderEnd::Rejected(reason)) => Some(reason),
            _ => None,
        }
    }

    /// Its end is asked for.
    pub(crate) const fn ask_cancel(&mut self) {
        self.cancel_asked = true;
    }

    /// Another price or quantity is asked for.
    pub(crate) const fn ask_replace(&mut self) {
        self.replaces_asked = self.replaces_asked.saturating_add(1);
    }

    /// Whether `report` answers a change that was asked for, and not a cancel. A refusal does not
    /// say what it refuses where the reason fits both: then the cancel is the one that waits.
    pub(crate) fn answers_change(&self, report: &Report) -> bool {
        match report.kind {
            // With a reason the venue did it by itself.
            ReportKind::Replaced => report.reason == RejectReason::None,
            ReportKind::RequestRejected => {
                report.reason == RejectReason::InvalidReplace || !self.cancel_asked
            }
            _ => false,
        }
    }
}
