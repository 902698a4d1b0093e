//! What the simulated venue and the loop around it do, worked out by hand rule by rule, against
//! a naive simulator on random markets, and as properties that hold for every run.

mod account;
mod audit;
mod borrow;
mod bracket;
mod bracket_inside;
mod capacity;
#[path = "../common/cast.rs"]
mod cast;
mod contingent;
mod currencies;
mod determinism;
mod differential;
mod ensemble;
mod fees;
mod funding;
mod harness;
mod latency;
mod limit;
mod liquidation;
mod market;
mod metrics;
mod naive;
mod naive_prints;
mod order_kinds;
mod orders;
mod outcome;
mod portfolio;
mod print_sizes;
mod prints;
mod properties;
mod quotes;
mod receipts;
mod run;
mod script;
mod shared;
mod signal_outcomes;
mod signals;
mod stop;
mod stop_limit;
mod time_in_force;
mod timers;
mod trailing;
mod troubles;
