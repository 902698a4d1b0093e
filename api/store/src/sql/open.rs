//! Opening a database: its file or server, its tables, its roles.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::Backend;
use super::migrations::{POSTGRES, SQLITE};
use super::tx::failed;
use crate::{Place, StoreError, StoreSettings};
use qt_trading::secret::Secret;

/// How long one process waits for another that is writing the file.
const BUSY: Duration = Duration::from_secs(5);
/// How long a request waits for a connection: the database is away after it.
const ACQUIRE: Duration = Duration::from_secs(3);
/// What the writer of the file may hold in memory, in KiB (as SQLite wants it, below zero): a batch
/// of the projection, which would be written twice otherwise.
const WRITER_CACHE: &str = "-16384";
/// Readers of the file; each holds a cache of its own.
const READERS_MAX: u32 = 4;

pub(super) async fn open(settings: &StoreSettings) -> Result<Backend, StoreError> {
    match &settings.place {
        Place::Sqlite(path) => sqlite(path).await,
        Place::Postgres(url) => postgres(url, settings).await,
    }
}

async fn sqlite(path: &Path) -> Result<Backend, StoreError> {
    let place = path.display().to_string();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| {
            StoreError::Unavailable(format!("{place}: its folder cannot be made: {error}"))
        })?;
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY)
        .optimize_on_close(false, None);
    // Two processes that make the tables at once would get in each other's way.
    let beside = path.with_extension("lock");
    let lock = tokio::task::spawn_blocking(move || {
        let file = std::fs::File::options().create(true).append(true).open(&beside)?;
        file.lock().map(|()| file)
    });
    let lock = lock.await.map_err(|error| StoreError::broken(error.to_string()))?;
    let lock =
        lock.map_err(|error| StoreError::Unavailable(format!("{place}: the lock: {error}")))?;
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(BUSY + ACQUIRE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options.clone().pragma("cache_size", WRITER_CACHE))
        .await
        .map_err(|error| at(&place, failed(error)))?;
    SQLITE.run(&writer).await.map_err(|error| at(&place, migration(error)))?;
    drop(lock);
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS_MAX)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .connect_lazy_with(options.read_only(true).create_if_missing(false));
    Ok(Backend::Sqlite { writer, readers })
}

async fn postgres(url: &Secret, settings: &StoreSettings) -> Result<Backend, StoreError> {
    let schema = settings.schema.clone();
    let first = schema.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !first || !schema.bytes().all(is_plain) || schema.len() > 63 {
        let detail = "a schema is named with a-z, 0-9 and _ only".to_owned();
        return Err(StoreError::Invalid { field: "schema", detail });
    }
    let options = parsed(url, "DATABASE_URL")?;
    let owner = match &settings.migration_url {
        Some(url) => parsed(url, "DATABASE_MIGRATION_URL")?,
        None => options.clone(),
    };
    migrate(owner, &schema).await?;
    let pool = PgPoolOptions::new()
        .max_connections(settings.connections.max(2))
        .acquire_timeout(ACQUIRE)
        .connect_with(options)
        .await
        .map_err(failed)?;
    check_role(&pool, &schema).await?;
    Ok(Backend::Postgres { pool, schema })
}

fn parsed(url: &Secret, field: &'static str) -> Result<PgConnectOptions, StoreError> {
    // The error may repeat the address, which may hold a password.
    let options: PgConnectOptions = url.reveal().parse().map_err(|_| StoreError::Invalid {
        field,
        detail: "it is no address of PostgreSQL: postgresql://user:password@host:5432/name"
            .to_owned(),
    })?;
    Ok(options.application_name("quanttrade").statement_cache_capacity(0))
}

/// Makes the tables, where they are not up to date. Only then the owner's rights are needed.
async fn migrate(owner: PgConnectOptions, schema: &str) -> Result<(), StoreError> {
    let connecting = tokio::time::timeout(ACQUIRE, owner.connect()).await;
    let connecting = connecting.map_err(|_| StoreError::Unavailable("no answer".to_owned()))?;
    let mut connection = connecting.map_err(failed)?;
    if !is_up_to_date(&mut connection, schema).await? {
        let exists = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1")
            .bind(schema.to_owned())
            .fetch_optional(&mut connection)
            .await
            .map_err(failed)?;
        if exists.is_none() {
            let sql = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
            // Where another process made it meanwhile, this fails, and the next step does not.
            let _ = sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await;
        }
        let sql = format!("SET search_path TO {schema}");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.map_err(failed)?;
        POSTGRES.run(&mut connection).await.map_err(migration)?;
    }
    // The work is done and committed; a failed farewell is no loss.
    let _ = connection.close().await;
    Ok(())
}

async fn is_up_to_date(connection: &mut PgConnection, schema: &str) -> Result<bool, StoreError> {
    let table = format!("{schema}._sqlx_migrations");
    let row = sqlx::query("SELECT to_regclass($1) IS NOT NULL AS is_there")
        .bind(table.clone())
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if !row.try_get::<bool, _>("is_there").map_err(failed)? {
        return Ok(false);
    }
    let sql = format!("SELECT version, checksum FROM {table} WHERE success");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await.map_err(failed)?;
    let mut applied = Vec::new();
    for row in rows {
        let version: i64 = row.try_get("version").map_err(failed)?;
        let checksum: Vec<u8> = row.try_get("checksum").map_err(failed)?;
        applied.push((version, checksum));
    }
    let is_ours = |(version, checksum): &(i64, Vec<u8>)| {
        POSTGRES.iter().any(|it| it.version == *version && it.checksum.as_ref() == checksum)
    };
    Ok(applied.len() == POSTGRES.iter().count() && applied.iter().all(is_ours))
}

/// The role that the service works in must not be able to see two tenants.
async fn check_role(pool: &sqlx::PgPool, schema: &str) -> Result<(), StoreError> {
    let mut tx = pool.begin().await.map_err(failed)?;
    let set = "SELECT set_config('role', 'quanttrade_app', true)";
    sqlx::query(set).execute(&mut *tx).await.map_err(|error| {
        StoreError::broken(format!(
            "the role quanttrade_app cannot be taken: {}; as the owner, run: \
             GRANT quanttrade_app, quanttrade_system TO the user of DATABASE_URL",
            failed(error)
        ))
    })?;
    let row = sqlx::query(
        "SELECT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) \
         OR EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tableowner = current_user) \
         AS is_too_strong",
    );
    let row = row.bind(schema.to_owned()).fetch_one(&mut *tx).await.map_err(failed)?;
    if row.try_get::<bool, _>("is_too_strong").map_err(failed)? {
        return Err(StoreError::broken(
            "the role quanttrade_app owns tables or passes row-level security: it must not be \
             owner, superuser or BYPASSRLS",
        ));
    }
    Ok(())
}

fn migration(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
        MigrateError::VersionMissing(version) => StoreError::broken(format!(
            "it was written by a newer program (its table version {version} is unknown here): \
             install that one, or restore a backup"
        )),
        other => StoreError::broken(other.to_string()),
    }
}

fn at(place: &str, error: StoreError) -> StoreError {
    match error {
        StoreError::Broken(text) => StoreError::Broken(format!("{place}: {text}")),
        StoreError::Unavailable(text) => StoreError::Unavailable(format!("{place}: {text}")),
        other => other,
    }
}
