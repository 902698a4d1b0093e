//! The service put together: what `quanttrade serve` starts.
//!
//! [`settings`] reads what is configured and refuses what cannot be meant; [`Service`] opens the
//! store, starts the market, the sessions, the jobs and the publisher, and serves until it is told
//! to stop; [`projector`] keeps what sessions do in the store.

pub mod backlog;
pub mod decisions;
pub mod feeds;
pub mod leases;
pub mod log;
mod memory;
pub mod projector;
mod run;
mod runs;
pub mod settings;

pub use feeds::VenueName;
pub use qt_sessions::market::{RecordedFeed, VenueFeed};
pub use qt_sessions::{Journaled, RanStrategy, Touched};
pub use run::{Service, ServiceError};
pub use settings::{ServiceSettings, SettingsError};
