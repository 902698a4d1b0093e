//! The simulated venue over real sockets: shapes, orders, limits, hostile clients.

mod client;
mod faults;
mod hostile;
mod orders;
mod rules;
mod shape;
mod shapes;
mod speed;
mod streams;
mod usdm;
