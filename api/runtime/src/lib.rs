//! Runs that go on in real time: threads, pace, journal, and the comparison of a run with its
//! repetition.
//!
//! Entry points: [`session::run`] plays a recording or a synthetic market on paper;
//! [`parity::compare`] makes a kept run again and names the first decision that differs;
//! [`rehearsal::replay`] feeds a journal to the pipeline alone, [`staged::replay`] to its stages
//! on threads of their own.
//!
//! May import: everything below `api`. Must not contain: strategy, risk or order code, terminals,
//! sockets.

pub mod black_box;
pub mod difference;
pub mod figures;
pub mod flight;
pub mod guard;
pub mod keeper;
pub mod live;
pub mod manifest;
pub mod opening;
pub mod pace;
pub mod paper;
pub mod parity;
pub mod rehearsal;
pub mod script;
pub mod session;
pub mod staged;
pub mod stages;
pub mod states;
pub mod status;
pub mod tail;
