//! Settings from the configuration file, the environment and flags, in rising precedence.

mod anchor;
mod file;
pub mod keys;
mod layers;
pub mod number;
mod plan;
pub mod risk;
mod roles;
mod run;
mod sizing;

pub use layers::{Layers, Origin, Sources};
pub use plan::{DataPlan, RunPlan, range_ns};
pub use roles::Role;
