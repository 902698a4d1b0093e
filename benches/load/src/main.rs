//! Load on a running service: requests at a fixed rate, and sockets.
//!
//! `benches/load/run.sh` builds everything, starts a service in a folder of its own and prints one
//! table of all figures beside their goals; `qt-load requests` and `qt-load sockets` ask a service
//! that is there. Requests have times at which they should leave, and are timed from these: a
//! service that stalls cannot hide it.

mod all;
mod orders;
mod reader;
mod requests;
mod service;
mod sockets;
mod stuck;
mod summary;
mod target;
mod wire;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Load on a running service.
#[derive(Debug, Parser)]
#[command(name = "qt-load", version)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Start a service, measure everything, print one table
    All(all::AllArgs),
    /// Requests at a fixed rate on a service that runs
    Requests(requests::RequestArgs),
    /// Sockets with subscriptions on a service that runs
    Sockets(sockets::SocketArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match cli.what {
            What::All(args) => all::run(&args).await,
            What::Requests(args) => requests::run(&args).await,
            What::Sockets(args) => sockets::run(&args).await,
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("error: {words}");
            ExitCode::FAILURE
        }
    }
}
