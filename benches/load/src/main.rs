//! Load on a running service: requests at a fixed rate, and sockets.
//!
//! `cargo run --release -p qt-load -- --help`; `benches/load/run.sh` starts a service and runs all.
//! Requests leave at the times that the rate says, whether answers have come or not, and are timed
//! from when they should have left: a service that stalls cannot hide it.

mod requests;
mod server;
mod sockets;
mod summary;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Load on a running service.
#[derive(Debug, Parser)]
#[command(name = "qt-load", version)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Requests at a fixed rate
    Requests(requests::RequestArgs),
    /// Sockets with subscriptions
    Sockets(sockets::SocketArgs),
}

/// Where the service is.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// Host and port
    #[arg(long, default_value = "127.0.0.1:8009")]
    pub address: String,
    /// A file with a token
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// The service's process, whose memory is then told
    #[arg(long, value_name = "PID")]
    pub process: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl Target {
    fn token(&self) -> Result<String, String> {
        let path = self.token_file.display();
        let text = std::fs::read_to_string(&self.token_file);
        text.map(|text| text.trim().to_owned()).map_err(|error| format!("{path}: {error}"))
    }
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
    let done = match cli.what {
        What::Requests(args) => runtime.block_on(requests::run(&args)),
        What::Sockets(args) => runtime.block_on(sockets::run(args)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("error: {words}");
            ExitCode::FAILURE
        }
    }
}
