//! The pipeline fed event by event: what it lets out, and that its books and its order table
//! stay right whatever a venue says.

mod bounds;
mod changes;
mod controls;
mod determinism;
mod frames;
mod gate;
mod parents;
mod pegs;
mod reports;
mod stale;
mod support;
mod working;
