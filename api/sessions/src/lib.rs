//! Sessions of tenants behind the ports [`qt_trading::Trading`], [`qt_trading::Desk`] and
//! [`qt_trading::MarketData`].
//!
//! A session is one pipeline with a simulated venue, its journal in a folder of its own, taken in
//! turn by one of a few worker threads ([`worker`]). What clients ask for goes to it over a bounded
//! channel and is answered once it is journaled and the gate has decided; what they look at is a
//! view that the worker publishes. Market data of all sessions comes from one hub ([`market`]).
//!
//! May import: everything below `runtime`, and `trading`. Must not contain: strategy, risk or order
//! code, databases, HTTP.

mod again;
mod alerts;
mod barring;
mod desk;
mod ending;
mod ids;
mod journaled;
mod lease;
mod limiting;
mod limits;
pub mod market;
mod memory;
mod notes;
mod obey;
mod open;
mod orders;
mod past;
mod pending;
mod platform;
mod portfolio;
mod renewal;
mod request;
mod risk;
mod running;
mod service;
mod shelf;
mod signals;
mod slots;
mod stage;
mod states;
mod stored;
mod switches;
mod switching;
mod told;
mod units;
mod view;
mod waiting;
mod whole;
mod wish;
mod words;
mod worker;

pub use journaled::{Journaled, RanStrategy, Touched};
pub use lease::{FileLeases, FolderLock, Held, Lease, LeaseError, Tenure};
pub use memory::{Forgetful, Memory, Remembered};
pub use open::PaperSettings;
pub use service::{SessionSettings, Sessions, StartError};
pub use stage::{Stage, Stages};
pub use switches::MACHINE;
pub use told::{DeniedOrder, Listener, Listeners, Nobody, Told};
