//! Sessions of tenants over the synthetic market.

mod common;
mod controls;
mod killed;
mod many;
mod restart;
mod thin;
mod told;
