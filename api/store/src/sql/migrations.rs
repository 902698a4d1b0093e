//! The migrations of both databases, in their order.
//!
//! They are listed by hand: sqlx's macro for a folder would have sqlx, both databases and TLS
//! compiled a second time, for the compiler's own machine.

use std::sync::LazyLock;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqlStr};

/// A migration's file name without its ending, and what it holds.
macro_rules! file {
    ($folder:literal, $name:literal) => {
        ($name, include_str!(concat!("../../migrations/", $folder, "/", $name, ".sql")))
    };
}

pub(super) static SQLITE: LazyLock<Migrator> = LazyLock::new(|| migrator(SQLITE_FILES));
pub(super) static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| migrator(POSTGRES_FILES));

const SQLITE_FILES: &[(&str, &str)] = &[
    file!("sqlite", "0001_store"),
    file!("sqlite", "0002_reporting"),
    file!("sqlite", "0003_signals"),
    file!("sqlite", "0004_hitl"),
    file!("sqlite", "0005_outcomes"),
    file!("sqlite", "0006_webhooks"),
    file!("sqlite", "0007_service"),
    file!("sqlite", "0008_signal_keys"),
];
const POSTGRES_FILES: &[(&str, &str)] = &[
    file!("postgres", "0001_store"),
    file!("postgres", "0002_tenants_apart"),
    file!("postgres", "0003_reporting"),
    file!("postgres", "0004_signals"),
    file!("postgres", "0005_hitl"),
    file!("postgres", "0006_outcomes"),
    file!("postgres", "0007_webhooks"),
    file!("postgres", "0008_service"),
    file!("postgres", "0009_signal_keys"),
];

fn migrator(files: &'static [(&str, &str)]) -> Migrator {
    let numbered = (1..).zip(files);
    let migration = |(version, (name, sql)): (i64, &'static (&str, &str))| {
        let sql: SqlStr = sql.into_sql_str();
        Migration::new(version, (*name).into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(numbered.map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_under_its_number() {
        for (folder, files) in [("sqlite", SQLITE_FILES), ("postgres", POSTGRES_FILES)] {
            let folder = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let names = std::fs::read_dir(folder).unwrap();
            let mut names: Vec<_> =
                names.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            let listed: Vec<_> = files.iter().map(|(name, _)| format!("{name}.sql")).collect();
            assert_eq!(names, listed);
            for (version, (name, _)) in (1..).zip(files) {
                assert!(name.starts_with(&format!("{version:04}_")), "{name}");
            }
        }
    }
}
