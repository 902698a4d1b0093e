//! The `quanttrade` program: the library with the built-in strategies.

use std::process::ExitCode;

fn main() -> ExitCode {
    quanttrade::main_with(quanttrade::Registry::builtin())
}
