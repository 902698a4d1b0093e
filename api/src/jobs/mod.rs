//! Backtests as jobs: a bounded pool, fair among tenants, each job a process of its own.
//!
//! A job is the same `quanttrade backtest` that a person runs, started with an empty environment, a
//! limit on its processor time and memory, and a folder of its own: a run that eats its quota,
//! hangs or crashes takes nothing else with it, and stopping it is killing it.

pub mod changes;
pub mod child;
mod following;
mod holding;
pub mod intake;
pub mod pool;
pub mod queue;
pub mod request;
pub mod settings;

pub use changes::JobChange;
pub use intake::Intake;
pub use pool::Jobs;
pub use request::{BacktestRequest, JobConfig};
pub use settings::{JobSettings, SharedData};
