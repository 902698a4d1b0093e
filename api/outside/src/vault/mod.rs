//! The keys of venues: each tenant's own, from Vault.
//!
//! A tenant without an entry of its own has no key: never another's, and never the operator's.
//! Nothing is kept for longer than [`CACHE_TIME`], what is missing neither, so that an entry that
//! is taken away counts no more within a minute.

mod client;
mod env;
mod keys;
mod settings;

pub use client::{Vault, VaultError};
pub use env::EnvKeys;
pub use keys::{CACHE_TIME, KeyError, Keys, Venue, VenueKeys};
pub use settings::{VaultSettings, VaultSettingsError};
