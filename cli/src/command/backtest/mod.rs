//! `backtest`: one run of one strategy.

mod bands;
mod execute;
mod files;
mod orders;

use std::path::PathBuf;

use clap::Args;

use crate::app::Session;
use crate::args::RunFlags;
use crate::failure::Failure;
use crate::summary;

pub use execute::{Begun, Finished, Made, execute, execute_command, finish, keep};
pub use files::params_text;

/// Run one strategy over market data.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade backtest --data sample:SP500 --strategy sma_cross \
         --param fast=50 --param slow=200\n  \
    quanttrade backtest --data SPY=spy.csv --data QQQ=qqq.csv --strategy momentum --qty 100\n  \
    quanttrade backtest run.toml --report report.html --json\n\n\
    A FILE.toml has the names of the flags, parameters in a table:\n  \
    data = [\"prices.csv\"]\n  strategy = \"sma_cross\"\n  capital = 50000\n  \
    [param]\n  fast = 10")]
pub struct BacktestArgs {
    /// A TOML file with settings under the names of the flags
    #[arg(value_name = "FILE.toml")]
    pub file: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub flags: RunFlags,
}

/// Runs the command.
///
/// # Errors
/// When the run cannot be made, or did nothing that was asked.
pub fn run(args: &BacktestArgs, session: &Session) -> Result<(), Failure> {
    let layers = session.layers(&args.flags.0, args.file.as_deref())?;
    let finished = execute("backtest", &layers, session)?;
    let ended = show(&finished, session).and_then(|()| conclude(&finished, session));
    keep(&finished, ended, session)
}

/// Prints the result.
///
/// # Errors
/// When standard output cannot be written to.
pub fn show(finished: &Finished, session: &Session) -> Result<(), Failure> {
    if session.out.json {
        return session.out.document(&finished.document);
    }
    session.out.line(&summary::text(finished, &session.out))
}

/// Writes the files that were asked for, and says how the command ends.
///
/// # Errors
/// When a file cannot be written, the run was interrupted, or it did nothing.
pub fn conclude(finished: &Finished, session: &Session) -> Result<(), Failure> {
    let written = files::write(finished, session);
    let ended = match (written, finished.verdict()) {
        (Err(failure), _) | (Ok(()), Some(failure)) => Err(failure),
        (Ok(()), None) => Ok(()),
    };
    if let Some(peak) = crate::bench::peak_memory() {
        session.out.detail(&format!("peak memory: {peak} bytes"));
    }
    ended.map_err(Failure::documented)
}
