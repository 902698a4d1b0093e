//! Tokens against the verifier as a whole: the table of cases, keys from a real server, arbitrary
//! bytes, the owner's token, settings, and revocation by a real Redis.

mod arbitrary;
mod config;
mod credential;
mod forge;
mod keys;
mod owner;
mod redis;
mod table;
