//! The ports: what plugs into the core from outside.

mod context;
mod exposure;
mod gate;
mod gateway;
mod inside;
mod intents;
mod strategy;
mod venue;

pub use context::{Context, Exits};
pub use exposure::Exposure;
pub use gate::{Deaf, Gate, OrderRequest, Settlement, SizeRequest};
pub use gateway::{Answer, Gateway, GatewayEvent, Question, VenueOrder, VenueState};
pub use inside::{Inside, Tightest};
pub(crate) use intents::Intents;
pub use strategy::{BookInterest, OrderUpdate, Strategy};
pub use venue::{Delivery, Venue};
