//! The settings of the service, by the platform's names.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::http::HttpSettings;
use crate::http::spans::SpanSettings;
use crate::jobs::SharedData;
use crate::outside::OutsideSettings;
use crate::service::feeds::{VenueName, feeds};
use qt_auth::limits::{QuotaError, Quotas};
use qt_auth::{Config, ConfigError, owner};
use qt_sessions::PaperSettings;
use qt_sessions::market::{RecordedFeed, VenueFeed};
use qt_store::{StoreError, StoreSettings};
use qt_trading::secret::Secret;

/// The port that the platform's gateway calls.
const PORT: u16 = 8009;
/// No machine has a core with this number.
const CORES_MAX: usize = 1_024;
/// The shortest token for `/metrics`.
const METRICS_TOKEN_BYTES_MIN: usize = 16;

/// All settings.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Where it listens: `HOST` and `PORT`.
    pub address: SocketAddr,
    /// The HTTP face: `BASE_PATHS`, `CORS_ORIGINS`, `METRICS_TOKEN`.
    pub http: HttpSettings,
    /// Whom to believe: `JWT_*`.
    pub auth: Config,
    /// How many requests: `RATE_LIMIT_*`.
    pub quotas: Quotas,
    /// The database: `DATABASE_URL`, `DATABASE_MIGRATION_URL`.
    pub store: StoreSettings,
    /// Who collects spans: `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`.
    pub spans: Option<SpanSettings>,
    /// `REDIS_URL`.
    pub redis: Option<Secret>,
    /// Where everything is kept: `QUANTTRADE_DATA_DIR`.
    pub data_dir: PathBuf,
    /// Webhooks, agents, Vault: `WEBHOOK_NETWORKS`, `AGENT_*`, `VAULT_*`.
    pub outside: OutsideSettings,
    /// `FEEDS`: recordings that are the market; the synthetic one without them.
    pub feeds: Vec<RecordedFeed>,
    /// `FEEDS` and `VENUE_URL`: a venue that is the market.
    pub venue: Option<VenueName>,
    /// That venue, once there is a connection to it.
    pub market: Option<Arc<dyn VenueFeed>>,
    /// How sessions are on paper: `SESSION_STATE_EVERY`, `SESSION_PRUNE`.
    pub paper: PaperSettings,
    /// `SESSION_CORES`: cores for the threads of sessions; the system chooses without them.
    pub session_cores: Vec<usize>,
    /// `SESSION_ALONE`: no other process runs sessions on this database.
    pub is_alone: bool,
    /// `ENABLE_BACKTESTING`; on without it.
    pub has_backtests: bool,
    /// Data sets that every tenant may read.
    pub shared: Vec<SharedData>,
}

