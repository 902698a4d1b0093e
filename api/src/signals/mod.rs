//! Signals of sources: taken in, held against what their source may do, and handed to the session.
//!
//! Two ways lead here, requests ([`crate::routes::signals`]) and the Redis Stream `ai.signals`
//! ([`stream`]); both say whose a signal is by the credential it came with, and both end in
//! [`SignalIntake::take`]. Whether a person is asked first is an [`ApprovalPolicy`]'s to say.

mod intake;
mod keys;
mod policy;
mod prices;
pub mod quality;
mod rate;
mod rows;
mod running;
pub mod stream;
pub mod upkeep;

pub use intake::{Begun, Incoming, Outcome, SignalIntake};
pub use keys::{KeyId, KeysError, SourceKeys};
pub use policy::{ApprovalPolicy, Ask};
pub use running::{FOLLOW, bring, check_follow, run_of};
