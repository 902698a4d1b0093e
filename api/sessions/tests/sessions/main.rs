//! Sessions of tenants over the synthetic market.

mod common;
mod controls;
mod killed;
mod limits;
mod many;
mod restart;
mod switches;
mod thin;
