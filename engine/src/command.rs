//! What leaves the pipeline for a venue. A command can be made only from an intent that the risk
//! stage approved: an order without a risk check cannot be written down.

pub(crate) mod stored;

use qt_types::{
    Activation, Bracket, Cancel, InstrumentId, Intent, OrderId, OrderKind, Qty, Replace, Side,
    TimeInForce,
};

/// An intent that passed the risk stage, with its final quantity. Only that stage can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approved<T> {
    inner: T,
    qty: Qty,
}

impl<T: Copy> Approved<T> {
    /// For the risk stage alone.
    pub(crate) const fn new(inner: T, qty: Qty) -> Self {
        Self { inner, qty }
    }

    /// What was approved.
    #[must_use]
    pub const fn get(&self) -> T {
        self.inner
    }

    /// The quantity it was approved for, in lots; zero for a cancel.
    #[must_use]
    pub const fn qty(&self) -> Qty {
        self.qty
    }
}

/// The approval's mark inside a command: it has no public constructor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(());

impl Proof {
    pub(crate) const fn of(_approved: &Approved<&Intent>) -> Self {
        Self(())
    }

    /// For what the execution stage sends on its own account: cancels that reduce risk, and
    /// orders that were approved when they were asked for.
    pub(crate) const fn of_cleanup() -> Self {
        Self(())
    }
}

/// An instruction to a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A new order.
    New(NewOrder),
    /// Another price or quantity.
    Replace(ReplaceOrder),
    /// The end of an order.
    Cancel(CancelOrder),
}

/// A new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Our id of it.
    pub order: OrderId,
    /// What to trade.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Type and prices.
    pub kind: OrderKind,
    /// How long it lives.
    pub tif: TimeInForce,
    /// Total quantity in lots.
    pub qty: Qty,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// Whether it may only add liquidity.
    pub post_only: bool,
    /// Lots that an iceberg shows at a time; zero: all of it.
    pub display: Qty,
    /// The order whose fills bring this order to life, or none. It is in the same message.
    pub parent: OrderId,
    /// What of the parent brings it to life.
    pub activation: Activation,
    /// The order that ends when this one is filled, or none.
    pub oco: OrderId,
    /// That the risk stage approved it.
    pub proof: Proof,
}

/// Another price or quantity for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplaceOrder {
    /// What it trades.
    pub instrument: InstrumentId,
    /// The change.
    pub replace: Replace,
    /// That the risk stage approved it.
    pub proof: Proof,
}

/// The end of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelOrder {
    /// What it trades.
    pub instrument: InstrumentId,
    /// The order.
    pub cancel: Cancel,
    /// That the risk stage approved it.
    pub proof: Proof,
}

impl NewOrder {
    /// Whether it protects an entry, with which it was approved.
    #[must_use]
    pub const fn is_protective(&self) -> bool {
        !self.parent.is_none() && matches!(self.activation, Activation::FirstFill)
    }
}

impl Command {
    /// The order that the command is about.
    #[must_use]
    pub const fn order(&self) -> OrderId {
        match self {
            Self::New(new) => new.order,
            Self::Replace(change) => change.replace.order,
            Self::Cancel(end) => end.cancel.order,
        }
    }

    /// The instrument that the command is about.
    #[must_use]
    pub const fn instrument(&self) -> InstrumentId {
        match self {
            Self::New(new) => new.instrument,
            Self::Replace(change) => change.instrument,
            Self::Cancel(end) => end.instrument,
        }
    }
}

/// The protective orders of `bracket`, as types; the stop first. The risk stage lets no bracket
/// pass that has both kinds of stop.
pub(crate) fn bracket_kinds(bracket: &Bracket) -> [Option<OrderKind>; 2] {
    let trail = bracket
        .trail_bps
        .map(|bps| OrderKind::TrailingStop { distance: qt_types::Distance::Bps(bps) });
    let stop = trail.or(bracket.stop.map(|trigger| OrderKind::Stop { trigger }));
    [stop, bracket.target.map(|price| OrderKind::Limit { price })]
}
