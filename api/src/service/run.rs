//! Starting, serving, stopping.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use qt_strategies::Registry;
use qt_strategies::quality::DriftRule;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::decisions;
use super::leases::StoreLeases;
use super::memory::StoreMemory;
use super::projector::Projector;
use super::settings::ServiceSettings;
use crate::hitl::mirror::Mirror;
use crate::http::app::Makings;
use crate::http::gate::Gate;
use crate::http::metrics::Metrics;
use crate::http::spans::Spans;
use crate::http::{App, Server, Shared};
use crate::jobs::{JobSettings, Jobs};
use crate::outside;
use crate::signals::SourceKeys;
use crate::signals::quality::{self, Judge};
use crate::signals::stream::SignalStream;
use crate::signals::upkeep::{self, Upkeep};
use qt_auth::limits::{Limiter, LocalLimiter, RedisLimiter};
use qt_auth::owner::OwnerError;
use qt_auth::{Credentials, NoRevocations, Owner, RedisRevocations, Revocations, Verifier};
use qt_outside::seal::SealError;
use qt_outside::webhooks::Courier;
use qt_sessions::market::{Hub, HubSettings, MarketError};
use qt_sessions::{Listeners, SessionSettings, Sessions, Stages, StartError};
use qt_store::audit::HeadKeeper;
use qt_store::events::{Bus, Publisher, RedisStreams, Sink, StreamSettings};
use qt_store::{Accounts, Idempotency, Store, StoreError};
use qt_trading::Trading;
use qt_trading::secret::Secret;
use qt_trading::time::Time;

/// How often it is looked whether what the service uses is there.
const PROBED_EVERY: Duration = Duration::from_secs(2);
/// How often the ends of audits are signed.
const SIGNED_EVERY: Duration = Duration::from_secs(1);
/// How often old keys of requests are swept away.
const SWEPT_EVERY: Duration = Duration::from_secs(3_600);
/// From the word to the end of everything: connections have their part of it in [`Limits`], the
/// store the last of it, sessions and jobs what is between.
///
/// [`Limits`]: crate::http::Limits
const STOP_TIME: Duration = Duration::from_millis(4_700);
/// What the store gets of it.
const CLOSE_TIME: Duration = Duration::from_millis(500);
/// What records of sessions get, of that, to be kept.
const KEEP_TIME: Duration = Duration::from_secs(1);

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
    /// Secrets in the store.
    #[error("SECRETS_KEY: {0}")]
    Seal(#[from] SealError),
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
    leases: Option<StoreLeases>,
    sessions: Arc<Sessions>,
    projector: Arc<Projector>,
    keeper: Arc<HeadKeeper>,
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
        let limiter = limiter(&settings, redis.as_ref());
        let hub = market(&settings)?;
        let metrics = Arc::new(Metrics::new());
        let (sessions, projector, leases) = sessions(&store, &settings, &hub, &registry, &metrics)?;
        let jobs = jobs(&settings, program, &store);
        let source_keys =
            SourceKeys::open(&data_dir).map_err(|error| ServiceError::System(error.to_string()))?;
        let mut app = App::new(Makings {
            settings: settings.http,
            gate,
            trading: Arc::clone(&sessions) as Arc<dyn Trading>,
            market: hub,
            store: Arc::new(store.clone()),
            limiter,
            registry,
            metrics,
        });
        app.source_keys = source_keys;
        app.jobs.clone_from(&jobs);
        let waiting = Arc::clone(&projector);
        let waiting = move || waiting.waiting() as f64;
        app.gauges.push(("quanttrade_records_waiting", Box::new(waiting)));
        if let Some(collector) = settings.spans {
            let (spans, sending) = Spans::start(collector);
            app.spans = Some(spans);
            tasks.push(sending);
        }
        let (bus, keeper) = (Arc::new(Bus::default()), keeper(&store).await?);
        tasks.push(tokio::spawn(Arc::clone(&keeper).run(store.clone(), SIGNED_EVERY)));
        tasks.push(tokio::spawn(decisions::follow(store.clone(), Arc::clone(&sessions))));
        let mirror = redis.clone().map(Mirror::new);
        let approvals = Arc::clone(&app.approvals);
        tasks.push(tokio::spawn(approvals.keep(store.clone(), mirror)));
        let courier = outside::open(&mut app, &settings.outside, &store)?;
        tasks.extend(background(&mut app, &store, &bus, courier, settings.redis.as_ref(), redis));
        tasks.extend(outside::listen(&app, &settings.outside.agents, &store));
        tasks.extend(jobs.as_ref().map(|jobs| tokio::spawn(recover(Arc::clone(jobs)))));
        tasks.extend(sources(&app, &sessions));
        let app = Arc::new(app);
        tasks.extend(settings.redis.map(|url| tokio::spawn(SignalStream::new(url, &app).run())));
        let router = crate::routes::router(&app);
        Ok(Self {
            server,
            app,
            router,
            store,
            leases,
            sessions,
            projector,
            keeper,
            jobs,
            bus,
            owner,
            tasks,
        })
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

    /// Serves until `stop` is done, then ends everything in order; whether all of it ended in time,
    /// which is less than five seconds.
    pub async fn run(self, stop: impl Future<Output = ()>) -> bool {
        let (jobs, until) = (self.jobs.clone(), OnceLock::new());
        let stop = async {
            stop.await;
            until.get_or_init(|| Instant::now() + STOP_TIME);
            // Their processes end while requests do.
            if let Some(jobs) = jobs.clone() {
                tokio::spawn(async move { jobs.stop().await });
            }
        };
        let is_served = self.server.run(Arc::clone(&self.app), self.router, stop).await;
        let until = *until.get_or_init(|| Instant::now() + STOP_TIME);
        let ending = async {
            if let Some(jobs) = &jobs {
                jobs.stop().await;
            }
            self.sessions.stop().await;
            self.projector.stop(KEEP_TIME).await;
            if let Err(error) = self.keeper.sign_grown(&self.store).await {
                tracing::error!(%error, "an audit's end is not signed");
            }
            if let Some(leases) = &self.leases {
                leases.given_back().await;
            }
        };
        let is_ended = timeout_at(until - CLOSE_TIME, ending).await.is_ok();
        for task in self.tasks {
            task.abort();
        }
        let is_closed = timeout_at(until, self.store.close()).await.is_ok();
        is_served && is_ended && is_closed
    }
}

