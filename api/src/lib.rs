//! The service behind `/trading`: REST and WebSocket over sessions of many tenants.
//!
//! The way of a request: [`http`] (base paths, limits, errors) → [`auth`] (who is it, what may they
//! do) → [`routes`] (one file a resource) → the ports in [`trading`] (a tenant's session, market
//! data) and [`store`] (what is kept). Behind the ports, `sessions` owns the pipelines.

pub mod amount;
pub mod ids;
pub mod secret;
pub mod sessions;
pub mod trading;
