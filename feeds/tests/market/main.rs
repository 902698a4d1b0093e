//! The market data machine: against a simulated network and venue, and over real sockets.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "what surrounds a protocol has clocks, sockets and files"
)]

mod captured;
mod hostile;
mod listed;
mod model;
mod random;
mod recorded;
mod server;
mod simulated;
mod storm;
mod venue;
