//! What all parts of the service know of trading: plain shapes, identifiers, exact amounts, and two
//! ports ([`Trading`], [`MarketData`]). `sessions` implements the ports with pipelines; tests may
//! stand in for them.
//!
//! May import: no crate of ours. Must not contain: I/O, anything that decides.

pub mod amount;
mod events;
pub mod ids;
mod market;
mod order;
mod port;
mod portfolio;
mod refusal;
pub mod secret;
mod signal;
mod switch;

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
pub use signal::{
    SIGNAL_DUPLICATE, SIGNAL_NOT_HEARD, SignalAnswer, SignalIn, SignalRefused, SignalTaken,
    SignalTold,
};
pub use switch::{Alert, LimitsNow, Switch};

/// A time as nanoseconds UTC, written as RFC 3339 with nanoseconds.
pub mod time;
