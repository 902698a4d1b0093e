//! The ledger's file.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row, SqlSafeStr};
use tokio::runtime::Runtime;

use super::RunRecord;
use crate::failure::Failure;
use crate::place::make_folder;

/// The tables of the ledger, from one version of them to the next.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "runs", include_str!("../../migrations/0001_runs.sql")),
    (2, "program", include_str!("../../migrations/0002_program.sql")),
];

/// How long one process waits for another that is writing.
const BUSY: Duration = Duration::from_secs(20);

/// The columns, in the order in which they are read and written.
const COLUMNS: &str = "id, started_ns, kind, state, exit_code, version, code_commit, command, \
                       strategy, params, symbols, data, seed, metrics, determinism_hash, events, \
                       wall_seconds, program";

/// An open ledger.
pub struct Ledger {
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Ledger {
    /// Opens the ledger at `path`; makes it when there is none.
    ///
    /// # Errors
    /// When the file cannot be opened, or is no ledger of this program or an older one.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let place = path.display();
        make_folder(path.parent().unwrap_or(Path::new(".")))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("{place}: no runtime for it: {error}")))?;
        // Two processes that make the tables at once would get in each other's way.
        let lock = lock(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY);
        let opened = runtime.block_on(async {
            let mut connection = options.connect().await?;
            migrator().run(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        });
        drop(lock);
        let connection = opened.map_err(|error| broken(path, &error))?;
        Ok(Self { runtime, connection })
    }

    /// Adds a run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn insert(&mut self, record: &RunRecord) -> Result<(), Failure> {
        let sql =
            format!("INSERT INTO runs ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(record.id.clone())
            .bind(record.started_ns)
            .bind(record.kind.clone())
            .bind(record.state.clone())
            .bind(i64::from(record.exit_code))
            .bind(record.version.clone())
            .bind(record.commit.clone())
            .bind(record.command.clone())
            .bind(record.strategy.clone())
            .bind(record.params.to_string())
            .bind(record.symbols.to_string())
            .bind(record.data.to_string())
            .bind(record.seed.cast_signed())
            .bind(record.metrics.to_string())
            .bind(record.determinism_hash.clone())
            .bind(i64::try_from(record.events).unwrap_or(i64::MAX))
            .bind(record.wall_seconds)
            .bind(record.program.to_string());
        self.runtime.block_on(query.execute(&mut self.connection)).map_err(|e| failed(&e))?;
        Ok(())
    }

    /// The latest `limit` runs, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn latest(&mut self, limit: u32) -> Result<Vec<RunRecord>, Failure> {
        let sql = format!("SELECT {COLUMNS} FROM runs ORDER BY started_ns DESC, id DESC LIMIT ?");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(i64::from(limit));
        let rows = self.runtime.block_on(query.fetch_all(&mut self.connection));
        rows.map_err(|e| failed(&e))?
            .iter()
            .map(|row| record(row).map_err(|e| failed(&e)))
            .collect()
    }

    /// How many runs there are.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub fn count(&mut self) -> Result<u64, Failure> {
        let query = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM runs");
        let count = self.runtime.block_on(query.fetch_one(&mut self.connection));
        Ok(u64::try_from(count.map_err(|e| failed(&e))?).unwrap_or(0))
    }

    /// The run called `name`: its id, the beginning or the end of it, or `last`.
    ///
    /// # Errors
    /// When there is none, or several begin or end so.
    pub fn find(&mut self, name: &str) -> Result<RunRecord, Failure> {
        if matches!(name, "last" | "latest") {
            let none = || Failure::usage("there is no run yet").hint("quanttrade demo makes one");
            return self.latest(1)?.into_iter().next().ok_or_else(none);
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE id = ?1 OR substr(id, 1, length(?1)) = ?1 \
             OR substr(id, -length(?1)) = ?1 ORDER BY started_ns DESC LIMIT 3"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(name.to_owned());
        let rows = self.runtime.block_on(query.fetch_all(&mut self.connection));
        let rows = rows.map_err(|e| failed(&e))?;
        let found: Result<Vec<RunRecord>, sqlx::Error> = rows.iter().map(record).collect();
        let mut found = found.map_err(|e| failed(&e))?;
        if let Some(at) = found.iter().position(|run| run.id == name) {
            return Ok(found.swap_remove(at));
        }
        match (name.is_empty(), found.len()) {
            (false, 1) => Ok(found.swap_remove(0)),
            (true, _) | (_, 0) => Err(Failure::usage(format!("there is no run '{name}'"))
                .hint("quanttrade runs list shows all runs")),
            _ => Err(Failure::usage(format!("several runs begin or end with '{name}'"))
                .hint("write more letters of the id")),
        }
    }

    /// Takes the run `id` out.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn remove(&mut self, id: &str) -> Result<(), Failure> {
        let query = sqlx::query("DELETE FROM runs WHERE id = ?").bind(id.to_owned());
        self.runtime.block_on(query.execute(&mut self.connection)).map_err(|e| failed(&e))?;
        Ok(())
    }

    /// Closes the file, which tidies up what WAL leaves beside it.
    pub fn close(self) {
        // The data is safe already; a failed tidying up is no loss.
        let _ = self.runtime.block_on(self.connection.close());
    }
}

