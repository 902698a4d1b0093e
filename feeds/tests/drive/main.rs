//! The driver over real sockets, against servers that behave badly.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "what surrounds a protocol has clocks, sockets and files"
)]

mod links;
mod requests;
mod scripted;
mod trusted;
