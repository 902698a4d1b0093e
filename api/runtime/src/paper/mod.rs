//! Trading on paper in real time: the simulated venue behind the port of a gateway
//! ([`SimGateway`]), and a session with its driver on one thread ([`PaperSession`]).
//!
//! What the venue has seen is what the journal holds: market data as it was sequenced, commands as
//! they left. So it is made again from a journal, exactly. A long one need not be played from its
//! first event: the venue is a part of the states that a session keeps ([`crate::states`]).

mod gateway;
mod records;
mod run;
mod session;
mod stored;

pub use gateway::{SimGateway, tick_of};
pub use run::{Stretch, run};
pub use session::{PaperParts, PaperSession, Told, Turned, not_sent};
