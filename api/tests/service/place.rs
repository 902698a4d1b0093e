//! A service with a data directory of its own, and the ways to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use qt_api::jobs::SharedData;
use qt_api::service::{Service, ServiceSettings};
use qt_auth::Role;
use qt_strategies::Registry;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::client::{Reply, send};
use crate::gateway::{self, Kind};

const SECRET: &str = "k2Zp9vQ4xW7mB1nR6tY3uE8sA5dF0gHjLcXz";
const SERVER: &str = "postgresql://postgres@127.0.0.1:5432/postgres";

/// A running service.
pub struct Place {
    pub address: SocketAddr,
    settings: ServiceSettings,
    tenant: Uuid,
    token: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<bool>,
    folder: Arc<TempDir>,
    database: Option<Arc<Database>>,
}

/// A database that is dropped with this.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// None where there is no server, which CI does not allow.
    pub async fn new() -> Option<Self> {
        let server = std::env::var("QT_POSTGRES_URL").unwrap_or_else(|_| SERVER.to_owned());
        let name = format!("qt_service_{}", Uuid::now_v7().simple());
        let made = execute(&server, format!("CREATE DATABASE {name}")).await;
        if let Err(error) = made {
            assert!(std::env::var_os("QT_CI").is_none(), "no PostgreSQL, and CI skips nothing");
            eprintln!("skipped: no PostgreSQL at {server}: {error}");
            return None;
        }
        Some(Self { server, name })
    }

    pub fn url(&self) -> String {
        let (base, _) = self.server.rsplit_once('/').expect("a database in the address");
        format!("{base}/{}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // In a thread with a runtime of its own: the test's may be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let _ = runtime.map(|runtime| runtime.block_on(execute(&server, sql)));
        });
        let _ = dropping.join();
    }
}

/// A way to a service: directly, or through a gateway.
pub struct Way {
    pub address: SocketAddr,
    pub prefix: &'static str,
    pub token: String,
}

impl Place {
    /// On SQLite, for the owner of this machine.
    pub async fn sqlite() -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let settings = read(&folder, &[]);
        Self::start(folder, settings, Uuid::nil(), None).await
    }

    /// On a database of its own on PostgreSQL, with tokens; none where there is no server, which
    /// CI does not allow.
    pub async fn postgres() -> Option<Self> {
        let database = Arc::new(Database::new().await?);
        let place = Self::on(&database.url(), Uuid::now_v7(), Some(database)).await;
        crate::flow::until_healthy(&place.directly()).await;
        Some(place)
    }

    /// On the database at `url`, in a folder of its own, for `tenant`, of whom nobody has asked
    /// anything yet.
    pub async fn on(url: &str, tenant: Uuid, database: Option<Arc<Database>>) -> Self {
        Self::on_with(url, tenant, database, &[]).await
    }

    /// The same with more settings.
    pub async fn on_with(
        url: &str,
        tenant: Uuid,
        database: Option<Arc<Database>>,
        more: &[(&str, &str)],
    ) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let usual = [("DATABASE_URL", url), ("JWT_SECRET_KEY", SECRET), ("HOST", "127.0.0.1")];
        let all: Vec<(&str, &str)> = usual.iter().chain(more).copied().collect();
        let settings = read(&folder, &all);
        Self::start_quietly(folder, settings, tenant, database).await
    }

    /// Another service over the same folder and database.
    pub async fn beside(&self) -> Self {
        let (folder, settings) = (Arc::clone(&self.folder), self.settings.clone());
        Self::start_quietly(folder, settings, self.tenant, self.database.clone()).await
    }

    /// Ends it in order; whether all of it ended in time.
    pub async fn stop(self) -> bool {
        self.stop.send(()).expect("it runs");
        crate::soon(self.running).await.expect("it ends")
    }

    /// With these settings, and no other than those of a test.
    pub async fn with(given: &[(&str, &str)]) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let settings = read(&folder, given);
        Self::start(folder, settings, Uuid::now_v7(), None).await
    }

    async fn start(
        folder: Arc<TempDir>,
        settings: ServiceSettings,
        tenant: Uuid,
        database: Option<Arc<Database>>,
    ) -> Self {
        let place = Self::start_unasked(folder, settings, tenant, database).await;
        crate::flow::until_healthy(&place.directly()).await;
        place
    }

    /// Healthy, and nobody has asked anything of its tenant.
    async fn start_quietly(
        folder: Arc<TempDir>,
        settings: ServiceSettings,
        tenant: Uuid,
        database: Option<Arc<Database>>,
    ) -> Self {
        let place = Self::start_unasked(folder, settings, tenant, database).await;
        let is_healthy = |health: &serde_json::Value| health["status"] == "healthy";
        crate::flow::until(&place.directly(), "/health", is_healthy).await;
        place
    }

    async fn start_unasked(
        folder: Arc<TempDir>,
        settings: ServiceSettings,
        tenant: Uuid,
        database: Option<Arc<Database>>,
    ) -> Self {
        let started = Service::start(settings.clone(), &binary(), Registry::builtin()).await;
        let service = started.unwrap_or_else(|error| panic!("{error}"));
        let token = match service.owner() {
            Some((token, _)) => token.reveal().to_owned(),
            None => minted(&settings, tenant, "alice", Role::TenantAdmin),
        };
        let address = service.address();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(service.run(async {
            // Dropped is stopped too.
            let _ = stopped.await;
        }));
        Self { address, settings, tenant, token, stop, running, folder, database }
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The address of its database, as the owner of that.
    pub fn database_url(&self) -> String {
        self.database.as_ref().expect("a database of its own").url()
    }

    /// The tenant of its token.
    pub fn tenant(&self) -> String {
        self.tenant.to_string()
    }

    pub fn directly(&self) -> Way {
        Way { address: self.address, prefix: "", token: self.token.clone() }
    }

    pub async fn behind(&self, kind: Kind) -> Way {
        let prefix = kind.prefix();
        let address = gateway::start(kind, self.address).await;
        Way { address, prefix, token: self.token.clone() }
    }

    /// The same for another person; where there is one owner alone, the owner.
    pub fn as_person(&self, user: &str) -> Way {
        let token = match self.is_owned() {
            true => self.token.clone(),
            false => minted(&self.settings, self.tenant, user, Role::TenantAdmin),
        };
        Way { address: self.address, prefix: "", token }
    }

    /// The same for somebody else with the rights of `role`, where there are tokens.
    pub fn as_role(&self, user: &str, role: Role) -> Way {
        let token = minted(&self.settings, self.tenant, user, role);
        Way { address: self.address, prefix: "", token }
    }

    /// A person of another tenant, where there are tokens.
    pub fn as_stranger(&self, user: &str, tenant: Uuid, role: Role) -> Way {
        let token = minted(&self.settings, tenant, user, role);
        Way { address: self.address, prefix: "", token }
    }

    /// On SQLite and with tokens.
    pub async fn with_tokens(given: &[(&str, &str)]) -> Self {
        let keys = [("JWT_SECRET_KEY", SECRET), ("HOST", "127.0.0.1")];
        let all: Vec<(&str, &str)> = keys.iter().chain(given).copied().collect();
        Self::with(&all).await
    }

    /// The same for an agent.
    pub fn as_agent(&self, user: &str) -> Way {
        let token = minted(&self.settings, self.tenant, user, Role::Agent);
        Way { address: self.address, prefix: "", token }
    }

    /// Whether the owner of this machine is alone here.
    pub fn is_owned(&self) -> bool {
        self.database.is_none()
    }

    /// The token of its clients.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Ends it in order and starts another one in its place.
    pub async fn restart(self) -> Self {
        self.restart_after(|_| {}).await
    }

    /// The same, with something done to its data in between.
    pub async fn restart_after(self, meanwhile: impl FnOnce(&std::path::Path)) -> Self {
        self.stop.send(()).expect("it runs");
        assert!(crate::soon(self.running).await.expect("it ends"), "not all ended in time");
        meanwhile(self.folder.path());
        Self::start(self.folder, self.settings, self.tenant, self.database).await
    }

    /// The same, with something done between; nobody asks the new one anything.
    pub async fn restart_unasked(self, between: impl FnOnce(&std::path::Path)) -> Self {
        self.stop.send(()).expect("it runs");
        assert!(crate::soon(self.running).await.expect("it ends"), "not all ended in time");
        between(self.folder.path());
        Self::start_unasked(self.folder, self.settings, self.tenant, self.database).await
    }
}