/// What looks after sources of signals.
fn sources(app: &App, sessions: &Arc<Sessions>) -> [JoinHandle<()>; 3] {
    let upkeep = Upkeep::new(app.store.clone(), app.market.clone(), Arc::clone(&app.signals));
    [
        tokio::spawn(quality::follow(judge(app), Arc::clone(sessions))),
        tokio::spawn(quality::follow(judge(app).far(), Arc::clone(sessions))),
        tokio::spawn(upkeep::follow(upkeep, Arc::clone(sessions))),
    ]
}

/// Who judges what sources of signals say.
fn judge(app: &App) -> Judge {
    Judge::new(app.store.clone(), app.market.clone(), DriftRule::default())
}

/// This process, as others see it that want what it has.
fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("process {} on {} ({})", std::process::id(), host.trim(), Uuid::now_v7())
}

/// Backtests that waited go on once the store answers; a start does not wait for that.
async fn recover(jobs: Arc<Jobs>) {
    while let Err(error) = jobs.recover().await {
        tracing::warn!(%error, "backtests that waited are not taken up yet");
        tokio::time::sleep(PROBED_EVERY).await;
    }
    tokio::join!(Arc::clone(&jobs).keep_up(), jobs.follow());
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

fn limiter(settings: &ServiceSettings, redis: Option<&ConnectionManager>) -> Arc<dyn Limiter> {
    match redis {
        Some(redis) => Arc::new(RedisLimiter::new(redis.clone(), &settings.quotas, "")),
        None => Arc::new(LocalLimiter::new(&settings.quotas)),
    }
}

/// The market of all sessions: what is configured, or the synthetic one.
fn market(settings: &ServiceSettings) -> Result<Arc<Hub>, MarketError> {
    let kept = |name: &str| Some(settings.data_dir.join(name));
    let (state, candles) = (kept("market.json"), kept("candles"));
    let (recordings, venue) = (settings.feeds.clone(), settings.market.clone());
    Hub::start(HubSettings { state, recordings, venue, candles, ..HubSettings::default() })
}

/// Backtests, unless they are off.
fn jobs(settings: &ServiceSettings, program: &Path, store: &Store) -> Option<Arc<Jobs>> {
    if !settings.has_backtests {
        return None;
    }
    let (program, data_dir) = (program.to_owned(), settings.data_dir.clone());
    let jobs = JobSettings::new(program, data_dir, settings.shared.clone());
    let jobs = JobSettings { is_alone: !store.is_shared(), ..jobs };
    Some(Jobs::new(jobs, Arc::new(store.clone())))
}

/// All sessions, who keeps what they do, and the leases of the store.
type Begun = (Arc<Sessions>, Arc<Projector>, Option<StoreLeases>);

fn sessions(
    store: &Store,
    of: &ServiceSettings,
    hub: &Arc<Hub>,
    registry: &Registry,
    metrics: &Arc<Metrics>,
) -> Result<Begun, StartError> {
    let mut settings = SessionSettings::new(of.data_dir.join("sessions"));
    settings.paper = of.paper.clone();
    settings.cores.clone_from(&of.session_cores);
    let metrics = Arc::clone(metrics);
    settings.stages = Stages::to(move |stage, took| metrics.stage(stage.name(), took));
    settings.registry = Arc::new(registry.clone());
    // SQLite is on this machine alone: there the lock of a file says all, and at once.
    let leases = store.is_shared().then(|| StoreLeases::new(store.clone(), holder(), of.is_alone));
    if let Some(leases) = &leases {
        settings.lease = Arc::new(leases.clone());
    }
    settings.memory = Arc::new(StoreMemory::new(store.clone()));
    let projector = Projector::new(store.clone(), of.data_dir.clone());
    settings.listeners = Arc::clone(&projector) as Arc<dyn Listeners>;
    Ok((Sessions::start(settings, Arc::clone(hub))?, projector, leases))
}

/// Who signs the ends of audits; those of before are signed.
async fn keeper(store: &Store) -> Result<Arc<HeadKeeper>, ServiceError> {
    let opened = HeadKeeper::open(store.data_dir());
    let keeper = opened.map_err(|error| ServiceError::Audit(error.to_string()))?;
    if let Err(error) = keeper.sign_all(store).await {
        tracing::error!(%error, "an audit's end is not signed");
    }
    Ok(Arc::new(keeper))
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
fn background(
    app: &mut App,
    store: &Store,
    bus: &Arc<Bus>,
    courier: Arc<Courier>,
    url: Option<&Secret>,
    redis: Option<ConnectionManager>,
) -> Vec<JoinHandle<()>> {
    let mut sinks: Vec<Arc<dyn Sink>> = vec![Arc::clone(bus) as _, Arc::clone(&courier) as _];
    if let Some(url) = url {
        sinks.push(Arc::new(RedisStreams::new(StreamSettings::new(url.clone()))));
    }
    let publisher = Publisher::new(store.clone(), sinks);
    let mut tasks = vec![tokio::spawn(publisher.run()), tokio::spawn(sweep(store.clone()))];
    tasks.push(tokio::spawn(courier.run()));
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
    tasks
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
