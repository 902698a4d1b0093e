//! Domain types of the engine: units, identifiers, instruments, the event envelope, the order
//! and report vocabulary.
//!
//! May import: nothing of the workspace. Must not contain: logic of a stage, clocks, files,
//! sockets, venue names. Entry point: [`Event`], the one thing every stage is fed with.

mod asked;
mod cash;
mod control;
mod currency;
mod decimal;
mod event;
mod flags;
mod ids;
mod instrument;
mod intent;
mod lacks;
mod limits;
mod order;
mod price;
mod qty;
mod reason;
mod report;
mod seq;
mod signal;
mod tick;
mod time;

pub use asked::{Asked, AskedFor};
pub use cash::Cash;
pub use control::{Control, ControlKind, KillState, Level, Number, Target};
pub use currency::{CurrencyId, FxRate};
pub use decimal::{E9, format_scaled, gcd, parse_e9, pow10, round_half_even};
pub use event::{Bar, Denied, Event, Head, Payload, Timer, Trade};
pub use flags::BarFlags;
pub use ids::{ExecId, InstrumentId, OrderId, ParentId, StrategyId, VenueId};
pub use instrument::{InstrumentKind, InstrumentSpec, SpecError};
pub use intent::{Bracket, Cancel, Intent, Link, Place, Replace, Size};
pub use lacks::Lacks;
pub use limits::Limits;
pub use order::{Activation, Distance, OrderKind, PegReference, Side, TimeInForce};
pub use price::Price;
pub use qty::Qty;
pub use reason::{DenyReason, RejectReason};
pub use report::{FeeIn, Liquidity, Report, ReportKind};
pub use seq::Seq;
pub use signal::{MaybePrice, Signal, SignalAction, SignalSize, SourceId};
pub use tick::{OrderTick, OrderTickKind, Tick, TickFlags, TickKind};
pub use time::Nanos;
