//! The simulated Bybit over real sockets: shapes, orders, streams, faults, hostile clients.

#[allow(dead_code, reason = "tests of the other venue use more of it")]
#[path = "../binance/client.rs"]
mod client;

mod account;
mod faults;
mod hostile;
mod orders;
mod private;
mod races;
mod rules;
mod shapes;
mod socket;
mod streams;
mod trader;
