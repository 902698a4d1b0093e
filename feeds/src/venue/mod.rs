//! The venues: how their requests are written, and what their machines say.

pub mod binance;
mod bybit;
mod coinbase;
mod kraken;
mod okx;

use crate::market::machine;

/// The venues that market data can be had of, as options name them.
pub const FEEDS: &[&str] =
    &["binance-spot", "binance-usdm", "bybit-spot", "bybit-linear", "kraken", "okx", "coinbase"];

/// The profile of the venue called `name`.
#[must_use]
pub fn profile(name: &str) -> Option<Profile> {
    let all = [
        Profile::spot(),
        Profile::usdm(),
        Profile::bybit_spot(),
        Profile::bybit_linear(),
        Profile::kraken(),
        Profile::okx(),
        Profile::coinbase(),
    ];
    all.into_iter().find(|profile| profile.name == name)
}

pub use machine::{Lookup, LookupError, Market, Profile, Setup, SetupError};