/// What must be put right before the service starts.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// Of authentication.
    #[error(transparent)]
    Auth(#[from] ConfigError),
    /// Of rates.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// Of the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Without a key only this machine is served.
    #[error(transparent)]
    Owner(#[from] owner::OwnerError),
    /// Anything else.
    #[error("{name}: {detail}")]
    Wrong {
        /// Which setting.
        name: &'static str,
        /// What is wrong, and how to put it right.
        detail: String,
    },
}

pub(super) fn wrong(name: &'static str, detail: impl Into<String>) -> SettingsError {
    SettingsError::Wrong { name, detail: detail.into() }
}

impl ServiceSettings {
    /// Reads the settings by their names; empty ones are not set.
    ///
    /// # Errors
    /// What must be put right before the service starts.
    pub fn read(
        get: &dyn Fn(&str) -> Option<String>,
        data_dir: &Path,
        shared: Vec<SharedData>,
    ) -> Result<Self, SettingsError> {
        let set = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let auth = Config::read(get)?;
        // Without a key nobody but this machine may come in.
        let usual = if auth.is_owner_mode() { "127.0.0.1" } else { "0.0.0.0" };
        let host = set("HOST").unwrap_or_else(|| usual.to_owned());
        let host: IpAddr = match host.trim() {
            "localhost" => IpAddr::from([127, 0, 0, 1]),
            text => text.trim_matches(['[', ']']).parse().map_err(|_| {
                wrong("HOST", format!("'{text}' is no address: use 127.0.0.1, or 0.0.0.0 for all"))
            })?,
        };
        let port = match set("PORT") {
            None => PORT,
            Some(text) => text.trim().parse().map_err(|_| {
                wrong("PORT", format!("'{text}' is no port: use a number from 0 to 65535"))
            })?,
        };
        let address = SocketAddr::new(host, port);
        if auth.is_owner_mode() {
            owner::check_bind(address)?;
        }
        if is_on(&set, "ENABLE_REAL_TRADING", false)? {
            let detail = "sessions of the service trade on paper alone, quanttrade live sends real \
                          orders: leave it out, or set it to false";
            return Err(wrong("ENABLE_REAL_TRADING", detail));
        }
        let database = set("DATABASE_URL");
        let migration = set("DATABASE_MIGRATION_URL");
        let store = StoreSettings::new(database.as_deref(), migration.as_deref(), data_dir)?;
        let owner = auth.is_owner_mode().then_some(owner::OWNER_TENANT);
        let (recordings, venue) = feeds(&set)?;
        Ok(Self {
            address,
            outside: OutsideSettings::read(get, owner)?,
            http: http(&set)?,
            quotas: Quotas::read(get)?,
            store,
            spans: spans(&set)?,
            redis: redis(&set)?,
            feeds: recordings,
            venue,
            market: None,
            data_dir: data_dir.to_owned(),
            paper: paper(&set)?,
            session_cores: cores(&set)?,
            is_alone: is_on(&set, "SESSION_ALONE", false)?,
            has_backtests: is_on(&set, "ENABLE_BACKTESTING", true)?,
            shared,
            auth,
        })
    }
}

pub(super) type Get<'a> = dyn Fn(&str) -> Option<String> + 'a;

fn http(set: &Get<'_>) -> Result<HttpSettings, SettingsError> {
    let list = |name: &str| -> Option<Vec<String>> {
        let words = set(name)?;
        let words = words.split(',').map(|word| word.trim().to_owned());
        Some(words.filter(|word| !word.is_empty()).collect())
    };
    let mut http = HttpSettings::default();
    if let Some(paths) = list("BASE_PATHS") {
        if let Some(path) = paths.iter().find(|path| !path.starts_with('/')) {
            return Err(wrong("BASE_PATHS", format!("'{path}' does not begin with a slash")));
        }
        http.base_paths = paths;
    }
    if let Some(origins) = list("CORS_ORIGINS") {
        let is_origin = |text: &String| {
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains('/') && rest != "*")
        };
        if let Some(bad) = origins.iter().find(|text| !is_origin(text)) {
            let detail = format!("'{bad}' is no origin: write https://host, without a path or *");
            return Err(wrong("CORS_ORIGINS", detail));
        }
        http.cors_origins = origins;
    }
    http.metrics_token = match set("METRICS_TOKEN") {
        Some(text) if text.len() < METRICS_TOKEN_BYTES_MIN => {
            let detail = format!("it needs {METRICS_TOKEN_BYTES_MIN} bytes or more");
            return Err(wrong("METRICS_TOKEN", detail));
        }
        text => text.map(Secret::new),
    };
    Ok(http)
}

fn spans(set: &Get<'_>) -> Result<Option<SpanSettings>, SettingsError> {
    let Some(text) = set("OTEL_EXPORTER_OTLP_ENDPOINT") else { return Ok(None) };
    let endpoint = text.trim().trim_end_matches('/').to_owned();
    let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    let is_right = host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|it| it.is_ascii_graphic() && !b"@?#\\".contains(&it))
    });
    if !is_right {
        let detail = "it is no address of a collector, like http://collector:4318";
        return Err(wrong("OTEL_EXPORTER_OTLP_ENDPOINT", detail));
    }
    let service = set("OTEL_SERVICE_NAME").unwrap_or_else(|| "quanttrade".to_owned());
    Ok(Some(SpanSettings { endpoint, service }))
}

