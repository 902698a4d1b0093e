//! The servers, which know no venue: TCP, TLS, HTTP/1.1 and WebSockets, and what can be broken at
//! each of them.

pub mod frames;
pub mod http;
pub mod outbox;
pub mod server;
pub mod service;
pub mod tls;
pub mod windows;

pub mod control;

mod connection;
mod socket;
mod stream;
