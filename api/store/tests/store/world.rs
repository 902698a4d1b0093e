//! A database for one test.

use qt_store::{Actor, Place, Projected, Record, Store, StoreSettings, Stream};
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, ExecutionUid, OrderUid, TenantId};
use qt_trading::secret::Secret;
use qt_trading::time::Time;
use qt_trading::{Execution, Order, OrderKind, OrderStatus, Side, TimeInForce};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

/// A noon, in nanoseconds.
pub const NOON: i64 = 1_795_348_800_000_000_000;

pub struct World {
    pub store: Store,
    pub settings: StoreSettings,
    pub folder: TempDir,
    database: Option<String>,
}

/// The server of the tests, as its superuser.
fn server() -> String {
    std::env::var("QT_POSTGRES_URL")
        .unwrap_or_else(|_| "postgresql://postgres@127.0.0.1:5432/postgres".to_owned())
}

/// Says that a service is not there; in CI that is a failure.
pub fn absent(what: &str) {
    assert!(std::env::var_os("QT_CI").is_none(), "{what}, and CI skips nothing");
    eprintln!("SKIPPED: {what}");
}

impl World {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings::new(None, None, folder.path()).unwrap();
        Self { store: Store::open(&settings).await.unwrap(), settings, folder, database: None }
    }

    /// None where there is no server.
    pub async fn postgres() -> Option<Self> {
        let Ok(mut admin) = PgConnection::connect(&server()).await else {
            absent("no PostgreSQL at QT_POSTGRES_URL or 127.0.0.1:5432");
            return None;
        };
        let name = format!("qt_test_{}", Uuid::new_v4().simple());
        let sql = format!("CREATE DATABASE {name}");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (address, _) = server().rsplit_once('/').map(|(a, b)| (a.to_owned(), b.len())).unwrap();
        let url = format!("{address}/{name}");
        let mut settings = StoreSettings::new(Some(&url), None, folder.path()).unwrap();
        settings.connections = 4;
        let store = Store::open(&settings).await.unwrap();
        Some(Self { store, settings, folder, database: Some(name) })
    }

    /// Another store on the same database, as another process has it.
    pub async fn again(&self) -> Store {
        Store::open(&self.settings).await.unwrap()
    }

    /// The address of the database, as its owner.
    pub fn url(&self) -> Option<String> {
        match &self.settings.place {
            Place::Postgres(url) => Some(Secret::reveal(url).to_owned()),
            Place::Sqlite(_) => None,
        }
    }

    /// Runs statements as the owner, around the store.
    pub async fn as_owner(&self, sql: &str) {
        match &self.settings.place {
            Place::Postgres(url) => {
                let mut owner = PgConnection::connect(url.reveal()).await.unwrap();
                let sql = format!("SET search_path TO quanttrade; {sql}");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
                owner.close().await.unwrap();
            }
            Place::Sqlite(path) => {
                let url = format!("sqlite://{}", path.display());
                let mut owner = sqlx::SqliteConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
                owner.close().await.unwrap();
            }
        }
    }

    /// Whether a statement is refused to the role that the service works in.
    pub async fn fails_as_service(&self, tenant: TenantId, sql: &str) -> bool {
        match &self.settings.place {
            Place::Postgres(url) => {
                let mut service = PgConnection::connect(url.reveal()).await.unwrap();
                let sql = format!(
                    "BEGIN; SET LOCAL search_path TO quanttrade; SET LOCAL ROLE quanttrade_app; \
                     SET LOCAL app.current_tenant_id = '{tenant}'; {sql}; COMMIT"
                );
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut service).await.is_err()
            }
            Place::Sqlite(path) => {
                let url = format!("sqlite://{}", path.display());
                let mut service = sqlx::SqliteConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut service).await.is_err()
            }
        }
    }

    pub fn is_postgres(&self) -> bool {
        self.database.is_some()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let Some(name) = self.database.take() else { return };
        // In a thread with a runtime of its own: the test's may be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let mut admin = PgConnection::connect(&server()).await.unwrap();
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                let _ = sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await;
            });
        });
        let _ = dropping.join();
    }
}

pub fn actor(tenant: TenantId, person: &str, at: i64) -> Actor {
    let mut actor = Actor::new(tenant, person, "request-1");
    actor.at = Time(at);
    actor
}

pub fn amount(text: &str) -> Amount {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).unwrap()
}

pub fn stream(tenant: TenantId) -> Stream {
    Stream { tenant, account: AccountId::new(), session: Uuid::now_v7() }
}

pub fn order(status: OrderStatus, at: i64) -> Order {
    Order {
        id: OrderUid::new(),
        client_order_id: Some("mine-1".to_owned()),
        strategy_id: None,
        symbol: "BTC-USD".to_owned(),
        side: Side::Buy,
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: true,
        reduce_only: false,
        quantity: amount("1.5"),
        filled_quantity: amount("0"),
        price: Some(amount("43123.25")),
        stop_price: None,
        average_price: None,
        status,
        cancel_pending: false,
        reason: None,
        placed_by: None,
        created_at: Time(at),
        updated_at: Time(at),
    }
}

pub fn execution(order: &Order, at: i64) -> Execution {
    Execution {
        id: ExecutionUid::new(),
        order_id: order.id,
        strategy_id: order.strategy_id,
        symbol: order.symbol.clone(),
        side: order.side,
        price: amount("43123.25"),
        quantity: amount("0.5"),
        fee: amount("0.000000001"),
        fee_currency: "USD".to_owned(),
        is_maker: true,
        executed_at: Time(at),
    }
}

pub fn told(seq: u64, order: &Order) -> Projected {
    let record = Record::Order { order: Box::new(order.clone()), person: Some("ann".to_owned()) };
    Projected { seq, at: order.updated_at, record }
}

pub fn told_execution(seq: u64, execution: &Execution) -> Projected {
    let record = Record::Execution(Box::new(execution.clone()));
    Projected { seq, at: execution.executed_at, record }
}