fn redis(set: &Get<'_>) -> Result<Option<Secret>, SettingsError> {
    let Some(url) = set("REDIS_URL") else { return Ok(None) };
    if redis::Client::open(url.as_str()).is_err() {
        // Not shown: it may hold a password.
        return Err(wrong("REDIS_URL", "it is no address, like redis://host:6379/0"));
    }
    Ok(Some(Secret::new(url)))
}

fn paper(set: &Get<'_>) -> Result<PaperSettings, SettingsError> {
    let usual = PaperSettings::default();
    let state_every = match set("SESSION_STATE_EVERY") {
        None => usual.state_every,
        Some(text) => NonZeroU64::new(text.trim().parse().map_err(|_| {
            let detail = format!("'{text}' is no number of events; 0 keeps no states");
            wrong("SESSION_STATE_EVERY", detail)
        })?),
    };
    let prunes = is_on(set, "SESSION_PRUNE", usual.prunes)?;
    if prunes && state_every.is_none() {
        let detail = "without states all of a journal is needed: set SESSION_STATE_EVERY, or leave \
                      SESSION_PRUNE out";
        return Err(wrong("SESSION_PRUNE", detail));
    }
    Ok(PaperSettings { state_every, prunes, ..usual })
}

/// `2,3`, or `2-5` for all from one to another.
fn cores(set: &Get<'_>) -> Result<Vec<usize>, SettingsError> {
    let list = set("SESSION_CORES").unwrap_or_default();
    let mut cores = Vec::new();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
        let number =
            |text: &str| text.trim().parse::<usize>().ok().filter(|core| *core < CORES_MAX);
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            let detail = format!("'{entry}' names no cores: write numbers, like 2,3 or 2-5");
            return Err(wrong("SESSION_CORES", detail));
        };
        cores.extend(first..=last);
    }
    let count = cores.len();
    cores.sort_unstable();
    cores.dedup();
    if cores.len() < count || (cores.is_empty() && !list.trim().is_empty()) {
        let detail = format!("'{list}' does not name each core once");
        return Err(wrong("SESSION_CORES", detail));
    }
    Ok(cores)
}

