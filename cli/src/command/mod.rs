//! The commands, one a file.

#[cfg(feature = "service")]
pub mod audit;
pub mod backtest;
pub mod bench;
pub mod completions;
pub mod config;
pub mod control;
pub mod data;
pub mod demo;
pub mod doctor;
pub mod journal;
pub mod live;
pub mod parity;
pub mod replay;
pub mod risk;
pub mod runs;
#[cfg(feature = "service")]
pub mod serve;
pub mod strategies;
pub mod sweep;
#[cfg(feature = "service")]
pub mod switch;
#[cfg(feature = "service")]
pub mod token;
pub mod watch;
