//! `serve`: the service behind `/trading`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use qt_api::serve::absent::Absent;
use qt_api::serve::{Ports, ServeSettings, Service, log};
use serde_json::json;

use crate::app::Session;
use crate::failure::Failure;
use crate::interrupt;
use crate::place::{DataDir, make_folder};

/// Serve REST and WebSocket for the tenants of a platform, or for the owner of this machine.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade serve\n  \
    curl -H \"Authorization: Bearer $(cat ~/.local/share/quanttrade/owner.token)\" \\\n    \
    http://127.0.0.1:8009/portfolio\n  \
    PORT=9000 JWT_SECRET_KEY=$(openssl rand -hex 32) quanttrade serve\n\n\
    Settings are variables of the environment, or the same names in --settings FILE; those of\n\
    the environment win: PORT HOST BASE_PATHS DATABASE_URL REDIS_URL QUANTTRADE_DATA_DIR\n\
    JWT_SECRET_KEY JWT_JWKS_URL JWT_ISSUER JWT_AUDIENCE JWT_ROLE_CLAIM CORS_ORIGINS\n\
    METRICS_TOKEN LOG_LEVEL. Without a key only the owner of this machine is served.")]
pub struct ServeArgs {
    /// Read settings from FILE (TOML); the environment wins
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
}

/// Runs the command until it is told to stop.
///
/// # Errors
/// When a setting cannot be used, or something that is needed cannot be had.
pub fn run(args: &ServeArgs, session: &Session) -> Result<(), Failure> {
    let file = args.settings.as_deref().map(read).transpose()?.unwrap_or_default();
    let get = |name: &str| {
        let own = std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        own.or_else(|| file.get(name).cloned())
    };
    log::begin(get("LOG_LEVEL").as_deref());
    let data_dir = get("QUANTTRADE_DATA_DIR").map_or_else(|| DataDir::find().path, PathBuf::from);
    make_folder(&data_dir)?;
    let settings =
        ServeSettings::read(&get, &data_dir).map_err(|error| Failure::usage(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(session.threads.max(2))
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("threads cannot be had: {error}")))?;
    // The first signal ends in order, the second one at once.
    interrupt::keep_partial_results();
    runtime.block_on(serve(settings, session))
}

async fn serve(settings: ServeSettings, session: &Session) -> Result<(), Failure> {
    let nothing = Arc::new(Absent);
    let registry = session.registry.clone();
    let ports = Ports { trading: nothing.clone(), market: nothing, registry };
    let opened = Service::open(settings, ports).await;
    let service = opened.map_err(|error| Failure::failed(error.to_string()))?;
    tell(&service, session)?;
    if service.run(asked_to_stop()).await {
        return Ok(());
    }
    session.out.warn("not everything ended in time: what was under way was cut off");
    Ok(())
}

/// Where it listens, and where the token is. The token itself only on a terminal.
fn tell(service: &Service, session: &Session) -> Result<(), Failure> {
    let address = service.address();
    let owner = service.owner.as_ref().map(|path| path.display().to_string());
    if session.out.json {
        let url = format!("http://{address}/");
        return session.out.document(&json!({ "url": url, "owner_token_file": owner }));
    }
    session.out.line(&format!("listening on http://{address}/ (docs: http://{address}/docs)"))?;
    let Some(path) = owner else { return Ok(()) };
    session.out.line(&format!("this machine's owner only, by the token in {path}"))?;
    if std::io::stdout().is_terminal() {
        let token = std::fs::read_to_string(&path).unwrap_or_default();
        session.out.line(&format!("token: {}", token.trim()))?;
    }
    Ok(())
}

async fn asked_to_stop() {
    while !interrupt::flag().load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

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
