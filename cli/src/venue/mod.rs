//! Runs at a venue that is somewhere else: where it is ([`place`]), its market data
//! ([`market`]), what a run is made from
//! ([`scene`]), what real orders need ([`permit`]), its threads ([`run`]), and how it is made again
//! from its journal ([`kept`]).

pub mod approvals;
pub mod baseline;
pub mod ended;
#[cfg(feature = "service")]
pub mod hub;
pub mod kept;
pub mod market;
pub mod orders;
pub mod paper;
pub mod permit;
pub mod place;
pub mod real;
pub mod run;
pub mod scene;
pub mod seen;
