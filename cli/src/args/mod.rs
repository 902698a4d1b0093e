//! The command line.

mod flags;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::command;

pub use flags::{DataFlags, RunFlags, SweepFlags};

/// A trading and backtest engine: from market data to results that can be trusted.
#[derive(Debug, Parser)]
#[command(
    name = "quanttrade",
    version = crate::version::VERSION,
    max_term_width = 100,
    after_help = "Examples:\n  \
        quanttrade demo\n  \
        quanttrade backtest --data prices.csv --strategy sma_cross --report report.html\n  \
        quanttrade strategies list\n\n\
        Exit codes: 0 done, 1 failed, 2 wrong usage, 3 data missing or refused,\n\
        4 finished but did nothing, 5 refused by a safety rule, 130 interrupted."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Print one JSON document on standard output; all else goes to standard error
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// Print only results and errors
    #[arg(short, long, global = true, display_order = 901)]
    pub quiet: bool,
    /// Print progress as lines of JSON on standard error, for a program that reads them
    #[arg(long, global = true, hide = true)]
    pub progress_lines: bool,
    /// Tell more on the way
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 902)]
    pub verbose: u8,
    /// Use at most N threads; all cores without it
    #[arg(
        long,
        global = true,
        value_name = "N",
        env = "QUANTTRADE_THREADS",
        hide_env = true,
        display_order = 903,
        value_parser = clap::value_parser!(u32).range(1..=4096)
    )]
    pub threads: Option<u32>,
    /// Read settings from FILE; ./quanttrade.toml is read by itself
    #[arg(long, global = true, value_name = "FILE", display_order = 904)]
    pub config: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what this program does: a backtest on bundled real data, offline, in seconds
    Demo(command::demo::DemoArgs),
    /// Run one strategy over market data
    Backtest(command::backtest::BacktestArgs),
    /// Try many parameters of a strategy on all cores
    Sweep(command::sweep::SweepArgs),
    /// Trade on paper, or for real: a recording, the synthetic market or a venue, in real time
    Live(command::live::LiveArgs),
    /// Tell a running session what to do, or ask how it stands
    Control(command::control::ControlArgs),
    /// Watch a live run, and cancel all its orders at the venue when its heart stops
    Guard(command::guard::GuardArgs),
    /// Serve a local exchange that speaks the protocol of a real one
    VenueSim(command::venue_sim::VenueSimArgs),
    /// Record live market data of a venue
    Record(command::record::RecordArgs),
    /// Feed a journal to the pipeline again, and compare what it decides
    Replay(command::replay::ReplayArgs),
    /// Make a recorded run again, and name the first decision that differs
    Parity(command::parity::ParityArgs),
    /// Check and read the journal of a session
    Journal(command::journal::JournalArgs),
    /// Rebuild and rerun when the code of your strategy changes
    Watch(command::watch::WatchArgs),
    /// Import, inspect, check, build and export market data
    Data(command::data::DataArgs),
    /// List the strategies, explain one, or begin your own
    Strategies(command::strategies::StrategiesArgs),
    /// The limits of the risk gate: as a file, and of a running service
    Risk(command::risk::RiskArgs),
    /// Verify the audit of the service
    #[cfg(feature = "service")]
    Audit(command::audit::AuditArgs),
    /// The ledger of all runs
    Runs(command::runs::RunsArgs),
    /// Measure the speed of this machine
    Bench(command::bench::BenchArgs),
    /// Start the service: REST, WebSocket, first screen, paper sessions
    #[cfg(feature = "service")]
    Serve(command::serve::ServeArgs),
    /// Mint a token for development from the configured secret
    #[cfg(feature = "service")]
    Token(command::token::TokenArgs),
    /// Trip a kill switch of a running service
    #[cfg(feature = "service")]
    Kill(command::switch::KillArgs),
    /// Approve that orders may leave again
    #[cfg(feature = "service")]
    Arm(command::switch::ArmArgs),
    /// Check the machine and the installation, with advice
    Doctor(command::doctor::DoctorArgs),
    /// Show all settings and where each value comes from
    Config(command::config::ConfigArgs),
    /// Print the completions of a shell
    Completions(command::completions::CompletionsArgs),
}
