//! A mutation fuzzer over every parser of the workspace. It is blind to coverage, deterministic
//! and needs nothing but the stable compiler: case N of a seed is the same bytes everywhere.
//!
//! May import: everything; nothing is built on it. Must not contain: rules about data.
//!
//! Entry points: the program `fuzz` (`docs/BUILDING.md`), which runs each [`target`] in a child
//! process with little memory and looks for panics, cases of more than a second, and processes
//! that end; [`cases::Cases`], from a number to its bytes. `regressions/TARGET/*` are inputs that
//! were once wrong, and a test gives them to their target.

pub mod cases;
mod corpus;
mod journal;
mod mutate;
mod random;
pub mod regressions;
pub mod target;
mod trading;
pub mod watch;
pub mod work;
