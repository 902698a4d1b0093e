//! What made an order of ours trade: kept beside each execution, for those who judge the fills.

use qt_types::{ExecId, Liquidity, OrderId};
use serde::{Deserialize, Serialize};

use super::SimVenue;

/// The rule by which an order was filled (`docs/FILLS.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FillPath {
    /// By a bar or a trade without a book.
    #[default]
    Market,
    /// It took what was displayed.
    Took,
    /// A trade at its price went deeper than what was ahead of it.
    Queue,
    /// A trade printed through its price.
    Through,
    /// The other side's best price reached it.
    Reached,
}

impl FillPath {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Market, Self::Took, Self::Queue, Self::Through, Self::Reached];

    /// The name in lists.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Market => "market_data",
            Self::Took => "took",
            Self::Queue => "queue",
            Self::Through => "trade_through",
            Self::Reached => "opposite_best",
        }
    }

    /// How a resting order at `limit` was filled by a trade at `price` (both mirrored).
    pub(super) const fn of_trade(limit: i64, price: i64) -> Self {
        if limit == price { Self::Queue } else { Self::Through }
    }

    /// Whether such a fill added liquidity or took it, on a book.
    pub(super) const fn liquidity(self) -> Liquidity {
        match self {
            Self::Market | Self::Took => Liquidity::Taker,
            Self::Queue | Self::Through | Self::Reached => Liquidity::Maker,
        }
    }
}

/// An order that has joined a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rested {
    /// The order.
    pub order: OrderId,
    /// Lots displayed ahead of it; `None` where the venue does not know.
    pub ahead: Option<i64>,
}

impl SimVenue {
    /// How execution `exec` came about.
    #[must_use]
    pub fn path_of(&self, exec: ExecId) -> FillPath {
        let index = usize::try_from(exec.0).unwrap_or(usize::MAX).wrapping_sub(1);
        self.executions.get(index).map_or(FillPath::Market, |&(_, path)| path)
    }

    /// Orders that joined a queue since the last call.
    pub fn take_rested(&mut self) -> impl Iterator<Item = Rested> + '_ {
        self.rested.drain(..)
    }
}
