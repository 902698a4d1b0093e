//! Market data of all sessions: one thread for each source, a ring to each session, and the last
//! of everything for whoever asks ([`Hub`]).

mod archive;
mod candles;
mod day;
mod hub;
mod listing;
mod outlets;
mod recording;
mod source;
mod synthetic;
mod venue;

/// The venue where all of it is traded.
pub const VENUE: &str = "synthetic";

pub use hub::{Hub, HubSettings, MarketError};
pub use outlets::Outlet;
pub use recording::RecordedFeed;
pub use synthetic::{SyntheticInstrument, defaults};
pub use venue::VenueFeed;
