//! The simulated venue over real sockets: shapes, orders, limits, hostile clients.

mod acks;
mod broken;
mod client;
mod faults;
mod hostile;
mod lists;
mod orders;
mod races;
mod reports;
mod rules;
mod shape;
mod shapes;
mod speed;
mod streams;
mod subscribe;
mod usdm;
mod usdm_faults;
mod windows;
