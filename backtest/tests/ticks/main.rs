//! Backtests over ticks and books.

mod busts;
mod by_order;
#[path = "../common/cast.rs"]
mod cast;
mod contingent;
mod differential;
mod emulation;
mod ensemble;
mod execution;
mod faults;
mod fed;
mod feed;
mod harness;
mod hindsight;
mod margin;
mod naive;
mod naive_arrive;
mod naive_market;
mod oracle;
mod queues;
mod records;
mod rig;
mod script;
mod self_trade;
mod strategies;
mod stream;
mod take;
mod timing;
mod triggers;
mod working;
