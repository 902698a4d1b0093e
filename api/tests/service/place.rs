//! A service with a data directory of its own, and the ways to it.

use std::net::SocketAddr;
use std::path::PathBuf;

use qt_api::jobs::SharedData;
use qt_api::service::{Service, ServiceSettings};
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
    folder: TempDir,
    database: Option<Database>,
}

/// A database that is dropped with this.
struct Database {
    server: String,
    name: String,
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
    address: SocketAddr,
    prefix: &'static str,
    token: String,
}

impl Place {
    /// On SQLite, for the owner of this machine.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = read(&folder, &[]);
        Self::start(folder, settings, Uuid::nil(), None).await
    }

    /// On a database of its own on PostgreSQL, with tokens; none where there is no server, which
    /// CI does not allow.
    pub async fn postgres() -> Option<Self> {
        let server = std::env::var("QT_POSTGRES_URL").unwrap_or_else(|_| SERVER.to_owned());
        let name = format!("qt_service_{}", Uuid::now_v7().simple());
        let made = execute(&server, format!("CREATE DATABASE {name}")).await;
        if let Err(error) = made {
            assert!(std::env::var_os("QT_CI").is_none(), "no PostgreSQL, and CI skips nothing");
            eprintln!("skipped: no PostgreSQL at {server}: {error}");
            return None;
        }
        let (base, _) = server.rsplit_once('/').expect("a database in the address");
        let url = format!("{base}/{name}");
        let folder = tempfile::tempdir().expect("a folder");
        let settings = read(
            &folder,
            &[("DATABASE_URL", &url), ("JWT_SECRET_KEY", SECRET), ("HOST", "127.0.0.1")],
        );
        let database = Database { server, name };
        Some(Self::start(folder, settings, Uuid::now_v7(), Some(database)).await)
    }

    async fn start(
        folder: TempDir,
        settings: ServiceSettings,
        tenant: Uuid,
        database: Option<Database>,
    ) -> Self {
        let started = Service::start(settings.clone(), &binary(), Registry::builtin()).await;
        let service = started.unwrap_or_else(|error| panic!("{error}"));
        let token = match service.owner() {
            Some((token, _)) => token.reveal().to_owned(),
            None => minted(&settings, tenant),
        };
        let address = service.address();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(service.run(async {
            // Dropped is stopped too.
            let _ = stopped.await;
        }));
        let place = Self { address, settings, tenant, token, stop, running, folder, database };
        crate::flow::until_healthy(&place.directly()).await;
        place
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

    /// Ends it; whether all of it ended in time.
    pub async fn stop(self) -> bool {
        self.stop.send(()).expect("it runs");
        crate::soon(self.running).await.expect("it ends")
    }

    /// The token of its clients.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Ends it in order and starts another one in its place.
    pub async fn restart(self) -> Self {
        self.stop.send(()).expect("it runs");
        assert!(crate::soon(self.running).await.expect("it ends"), "not all ended in time");
        Self::start(self.folder, self.settings, self.tenant, self.database).await
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

fn minted(settings: &ServiceSettings, tenant: Uuid) -> String {
    use qt_auth::Role;
    use qt_auth::mint::{Wish, mint};
    use qt_trading::ids::TenantId;
    let wish = Wish {
        user: "alice".to_owned(),
        tenant: TenantId(tenant),
        roles: vec![Role::TenantAdmin],
        lifetime_s: 3_600,
    };
    let auth = &settings.auth;
    let secret = auth.secret.as_ref().expect("a secret");
    let now = qt_trading::time::Time::now();
    mint(secret, None, &auth.role_claim, &wish, now).reveal().to_owned()
}

async fn execute(server: &str, sql: String) -> Result<(), sqlx::Error> {
    use sqlx::{Connection, Executor};
    let mut connection = sqlx::PgConnection::connect(server).await?;
    connection.execute(sqlx::AssertSqlSafe(sql)).await?;
    connection.close().await
}

/// `quanttrade`, which the same build has made: jobs run it.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("target/*/deps");
    let binary = folder.join("quanttrade");
    assert!(binary.is_file(), "{} is missing: cargo build --workspace", binary.display());
    binary
}
