//! The order management: the transition table, FIX's own scenarios, and reports in any order.

mod converge;
mod fix;
mod in_flight;
mod matrix;
mod support;
