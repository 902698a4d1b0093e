//! What really happened, and what a client believes beside it.
//!
//! The exchange's own orders, executions and balances are the truth. [`line`] writes one event of
//! it as JSON, [`summary`] all of it as one object, [`compare`] lists in words where a client's
//! [`Belief`] differs. Numbers are texts with all decimals.

mod belief;
mod compare;
mod write;

pub use belief::{Belief, BelievedBalance, BelievedBook, BelievedFill, BelievedOrder};
pub use compare::{DIFFERENCES_MAX, compare};
pub use write::{fill, line, order, summary};
