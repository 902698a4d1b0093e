//! What stands in the files, byte by byte. Nothing here knows of files or threads.

pub mod asked;
pub mod bytes;
pub mod codes;
pub mod control;
pub mod event;
pub mod frame;
pub mod header;
pub mod intention;
pub mod record;
pub mod signal;
pub mod ticks;

#[cfg(test)]
mod any;
#[cfg(test)]
mod tests;
