//! Data sets by name: a file, a catalog id, or a bundled sample.

mod bars;
pub mod booked;
pub mod catalog;
pub mod census;
mod open;
pub mod sample;
pub mod ticks;

pub use bars::{bars_of, build};
pub use open::{Place, RunData, Window, open, open_part, open_run};
