//! States of a session in files of their own beside its journal, so that its next start need not
//! make all of it again: what is in one ([`State`]), the files ([`kept_in`]), and when one is
//! written ([`Keeping`]).
//!
//! A state is named by a record of the journal only when its file is on the disk. A start that
//! cannot read or use one takes an older one, or makes all of the journal again.

mod keeping;
mod kept;
mod state;

pub use keeping::Keeping;
pub use kept::{FILES_KEPT, Kept, kept_in};
pub use state::{State, StateError};
