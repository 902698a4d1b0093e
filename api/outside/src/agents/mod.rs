//! What the platform's agents say: from its event bus, and as answers to tasks of ours.
//!
//! Agents answer free text, some with an object in it. An object that claims to be a signal goes
//! the way of every signal of its registered source, with all of its checks; everything else is
//! kept as an observation, and nothing acts on it.

pub mod budget;
pub mod bus;
pub mod intake;
pub mod reading;
pub mod service;
pub mod tasks;

pub use intake::{AgentIntake, AgentResult, Delivers, Outcome, Waits};
