//! The built-in strategies on order books, on scripted books and against a venue that refuses,
//! halts and fills in parts.

mod algo;
mod grid;
mod imbalance;
mod market_maker;
mod signals;
mod stage;
mod storm;
mod twap;
