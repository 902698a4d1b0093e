//! Connections to venues. So far only what goes over them: requests for orders, as bytes that are
//! signed and ready to be sent.
//!
//! May import: `qt-types`, `qt-ring`, `qt-engine` (its ports), `qt-codec`. Must not contain: rules
//! about orders (they are the engine's), decoding of market data (that is `qt-codec`); names of
//! venues outside `src/venue/`.
//!
//! Entry points: [`venue::binance::WsOrders`] and [`venue::binance::RestOrders`] for the requests
//! of one symbol, [`Secret`] for what nobody may see, [`client_id`] for the ids that our orders
//! have at a venue.

pub mod client_id;
mod ed25519;
mod hmac;
mod out;
mod secret;
pub mod venue;

pub use ed25519::{Ed25519Key, KeyError};
pub use hmac::{HmacKey, Midstate};
pub use secret::Secret;
