//! What watches a live run from another process, and acts when its heart stops: the beat that a run
//! leaves in a file ([`Heart`]), and what follows from it ([`Guard`]). Neither knows a venue or a
//! socket.

mod heart;
mod keep;
mod watch;

pub use heart::{Beat, HEART_FILE, Heart};
pub use keep::{Done, DoneError};
pub use watch::{Guard, GuardSettings, Look};
