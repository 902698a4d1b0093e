//! Starting, serving, stopping.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use qt_strategies::Registry;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use thiserror::Error;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::decisions;
use super::leases::StoreLeases;
use super::projector;
use super::settings::ServiceSettings;
use crate::http::app::Makings;
use crate::http::gate::Gate;
use crate::http::{App, Server, Shared};
use crate::jobs::{JobSettings, Jobs};
use qt_auth::limits::{Limiter, LocalLimiter, RedisLimiter};
use qt_auth::owner::OwnerError;
use qt_auth::{Credentials, NoRevocations, Owner, RedisRevocations, Revocations, Verifier};
use qt_sessions::market::{Hub, HubSettings, MarketError};
use qt_sessions::{SessionSettings, Sessions, StartError};
use qt_store::audit::HeadKeeper;
use qt_store::events::{Bus, Publisher, RedisStreams, Sink, StreamSettings};
use qt_store::{Accounts, Idempotency, Store, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use qt_trading::time::Time;
use qt_trading::{
    ArmAnswer, Desk, Doing, KillAnswer, KillLevel, Refusal, SessionState, Switch, Trading,
};

/// How often it is looked whether what the service uses is there.
const PROBED_EVERY: Duration = Duration::from_secs(2);
/// How often the ends of audits are signed.
const SIGNED_EVERY: Duration = Duration::from_secs(5);
/// How often old keys of requests are swept away.
const SWEPT_EVERY: Duration = Duration::from_secs(3_600);
/// What sessions and jobs get to end.
const STOP_TIME: Duration = Duration::from_secs(4);

/// Why the service does not start.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The owner's token.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// The store.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// The audit.
    #[error("the audit: {0}")]
    Audit(String),
    /// The market.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// The sessions.
    #[error(transparent)]
    Sessions(#[from] StartError),
    /// The address.
    #[error("{address}: cannot be listened on: {source}; is another service there? (PORT)")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Anything else of the system.
    #[error("{0}")]
    System(String),
}

/// A service that has started.
pub struct Service {
    server: Server,
    app: Shared,
    router: Router,
    store: Store,
    sessions: Arc<Kept>,
    jobs: Option<Arc<Jobs>>,
    bus: Arc<Bus>,
    owner: Option<(Secret, std::path::PathBuf)>,
    tasks: Vec<JoinHandle<()>>,
}

impl Service {
    /// Starts everything; it listens when this returns. `program` runs backtests.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn start(
        settings: ServiceSettings,
        program: &Path,
        registry: Registry,
    ) -> Result<Self, ServiceError> {
        let data_dir = settings.data_dir.clone();
        make_private(&data_dir)?;
        let address = settings.address;
        let bind = Server::bind(address, &settings.http.limits);
        let server = bind.map_err(|source| ServiceError::Bind { address, source })?;
        let store = Store::open(&settings.store).await?;
        let mut tasks = Vec::new();
        let redis = settings.redis.as_ref().map(redis_lazily).transpose()?;
        let (gate, owner) = gate(&settings, redis.as_ref(), &mut tasks).await?;
        let limiter: Arc<dyn Limiter> = match &redis {
            Some(redis) => Arc::new(RedisLimiter::new(redis.clone(), &settings.quotas, "")),
            None => Arc::new(LocalLimiter::new(&settings.quotas)),
        };
        let market =
            HubSettings { state: Some(data_dir.join("market.json")), ..Default::default() };
        let hub = Hub::start(market)?;
        let mut sessions = SessionSettings::new(data_dir.join("sessions"));
        if store.is_shared() {
            // SQLite is on this machine alone: there the lock of a file says all, and at once.
            let holder = format!("{}:{}", std::process::id(), Uuid::now_v7());
            sessions.lease = Arc::new(StoreLeases::new(store.clone(), holder));
        }
        let sessions = Kept::new(Sessions::start(sessions, Arc::clone(&hub))?, store.clone());
        let jobs = settings.has_backtests.then(|| {
            let jobs = JobSettings::new(program.to_owned(), data_dir, settings.shared.clone());
            Jobs::new(jobs, Arc::new(store.clone()))
        });
        let mut app = App::new(Makings {
            settings: settings.http,
            gate,
            trading: Arc::clone(&sessions) as Arc<dyn Trading>,
            market: hub,
            store: Arc::new(store.clone()),
            limiter,
            registry,
        });
        app.jobs.clone_from(&jobs);
        let bus = Arc::new(Bus::default());
        tasks.extend(background(&mut app, &store, &bus, settings.redis.as_ref(), redis).await?);
        if let Some(jobs) = &jobs {
            // What waited goes on once the store answers; a start does not wait for that.
            let jobs = Arc::clone(jobs);
            tasks.push(tokio::spawn(async move {
                while let Err(error) = jobs.recover().await {
                    tracing::warn!(%error, "backtests that waited are not taken up yet");
                    tokio::time::sleep(PROBED_EVERY).await;
                }
            }));
        }
        let app = Arc::new(app);
        let router = crate::routes::router(&app);
        Ok(Self { server, app, router, store, sessions, jobs, bus, owner, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Domain events, for subscribers in this process.
    #[must_use]
    pub const fn bus(&self) -> &Arc<Bus> {
        &self.bus
    }

    /// The owner's token and its file, in local owner mode.
    #[must_use]
    pub fn owner(&self) -> Option<(&Secret, &Path)> {
        self.owner.as_ref().map(|(token, path)| (token, path.as_path()))
    }

    /// Serves until `stop` is done, then ends everything in order; whether all of it ended in time.
    pub async fn run(self, stop: impl Future<Output = ()>) -> bool {
        let is_served = self.server.run(Arc::clone(&self.app), self.router, stop).await;
        let ending = async {
            if let Some(jobs) = &self.jobs {
                jobs.stop().await;
            }
            self.sessions.stop().await;
        };
        let is_ended = tokio::time::timeout(STOP_TIME, ending).await.is_ok();
        for task in self.tasks {
            task.abort();
        }
        self.store.close().await;
        is_served && is_ended
    }
}

/// Makes the data directory, for its owner alone.
fn make_private(folder: &Path) -> Result<(), ServiceError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        ServiceError::System(format!(
            "{}: the data directory cannot be made: {error} (QUANTTRADE_DATA_DIR)",
            folder.display()
        ))
    })
}

