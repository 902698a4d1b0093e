//! The driver with the gateway of Binance, of spot and of futures, over sockets, against an
//! exchange that shares no code with either: what is believed at the end is what is true there.

mod changes;
mod clocks;
mod desk;
#[path = "../venue/dice.rs"]
mod dice;
mod faults;
mod foreign;
mod keys;
#[path = "../venue/memory.rs"]
mod memory;
mod proxy;
mod seeds;
mod trader;
mod usdm;
mod venue;
