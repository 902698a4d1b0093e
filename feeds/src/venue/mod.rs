//! The venues: how their requests are written, and what their machines say.

pub mod binance;

use crate::market::machine;

/// The venues that market data can be had of, as options name them.
pub const FEEDS: &[&str] = &["binance-spot", "binance-usdm"];

/// The profile of the venue called `name`.
#[must_use]
pub fn profile(name: &str) -> Option<Profile> {
    let all = [Profile::spot(), Profile::usdm()];
    all.into_iter().find(|profile| profile.name == name)
}

pub use machine::{Lookup, LookupError, Market, Profile, Setup, SetupError};
