//! Risk controls and sizing: the gate that every order passes.
//!
//! May import: `qt-types`, `qt-engine`. Must not contain: clocks, files, sockets, threads, random
//! numbers. Entry point: [`AccountGate`].

mod account;
mod gate;
mod sizing;

pub use account::Account;
pub use gate::AccountGate;
pub use sizing::Sizing;
