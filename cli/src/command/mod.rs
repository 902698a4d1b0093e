//! The commands, one a file.

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
pub mod serve;
pub mod strategies;
pub mod sweep;
pub mod token;
pub mod watch;
