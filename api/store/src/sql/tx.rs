//! Transactions: each is one tenant's.

use std::time::Duration;

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};

use super::row::Row;
use super::value::{Column, Value, with_casts};
use super::{Backend, Store};
use crate::StoreError;
use crate::audit::AuditEntry;
use crate::domain::Envelope;
use qt_trading::ids::TenantId;

/// No statement takes longer: a database that does not answer is away.
const STATEMENT: Duration = Duration::from_secs(10);
/// PostgreSQL gives up before we do, so that the connection can be used again at once.
const SERVER_STATEMENT: &str = "9s";
/// A row that somebody else holds for longer keeps this request waiting in vain, and others behind
/// it for a connection.
const SERVER_LOCK: &str = "3s";
/// A transaction that its process has forgotten holds its locks no longer.
const SERVER_IDLE: &str = "15s";
/// After it a commit that was not answered has lasted or has not.
const DOUBT: Duration = Duration::from_secs(15);
/// Statements up to this length are prepared once; longer ones are batches of varying size.
const PREPARED_LENGTH_MAX: usize = 2_000;

/// The role in which PostgreSQL is spoken to.
const APP_ROLE: &str = "quanttrade_app";
const SYSTEM_ROLE: &str = "quanttrade_system";

/// A transaction of one tenant. Dropped without [`Tx::commit`], it has done nothing.
pub(crate) struct Tx {
    inner: Inner,
    tenant: TenantId,
    store: Store,
    pub(super) events: Vec<Envelope>,
    pub(super) audits: Vec<AuditEntry>,
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Store {
    /// A transaction that reads what is `tenant`'s.
    pub(crate) async fn read(&self, tenant: TenantId) -> Result<Tx, StoreError> {
        self.begin(tenant, APP_ROLE, false).await
    }

    /// A transaction that changes what is `tenant`'s.
    pub(crate) async fn write(&self, tenant: TenantId) -> Result<Tx, StoreError> {
        self.begin(tenant, APP_ROLE, true).await
    }

    /// A transaction that may see which tenants there are, and nothing of theirs.
    pub(crate) async fn system(&self) -> Result<Tx, StoreError> {
        self.begin(crate::PLATFORM, SYSTEM_ROLE, false).await
    }

    async fn begin(
        &self,
        tenant: TenantId,
        role: &'static str,
        is_write: bool,
    ) -> Result<Tx, StoreError> {
        let inner = match &self.inner.backend {
            Backend::Sqlite { writer, readers } => Inner::Sqlite(if is_write {
                // At once, so that two processes wait for each other instead of failing later.
                within(writer.begin_with("BEGIN IMMEDIATE")).await?
            } else {
                within(readers.begin()).await?
            }),
            Backend::Postgres { pool, schema } => {
                let mut tx = within(pool.begin()).await?;
                // Local to the transaction: the next user of the connection, or of the pooler's
                // server, knows nothing of it.
                let query = sqlx::query(
                    "SELECT set_config('search_path', $1, true), set_config('role', $2, true), \
                     set_config('app.current_tenant_id', $3, true), \
                     set_config('statement_timeout', $4, true), \
                     set_config('lock_timeout', $5, true), \
                     set_config('idle_in_transaction_session_timeout', $6, true)",
                );
                let query = query.bind(schema.clone()).bind(role).bind(tenant.to_string());
                let query = query.bind(SERVER_STATEMENT).bind(SERVER_LOCK).bind(SERVER_IDLE);
                within(query.persistent(false).execute(&mut *tx)).await?;
                Inner::Postgres(tx)
            }
        };
        let (events, audits) = (Vec::new(), Vec::new());
        Ok(Tx { inner, tenant, store: self.clone(), events, audits })
    }
}

impl Tx {
    /// Whose transaction it is.
    pub(crate) const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Whether it is PostgreSQL's.
    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }

    /// Holds up other transactions of the tenant that ask for the same, until this one is over. In
    /// SQLite all that write wait for each other anyway.
    pub(super) async fn alone(&mut self, what: &'static str) -> Result<(), StoreError> {
        if self.is_postgres() {
            let sql = "SELECT pg_advisory_xact_lock(hashtextextended($2 || CAST($1 AS TEXT), 0))";
            self.execute(sql, vec![what.into()]).await?;
        }
        Ok(())
    }

