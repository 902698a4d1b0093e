//! The command line, as a library: a strategy crate of your own is a `quanttrade` of its own, in
//! which every command knows your strategy.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use quanttrade::Registry;
//!
//! fn main() -> ExitCode {
//!     // .with(my_strategy::entry()) adds one.
//!     quanttrade::main_with(Registry::builtin())
//! }
//! ```
//!
//! May import: every crate of the workspace. Must not contain: rules of fills, risk or
//! strategies; polars; SQL outside of `runs`. Entry point: [`main_with`]. A command lives in
//! `command/<name>.rs`.

mod app;
mod args;
mod bench;
mod command;
mod dataset;
mod failure;
mod interrupt;
mod output;
mod place;
mod runs;
mod settings;
mod summary;
pub mod testing;
mod version;

pub use app::main_with;
pub use qt_strategies::Registry;

/// What a strategy is written with: `use quanttrade::prelude::*`.
pub mod prelude {
    pub use qt_strategies::prelude::*;
}
