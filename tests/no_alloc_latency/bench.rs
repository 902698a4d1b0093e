//! The path that `bench latency` measures, from the sources of the command.
#![allow(dead_code, reason = "the bench uses the rest")]

#[path = "latency.rs"]
pub mod latency;
#[path = "../../cli/src/bench/risk_rig.rs"]
pub mod risk_rig;
