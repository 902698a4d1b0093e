//! Sessions of tenants over the synthetic market.

mod common;
mod controls;
mod killed;
mod leases;
mod many;
mod memory;
mod own;
mod restart;
mod thin;
