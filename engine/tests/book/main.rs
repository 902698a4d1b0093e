//! The order books against the naive ones, and what they promise.

mod levels;
mod orders;
mod ticks;
