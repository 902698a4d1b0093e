//! From the arguments to the exit code.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use qt_strategies::Registry;

use crate::args::{Cli, Command};
use crate::command;
use crate::core_files;
use crate::failure::Failure;
use crate::interrupt;
use crate::orphan;
use crate::output::{Output, progress};
use crate::settings::{Layers, Sources};
use crate::version::Code;

/// What every command is given.
#[derive(Debug)]
pub struct Session {
    /// Where it prints.
    pub out: Output,
    /// The strategies it knows.
    pub registry: Registry,
    /// The crate of the user's own that the program was built from.
    pub code: Option<Code>,
    /// The configuration file that was named.
    pub config: Option<std::path::PathBuf>,
    /// How many threads it may use.
    pub threads: usize,
}

impl Session {
    /// The settings from all layers.
    ///
    /// # Errors
    /// As [`Layers::gather`].
    pub fn layers(
        &self,
        flags: &std::collections::BTreeMap<&'static str, Vec<String>>,
        run_file: Option<&std::path::Path>,
    ) -> Result<Layers, Failure> {
        let config = self.config.as_deref();
        Layers::gather(&Sources { config, run_file, flags: Some(flags) })
    }

    /// One that prints nothing but results, with the built-in strategies.
    #[cfg(test)]
    pub fn for_tests() -> Self {
        let out = Output::new(false, true, 0);
        Self { out, registry: Registry::builtin(), code: None, config: None, threads: 2 }
    }
}

/// Runs the program with the strategies of `registry`.
///
/// Arguments come from the command line; the exit code is that of `docs/CLI.md`.
#[must_use]
pub fn main_with(registry: Registry) -> ExitCode {
    start(registry, None)
}

/// The same for a crate of the user's own, which says what `code` it is: what it calls in its
/// `main`. The run ledger keeps it with every run.
#[must_use]
pub fn main_as(code: Code, registry: Registry) -> ExitCode {
    start(registry, Some(code))
}

fn start(registry: Registry, code: Option<Code>) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let wants_json = arguments.iter().skip(1).take_while(|a| *a != "--").any(|a| a == "--json");
    match parse(&arguments) {
        Ok(cli) => run(cli, registry, code),
        Err(error) => usage_error(&error, wants_json),
    }
}

/// The command line under the name of this program.
pub fn command_line() -> clap::Command {
    Cli::command().bin_name(crate::version::program())
}

fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let matches = command_line().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

fn usage_error(error: &clap::Error, wants_json: bool) -> ExitCode {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    // Nobody is left to be told when the terminal is gone.
    let _ = error.print();
    if is_help {
        return ExitCode::SUCCESS;
    }
    if wants_json {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let failure = Failure::usage(message).hint("add --help to see what is possible");
        let _ = Output::new(true, true, 0).document(&failure.document());
    }
    ExitCode::from(2)
}

fn run(cli: Cli, registry: Registry, code: Option<Code>) -> ExitCode {
    let global = cli.global;
    let out = Output::new(global.json, global.quiet, global.verbose);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = global.threads.map_or(cores, |threads| threads as usize);
    let session = Session { out, registry, code, config: global.config, threads };
    core_files::leave_memory_out();
    orphan::watch();
    interrupt::listen(out);
    if global.progress_lines {
        progress::want_lines();
    }
    progress::want(!out.quiet && std::io::stderr().is_terminal());
    match dispatch(cli.command, &session) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out.failure(&failure);
            if out.json && !failure.documented {
                // The error has been told on standard error; there is no other place left.
                let _ = out.document(&failure.document());
            }
            ExitCode::from(failure.reason.code())
        }
    }
}

fn dispatch(command: Command, session: &Session) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => command::demo::run(&args, session),
        Command::Backtest(args) => command::backtest::run(&args, session),
        Command::Sweep(args) => command::sweep::run(&args, session),
        Command::Live(args) => command::live::run(&args, session),
        Command::Control(args) => command::control::run(&args, session),
        Command::Guard(args) => command::guard::run(&args, session),
        Command::VenueSim(args) => command::venue_sim::run(&args, session),
        Command::Record(args) => command::record::run(&args, session),
        Command::Replay(args) => command::replay::run(&args, session),
        Command::Parity(args) => command::parity::run(&args, session),
        Command::Journal(args) => command::journal::run(args, session),
        Command::Watch(args) => command::watch::run(&args, session),
        Command::Data(args) => command::data::run(args, session),
        Command::Strategies(args) => command::strategies::run(args, session),
        Command::Risk(args) => command::risk::run(args, session),
        #[cfg(feature = "service")]
        Command::Audit(args) => command::audit::run(&args, session),
        Command::Runs(args) => command::runs::run(args, session),
        Command::Bench(args) => command::bench::run(args, session),
        #[cfg(feature = "service")]
        Command::Serve(args) => command::serve::run(&args, session),
        #[cfg(feature = "service")]
        Command::Token(args) => command::token::run(&args, session),
        #[cfg(feature = "service")]
        Command::Kill(args) => command::switch::kill(&args, session),
        #[cfg(feature = "service")]
        Command::Arm(args) => command::switch::arm(&args, session),
        Command::Doctor(args) => command::doctor::run(&args, session),
        Command::Config(args) => command::config::run(args, session),
        Command::Completions(args) => command::completions::run(&args, session),
    }
}
