//! A live run against a scripted exchange with faults: nothing is doubled, nothing is forgotten,
//! and both sides agree in the end.

mod beside;
mod breaks;
mod dice;
mod exchange;
mod faults;
mod killed;
mod line;
mod memory;
mod overload;
mod plan;
mod restart;
mod seeds;
mod threads;
mod trader;
mod world;
