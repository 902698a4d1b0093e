//! Indicators and, on top of them, the built-in strategies and the registry that names them; and
//! how good sources of signals are.
//!
//! May import: `qt-types`, `qt-engine`. Must not contain: clocks, files, threads, random numbers
//! that are not seeded; anything that allocates after a strategy has started.
//!
//! Entry points: [`Registry::builtin`] for strategies by name, [`indicator::parse`] for an
//! indicator from text, [`prelude`] for a strategy of your own, [`quality`] for sources.

pub mod builtin;
pub mod indicator;
mod nearest;
pub mod param;
pub mod prelude;
pub mod quality;
pub mod registry;

pub use builtin::Each;
pub use nearest::nearest;
pub use param::{ParamError, ParamKind, ParamSpec, ParamValue, Params};
pub use registry::{Hears, Instruments, ParamRule, Registry, StrategyEntry};
