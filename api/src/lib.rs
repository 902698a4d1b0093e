//! The service behind `/trading`: REST and WebSocket over sessions of many tenants.
//!
//! The way of a request: [`http`] (base paths, limits, errors) → [`auth`] (who is it, what may they
//! do) → [`routes`] (one file a resource) → the ports in [`trading`] (a tenant's session, market
//! data) and [`store`] (what is kept). Behind the ports, `sessions` owns the pipelines.

pub mod amount;
pub mod audit;
pub mod auth;
pub mod domain;
pub mod events;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod limits;
pub mod routes;
pub mod screen;
pub mod secret;
pub mod service;
pub mod sessions;
pub mod sockets;
pub mod store;
pub mod trading;
