//! The domain in the platform's words: aggregates decide, and collect the events of what happened.
//!
//! A command loads an aggregate, calls one of its methods, and saves it: the change, its events and
//! the row of the audit go into the database in one transaction. Queries go around the aggregates
//! and read rows ([`crate`]).

pub mod command;
pub mod event;
pub mod market_data;
pub mod portfolio;
pub mod strategy;
pub mod trade;

pub use event::{DomainEvent, Envelope};
pub use market_data::MarketData;
pub use portfolio::Portfolio;
pub use strategy::{NewStrategy, StrategyChange, StrategyError, StrategyStatus, TradingStrategy};
pub use trade::Trade;
