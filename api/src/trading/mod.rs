//! What the routes know of trading: plain shapes, and two ports ([`Trading`], [`MarketData`]).
//! `sessions` implements them with pipelines; tests may stand in for them.

mod events;
mod market;
mod order;
mod port;
mod portfolio;
mod refusal;

pub use events::{Missed, PrivateEvent, PrivateKind, PrivateLog, PrivateReader};
pub use market::{Book, BookLevel, Candle, Candles, Instrument, Quote, TradePrint};
pub use order::{
    AmendOrder, Execution, NewOrder, Order, OrderKind, OrderStatus, Side, TimeInForce,
};
pub use port::{
    ArmAnswer, Desk, Doing, FeedState, KillAnswer, KillLevel, LimitValue, MarketData, Phase,
    RiskStatus, SessionState, StrategyRun, Trading,
};
pub use portfolio::{Portfolio, Position};
pub use refusal::{Refusal, RiskRejection};

/// A time as nanoseconds UTC, written as RFC 3339 with nanoseconds.
pub mod time;
