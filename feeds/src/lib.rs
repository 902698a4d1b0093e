//! Connections to venues: machines that speak their protocols, one driver that carries out what
//! the machines want on real sockets, market data as the engine's events, requests for orders as
//! bytes that are signed and ready to be sent, and sessions that trade.
//!
//! May import: `qt-types`, `qt-ring`, `qt-engine` (its ports), `qt-codec`. Must not contain: rules
//! about orders (they are the engine's), decoding of market data (that is `qt-codec`); names of
//! venues outside `src/venue/`.
//!
//! Entry points: [`market::start`] for market data, [`record::begin`] to record it,
//! [`drive::spawn`] for any [`machine::Machine`],
//! [`venue::binance::WsOrders`] and [`venue::binance::RestOrders`] for the requests of one symbol,
//! [`venue::binance::trade`] for a session that trades and [`gateway`] to have it as the engine's
//! gateway, [`Keys`] and [`Secret`] for what nobody may see, [`client_id`] for the ids that our
//! orders have at a venue.

pub mod client_id;
pub mod drive;
mod ed25519;
pub mod gateway;
mod hmac;
mod keys;
pub mod machine;
pub mod market;
mod out;
pub mod pace;
pub mod record;
mod secret;
pub mod venue;

pub use ed25519::{Ed25519Key, KeyError};
pub use hmac::{HmacKey, Midstate};
pub use keys::{KeySecret, Keys, KeysError};
pub use secret::Secret;
