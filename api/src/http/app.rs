//! What all handlers share.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use qt_strategies::Registry;
use tokio::sync::watch;

use super::base::BasePaths;
use super::cors::Origins;
use super::error::ApiError;
use super::gate::Gate;
use super::metrics::Metrics;
use super::refused::Refused;
use super::room::Rooms;
use super::settings::HttpSettings;
use super::spans::Spans;
use super::storage::Storage;
use crate::hitl::Approvals;
use crate::jobs::Jobs;
use crate::outside::Outside;
use crate::signals::{SignalIntake, SourceKeys};
use crate::sockets::Hub;
use qt_auth::limits::{Bucket, Limited, Limiter, Subject};
use qt_auth::{Identity, Right};
use qt_trading::ids::TenantId;
use qt_trading::{MarketData, Trading};

/// The service, as its handlers see it.
pub type Shared = Arc<App>;

/// The route that must work however many other requests there are.
const KILL_PATH: &str = "/risk/kill";

/// Whether something that the service uses is there, from memory.
pub type Probe = Box<dyn Fn() -> bool + Send + Sync>;

/// A figure of the process, from memory.
pub type Figure = Box<dyn Fn() -> f64 + Send + Sync>;

/// What all handlers share.
pub struct App {
    /// The settings.
    pub settings: HttpSettings,
    /// The prefixes.
    pub base: BasePaths,
    /// Pages that may call.
    pub origins: Origins,
    /// Who may come in.
    pub gate: Gate,
    /// The tenants' desks.
    pub trading: Arc<dyn Trading>,
    /// Market data.
    pub market: Arc<dyn MarketData>,
    /// What is kept.
    pub store: Arc<dyn Storage>,
    /// Counts requests.
    pub limiter: Arc<dyn Limiter>,
    /// The types of strategies.
    pub registry: Registry,
    /// Takes in signals.
    pub signals: Arc<SignalIntake>,
    /// Which of them wait for people.
    pub approvals: Arc<Approvals>,
    /// The keys of their sources.
    pub source_keys: SourceKeys,
    /// What is outside.
    pub outside: Outside,
    /// Backtests; none where this service runs none.
    pub jobs: Option<Arc<Jobs>>,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Where spans of requests go; none where nobody collects them.
    pub spans: Option<Spans>,
    /// Topics and sockets.
    pub sockets: Arc<Hub>,
    /// Further components of `/health`.
    pub probes: Vec<(&'static str, Probe)>,
    /// Further series of `/metrics`, of the process.
    pub gauges: Vec<(&'static str, Figure)>,
    /// What was refused for want of a right lately.
    pub refused: Refused,
    /// Room for bodies that are being read.
    pub bodies: Arc<Rooms>,
    /// Whether the service stops.
    pub stopping: watch::Sender<bool>,
    /// When it began.
    pub started: Instant,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a service is made of.
pub struct Makings {
    /// The settings.
    pub settings: HttpSettings,
    /// Who may come in.
    pub gate: Gate,
    /// The tenants' desks.
    pub trading: Arc<dyn Trading>,
    /// Market data.
    pub market: Arc<dyn MarketData>,
    /// What is kept.
    pub store: Arc<dyn Storage>,
    /// Counts requests.
    pub limiter: Arc<dyn Limiter>,
    /// The types of strategies.
    pub registry: Registry,
    /// Figures.
    pub metrics: Arc<Metrics>,
}

/// Whether `path` is that of an order.
fn is_order(path: &str) -> bool {
    path.strip_prefix("/orders/").is_some_and(|id| !id.contains('/'))
}

fn limited(limited: Limited) -> ApiError {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let error = ApiError::new(status, "RATE_LIMITED", limited.to_string());
    error.after_s(limited.retry_after_s)
}

impl App {
    /// Puts the service together.
    #[must_use]
    pub fn new(parts: Makings) -> Self {
        let Makings { settings, gate, trading, market, store, limiter, registry, metrics } = parts;
        let stopping = watch::Sender::new(false);
        let limits = settings.limits;
        let signals = Arc::new(SignalIntake::new(
            trading.clone(),
            market.clone(),
            store.clone(),
            metrics.clone(),
        ));
        let approvals = Approvals::new(trading.clone(), market.clone(), store.clone(), &signals);
        let hub = Hub::new(market.clone(), metrics.clone(), limits.sockets, stopping.subscribe());
        Self {
            base: BasePaths::new(&settings.base_paths),
            origins: Origins::new(&settings.cors_origins),
            gate,
            trading,
            market,
            store,
            limiter,
            registry,
            approvals,
            signals,
            source_keys: SourceKeys::passing(),
            outside: Outside::nowhere(),
            jobs: None,
            metrics,
            spans: None,
            sockets: Arc::new(hub),
            probes: Vec::new(),
            gauges: Vec::new(),
            refused: Refused::default(),
            bodies: Rooms::new(limits.bodies_bytes_max, limits.tenant_bodies_bytes_max),
            stopping,
            started: Instant::now(),
            settings,
        }
    }

    /// Refuses a request before anything else is looked at.
    #[must_use]
    pub fn refuse_at_door(
        &self,
        peer: SocketAddr,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<ApiError> {
        self.gate.check_door(peer, uri, headers).err().map(ApiError::from)
    }

    /// Whether the tenant has requests left. Cancels have a bucket of their own, of which nobody
    /// takes who may not cancel, and so has the kill switch ([`Self::allow_kill`]).
    ///
    /// # Errors
    /// 429 with the time after which it has.
    pub async fn allow(&self, identity: &Identity, parts: &Parts) -> Result<(), ApiError> {
        let bucket = match parts.method {
            // Counted by the route, once it knows that the caller may.
            _ if parts.uri.path() == KILL_PATH => return Ok(()),
            Method::GET | Method::HEAD => Bucket::Read,
            Method::DELETE if is_order(parts.uri.path()) && identity.may(Right::Cancel) => {
                Bucket::Cancel
            }
            _ => Bucket::Write,
        };
        self.limiter.check(bucket, Subject::Tenant(identity.tenant)).await.map_err(limited)
    }

    /// Whether a person that may trip a kill switch has kills left; of whoever may not, it is
    /// counted as any other write, so that nobody can use up what another one needs.
    ///
    /// # Errors
    /// 429 with the time after which there are.
    pub async fn allow_kill(
        &self,
        tenant: TenantId,
        person: &str,
        may: bool,
    ) -> Result<(), ApiError> {
        let (bucket, subject) = match may {
            true => (Bucket::Kill, Subject::of_person(tenant, person)),
            false => (Bucket::Write, Subject::Tenant(tenant)),
        };
        self.limiter.check(bucket, subject).await.map_err(limited)
    }

    /// Whether an address may go on that shows no token that is accepted.
    ///
    /// # Errors
    /// 429 with the time after which it may.
    pub async fn allow_address(&self, peer: Option<IpAddr>) -> Result<(), ApiError> {
        let Some(peer) = peer else { return Ok(()) };
        let subject = Subject::of_address(peer);
        self.limiter.check(Bucket::Address, subject).await.map_err(limited)
    }
}
