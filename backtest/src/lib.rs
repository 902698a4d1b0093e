//! The backtester: the simulated venue, the loop that drives the pipeline over historical data,
//! metrics, reports, and parameter sweeps.
//!
//! May import: `qt-types`, `qt-engine`, `qt-risk`, `qt-strategies`, `qt-data`. Must not contain:
//! strategy, risk or order code of its own (the pipeline is the engine's), polars, SQL. Entry
//! point: [`run::run`].

pub mod bands;
pub mod conditions;
pub mod config;
pub mod control_log;
pub mod currency;
pub mod currency_outcome;
mod cursor;
pub mod curve;
pub mod desk;
pub mod execution;
pub mod feed;
pub mod metrics;
mod outcome;
pub mod periods;
pub mod recorder;
pub mod replay;
pub mod report;
pub mod risk;
pub mod run;
pub mod run_ticks;
pub mod signals;
pub mod simulator;
pub mod spare;
pub mod strategies;
pub mod sweep;
pub mod tape;
pub mod text;
pub mod trades;
pub mod venue;
pub mod witness;
