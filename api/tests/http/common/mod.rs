//! A service on a free port, with stand-ins behind its ports, and a client that sees every byte.

pub mod client;
pub mod desk;
#[path = "../../service/gateway.rs"]
pub mod gateway;
pub mod jobs;
pub mod market;
pub mod store;

use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use qt_api::http::app::Makings;
use qt_api::http::gate::Gate;
use qt_api::http::storage::Storage;
use qt_api::http::{App, HttpSettings, Server};
use qt_api::jobs::Jobs;
use qt_api::routes;
use qt_auth::config::SharedSecret;
use qt_auth::limits::{LocalLimiter, Quotas};
use qt_auth::mint::{Wish, mint};
use qt_auth::{Config, Credentials, MemoryRevocations, Revocations, Role, Verifier};
use qt_store::Store;
use qt_strategies::Registry;
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use qt_trading::time::Time;
use qt_trading::{
    SIGNAL_DUPLICATE, SIGNAL_NOT_HEARD, SignalAnswer, SignalIn, SignalRefused, SignalTaken,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use client::Reply;
use client::send;
use desk::Desks;
use gateway::Kind;
use market::Market;

const SECRET: &str = "k2Zp9vQ4xW7mB1nR6tY3uE8sA5dF0gHjLcXz";

thread_local! {
    /// What is between clients and every service of this test.
    static GATEWAY: Cell<Option<Kind>> = const { Cell::new(None) };
}

/// Runs a test whose clients come through a gateway.
pub fn through(kind: Kind, test: fn()) {
    client::PREFIX.set(kind.prefix());
    GATEWAY.set(Some(kind));
    test();
    // Threads may be used again.
    GATEWAY.set(None);
    client::PREFIX.set("");
}

/// A running service.
pub struct Service {
    pub address: SocketAddr,
    pub market: Arc<Market>,
    pub desks: Arc<Desks>,
    pub revocations: Arc<MemoryRevocations>,
    /// The store, also where the service believes it is away.
    pub store: Store,
    pub jobs: Option<Arc<Jobs>>,
    /// What its handlers share.
    pub app: Arc<App>,
    /// Its data directory.
    pub folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    pub running: JoinHandle<bool>,
}

/// How a service differs from the usual one.
#[derive(Default)]
pub struct Wanted {
    pub settings: HttpSettings,
    pub quotas: Option<Quotas>,
    pub is_store_away: bool,
    /// The list of revoked tokens is older than it may be.
    pub is_revocation_stale: bool,
    /// Runs backtests and takes data, by a program that only says that it does.
    pub has_jobs: bool,
}

impl Service {
    pub async fn start() -> Self {
        Self::with(Wanted::default()).await
    }

    pub async fn with(wanted: Wanted) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let (market, desks) = (Arc::new(Market::new()), Arc::new(Desks::default()));
        let revocations = Arc::new(MemoryRevocations::default());
        let verifier = match wanted.is_revocation_stale {
            true => Verifier::new(&config(), Arc::new(Stale)),
            false => Verifier::new(&config(), revocations.clone()),
        };
        let kept = store::open(folder.path()).await;
        let store: Arc<dyn Storage> = match wanted.is_store_away {
            true => Arc::new(store::Away),
            false => Arc::new(kept.clone()),
        };
        let settings = wanted.settings;
        let limits = settings.limits;
        let mut app = App::new(Makings {
            settings,
            gate: Gate::new(verifier, Credentials::default()),
            trading: desks.clone(),
            market: market.clone(),
            store,
            limiter: Arc::new(LocalLimiter::new(&wanted.quotas.unwrap_or_default())),
            registry: Registry::builtin(),
            metrics: Arc::default(),
        });
        if wanted.has_jobs {
            app.jobs = Some(jobs::start(folder.path(), &kept).await);
        }
        let jobs = app.jobs.clone();
        let app = Arc::new(app);
        let server = Server::bind(([127, 0, 0, 1], 0).into(), &limits).expect("a free port");
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = routes::router(&app);
        let running = tokio::spawn(server.run(Arc::clone(&app), router, async {
            let _ = stopped.await;
        }));
        let address = match GATEWAY.take() {
            Some(kind) => {
                GATEWAY.set(Some(kind.clone()));
                gateway::start(kind, address).await
            }
            None => address,
        };
        let (stop, store) = (Some(stop), kept);
        Self { address, market, desks, revocations, store, jobs, app, folder, stop, running }
    }

    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// The answer to a request with a token.
    pub async fn ask(&self, method: &str, path: &str, token: &str, body: Option<&str>) -> Reply {
        let token = format!("Bearer {token}");
        send(self.address, method, path, &[("authorization", &token)], body).await
    }

    /// The answer to a GET without a token.
    pub async fn get(&self, path: &str) -> Reply {
        send(self.address, "GET", path, &[], None).await
    }
}

/// A list of revoked tokens that nobody has read for too long.
struct Stale;

impl Revocations for Stale {
    fn is_revoked(&self, _: &str) -> bool {
        false
    }

    fn is_stale(&self, _: Time) -> bool {
        true
    }
}

fn shared() -> SharedSecret {
    SharedSecret { secret: Secret::new(SECRET), issuer: None }
}

fn config() -> Config {
    Config { secret: Some(shared()), role_claim: "role".to_owned(), ..Config::default() }
}

/// A token of somebody called like the role.
pub fn token(role: Role, tenant: TenantId) -> String {
    token_of(role.name(), role, tenant, 3_600)
}

/// A token of `user` that lasts so long.
pub fn token_of(user: &str, role: Role, tenant: TenantId, lifetime_s: i64) -> String {
    let wish = Wish { user: user.to_owned(), tenant, roles: vec![role], lifetime_s };
    mint(&shared(), None, "role", &wish, Time::now()).reveal().to_owned()
}

/// Waits for something that is about to happen.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), what).await.expect("it happens within 10 s")
}

/// The signals that a desk has taken, by source and name: which, and what it says.
pub type Heard = HashMap<(u16, String), (u64, Value)>;

/// What a desk that has taken `known` says of a signal.
fn heard(known: &mut Heard, signal: &SignalIn) -> SignalAnswer {
    let body: Value = serde_json::from_str(&signal.body).expect("a signal");
    let name = (signal.source, body["signal_id"].to_string());
    let refused = |code| Err(SignalRefused { code, detail: String::new() });
    let next = known.len() as u64 + 1;
    match known.get(&name) {
        Some((_, was)) if *was != body => refused(SIGNAL_DUPLICATE),
        Some((seq, _)) => Ok(SignalTaken { seq: *seq, is_new: false }),
        None if signal.only_if_known => refused(SIGNAL_NOT_HEARD),
        None => {
            known.insert(name, (next, body));
            Ok(SignalTaken { seq: next, is_new: true })
        }
    }
}
