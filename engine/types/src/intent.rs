//! What a strategy wants. An intent is not yet an order: only the risk stage can turn it into
//! one, and it also decides how large it is where the strategy leaves that open.

use serde::{Deserialize, Serialize};

use crate::{InstrumentId, OrderId, OrderKind, Price, Qty, Side, TimeInForce};

/// A wish of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// A new order.
    Place(Place),
    /// Another price or quantity for a resting order.
    Replace(Replace),
    /// The end of a resting order.
    Cancel(Cancel),
}

impl Intent {
    /// The instrument that the intent is about, where it names one.
    #[must_use]
    pub const fn instrument(&self) -> Option<InstrumentId> {
        match self {
            Self::Place(place) => Some(place.instrument),
            Self::Replace(_) | Self::Cancel(_) => None,
        }
    }
}

/// How large an order is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// Exactly this many lots.
    Fixed(Qty),
    /// What the run's sizing rule (`--qty`, `--weight`, `--risk-per-trade`) gives.
    Auto,
    /// The run's sizing rule applied to this share of it, in basis points (10,000: the whole).
    Share(u32),
    /// All of the position that the order's side can close.
    Position,
}

/// Protective orders that come to life with the fills of an entry. When one of them fills, the
/// other is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bracket {
    /// A stop at this price.
    pub stop: Option<Price>,
    /// A limit order at this price.
    pub target: Option<Price>,
    /// A trailing stop, in basis points; not together with `stop`.
    pub trail_bps: Option<u32>,
}

impl Bracket {
    /// Whether nothing is asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.stop.is_none() && self.target.is_none() && self.trail_bps.is_none()
    }
}

/// Another order, as an order that hangs on it names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Link {
    /// None.
    #[default]
    None,
    /// An open order.
    Order(OrderId),
    /// What was asked for as number `.0` (from 0) in the same call of the strategy.
    Call(u16),
}

impl From<OrderId> for Link {
    fn from(order: OrderId) -> Self {
        if order.is_none() { Self::None } else { Self::Order(order) }
    }
}

/// A new order, as its strategy wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What to trade.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// The type, with its prices.
    pub kind: OrderKind,
    /// How long it lives.
    pub tif: TimeInForce,
    /// How large it is.
    pub size: Size,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// Whether it may only add liquidity: it ends instead of taking any.
    pub post_only: bool,
    /// An iceberg shows no more than this many lots at a time; zero: it shows all of it. Whenever
    /// what it shows is filled, it shows as much again at the end of the queue.
    pub display: Qty,
    /// Protective orders to go with it.
    pub bracket: Bracket,
    /// It waits until that order is filled whole, and ends with it if it never is (OTO).
    pub triggered_by: Link,
    /// As one of the two is filled, as much less is left of the other (OCO).
    pub oco: Link,
}

impl Place {
    /// A good-till-cancelled order of type `kind`, sized by the run's rule.
    #[must_use]
    pub const fn new(instrument: InstrumentId, side: Side, kind: OrderKind) -> Self {
        Self {
            instrument,
            side,
            kind,
            tif: TimeInForce::Gtc,
            size: Size::Auto,
            reduce_only: false,
            post_only: false,
            display: Qty::ZERO,
            bracket: Bracket { stop: None, target: None, trail_bps: None },
            triggered_by: Link::None,
            oco: Link::None,
        }
    }

    /// The same with size `size`.
    #[must_use]
    pub const fn size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    /// The same with time in force `tif`.
    #[must_use]
    pub const fn tif(mut self, tif: TimeInForce) -> Self {
        self.tif = tif;
        self
    }

    /// The same with protective orders.
    #[must_use]
    pub const fn bracket(mut self, bracket: Bracket) -> Self {
        self.bracket = bracket;
        self
    }

    /// The same, but only ever adding liquidity.
    #[must_use]
    pub const fn post_only(mut self) -> Self {
        self.post_only = true;
        self
    }

    /// The same, showing no more than `lots` lots at a time.
    #[must_use]
    pub const fn display(mut self, lots: Qty) -> Self {
        self.display = lots;
        self
    }

    /// The same, waiting until `parent` is filled whole. It ends with a parent that ends before
    /// that.
    #[must_use]
    pub fn triggered_by(mut self, parent: impl Into<Link>) -> Self {
        self.triggered_by = parent.into();
        self
    }

    /// The same as one of a pair with `other`: as one of the two is filled, as much less is left
    /// of the other one, and nothing once it is filled whole.
    #[must_use]
    pub fn oco(mut self, other: impl Into<Link>) -> Self {
        self.oco = other.into();
        self
    }

    /// The same, but only ever making a position smaller.
    #[must_use]
    pub const fn reduce_only(mut self) -> Self {
        self.reduce_only = true;
        self
    }
}

/// Another price or quantity for a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replace {
    /// The order to change.
    pub order: OrderId,
    /// The new type and prices; the variant must stay the same.
    pub kind: OrderKind,
    /// The new total quantity, filled part included.
    pub qty: Qty,
}

/// The end of a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The order to end.
    pub order: OrderId,
}
