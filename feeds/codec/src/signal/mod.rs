//! Signals of agents: the object of the contract (version 1), read strictly.
//!
//! [`SignalObject::read`] takes the bytes and refuses what is not the contract, each fault with a
//! code of its own ([`SignalFault::code`]). What depends on something else comes after it: the
//! time ([`SignalObject::check_time`]) and the units of the instrument ([`SignalObject::on`]).

mod fault;
mod object;
mod units;

pub use fault::SignalFault;
pub use object::{SIGNAL_BYTES_MAX, SignalObject, SizeObject};
