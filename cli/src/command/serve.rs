//! `serve`: the service.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use std::time::Duration;

use clap::Args;
use qt_api::jobs::SharedData;
use qt_api::service::{RecordedFeed, Service, ServiceSettings, log};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::app::Session;
use crate::dataset::sample::{PREFIX, SAMPLES};
use crate::dataset::ticks;
use crate::failure::Failure;
use crate::interrupt;
use crate::output::Ink;
use crate::place::DataDir;
use crate::settings::DataPlan;
use crate::venue::hub;
use crate::version;

/// Start the service: REST, WebSocket, first screen, paper sessions.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade serve\n  \
    PORT=9000 QUANTTRADE_DATA_DIR=/tmp/qt quanttrade serve\n  \
    curl -H \"Authorization: Bearer $(cat ~/.local/share/quanttrade/owner.token)\" \\\n    \
    http://127.0.0.1:8009/portfolio\n\n\
    Settings are variables of the environment, by the platform's names: PORT HOST BASE_PATHS\n\
    DATABASE_URL REDIS_URL JWT_SECRET_KEY JWT_JWKS_URL JWT_ISSUER JWT_AUDIENCE JWT_ROLE_CLAIM\n\
    CORS_ORIGINS METRICS_TOKEN ENABLE_BACKTESTING FEEDS VENUE_URL (docs/OPERATIONS.md). With\n\
    none of them set, the owner of this machine is served, on 127.0.0.1 alone.")]
pub struct ServeArgs {
    /// Read settings from FILE (TOML) by the same names; the environment wins
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
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
    let file = args.settings.as_deref().map(read).transpose()?.unwrap_or_default();
    let get = |name: &str| {
        let own = std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        own.or_else(|| file.get(name).cloned())
    };
    let folder = get("QUANTTRADE_DATA_DIR").map_or_else(|| DataDir::find().path, PathBuf::from);
    let mut settings = ServiceSettings::read(&get, &folder, shared())
        .map_err(|error| Failure::usage(error.to_string()))?;
    settings.paper.program = format!("quanttrade {} ({})", version::VERSION, version::COMMIT);
    if args.probe {
        return probe(settings.address);
    }
    convert(&mut settings.feeds, session)?;
    settings.market = settings.venue.as_ref().map(hub::of).transpose()?;
    let is_text = get("LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("text"));
    log::begin(get("LOG_LEVEL").as_deref(), is_text);
    interrupt::keep_partial_results();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::failed(format!("no threads could be started: {error}")))?;
    let served = runtime.block_on(serve(settings, session));
    // A thread that does not come back must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(100));
    served
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

/// Has recordings in the tick store, where they are not there yet.
fn convert(feeds: &mut [RecordedFeed], session: &Session) -> Result<(), Failure> {
    if feeds.is_empty() {
        return Ok(());
    }
    let plan = DataPlan::new(&session.layers(&BTreeMap::new(), None)?)?;
    for feed in feeds {
        let given = feed.path.display().to_string();
        let converted = ticks::convert(&given, &plan, false, &session.out)?;
        feed.path = PathBuf::from(converted.file.path());
    }
    Ok(())
}

/// Where it is, and how to come in.
fn tell(service: &Service, session: &Session) -> Result<(), Failure> {
    use std::io::IsTerminal;
    let address = service.address();
    let owner = service.owner();
    if session.out.json {
        let file = owner.map(|(_, path)| path.display().to_string());
        let url = format!("http://{address}/");
        return session.out.document(&json!({ "url": url, "owner_token_file": file }));
    }
    let url = format!("http://{address}/");
    let docs = format!("{url}docs");
    let Some((token, path)) = owner else {
        return session.out.line(&format!("QuantTrade listens on {url} (documentation: {docs})"));
    };
    // A token is shown to a person alone, never to a file or a pipe.
    let shown = if std::io::stdout().is_terminal() {
        format!("{url}#token={}", token.reveal())
    } else {
        url
    };
    session.out.line(&format!(
        "QuantTrade listens on {} (documentation: {docs})\nThe owner's token is in {}",
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

/// Settings of a file, as texts.
fn read(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{name}: it cannot be read: {error}")))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        Failure::usage(format!("{name}: not valid TOML: {}", error.to_string().trim()))
    })?;
    let scalar = |(name, value): (String, toml::Value)| match value {
        toml::Value::String(text) => Ok((name, text)),
        toml::Value::Integer(number) => Ok((name, number.to_string())),
        toml::Value::Boolean(flag) => Ok((name, flag.to_string())),
        _ => Err(Failure::usage(format!("{name} takes a text, a number or a flag"))),
    };
    table.into_iter().map(scalar).collect()
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

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_file_has_the_same_names_as_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serve.toml");
        std::fs::write(&path, "PORT = 9000\nHOST = \"127.0.0.1\"\nJWT_COOKIE = false\n").unwrap();
        let found = read(&path).unwrap();
        assert_eq!((found["PORT"].as_str(), found["JWT_COOKIE"].as_str()), ("9000", "false"));
        std::fs::write(&path, "PORT = [1]\n").unwrap();
        assert!(read(&path).is_err());
    }
}
