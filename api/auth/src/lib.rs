//! Who is asking, and what may they do.
//!
//! The way of a token: [`credential`] finds it in the headers, [`token`] takes it apart, a key of
//! [`keys`] (shared secret) or [`jwks`] (public keys of an issuer) proves it, [`claims`] reads what
//! it says, [`revocation`] knows whether it was taken back. What comes out is an [`Identity`]; its
//! [`Role`]s give it [`Right`]s. Without any configured key there is the [`owner`] of this machine
//! instead. [`limits`] counts how much anybody may ask. Nothing here knows routes or sockets.
//!
//! May import: `trading`. Must not contain: routes, sockets, what is kept.

pub mod claims;
pub mod config;
pub mod credential;
pub mod error;
pub mod fetch;
pub mod identity;
pub mod jwks;
pub mod keys;
pub mod limits;
pub mod mint;
pub mod owner;
pub mod revocation;
pub mod revocation_redis;
pub mod right;
pub mod role;
pub mod token;
pub mod verifier;

pub use config::{Config, ConfigError};
pub use credential::{Credentials, find_token};
pub use error::AuthError;
pub use identity::{Identity, Person};
pub use owner::Owner;
pub use revocation::{MemoryRevocations, NoRevocations, Revocations};
pub use revocation_redis::RedisRevocations;
pub use right::{Right, Rights};
pub use role::{Role, Roles};
pub use verifier::Verifier;
