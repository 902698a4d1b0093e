//! The HTTP face: connections with time limits, base paths, errors, extractors, logs, metrics.
//!
//! The way of a request: [`server`] accepts and bounds, [`front`] takes the base path off, names
//! the request, holds it to its deadline and dresses the answer, then the routes.

pub mod app;
pub mod base;
pub mod caller;
pub mod context;
pub mod cors;
pub mod error;
pub mod extract;
pub mod front;
pub mod gate;
pub mod json;
pub mod metrics;
pub mod paced;
pub mod page;
pub mod passerby;
pub mod refused;
pub mod room;
pub mod server;
pub mod settings;
pub mod small;
pub mod spans;
pub mod storage;

pub use app::{App, Shared};
pub use caller::Caller;
pub use context::{Context, Trace};
pub use error::{ApiError, FieldError};
pub use extract::{Asked, Received};
pub use page::Page;
pub use server::Server;
pub use settings::{HttpSettings, Limits};
pub use small::Small;
