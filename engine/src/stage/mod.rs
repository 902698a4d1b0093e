//! The stages behind the sequencer. Each is a value that is handed the same `&Event` (never a
//! copy: a hop by value costs more than the work) and puts only what is new into a sink.

mod contingent;
mod execution;
mod of_account;
mod opening;
mod risk;
mod working;

pub(crate) use contingent::best;
pub(crate) use execution::{Execution, Ties};
pub(crate) use opening::Opening;
pub(crate) use risk::{Risk, Verdict, followed, weighed};
pub(crate) use working::Worked;
