//! Execution algorithms: one large order, done by small ones over a time.
//!
//! A parent order is the engine's own: it is no order at the venue. Its children are orders like
//! any other and pass the risk stage with their parent named. Each algorithm says how much is to
//! be done by now; how a child is placed and followed is the same for all of them
//! ([`Parent`](parent)), and so is the conservation: what its children have filled and have open
//! is never more than the parent.

mod curve;
pub(crate) mod parent;
mod pov;
mod shortfall;
mod stored;
mod table;
mod twap;
mod vwap;

use qt_types::{InstrumentId, Nanos, OrderId, ParentId, Price, Qty, Side, StrategyId};
use serde::{Deserialize, Serialize};

pub use curve::{Curve, SLICES_MAX};
pub(crate) use table::{Ask, ParentTable};

/// An execution algorithm: made by [`Algo::twap`], [`Algo::vwap`], [`Algo::pov`] and
/// [`Algo::shortfall`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algo {
    pub(crate) name: &'static str,
    pub(crate) plan: Plan,
}

impl Algo {
    /// `twap`, `vwap`, `pov` or `is`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// How much is to be done by when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "there are few of them; a box would allocate")]
pub(crate) enum Plan {
    /// By the clock.
    Schedule(Curve),
    /// By what is traded.
    Share { share_bps: u32, child_max: Qty },
}

/// A parent order, as a strategy asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execute {
    /// What to trade.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// The whole, in lots.
    pub qty: Qty,
    /// How.
    pub algo: Algo,
    /// How long it may take (ns). What is not done then is not done.
    pub duration_ns: i64,
    /// How long a child waits at the best price of its own side before it goes to that of the
    /// other side (ns). Without a book every child is a market order.
    pub patience_ns: i64,
    /// The worst price of any child.
    pub limit: Option<Price>,
}

/// How a parent order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParentEnd {
    /// All of it was done.
    Filled,
    /// Its time was over.
    TimeOver,
    /// Its owner asked for it.
    Cancelled,
    /// Its children had more than it is large: a fill came that nobody could know of. It stopped.
    Halted,
    /// It was nothing that can be done: no lots, an unknown instrument, or too many of them.
    Refused,
}

impl ParentEnd {
    /// The stable text code.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Filled => "FILLED",
            Self::TimeOver => "TIME_OVER",
            Self::Cancelled => "CANCELLED",
            Self::Halted => "HALTED",
            Self::Refused => "REFUSED",
        }
    }
}

/// How a parent order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentReport {
    /// Which one.
    pub id: ParentId,
    /// Whose it is.
    pub strategy: StrategyId,
    /// What was asked for; the quantity as it was changed since.
    pub asked: Execute,
    /// When it began (UTC ns).
    pub start_ns: Nanos,
    /// Lots that its children have filled.
    pub filled: Qty,
    /// Price (ticks) times lots of that: divided by `filled` the average price.
    pub cost: i128,
    /// Twice the price at the start, in ticks: the middle of the book, else the last one.
    pub arrival_x2: i64,
    /// Lots that the market has traded since.
    pub volume: i64,
    /// Price (ticks) times lots of that: divided by `volume` the market's average price.
    pub volume_cost: i128,
    /// The child that is open, or none.
    pub child: OrderId,
    /// How it ended; `None` while it is in work.
    pub end: Option<ParentEnd>,
}

impl ParentReport {
    /// Lots that are not done.
    #[must_use]
    pub fn rest(&self) -> Qty {
        Qty::from_lots(self.asked.qty.lots().saturating_sub(self.filled.lots()).max(0))
    }

    /// The average price in ticks; `None` without a fill.
    #[must_use]
    pub fn average(&self) -> Option<f64> {
        let lots = self.filled.lots();
        (lots != 0).then(|| self.cost as f64 / lots as f64)
    }

    /// How many ticks worse than at the start (below zero: better) the average is.
    #[must_use]
    pub fn slippage_to_arrival(&self) -> Option<f64> {
        let arrival = (self.arrival_x2 > 0).then_some(self.arrival_x2 as f64 / 2.0)?;
        Some((self.average()? - arrival) * self.asked.side.sign() as f64)
    }

    /// How many ticks worse than the market's own average over the same time the average is.
    #[must_use]
    pub fn slippage_to_vwap(&self) -> Option<f64> {
        let market = (self.volume > 0).then(|| self.volume_cost as f64 / self.volume as f64)?;
        Some((self.average()? - market) * self.asked.side.sign() as f64)
    }
}
