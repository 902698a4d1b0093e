//! Sessions of tenants over the synthetic market.

mod absent;
mod common;
mod controls;
mod killed;
mod leases;
mod limits;
mod many;
mod memory;
mod own;
mod recorded;
mod renewal;
mod restart;
mod signals;
mod states;
mod switches;
mod thin;
mod told;
mod venue;
