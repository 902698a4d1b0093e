//! `/ws`: market data for everybody, what happens in a tenant for the tenant.
//!
//! A [`topic`] is a public channel of one symbol: it is written once, for all who listen. Private
//! events come straight from the session's log ([`private`]). A socket ([`socket`]) has a stream
//! for each subscription ([`feed`]) and takes from them as fast as its reader reads, so that
//! nothing piles up for the slow: public data is conflated, and who is too slow for private events
//! is closed with 4008. What is the same for many readers is made once: public messages by their
//! topic, private ones where the first reader of the tenant wants them ([`said`]).

pub mod feed;
pub mod hub;
mod jobs;
mod pace;
pub mod private;
pub mod protocol;
pub mod routes;
mod said;
pub mod socket;
pub mod topic;
mod words;

pub use hub::Hub;
