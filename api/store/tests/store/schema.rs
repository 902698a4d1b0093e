//! The tables: the same in both databases, every row a tenant's, no floats.

use std::collections::BTreeMap;

use qt_store::{Store, StoreError, StoreSettings};
use sqlx::{Connection, PgConnection, Row};

use crate::on_both;
use crate::world::World;

on_both!(migrations_run_twice_and_newer_ones_are_refused);

/// Table -> column -> type.
type Tables = BTreeMap<String, BTreeMap<String, String>>;

async fn sqlite_tables(world: &World) -> Tables {
    let path = world.folder.path().join("quanttrade.sqlite");
    let url = format!("sqlite://{}", path.display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let sql = "SELECT m.name AS t, c.name AS c, c.type AS ty, c.\"notnull\" AS n, c.pk AS pk \
               FROM sqlite_master m JOIN pragma_table_info(m.name) c \
               WHERE m.type IN ('table', 'view')";
    let mut tables = Tables::new();
    for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
        let (table, column): (String, String) = (row.get("t"), row.get("c"));
        let is_first = row.get::<i64, _>("pk") == 1;
        let not_null = row.get::<i64, _>("n") == 1;
        if column == "tenant_id" && !table.starts_with("reporting_") {
            assert!(not_null && is_first, "{table}: tenant_id first in the key, never null");
        }
        tables.entry(table).or_default().insert(column, row.get("ty"));
    }
    tables
}

async fn postgres_tables(url: &str) -> Tables {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let sql = "SELECT table_name::text AS t, column_name::text AS c, data_type::text AS ty, \
               is_nullable::text AS n FROM information_schema.columns \
               WHERE table_schema = 'quanttrade'";
    let mut tables = Tables::new();
    for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
        let (table, column): (String, String) = (row.get("t"), row.get("c"));
        if column == "tenant_id" && !table.starts_with("reporting_") {
            assert_eq!(row.get::<String, _>("n"), "NO", "{table}.tenant_id");
            assert_eq!(row.get::<String, _>("ty"), "uuid", "{table}.tenant_id");
        }
        tables.entry(table).or_default().insert(column, row.get("ty"));
    }
    tables
}

fn is_ours(table: &str) -> bool {
    !table.starts_with("_sqlx") && !table.starts_with("sqlite_")
}

fn check(tables: &Tables) {
    for (table, columns) in tables.iter().filter(|(table, _)| is_ours(table)) {
        assert!(columns.contains_key("tenant_id"), "{table} has no tenant_id");
        for (column, kind) in columns {
            let kind = kind.to_ascii_lowercase();
            let is_float = ["real", "double", "float"].iter().any(|word| kind.contains(word));
            assert!(!is_float, "{table}.{column} is {kind}");
        }
    }
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_no_floats() {
    let sqlite = sqlite_tables(&World::sqlite().await).await;
    check(&sqlite);
    let money = ["price", "quantity", "fee", "equity", "cash", "initial_capital", "limit_value"];
    for (table, columns) in sqlite.iter().filter(|(table, _)| is_ours(table)) {
        for (column, kind) in columns.iter().filter(|(column, _)| money.contains(&column.as_str()))
        {
            assert_eq!(kind, "TEXT", "{table}.{column}");
        }
    }
    let Some(world) = World::postgres().await else { return };
    let postgres = postgres_tables(&world.url().unwrap()).await;
    check(&postgres);
    for (table, columns) in postgres.iter().filter(|(table, _)| is_ours(table)) {
        for (column, kind) in columns.iter().filter(|(column, _)| money.contains(&column.as_str()))
        {
            assert_eq!(kind, "numeric", "{table}.{column}");
        }
        let mine: Vec<&String> = sqlite[table].keys().collect();
        if !table.starts_with("reporting_") {
            assert_eq!(columns.keys().collect::<Vec<_>>(), mine, "{table}");
        }
    }
    let names = |tables: &Tables| -> Vec<String> {
        tables.keys().filter(|table| is_ours(table)).cloned().collect()
    };
    assert_eq!(names(&sqlite), names(&postgres));
}

async fn migrations_run_twice_and_newer_ones_are_refused(world: World) {
    world.again().await.ping().await.unwrap();
    // Two processes at once, from empty: one makes the tables, both go on.
    let folder = tempfile::tempdir().unwrap();
    let mut settings = world.settings.clone();
    if world.is_postgres() {
        settings.schema = "elsewhere".to_owned();
    } else {
        settings = StoreSettings::new(None, None, folder.path()).unwrap();
    }
    let (one, two) = tokio::join!(Store::open(&settings), Store::open(&settings));
    one.unwrap().ping().await.unwrap();
    two.unwrap().ping().await.unwrap();
    let newer = if world.is_postgres() { "'\\x00'" } else { "x'00'" };
    world
        .as_owner(&format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
             execution_time) VALUES (9999, 'newer', true, {newer}, 0)"
        ))
        .await;
    let refused = Store::open(&world.settings).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Broken(_)), "{refused}");
    assert!(refused.to_string().contains("newer program"), "{refused}");
}
