//! What the path is made of.

#[path = "../../cli/src/bench/latency/figures.rs"]
pub mod figures;
#[path = "../../cli/src/bench/latency/frames.rs"]
pub mod frames;
#[path = "../../cli/src/bench/latency/keys.rs"]
pub mod keys;
#[path = "../../cli/src/bench/latency/path.rs"]
pub mod path;
#[path = "../../cli/src/bench/latency/run.rs"]
pub mod run;
#[path = "../../cli/src/bench/latency/stages.rs"]
pub mod stages;
#[path = "../../cli/src/bench/latency/strategy.rs"]
pub mod strategy;
