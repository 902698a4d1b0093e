//! A local exchange that speaks the protocols of real ones: their paths, headers, envelopes and
//! number formats, from one matching engine, with scripted faults and a ledger of the truth.
//!
//! May import: `qt-types`, `qt-codec`. Must not contain: code of the engine whose orders it takes
//! (what it says happened is held against what the engine believes); names of venues outside
//! `src/venue/` and what puts it together (`server`, `setup`); clocks, files and sockets outside
//! `src/wire/`.
//!
//! Entry points: [`exchange::Exchange`] matches and keeps accounts, [`market`] gives it a market,
//! [`fault::Plan`] says what goes wrong and when, [`simulation::Simulation`] is all of them on one
//! time line, [`truth`] says what really happened and holds a client's belief against it,
//! [`server::Server`] puts a venue in front of all that on a port.

pub mod exchange;
pub mod fault;
pub mod market;
pub mod server;
pub mod setup;
pub mod simulation;
pub mod truth;
pub mod venue;
pub mod wire;
