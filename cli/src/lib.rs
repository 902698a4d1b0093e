//! The command line, as a library: a strategy crate of your own is a `quanttrade` of its own, in
//! which every command knows your strategy.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use quanttrade::{Code, Registry};
//!
//! fn main() -> ExitCode {
//!     let code = Code { name: "my_strategy", version: "0.1.0", sources: "3f9ab2c41d07" };
//!     // .with(my_strategy::entry()) adds one.
//!     quanttrade::main_as(code, Registry::builtin())
//! }
//! ```
//!
//! May import: every crate of the workspace. Must not contain: rules of fills, risk or
//! strategies; polars; SQL outside of `runs`. Entry points: [`main_with`] for the built-in
//! strategies, [`main_as`] for a crate of your own. A command lives in `command/<name>.rs`.

mod app;
mod args;
mod bench;
mod cast;
mod command;
mod conditions;
mod core_files;
mod dataset;
mod failure;
mod fetch;
mod interrupt;
mod kept;
mod orphan;
mod output;
mod place;
#[cfg(feature = "service")]
mod remote;
mod runs;
mod settings;
mod summary;
pub mod testing;
mod venue;
mod version;

pub use app::{main_as, main_with};
pub use qt_strategies::Registry;
pub use version::Code;

/// What a strategy is written with: `use quanttrade::prelude::*`.
pub mod prelude {
    pub use qt_strategies::prelude::*;
}
