//! Trading on paper in real time: the simulated venue behind the port of a gateway
//! ([`SimGateway`]), and a session with its driver on one thread ([`PaperSession`]).
//!
//! What the venue has seen is what the journal holds: market data as it was sequenced, commands as
//! they left. So it is made again from a journal, exactly, and needs nothing of its own on a disk.

mod gateway;
mod records;
mod session;

pub use gateway::SimGateway;
pub use session::{PaperParts, PaperSession, Recast, Turned};