fn is_on(set: &Get<'_>, name: &'static str, usual: bool) -> Result<bool, SettingsError> {
    match set(name).map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        None => Ok(usual),
        Some("true" | "1" | "yes" | "on") => Ok(true),
        Some("false" | "0" | "no" | "off") => Ok(false),
        Some(text) => Err(wrong(name, format!("'{text}' is neither true nor false"))),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::ServiceSettings;

    fn read(given: &[(&str, &str)]) -> Result<ServiceSettings, String> {
        let get = |name: &str| {
            given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        ServiceSettings::read(&get, Path::new("/data"), Vec::new()).map_err(|e| e.to_string())
    }

    const SECRET: (&str, &str) =
        ("JWT_SECRET_KEY", "8f3c1b7a9d2e4f60b1c2d3e4f5a60718293a4b5c6d7e8f90");

    #[test]
    fn how_long_journals_are_is_set_in_events() {
        let paper = |given: &[(&str, &str)]| read(given).map(|it| it.paper);
        let of = |given| paper(given).map(|it| (it.state_every.map_or(0, u64::from), it.prunes));
        assert_eq!(of(&[]), Ok((100_000, false)));
        assert_eq!(of(&[("SESSION_STATE_EVERY", "0")]), Ok((0, false)));
        assert_eq!(of(&[("SESSION_STATE_EVERY", "500"), ("SESSION_PRUNE", "on")]), Ok((500, true)));
        assert!(of(&[("SESSION_STATE_EVERY", "many")]).unwrap_err().contains("no number"));
        let both = [("SESSION_STATE_EVERY", "0"), ("SESSION_PRUNE", "on")];
        assert!(of(&both).unwrap_err().contains("all of a journal is needed"));
    }

    #[test]
    fn nothing_set_serves_the_owner_of_this_machine() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.address.to_string(), "127.0.0.1:8009");
        assert!(settings.auth.is_owner_mode() && settings.has_backtests);
        assert!(settings.redis.is_none() && settings.feeds.is_empty());
    }

    #[test]
    fn cores_of_sessions_are_named_one_by_one_or_from_to() {
        let of = |text| read(&[("SESSION_CORES", text)]).map(|it| it.session_cores);
        assert_eq!(of("3, 1"), Ok(vec![1, 3]));
        assert_eq!(of("2-4,7"), Ok(vec![2, 3, 4, 7]));
        assert_eq!(of(""), Ok(Vec::new()));
        for bad in ["two", "1,1", "5-3", "0-99999999", "-1", ",", "1-2,2"] {
            assert!(of(bad).unwrap_err().contains("SESSION_CORES"), "{bad}");
        }
    }

    #[test]
    fn recordings_are_named_with_their_pace() {
        let settings = read(&[("FEEDS", "recording:/a/b@c.qtt@2.5, recording:d.qtt")]).unwrap();
        let feeds = settings.feeds.iter().map(|it| (it.path.to_str().unwrap(), it.speed_e9));
        let wanted = [("/a/b@c.qtt", 2_500_000_000), ("d.qtt", 1_000_000_000)];
        assert_eq!(feeds.collect::<Vec<_>>(), wanted);
        assert_eq!(settings.venue, None);
    }

    #[test]
    fn a_venue_is_named_with_its_instruments() {
        let url = ("VENUE_URL", "http://127.0.0.1:8790");
        let feeds = ("FEEDS", "binance-spot:BTCUSDT, binance-spot:ETHUSDT");
        let venue = read(&[feeds, url]).unwrap().venue.unwrap();
        assert_eq!((venue.name.as_str(), venue.url.as_deref()), ("binance-spot", Some(url.1)));
        assert_eq!(venue.symbols, ["BTCUSDT", "ETHUSDT"]);
        for feeds in [
            "binance-spot:BTCUSDT,recording:a.qtt",
            "binance-spot:BTCUSDT,other-venue:BTCUSDT",
            "binance-spot:BTCUSDT,binance-spot:BTCUSDT",
            "binance-spot:",
            "binance-spot:BTC USDT",
            ":BTCUSDT",
        ] {
            assert!(read(&[("FEEDS", feeds)]).unwrap_err().contains("FEEDS"), "{feeds}");
        }
        assert!(read(&[url]).unwrap_err().contains("VENUE_URL"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_name() {
        for (given, name) in [
            (("PORT", "80090"), "PORT"),
            (("HOST", "example.org"), "HOST"),
            (("HOST", "0.0.0.0"), "JWT_SECRET_KEY"),
            (("BASE_PATHS", "trading"), "BASE_PATHS"),
            (("CORS_ORIGINS", "*"), "CORS_ORIGINS"),
            (("CORS_ORIGINS", "https://a.example/path"), "CORS_ORIGINS"),
            (("REDIS_URL", "nothing:canary"), "REDIS_URL"),
            (("ENABLE_REAL_TRADING", "true"), "ENABLE_REAL_TRADING"),
            (("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"), "OTEL_EXPORTER_OTLP_ENDPOINT"),
            (("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:canary@c"), "OTEL_EXPORTER_OTLP_ENDPOINT"),
            (("ENABLE_BACKTESTING", "maybe"), "ENABLE_BACKTESTING"),
            (("DATABASE_URL", "mysql://h/d"), "DATABASE_URL"),
            (("FEEDS", "binance"), "FEEDS"),
            (("FEEDS", "recording:a.qtt@0"), "FEEDS"),
            (("FEEDS", "recording:a.qtt@fast"), "FEEDS"),
            (("METRICS_TOKEN", "short"), "METRICS_TOKEN"),
            (("JWT_SECRET_KEY", "short"), "JWT_SECRET_KEY"),
        ] {
            let words = read(&[given]).unwrap_err();
            assert!(words.contains(name), "{given:?}: {words}");
            assert!(!words.contains("canary"), "{words}");
        }
        let all = [SECRET, ("REDIS_URL", "redis://u:canary@h/12")];
        let settings = read(&all).unwrap();
        assert_eq!(settings.address.to_string(), "0.0.0.0:8009");
        assert!(!format!("{settings:?}").contains("canary"));
        assert!(!format!("{settings:?}").contains(SECRET.1));
    }
}
