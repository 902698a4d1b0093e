//! `serve`: the service.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use qt_api::jobs::SharedData;
use qt_api::service::{Service, ServiceSettings};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::app::Session;
use crate::dataset::sample::{PREFIX, SAMPLES};
use crate::failure::Failure;
use crate::interrupt;
use crate::output::Ink;
use crate::place::DataDir;

/// Start the service: REST, WebSocket, first screen, paper sessions.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade serve\n  \
    PORT=9000 QUANTTRADE_DATA_DIR=/tmp/qt quanttrade serve\n  \
    curl -H \"Authorization: Bearer $(cat ~/.local/share/quanttrade/owner.token)\" \\\n    \
    http://127.0.0.1:8009/portfolio\n\n\
    Settings are variables of the environment, by the platform's names: PORT HOST BASE_PATHS\n\
    DATABASE_URL REDIS_URL JWT_SECRET_KEY JWT_JWKS_URL JWT_ISSUER JWT_AUDIENCE JWT_ROLE_CLAIM\n\
    CORS_ORIGINS METRICS_TOKEN ENABLE_BACKTESTING (docs/OPERATIONS.md). With none of them set,\n\
    the owner of this machine is served, on 127.0.0.1 alone.")]
pub struct ServeArgs {
    /// Ask a running service for its health, and end: 0 when it is well (for containers)
    #[arg(long)]
    pub probe: bool,
}

/// How long a probe waits.
const PROBE_TIME: Duration = Duration::from_secs(5);

/// Runs the command.
///
/// # Errors
/// When the settings cannot be meant, or something is in the way.
pub fn run(args: &ServeArgs, session: &Session) -> Result<(), Failure> {
    let get = |name: &str| std::env::var(name).ok();
    let folder = DataDir::find().path;
    let settings = ServiceSettings::read(&get, &folder, shared())
        .map_err(|error| Failure::usage(error.to_string()))?;
    if args.probe {
        return probe(settings.address);
    }
    log();
    interrupt::keep_partial_results();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::failed(format!("no threads could be started: {error}")))?;
    runtime.block_on(serve(settings, session))
}

async fn serve(settings: ServiceSettings, session: &Session) -> Result<(), Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::failed(format!("this program cannot be found: {error}")))?;
    let started = Service::start(settings, &program, session.registry.clone()).await;
    let service = started.map_err(|error| Failure::failed(error.to_string()))?;
    tell(&service, session)?;
    let is_whole = service.run(interrupted()).await;
    if is_whole { Ok(()) } else { Err(Failure::failed("not everything had ended in time")) }
}

/// Where it is, and how to come in.
fn tell(service: &Service, session: &Session) -> Result<(), Failure> {
    use std::io::IsTerminal;
    let address = service.address();
    let owner = service.owner();
    if session.out.json {
        let file = owner.map(|(_, path)| path.display().to_string());
        return session.out.document(&json!({ "address": address, "owner_token_file": file }));
    }
    let url = format!("http://{address}/");
    let Some((token, path)) = owner else {
        return session.out.line(&format!("QuantTrade listens on {url}"));
    };
    // A token is shown to a person alone, never to a file or a pipe.
    let shown = if std::io::stdout().is_terminal() {
        format!("{url}#token={}", token.reveal())
    } else {
        url
    };
    session.out.line(&format!(
        "QuantTrade listens on {}\nThe owner's token is in {}",
        session.out.paint(Ink::Accent, &shown),
        path.display()
    ))
}

/// Until the program is to end.
async fn interrupted() {
    while !interrupt::flag().load(std::sync::atomic::Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Log lines go to standard error: as JSON, or as text with `LOG_FORMAT=text`.
fn log() {
    let level = std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".to_owned());
    let text = std::env::var("LOG_FORMAT").is_ok_and(|format| format == "text");
    let filter = tracing_subscriber::EnvFilter::try_new(level.to_ascii_lowercase())
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if text {
        lines.init();
    } else {
        lines.json().flatten_event(true).with_current_span(false).init();
    }
}

/// Asks `/health` of a service on this machine.
fn probe(address: SocketAddr) -> Result<(), Failure> {
    use std::io::{Read, Write};
    let host = if address.ip().is_unspecified() {
        "127.0.0.1".to_owned()
    } else {
        address.ip().to_string()
    };
    let failed = |error: std::io::Error| {
        Failure::failed(format!("no service answers on {host}:{}: {error}", address.port()))
    };
    let to = SocketAddr::new(host.parse().unwrap_or(address.ip()), address.port());
    let mut stream = std::net::TcpStream::connect_timeout(&to, PROBE_TIME).map_err(failed)?;
    stream.set_read_timeout(Some(PROBE_TIME)).map_err(failed)?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    if answer.starts_with("HTTP/1.1 200") {
        return Ok(());
    }
    let line = answer.lines().next().unwrap_or_default().to_owned();
    Err(Failure::failed(format!("the service on {host}:{} is not well: {line}", address.port())))
}

/// The bundled samples, for backtests of every tenant.
fn shared() -> Vec<SharedData> {
    let data = SAMPLES.iter().map(|sample| SharedData {
        name: sample.name.to_owned(),
        symbols: vec![sample.name.to_owned()],
        argument: format!("{PREFIX}{}", sample.name),
        version: Sha256::digest(sample.bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
    });
    data.collect()
}
