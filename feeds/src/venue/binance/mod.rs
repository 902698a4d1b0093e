//! Binance Spot: requests for orders, by the WebSocket API and by REST, signed.

mod filled;
mod order;
mod params;
mod rest;
mod setup;
mod sign;
mod template;
mod writer;
mod ws;

pub use order::{Amend, Cancel, EncodeError, Life, NewOrder, OrderKind, Replace, Request};
pub use rest::RestOrders;
pub use setup::{Access, Market, SetupError};
pub use sign::Signer;
pub use ws::{WsAccess, WsOrders};

/// Room for any request here: what a caller's buffer should have.
pub const REQUEST_BYTES_MAX: usize = 1_536;

#[cfg(test)]
mod tests;
