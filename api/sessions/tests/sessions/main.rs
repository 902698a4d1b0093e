//! Sessions of tenants over the synthetic market.

mod common;
mod controls;
mod killed;
mod leases;
mod limits;
mod many;
mod memory;
mod own;
mod restart;
mod states;
mod switches;
mod thin;
mod told;
