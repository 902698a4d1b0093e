//! Kraken over real sockets: shapes, books with their checksums, orders, limits, faults, hostile
//! clients.

mod books;
mod client;
mod faults;
mod hostile;
mod orders;
mod reports;
mod rules;
#[path = "../binance/shape.rs"]
mod shape;
mod shapes;
mod sockets;