fn migrator() -> Migrator {
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.map(migration).to_vec())
}

fn lock(path: &Path) -> Result<File, Failure> {
    let beside = path.with_extension("lock");
    let file = File::options().create(true).append(true).open(&beside);
    let file = file.map_err(|error| crate::output::file::failure(&beside, &error))?;
    file.lock().map_err(|error| crate::output::file::failure(&beside, &error))?;
    Ok(file)
}

fn broken(path: &Path, error: &sqlx::Error) -> Failure {
    let place = path.display();
    Failure::failed(format!("{place}: the run ledger cannot be opened: {}", text(error)))
        .hint(format!("move it away (mv {place} {place}.old), and a new one is made"))
}

fn failed(error: &sqlx::Error) -> Failure {
    Failure::failed(format!("the run ledger: {}", text(error)))
}

/// The error without the words that only a programmer understands.
fn text(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(inner) => inner.message().to_owned(),
        other => other.to_string(),
    }
}

fn record(row: &SqliteRow) -> Result<RunRecord, sqlx::Error> {
    let json = |column: &str| -> Result<serde_json::Value, sqlx::Error> {
        let text: String = row.try_get(column)?;
        serde_json::from_str(&text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
    };
    let unsigned =
        |column: &str| row.try_get::<i64, _>(column).map(|n| u64::try_from(n).unwrap_or(0));
    Ok(RunRecord {
        id: row.try_get("id")?,
        started_ns: row.try_get("started_ns")?,
        kind: row.try_get("kind")?,
        state: row.try_get("state")?,
        exit_code: u8::try_from(row.try_get::<i64, _>("exit_code")?).unwrap_or(u8::MAX),
        version: row.try_get("version")?,
        commit: row.try_get("code_commit")?,
        command: row.try_get("command")?,
        strategy: row.try_get("strategy")?,
        params: json("params")?,
        symbols: json("symbols")?,
        data: json("data")?,
        seed: row.try_get::<i64, _>("seed")?.cast_unsigned(),
        metrics: json("metrics")?,
        determinism_hash: row.try_get("determinism_hash")?,
        events: unsigned("events")?,
        wall_seconds: row.try_get("wall_seconds")?,
        program: json("program")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::RunId;
    use super::*;
    use crate::version::Code;

    fn record(ns: i64) -> RunRecord {
        let code = Code { name: "mine", version: "0.1.0", sources: "00ff" };
        let mut record = RunRecord::new(&RunId::new(ns), ns, "backtest", Some(code));
        record.command = "mine backtest".to_owned();
        record.seed = u64::MAX;
        record.determinism_hash = "00ff".to_owned();
        record
    }

    #[test]
    fn runs_are_kept_found_and_removed() {
        let folder = std::env::temp_dir().join(format!("qt-ledger-{}", std::process::id()));
        let path = folder.join("runs.sqlite");
        let mut ledger = Ledger::open(&path).unwrap();
        assert!(ledger.find("last").unwrap_err().message.contains("no run yet"));
        let (old, new) = (record(1_000_000_000), record(2_000_000_000));
        ledger.insert(&new).unwrap();
        ledger.insert(&old).unwrap();
        assert_eq!(ledger.latest(10).unwrap(), [new.clone(), old.clone()]);
        assert_eq!(ledger.find("last").unwrap(), new);
        assert_eq!(ledger.find(&old.id[9..]).unwrap(), old);
        assert!(ledger.find("1970").unwrap_err().message.contains("several"));
        assert!(ledger.find("x").unwrap_err().message.contains("no run 'x'"));
        ledger.remove(&old.id).unwrap();
        assert_eq!(ledger.count().unwrap(), 1);
        ledger.close();
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.find("last").unwrap().program["sources"], "00ff");
        ledger.close();
        std::fs::write(&path, b"this is no database at all, but long enough to be read").unwrap();
        assert!(Ledger::open(&path).err().unwrap().message.contains("cannot be opened"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
