//! The venues: how their requests are written, and what their machines say.

pub mod binance;

/// The venues that market data can be had of, as options name them.
pub const FEEDS: &[&str] = &["binance-spot", "binance-usdm"];

pub use binance::market::{Lookup, LookupError, Market, Profile, Setup, SetupError};
