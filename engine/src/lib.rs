//! The pure core: market view, strategy, risk and execution stages, ledger, order table, the
//! fused pipeline, and the ports that strategies, gates and venues plug into.
//!
//! May import: `qt-types`. Must not contain: venues, clocks, files, sockets, threads, random
//! numbers, async, iteration over hash maps. Entry point: [`Pipeline`].

pub mod algo;
pub mod book;
pub mod command;
mod emulate;
pub mod ensemble;
pub mod fx;
pub mod hash;
pub mod ledger;
mod manual;
pub mod market;
pub mod oms;
pub mod outbox;
pub mod pipeline;
pub mod port;
pub mod sequencer;
pub mod sink;
pub mod snapshot;
mod stage;
pub mod staged;
pub mod timers;

pub use algo::{Algo, Execute, ParentEnd, ParentReport};
pub use book::{
    Book, BookLimits, BookState, BookView, CrossPolicy, Depth, OrderBook, OrderBookLimits,
};
pub use command::{Approved, CancelOrder, Command, NewOrder, ReplaceOrder};
pub use ensemble::Ensemble;
pub use fx::{CURRENCIES_MAX, Currencies, Currency, Leg, RateSource};
pub use hash::StateHash;
pub use ledger::{Balance, Deal, Ledger, LedgerError, Position, closable};
pub use manual::Manual;
pub use market::{BookKind, Market};
pub use oms::{Order, OrderStatus, OrderTable};
pub use outbox::{Denial, Notice, Outbox};
pub use pipeline::{Halt, Pipeline, PipelineConfig};
pub use port::{
    Answer, BookInterest, Context, Deaf, Delivery, Exits, Exposure, Gate, Gateway, GatewayEvent,
    Inside, OrderRequest, OrderUpdate, Question, Settlement, SizeRequest, Strategy, Tightest,
    Venue, VenueOrder, VenueState,
};
pub use sequencer::Sequencer;
pub use sink::{Bounded, Sink};
pub use snapshot::{SnapshotError, Stored};
pub use timers::Timers;
