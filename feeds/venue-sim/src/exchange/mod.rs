//! One matching engine with accounts, rules, books and histories. It knows no venue, no socket and
//! no clock: time is handed in, and everything that happens comes out as [`Event`]s in order.
//!
//! The market that the accounts trade against is a participant without an account: it sets the
//! quantity that it has at a price ([`Exchange::market_level`]) and takes from what rests
//! ([`Exchange::market_take`]).

mod account;
mod api;
mod book;
mod cancel;
mod candle;
mod check;
mod core;
mod depth;
mod desk;
mod event;
mod filters;
mod flow;
mod force;
mod level;
mod list;
mod lists;
mod margin;
mod matching;
mod modify;
mod order;
mod place;
mod position;
mod queries;
mod refusal;
mod settings;
mod settle;
mod stops;
mod symbol;
mod tape;
mod ticker;
pub mod units;

pub use account::{AccountId, AccountKind, Fees, NewAccount};
pub use api::{Amendment, CancelReplaced, Changed, Placed};
pub use candle::{Candle, Interval};
pub use core::Exchange;
pub use depth::{Best, Depth, DepthBatch};
pub use event::{
    AggTrade, Balance, Balances, BookChange, Event, ExecutionKind, Fill, Funding, Prevention,
    Report, Trade, Transfer, WalletChange,
};
pub use filters::{Band, Filters, Range, Trailing, Worth};
pub use list::{
    Contingency, ListCancelled, ListChange, ListOrders, ListPlaced, ListRef, ListReport, NewList,
    OrderList, Pair, Pending,
};
pub use margin::{MarginState, average_e8};
pub use modify::Modify;
pub use order::{
    Amend, CLIENT_ID_BYTES_MAX, Cancel, CancelOnlyIf, Marks, NewOrder, Order, OrderKind, OrderRef,
    OrderStatus, ReplaceMode, SelfTrade, Side, TimeInForce,
};
pub use position::{MarginRules, Position};
pub use refusal::{Refusal, Rule};
pub use settings::{ASSETS_MAX, Discount, FirstIds, Limits, SYMBOLS_MAX, Settings};
pub use symbol::{AssetId, AssetSpec, SymbolError, SymbolId, SymbolSpec, SymbolStatus};
pub use ticker::Ticker;
pub use units::{Amount, Nanos, Price, Qty, RATE_ONE, Rate};
