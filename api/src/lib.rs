//! The service behind `/trading`: REST and WebSocket over sessions of many tenants.
//!
//! The way of a request: [`http`] (base paths, limits, errors) → [`qt_auth`] (who is it, what may
//! they do) → [`routes`] (one file a resource) → the ports in [`qt_trading`] (a tenant's session,
//! market data) and [`qt_store`] (what is kept). Behind the ports, [`qt_sessions`] owns the
//! pipelines; [`jobs`] runs backtests, [`qt_store::events`] tells the platform, [`service`] puts
//! all of it together.
//!
//! May import: everything below `cli`. Must not contain: strategy, risk or order code, terminals.

pub mod hitl;
pub mod http;
pub mod jobs;
pub mod outside;
pub mod routes;
pub mod screen;
pub mod service;
pub mod signals;
pub mod sockets;
