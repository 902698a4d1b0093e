//! The venues: how their requests are written.

pub mod binance;
