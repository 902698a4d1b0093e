//! The HTTP face on a free port, over real sockets.

mod bases;
mod common;
mod documents;
mod errors;
mod fuzz;
mod hostile;
mod jobs;
mod once;
mod resources;
mod rights;
mod risk;
mod signals;
mod sockets;
mod strategies;
mod ways;
mod webhooks;
