//! The whole service put together: what `quanttrade serve` runs.

pub mod absent;
pub mod log;
pub mod settings;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use qt_strategies::Registry;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use thiserror::Error;

use crate::audit::head::HeadError;
use crate::audit::{AuditError, HeadKeeper};
use crate::auth::owner::{OwnerError, check_bind};
use crate::auth::{Credentials, NoRevocations, Owner, RedisRevocations, Revocations, Verifier};
use crate::events::{Bus, Publisher, RedisStreams, Sink, StreamSettings};
use crate::http::app::{Makings, Probe};
use crate::http::gate::Gate;
use crate::http::{App, Server};
use crate::limits::{Limiter, LocalLimiter, RedisLimiter};
use crate::routes;
use crate::secret::Secret;
use crate::store::{Store, StoreError};
use crate::trading::time::Time;
use crate::trading::{MarketData, Trading};
pub use settings::{ServeSettings, SettingsError};

/// How often the database is asked whether it is there, for `/health`.
const PING_EVERY: Duration = Duration::from_secs(2);
/// How often the ends of audits are signed.
const SIGN_EVERY: Duration = Duration::from_secs(1);
/// How long sessions may take to end.
const SESSIONS_TIME: Duration = Duration::from_secs(3);

/// Why the service does not run.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("{address}: {source}: choose another PORT or HOST, or end what listens there")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// There is no owner's token, or another machine could use it.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// The database does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key of the audit cannot be had.
    #[error(transparent)]
    Heads(#[from] HeadError),
    /// An audit is not what was signed.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The address of Redis cannot be used.
    #[error("REDIS_URL: {0}")]
    Redis(String),
}

/// What the routes stand on.
pub struct Ports {
    /// The tenants' desks.
    pub trading: Arc<dyn Trading>,
    /// Market data.
    pub market: Arc<dyn MarketData>,
    /// The types of strategies.
    pub registry: Registry,
}

/// A service that is ready to run.
pub struct Service {
    /// What its handlers share.
    pub app: App,
    /// What it keeps.
    pub store: Store,
    /// Domain events, for subscribers in this process.
    pub bus: Arc<Bus>,
    /// Where the owner's token is, in local owner mode.
    pub owner: Option<PathBuf>,
    server: Server,
    publisher: Publisher,
    heads: HeadKeeper,
    has_store: Arc<AtomicBool>,
}

impl Service {
    /// Opens everything. Redis may be away: the service waits for it while it runs.
    ///
    /// # Errors
    /// Why it cannot run.
    pub async fn open(settings: ServeSettings, ports: Ports) -> Result<Self, ServeError> {
        let is_owner_mode = settings.auth.is_owner_mode();
        if is_owner_mode {
            check_bind(settings.address)?;
        }
        let listen = |source| ServeError::Listen { address: settings.address, source };
        let server = Server::bind(settings.address, &settings.http.limits).map_err(listen)?;
        let owner = is_owner_mode.then(|| Owner::open(&settings.data_dir)).transpose()?;
        let path = owner.as_ref().map(|owner| owner.path().to_owned());
        let store = Store::open(&settings.store).await?;
        let heads = HeadKeeper::open(&settings.data_dir)?;
        heads.sign_all(&store).await?;

        let bus = Arc::new(Bus::default());
        let mut sinks: Vec<Arc<dyn Sink>> = vec![bus.clone()];
        let mut limiter: Arc<dyn Limiter> = Arc::new(LocalLimiter::new(&settings.quotas));
        let mut revocations: Arc<dyn Revocations> = Arc::new(NoRevocations);
        if let Some(url) = &settings.redis {
            sinks.push(Arc::new(RedisStreams::new(StreamSettings::new(url.clone()))));
            let redis = redis(url)?;
            limiter = Arc::new(RedisLimiter::new(redis.clone(), &settings.quotas, ""));
            let list = Arc::new(RedisRevocations::new(redis, ""));
            // It ends with the process.
            drop(list.keep_fresh());
            revocations = list;
        }
        let verifier = match owner {
            Some(owner) => Verifier::for_owner(owner),
            None => Verifier::new(&settings.auth, revocations),
        };
        verifier.warm(Time::now()).await;
        let credentials = Credentials {
            is_cookie_on: settings.auth.is_cookie_on,
            origins: settings.http.cors_origins.clone(),
        };
        let mut app = App::new(Makings {
            settings: settings.http,
            gate: Gate::new(verifier, credentials),
            trading: ports.trading,
            market: ports.market,
            store: Arc::new(store.clone()),
            limiter,
            registry: ports.registry,
        });
        let has_store = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&has_store);
        let probe: Probe = Box::new(move || seen.load(Ordering::Relaxed));
        app.probes.push(("database", probe));
        let publisher = Publisher::new(store.clone(), sinks);
        Ok(Self { app, store, bus, owner: path, server, publisher, heads, has_store })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Serves until `stop` is done, then ends in order. Returns whether all ended in time.
    pub async fn run(self, stop: impl Future<Output = ()>) -> bool {
        let app = Arc::new(self.app);
        let publishing = tokio::spawn(self.publisher.run());
        let signing = tokio::spawn(self.heads.run(self.store.clone(), SIGN_EVERY));
        let pinging = tokio::spawn(ping(self.store.clone(), self.has_store));
        let router = routes::router(&app);
        let served = self.server.run(app.clone(), router, stop).await;
        let ended = tokio::time::timeout(SESSIONS_TIME, app.trading.stop()).await.is_ok();
        for task in [publishing, signing, pinging] {
            task.abort();
        }
        self.store.close().await;
        served && ended
    }
}

async fn ping(store: Store, is_there: Arc<AtomicBool>) {
    loop {
        let answered = tokio::time::timeout(PING_EVERY, store.ping()).await;
        is_there.store(matches!(answered, Ok(Ok(()))), Ordering::Relaxed);
        tokio::time::sleep(PING_EVERY).await;
    }
}

/// A connection that is made when it is first used, and again when it was lost.
fn redis(url: &Secret) -> Result<ConnectionManager, ServeError> {
    let bad = |_| ServeError::Redis("it is no address, like redis://host:6379/0".to_owned());
    let client = redis::Client::open(url.reveal()).map_err(bad)?;
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(1)))
        .set_response_timeout(Some(Duration::from_millis(500)));
    ConnectionManager::new_lazy_with_config(client, config).map_err(bad)
}
