//! The platform outside: what the service calls, and what it takes from others.
//!
//! [`webhooks`] tells tenants' own receivers of their events; [`agents`] takes what the platform's
//! agents say, from its event bus and by tasks of ours; [`vault`] fetches the keys of venues.
//! [`http`] is the one way out: [`guard`] decides which addresses a tenant may have called.
//!
//! May import: `trading`, `store`. Must not contain: HTTP routes, sessions, anything that decides
//! about orders.

pub mod agents;
pub mod guard;
pub mod http;
pub mod seal;
pub mod vault;
pub mod webhooks;