/// A connection that is made when it is needed, and again after Redis was away.
fn redis_lazily(url: &Secret) -> Result<ConnectionManager, ServiceError> {
    let wrong = |_| ServiceError::System("REDIS_URL: it cannot be used".to_owned());
    let client = redis::Client::open(url.reveal()).map_err(wrong)?;
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(Duration::from_millis(500)))
        .set_response_timeout(Some(Duration::from_millis(500)));
    ConnectionManager::new_lazy_with_config(client, config).map_err(wrong)
}

type GateAndOwner = (Gate, Option<(Secret, std::path::PathBuf)>);

async fn gate(
    settings: &ServiceSettings,
    redis: Option<&ConnectionManager>,
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<GateAndOwner, ServiceError> {
    let credentials = Credentials {
        is_cookie_on: settings.auth.is_cookie_on,
        origins: settings.http.cors_origins.clone(),
    };
    if settings.auth.is_owner_mode() {
        let owner = Owner::open(&settings.data_dir)?;
        let told = (owner.token().clone(), owner.path().to_owned());
        return Ok((Gate::new(Verifier::for_owner(owner), credentials), Some(told)));
    }
    let revocations: Arc<dyn Revocations> = match redis {
        Some(redis) => {
            let list = Arc::new(RedisRevocations::new(redis.clone(), ""));
            tasks.push(list.keep_fresh());
            list
        }
        None => Arc::new(NoRevocations),
    };
    let verifier = Verifier::new(&settings.auth, revocations);
    verifier.warm(Time::now()).await;
    Ok((Gate::new(verifier, credentials), None))
}

/// What goes on beside the requests: publication, signing, probing, sweeping.
async fn background(
    app: &mut App,
    store: &Store,
    bus: &Arc<Bus>,
    url: Option<&Secret>,
    redis: Option<ConnectionManager>,
) -> Result<Vec<JoinHandle<()>>, ServiceError> {
    let mut sinks: Vec<Arc<dyn Sink>> = vec![Arc::clone(bus) as _];
    if let Some(url) = url {
        sinks.push(Arc::new(RedisStreams::new(StreamSettings::new(url.clone()))));
    }
    let publisher = Publisher::new(store.clone(), sinks);
    let opened = HeadKeeper::open(store.data_dir());
    let keeper = opened.map_err(|error| ServiceError::Audit(error.to_string()))?;
    if let Err(error) = keeper.sign_all(store).await {
        tracing::error!(%error, "an audit's end is not signed");
    }
    let mut tasks = vec![
        tokio::spawn(publisher.run()),
        tokio::spawn(keeper.run(store.clone(), SIGNED_EVERY)),
        tokio::spawn(sweep(store.clone())),
    ];
    let is_up = Arc::new(AtomicBool::new(true));
    let (shown, asked) = (Arc::clone(&is_up), store.clone());
    app.probes.push(("database", Box::new(move || shown.load(Ordering::Relaxed))));
    tasks.push(tokio::spawn(async move {
        loop {
            let answer = tokio::time::timeout(PROBED_EVERY, asked.ping()).await;
            is_up.store(matches!(answer, Ok(Ok(()))), Ordering::Relaxed);
            tokio::time::sleep(PROBED_EVERY).await;
        }
    }));
    if let Some(mut redis) = redis {
        let is_up = Arc::new(AtomicBool::new(false));
        let shown = Arc::clone(&is_up);
        app.probes.push(("redis", Box::new(move || shown.load(Ordering::Relaxed))));
        tasks.push(tokio::spawn(async move {
            loop {
                let ping = redis::cmd("PING").query_async::<String>(&mut redis).await;
                is_up.store(ping.is_ok(), Ordering::Relaxed);
                tokio::time::sleep(PROBED_EVERY).await;
            }
        }));
    }
    Ok(tasks)
}

async fn sweep(store: Store) {
    loop {
        tokio::time::sleep(SWEPT_EVERY).await;
        if let Err(error) = sweep_all(&store).await {
            tracing::warn!(%error, "old keys of requests are not swept");
        }
    }
}

async fn sweep_all(store: &Store) -> Result<(), StoreError> {
    for tenant in store.tenants().await? {
        store.expire_requests(tenant).await?;
    }
    Ok(())
}

/// Sessions whose doings are kept in the store.
struct Kept {
    sessions: Arc<Sessions>,
    store: Store,
    followed: Mutex<HashSet<TenantId>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Kept {
    fn new(sessions: Arc<Sessions>, store: Store) -> Arc<Self> {
        let of_all = tokio::spawn(decisions::follow_all(store.clone(), Arc::clone(&sessions)));
        let tasks = Mutex::new(vec![of_all]);
        Arc::new(Self { sessions, store, followed: Mutex::default(), tasks })
    }

    fn follow(&self, tenant: TenantId, desk: &Arc<dyn Desk>) {
        let is_new = self.followed.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        if is_new {
            let task = projector::follow(self.store.clone(), tenant, Arc::clone(desk));
            let decided = decisions::follow(self.store.clone(), tenant, Arc::clone(desk));
            let new = [tokio::spawn(task), tokio::spawn(decided)];
            self.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
        }
    }
}

impl Trading for Kept {
    fn desk(&self, tenant: TenantId) -> Doing<'_, Result<Arc<dyn Desk>, Refusal>> {
        Box::pin(async move {
            let desk = self.sessions.desk(tenant).await?;
            self.follow(tenant, &desk);
            Ok(desk)
        })
    }

    fn stop(&self) -> Doing<'_, ()> {
        Box::pin(async move {
            self.sessions.stop().await;
            let tasks =
                std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
            for task in tasks {
                task.abort();
            }
        })
    }

    fn kill_all(
        &self,
        level: KillLevel,
        subject: String,
        reason: String,
        person: String,
    ) -> Doing<'_, Result<KillAnswer, Refusal>> {
        self.sessions.kill_all(level, subject, reason, person)
    }

    fn arm_all(
        &self,
        level: KillLevel,
        subject: String,
        trip: Time,
        people: Vec<String>,
    ) -> Doing<'_, Result<ArmAnswer, Refusal>> {
        self.sessions.arm_all(level, subject, trip, people)
    }

    fn switches(&self) -> Vec<Switch> {
        self.sessions.switches()
    }

    fn states(&self) -> Vec<SessionState> {
        self.sessions.states()
    }
}
