//! The ports: what plugs into the core from outside.

mod context;
mod exposure;
mod gate;
mod strategy;
mod venue;

pub use context::{Context, Exits};
pub use exposure::Exposure;
pub use gate::{Gate, OrderRequest, SizeRequest};
pub use strategy::{OrderUpdate, Strategy};
pub use venue::{Delivery, Venue};
