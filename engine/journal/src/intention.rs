//! What was decided to be sent to a venue, as a journal keeps it.

use qt_engine::{CancelOrder, Command, NewOrder, ReplaceOrder};
use qt_types::{
    Activation, Cancel, InstrumentId, OrderId, OrderKind, Qty, Replace, Side, TimeInForce,
};

/// The facts of a [`Command`] without the proof that the risk stage approved it: whoever reads a
/// journal learns what was sent, and can send nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intention {
    /// A new order.
    New(NewIntention),
    /// Another price or quantity.
    Replace {
        /// What the order trades.
        instrument: InstrumentId,
        /// The change.
        replace: Replace,
    },
    /// The end of an order.
    Cancel {
        /// What the order trades.
        instrument: InstrumentId,
        /// The order.
        cancel: Cancel,
    },
}

/// A new order; the fields are those of [`NewOrder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewIntention {
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
    /// The order whose fills bring this order to life, or none.
    pub parent: OrderId,
    /// What of the parent brings it to life.
    pub activation: Activation,
    /// The order that ends when this one is filled, or none.
    pub oco: OrderId,
}

impl Intention {
    /// The order that it is about.
    #[must_use]
    pub const fn order(&self) -> OrderId {
        match self {
            Self::New(new) => new.order,
            Self::Replace { replace, .. } => replace.order,
            Self::Cancel { cancel, .. } => cancel.order,
        }
    }

    /// The instrument that it is about.
    #[must_use]
    pub const fn instrument(&self) -> InstrumentId {
        match self {
            Self::New(new) => new.instrument,
            Self::Replace { instrument, .. } | Self::Cancel { instrument, .. } => *instrument,
        }
    }
}

impl From<&Command> for Intention {
    fn from(command: &Command) -> Self {
        // Every field is named, so that one that is added must be thought of here.
        match *command {
            Command::New(NewOrder {
                order,
                instrument,
                side,
                kind,
                tif,
                qty,
                reduce_only,
                post_only,
                display,
                parent,
                activation,
                oco,
                proof: _,
            }) => Self::New(NewIntention {
                order,
                instrument,
                side,
                kind,
                tif,
                qty,
                reduce_only,
                post_only,
                display,
                parent,
                activation,
                oco,
            }),
            Command::Replace(ReplaceOrder { instrument, replace, proof: _ }) => {
                Self::Replace { instrument, replace }
            }
            Command::Cancel(CancelOrder { instrument, cancel, proof: _ }) => {
                Self::Cancel { instrument, cancel }
            }
        }
    }
}

impl PartialEq<Command> for Intention {
    fn eq(&self, command: &Command) -> bool {
        *self == Self::from(command)
    }
}