impl Way {
    pub async fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Reply {
        let token = format!("Bearer {}", self.token);
        self.ask_with(method, path, &[("authorization", &token)], body).await
    }

    pub async fn ask_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Reply {
        send(self.address, method, &format!("{}{path}", self.prefix), headers, body).await
    }
}

fn read(folder: &TempDir, given: &[(&str, &str)]) -> ServiceSettings {
    let get = |name: &str| {
        let found = given.iter().find(|(known, _)| *known == name);
        let found = found.map(|(_, value)| (*value).to_owned());
        found.or_else(|| (name == "PORT").then(|| "0".to_owned()))
    };
    let shared = SharedData {
        name: "SP500".to_owned(),
        symbols: vec!["SP500".to_owned()],
        argument: "sample:SP500".to_owned(),
        version: "1".to_owned(),
    };
    let settings = ServiceSettings::read(&get, folder.path(), vec![shared]);
    settings.unwrap_or_else(|error| panic!("{error}"))
}

fn minted(settings: &ServiceSettings, tenant: Uuid, user: &str, role: Role) -> String {
    use qt_auth::mint::{Wish, mint};
    use qt_trading::ids::TenantId;
    let wish = Wish {
        user: user.to_owned(),
        tenant: TenantId(tenant),
        roles: vec![role],
        lifetime_s: 3_600,
    };
    let auth = &settings.auth;
    let secret = auth.secret.as_ref().expect("a secret");
    let now = qt_trading::time::Time::now();
    mint(secret, None, &auth.role_claim, &wish, now).reveal().to_owned()
}

pub async fn execute(server: &str, sql: String) -> Result<(), sqlx::Error> {
    use sqlx::{Connection, Executor};
    let mut connection = sqlx::PgConnection::connect(server).await?;
    connection.execute(sqlx::AssertSqlSafe(sql)).await?;
    connection.close().await
}

/// `quanttrade`, which the same build has made: jobs run it.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("target/*/deps");
    let binary = folder.join("quanttrade");
    assert!(binary.is_file(), "{} is missing: cargo build --workspace", binary.display());
    binary
}
