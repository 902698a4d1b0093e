//! The market data machine: against a simulated network and venue, and over real sockets.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "what surrounds a protocol has clocks, sockets and files"
)]

mod brought;
mod brought_random;
mod captured;
mod captured_streams;
mod coming;
mod hostile;
mod listed;
mod listings;
mod model;
mod played;
mod random;
mod recorded;
mod server;
mod simulated;
mod storm;
mod tongue;
mod venue;
