//! The settings of the service, by the names that the platform gives them.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::auth::{Config, ConfigError};
use crate::http::HttpSettings;
use crate::limits::{QuotaError, Quotas};
use crate::secret::Secret;
use crate::store::{StoreError, StoreSettings};

/// The port that the platform's gateway calls.
const PORT: u16 = 8009;
/// The shortest token for `/metrics`.
const METRICS_TOKEN_BYTES_MIN: usize = 16;

/// Why the service does not start.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A setting cannot be used.
    #[error("{name}: {detail}")]
    Bad {
        /// Which.
        name: &'static str,
        /// What is wrong, and how to put it right.
        detail: String,
    },
    /// Those of authentication.
    #[error(transparent)]
    Auth(#[from] ConfigError),
    /// Those of rates.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// Those of the database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All settings of the service.
#[derive(Debug)]
pub struct ServeSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// The HTTP face.
    pub http: HttpSettings,
    /// Whom it believes.
    pub auth: Config,
    /// How many requests it takes.
    pub quotas: Quotas,
    /// Where it keeps things.
    pub store: StoreSettings,
    /// Redis, where there is one.
    pub redis: Option<Secret>,
    /// The data directory.
    pub data_dir: PathBuf,
}

impl ServeSettings {
    /// Reads them by their names; what is empty is not set.
    ///
    /// # Errors
    /// What must be put right before the service starts.
    pub fn read(
        get: &dyn Fn(&str) -> Option<String>,
        data_dir: &Path,
    ) -> Result<Self, SettingsError> {
        let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let auth = Config::read(&get)?;
        let is_on = |name| get(name).is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));
        if is_on("ENABLE_REAL_TRADING") {
            let detail = "live trading is not part of this service yet: leave it out".to_owned();
            return Err(SettingsError::Bad { name: "ENABLE_REAL_TRADING", detail });
        }
        let http = HttpSettings {
            base_paths: match get("BASE_PATHS") {
                Some(text) => list(&text),
                None => HttpSettings::default().base_paths,
            },
            cors_origins: get("CORS_ORIGINS").map(|text| list(&text)).unwrap_or_default(),
            metrics_token: metrics_token(get("METRICS_TOKEN"))?,
            ..HttpSettings::default()
        };
        let database = get("DATABASE_URL");
        let owner = get("DATABASE_MIGRATION_URL");
        Ok(Self {
            address: address(&get, auth.is_owner_mode())?,
            http,
            auth,
            quotas: Quotas::read(&get)?,
            store: StoreSettings::new(database.as_deref(), owner.as_deref(), data_dir)?,
            redis: get("REDIS_URL").map(Secret::new),
            data_dir: data_dir.to_owned(),
        })
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn address(
    get: &dyn Fn(&str) -> Option<String>,
    is_owner_mode: bool,
) -> Result<SocketAddr, SettingsError> {
    let bad = |name, detail: &str| SettingsError::Bad { name, detail: detail.to_owned() };
    let port = match get("PORT") {
        Some(text) => {
            text.trim().parse().map_err(|_| bad("PORT", "write a number from 0 to 65535"))?
        }
        None => PORT,
    };
    // Without a key nobody but this machine may come in.
    let usual = if is_owner_mode { "127.0.0.1" } else { "0.0.0.0" };
    let host = get("HOST").unwrap_or_else(|| usual.to_owned());
    let host = if host.trim() == "localhost" { "127.0.0.1" } else { host.trim() };
    let host: IpAddr = host
        .trim_matches(['[', ']'])
        .parse()
        .map_err(|_| bad("HOST", "write the address to listen on, like 127.0.0.1 or 0.0.0.0"))?;
    Ok(SocketAddr::new(host, port))
}

fn metrics_token(text: Option<String>) -> Result<Option<Secret>, SettingsError> {
    match text {
        Some(text) if text.len() < METRICS_TOKEN_BYTES_MIN => {
            let detail = format!("it needs {METRICS_TOKEN_BYTES_MIN} bytes or more");
            Err(SettingsError::Bad { name: "METRICS_TOKEN", detail })
        }
        text => Ok(text.map(Secret::new)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::ServeSettings;

    fn read(pairs: &[(&str, &str)]) -> Result<ServeSettings, String> {
        let get = |name: &str| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        ServeSettings::read(&get, Path::new("data")).map_err(|error| error.to_string())
    }

    const KEY: &str = "k2Zp9vQ4xW7mB1nR6tY3uE8sA5dF0gHjLcXz";

    #[test]
    fn without_settings_the_owner_is_served_on_this_machine() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.address.to_string(), "127.0.0.1:8009");
        assert!(settings.auth.is_owner_mode() && settings.redis.is_none());
        assert_eq!(settings.http.base_paths.len(), 4);
        let keyed = read(&[("JWT_SECRET_KEY", KEY), ("PORT", "9000")]).unwrap();
        assert_eq!(keyed.address.to_string(), "0.0.0.0:9000");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (name, value) in [
            ("PORT", "x"),
            ("HOST", "example.org"),
            ("METRICS_TOKEN", "short"),
            ("ENABLE_REAL_TRADING", "true"),
            ("JWT_SECRET_KEY", "short"),
            ("RATE_LIMIT_READ", "x"),
            ("DATABASE_URL", "mysql://x"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }
}
