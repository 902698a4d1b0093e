//! Binance, Spot and futures margined in dollars: market data ([`market`]); requests for orders, by
//! the WebSocket API and by REST, signed; and a session that trades ([`trade`]).

mod filled;
mod guard;
pub mod market;
mod order;
mod params;
mod rest;
mod setup;
mod sign;
mod template;
pub mod trade;
mod writer;
mod ws;

pub use guard::{Guard, GuardFigures, GuardSettings, GuardStep};
pub use order::{Amend, Cancel, EncodeError, Life, Modify, NewOrder, OrderKind, Replace, Request};
pub use rest::RestOrders;
pub use setup::{Access, Family, Market, SetupError};
pub use sign::Signer;
pub use ws::{WsAccess, WsOrders};

/// Room for any request here: what a caller's buffer should have.
pub const REQUEST_BYTES_MAX: usize = 1_536;

#[cfg(test)]
mod tests;