    /// Runs a statement and says how many rows it changed. `$1` is the tenant, `$2` the first
    /// value.
    pub(crate) async fn execute(
        &mut self,
        sql: impl AsRef<str>,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let sql = sql.as_ref();
        debug_assert!(sql.contains("$1") || sql.contains("(?"), "no tenant's statement: {sql}");
        keepable(&values)?;
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                let query = sqlite(sql, self.tenant, values).execute(&mut **tx);
                within(query).await.map(|done| done.rows_affected())
            }
            Inner::Postgres(tx) => {
                let query = postgres(sql, self.tenant, values).execute(&mut **tx);
                within(query).await.map(|done| done.rows_affected())
            }
        }
    }

    /// Runs a statement of PostgreSQL over many rows; `$1` is the tenant, `$2` the first column.
    pub(super) async fn execute_columns(
        &mut self,
        sql: &str,
        columns: Vec<Column>,
    ) -> Result<(), StoreError> {
        let Inner::Postgres(tx) = &mut self.inner else {
            return Err(StoreError::broken("only PostgreSQL takes columns"));
        };
        let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
        let mut query = query.bind(self.tenant.0);
        for column in columns {
            query = match column {
                Column::Uuid(all) => query.bind(all),
                Column::Text(all) | Column::Amount(all) | Column::Json(all) => query.bind(all),
                Column::Int(all) => query.bind(all),
                Column::Bool(all) => query.bind(all),
            };
        }
        within(query.execute(&mut **tx)).await.map(|_| ())
    }

    /// The rows of a statement.
    pub(crate) async fn rows(
        &mut self,
        sql: impl AsRef<str>,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let sql = sql.as_ref();
        debug_assert!(sql.contains("$1"), "a statement of no tenant: {sql}");
        keepable(&values)?;
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                let rows = within(sqlite(sql, self.tenant, values).fetch_all(&mut **tx)).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Inner::Postgres(tx) => {
                let rows = within(postgres(sql, self.tenant, values).fetch_all(&mut **tx)).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row of a statement.
    pub(crate) async fn row(
        &mut self,
        sql: impl AsRef<str>,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Writes the events and audit rows that were collected, and makes all of it last.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let (has_events, has_audits) = (!self.events.is_empty(), !self.audits.is_empty());
        self.write_recorded().await?;
        let done = match self.inner {
            Inner::Sqlite(tx) => within(tx.commit()).await,
            Inner::Postgres(tx) => within(tx.commit()).await,
        };
        if has_audits {
            self.store.has_grown(self.tenant);
            if done.is_err() {
                // It may last all the same, later.
                let (store, tenant) = (self.store.clone(), self.tenant);
                tokio::spawn(async move {
                    tokio::time::sleep(DOUBT).await;
                    store.has_grown(tenant);
                });
            }
        }
        if has_events {
            self.store.events_written();
        }
        done
    }
}

fn sqlite(
    sql: &str,
    tenant: TenantId,
    values: Vec<Value>,
) -> Query<'static, Sqlite, SqliteArguments> {
    let is_kept = sql.len() <= PREPARED_LENGTH_MAX;
    let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(is_kept);
    let mut query = query.bind(tenant.to_string());
    for value in values {
        query = match value {
            Value::Uuid(value) => query.bind(value.map(|id| id.to_string())),
            Value::Text(value) | Value::Json(value) => query.bind(value),
            Value::Int(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
            Value::Amount(value) => query.bind(value.map(|amount| amount.to_string())),
        };
    }
    query
}

fn postgres(
    sql: &str,
    tenant: TenantId,
    values: Vec<Value>,
) -> Query<'static, Postgres, PgArguments> {
    // Not kept: behind a transaction pooler the next transaction may be on another server.
    let query = sqlx::query(AssertSqlSafe(with_casts(sql, &values))).persistent(false);
    let mut query = query.bind(tenant.0);
    for value in values {
        query = match value {
            Value::Uuid(value) => query.bind(value),
            Value::Text(value) | Value::Json(value) => query.bind(value),
            Value::Int(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
            Value::Amount(value) => query.bind(value.map(|amount| amount.to_string())),
        };
    }
    query
}

/// PostgreSQL has no text with a zero character; the other database refuses it as well.
fn keepable(values: &[Value]) -> Result<(), StoreError> {
    let has_zero = |value: &Value| matches!(value, Value::Text(Some(text)) if text.contains('\0'));
    if values.iter().any(has_zero) { Err(unkeepable()) } else { Ok(()) }
}

fn unkeepable() -> StoreError {
    let detail = "a text with the character U+0000, or a number that is too large, cannot be kept";
    StoreError::Invalid { field: "body", detail: detail.to_owned() }
}

async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(STATEMENT, work).await {
        Ok(done) => done.map_err(failed),
        Err(_) => Err(StoreError::Unavailable("a statement took too long".to_owned())),
    }
}

/// What an error of the database means. The words of the database are for the log alone.
#[allow(clippy::needless_pass_by_value, reason = "used as a function of map_err")]
pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(inner) => {
            let code = inner.code().unwrap_or_default();
            if inner.is_unique_violation() {
                return StoreError::conflict("there is one already");
            }
            let is_of = |class: &&str| code.len() == 5 && code.starts_with(*class);
            if is_of(&"22") {
                return unkeepable();
            }
            // PostgreSQL: connections, resources, the server going down, locks that are not had
            // in time, and clashes that a repeat may pass. SQLite: busy, locked, disk errors, a
            // full disk.
            let passing = ["08", "53", "57", "58", "40", "55P03", "25P03"].iter().any(is_of);
            let low = code.parse::<u32>().unwrap_or(0) & 0xff;
            let is_sqlite = code.len() < 5 && [5, 6, 10, 13, 14].contains(&low);
            if passing || is_sqlite {
                StoreError::Unavailable(inner.message().to_owned())
            } else {
                StoreError::broken(inner.message())
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::broken(error.to_string()),
    }
}
