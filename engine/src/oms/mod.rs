//! The order management: every order as facts, and what reports do to them.
//!
//! An order is three facts that do not depend on each other: how far its life has come
//! ([`Life`]), what was asked for and not answered ([`Pending`]), and the executions, each known
//! by its number. [`Order::status`] is a function of them. A report that cannot be changes
//! nothing and is counted ([`Anomaly`]); one that tells nothing new changes nothing either, so
//! that doubled and late reports in any order lead to the same order in the end.

mod execs;
mod order;
mod report;
mod state;
mod table;

pub use execs::EXECS_MAX;
pub use order::Order;
use order::Revision;
pub use state::{
    Anomaly, Booked, Effect, Life, Movement, OrderEnd, OrderStatus, Pending, Reporting,
};
pub use table::OrderTable;
