//! The HTTP face on a free port, over real sockets.

mod apart;
mod bases;
mod common;
mod contested;
mod documents;
mod errors;
mod fuzz;
mod hitl;
mod hostile;
mod jobs;
mod once;
mod quality;
mod resources;
mod rights;
mod risk;
mod signals;
mod sockets;
mod strategies;
mod upkeep;
mod ways;
mod webhooks;
