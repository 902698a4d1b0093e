//! The event: the one input of every stage.

use serde::{Deserialize, Serialize};

use crate::{
    Asked, BarFlags, Control, DenyReason, InstrumentId, Nanos, OrderId, OrderTick, Price, Qty,
    Report, Seq, Side, Signal, StrategyId, Tick, VenueId,
};

/// One input of the pipeline, whatever its source. `Copy`, 128 bytes, no pointers: it can cross
/// a ring, be journaled and be replayed as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Event {
    /// The place in the total order, given by the sequencer.
    pub seq: Seq,
    /// When we could know it (UTC ns).
    pub recv_ns: Nanos,
    /// When the venue says it happened (UTC ns).
    pub venue_ns: Nanos,
    /// What it is about; index 0 where it is about no instrument.
    pub instrument: InstrumentId,
    /// Where it comes from.
    pub venue: VenueId,
    /// What happened.
    pub payload: Payload,
}

const _: () = assert!(size_of::<Event>() == 128, "an event is two cache lines");

/// An event of a tick or a trade but for what happened and when: those come beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// See [`Event::seq`].
    pub seq: Seq,
    /// See [`Event::recv_ns`].
    pub recv_ns: Nanos,
    /// See [`Event::instrument`].
    pub instrument: InstrumentId,
    /// See [`Event::venue`].
    pub venue: VenueId,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Payload {
    /// A bar was completed.
    Bar(Bar),
    /// A trade was printed.
    Trade(Trade),
    /// The book changed by price, or the market's state did. Never a trade.
    Tick(Tick),
    /// The book changed by order; an execution is a trade as well.
    Order(OrderTick),
    /// A time that the strategy asked for has come.
    Timer(Timer),
    /// A venue said something about an order.
    Report(Report),
    /// The risk stage denied an intent; goes through the sequencer like everything else.
    Denied(Denied),
    /// Somebody decided something about the engine itself.
    Control(Control),
    /// Somebody asked for an order, a change or a cancel.
    Asked(Asked),
    /// A source of signals said something about the instrument.
    Signal(Signal),
}

/// A completed bar. Prices of bid/ask bars are the mid (their tick is small enough to hold it),
/// and `half_spread` tells the two sides apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// When the bar began (UTC ns). It ends at the event's `venue_ns`.
    pub open_ns: Nanos,
    /// First price, in ticks.
    pub open: Price,
    /// Highest price, in ticks.
    pub high: Price,
    /// Lowest price, in ticks.
    pub low: Price,
    /// Last price, in ticks.
    pub close: Price,
    /// Traded volume, in lots.
    pub volume: Qty,
    /// Half of the bid-ask spread at open, high, low and close, in ticks; zero for trade bars.
    pub half_spread: [i32; 4],
    /// Facts about the bar.
    pub flags: BarFlags,
    /// The row of the series that the bar comes from (from 0).
    pub row: u32,
}

/// A printed trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Price in ticks.
    pub price: Price,
    /// Size in lots.
    pub qty: Qty,
    /// Who took liquidity, where the source says so.
    pub aggressor: Option<Side>,
    /// Facts about the session, as of a bar.
    pub flags: BarFlags,
    /// The row of the series that the trade comes from (from 0).
    pub row: u32,
}

/// A time that a strategy asked to be woken at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timer {
    /// When it was due (UTC ns).
    pub due_ns: Nanos,
    /// The strategy's own mark on it.
    pub token: u32,
    /// Whose it is; the first one's where a run has one strategy, and those of the engine.
    pub strategy: StrategyId,
}

impl Timer {
    /// The mark of the engine's own timers: no strategy can have it.
    pub const ENGINE: u32 = u32::MAX;
}

/// An intent that the risk stage denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The order that was to be changed, or none where a new one was wanted.
    pub order: OrderId,
    /// Buy or sell, where a new order was wanted.
    pub side: Option<Side>,
    /// The quantity asked for, in lots; zero where it was left to the sizing rule.
    pub qty: Qty,
    /// Why.
    pub reason: DenyReason,
    /// Whose intent it was.
    pub strategy: StrategyId,
}
