//! The exchange of the simulator: held against a naive one, and rule by rule.

mod conditional;
mod differential;
mod filters;
mod lists;
mod matching;
mod naive;
mod positions;
mod queries;
mod setup;
