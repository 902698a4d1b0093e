//! Tenants cannot see each other: the catalog of PostgreSQL, a pool of two connections under load,
//! and statements without any WHERE.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use qt_store::domain::NewStrategy;
use qt_store::domain::command::create_strategy;
use qt_store::{
    Actor, OrderFilter, Orders, Page, Place, Store, StoreError, Strategies, StrategyFilter,
};
use qt_trading::OrderStatus;
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::on_both;
use crate::world::{NOON, World, execution, order, stream, told, told_execution};

on_both!(a_small_pool_leaks_nothing);

async fn connect(world: &World) -> PgConnection {
    PgConnection::connect(&world.url().unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_catalog_says_that_tenants_are_apart() {
    let Some(world) = World::postgres().await else { return };
    let mut connection = connect(&world).await;
    let sql = "SELECT c.relname::text AS t, c.relrowsecurity AS enabled, \
               c.relforcerowsecurity AS forced, pg_get_userbyid(c.relowner)::text AS owner, \
               pg_get_expr(p.polqual, p.polrelid) AS using_, \
               pg_get_expr(p.polwithcheck, p.polrelid) AS check_ \
               FROM pg_class c LEFT JOIN pg_policy p \
               ON p.polrelid = c.oid AND p.polname = 'tenant_isolation_' || c.relname \
               WHERE c.relnamespace = 'quanttrade'::regnamespace AND c.relkind IN ('r', 'p')";
    let mut tables = 0;
    for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
        let table: String = row.get("t");
        if table == "_sqlx_migrations" {
            continue;
        }
        tables += 1;
        assert!(row.get::<bool, _>("enabled") && row.get::<bool, _>("forced"), "{table}");
        assert!(!row.get::<String, _>("owner").starts_with("quanttrade_"), "{table}");
        let wanted = "(tenant_id = (current_setting('app.current_tenant_id'::text))::uuid)";
        for side in ["using_", "check_"] {
            assert_eq!(row.get::<Option<String>, _>(side).as_deref(), Some(wanted), "{table}");
        }
    }
    assert!(tables >= 20, "{tables} tables");
    let sql = "SELECT rolname::text AS r FROM pg_roles WHERE rolname LIKE 'quanttrade_%' \
               AND (rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole)";
    assert!(sqlx::query(sql).fetch_all(&mut connection).await.unwrap().is_empty());
    let sql = "SELECT c.relname::text AS v, COALESCE(c.reloptions::text, '') AS o FROM pg_class c \
               WHERE c.relnamespace = 'quanttrade'::regnamespace AND c.relkind IN ('v', 'm')";
    let views = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
    assert!(views.len() >= 7);
    for row in views {
        let (view, options): (String, String) = (row.get("v"), row.get("o"));
        assert!(options.contains("security_invoker=true"), "{view}: {options}");
    }
    // The only other policies are those of the role that sees which tenants there are.
    let sql = "SELECT policyname::text AS p, roles::text AS r FROM pg_policies \
               WHERE schemaname = 'quanttrade' AND policyname NOT LIKE 'tenant_isolation_%'";
    let mut others: Vec<(String, String)> = Vec::new();
    for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
        others.push((row.get("p"), row.get("r")));
    }
    others.sort();
    let role = "{quanttrade_system}".to_owned();
    let wanted = [
        ("system_reads_outbox_events".to_owned(), role.clone()),
        ("system_reads_tenants".to_owned(), role.clone()),
        ("system_reads_webhooks".to_owned(), role),
    ];
    assert_eq!(others, wanted);
}

/// Two tenants with a strategy and an order each.
async fn two_tenants(store: &Store) -> [TenantId; 2] {
    let tenants = [TenantId::new(), TenantId::new()];
    for tenant in tenants {
        let actor = Actor::new(tenant, "ann", "r");
        let new = NewStrategy { name: tenant.to_string(), ..NewStrategy::default() };
        create_strategy(store, actor, new).await.unwrap();
        let order = order(OrderStatus::Open, NOON);
        store.project(stream(tenant), vec![told(1, &order)]).await.unwrap();
    }
    tenants
}

async fn all_tables(connection: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT table_name::text FROM information_schema.tables \
               WHERE table_schema = 'quanttrade' AND table_name <> '_sqlx_migrations'";
    sqlx::query_scalar(sql).fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn statements_without_where_see_one_tenant() {
    let Some(world) = World::postgres().await else { return };
    let [mine, other] = two_tenants(&world.store).await;
    let mut connection = connect(&world).await;
    let tables = all_tables(&mut connection).await;
    let mut tx = connection.begin().await.unwrap();
    let become_app = "SELECT set_config('search_path', 'quanttrade', true), \
                      set_config('role', 'quanttrade_app', true), \
                      set_config('app.current_tenant_id', $1, true)";
    sqlx::query(become_app).bind(mine.to_string()).execute(&mut *tx).await.unwrap();
    let mut seen = 0;
    for table in &tables {
        let sql = format!("SELECT DISTINCT tenant_id::text FROM {table}");
        let ids: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *tx).await.unwrap();
        assert!(ids.iter().all(|id| *id == mine.to_string()), "{table}: {ids:?}");
        seen += ids.len();
    }
    assert!(seen >= 8, "{seen} tables have rows");
    // A row for somebody else cannot be written, nor one given away.
    for sql in [
        format!("INSERT INTO tenants (tenant_id, created_ns) VALUES ('{}', 1)", TenantId::new()),
        format!("UPDATE orders SET tenant_id = '{other}'"),
        "UPDATE audit_entries SET person = 'eve'".to_owned(),
        "DELETE FROM audit_entries".to_owned(),
        "TRUNCATE orders".to_owned(),
        "ALTER TABLE orders DISABLE ROW LEVEL SECURITY".to_owned(),
    ] {
        let mut inner = tx.begin().await.unwrap();
        let done = sqlx::query(AssertSqlSafe(sql.clone())).execute(&mut *inner).await;
        assert!(done.is_err(), "{sql}");
        inner.rollback().await.unwrap();
    }
    let changed = sqlx::query("UPDATE orders SET symbol = 'X'").execute(&mut *tx).await.unwrap();
    assert_eq!(changed.rows_affected(), 1);
    let gone = sqlx::query("DELETE FROM strategies").execute(&mut *tx).await.unwrap();
    assert_eq!(gone.rows_affected(), 1);
    tx.commit().await.unwrap();
    let filter = StrategyFilter::default();
    let kept = world.store.strategies(other, filter, Page::default()).await.unwrap();
    assert_eq!(kept.items.len(), 1);
}

#[tokio::test]
async fn without_a_tenant_there_is_nothing() {
    let Some(world) = World::postgres().await else { return };
    two_tenants(&world.store).await;
    let mut connection = connect(&world).await;
    let tables = all_tables(&mut connection).await;
    // Never set, and set in a transaction before, which leaves it empty.
    for round in 0..2 {
        for table in &tables {
            let mut tx = connection.begin().await.unwrap();
            let role = "SELECT set_config('role', 'quanttrade_app', true)";
            sqlx::query(role).execute(&mut *tx).await.unwrap();
            let sql = format!("SELECT count(*) FROM quanttrade.{table}");
            let count: Result<i64, _> =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *tx).await;
            assert!(count.as_ref().map_or(true, |count| *count == 0), "{round} {table} {count:?}");
        }
        let mut tx = connection.begin().await.unwrap();
        let set = "SELECT set_config('app.current_tenant_id', $1, true)";
        sqlx::query(set).bind(TenantId::new().to_string()).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
    // The system's role sees which tenants there are, and no column more.
    let mut tx = connection.begin().await.unwrap();
    let set = "SELECT set_config('role', 'quanttrade_system', true), \
               set_config('app.current_tenant_id', '00000000-0000-0000-0000-000000000000', true)";
    sqlx::query(set).execute(&mut *tx).await.unwrap();
    let count: i64 = sqlx::query_scalar("SELECT count(tenant_id) FROM quanttrade.tenants")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert_eq!(count, 2);
    for sql in ["SELECT data FROM quanttrade.outbox_events", "SELECT id FROM quanttrade.orders"] {
        let mut inner = tx.begin().await.unwrap();
        assert!(sqlx::query(sql).execute(&mut *inner).await.is_err(), "{sql}");
        inner.rollback().await.unwrap();
    }
}

/// Tenants of the small pool.
const TENANTS: usize = 50;
/// Those who ask it at the same time.
const ASKING: usize = 8;

/// Requests of each of them: together 2,000, or as many as `QT_ISOLATION_REQUESTS` says.
fn requests() -> usize {
    let given = std::env::var("QT_ISOLATION_REQUESTS").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(2_000_usize).div_ceil(ASKING)
}

/// Many requests of many tenants over two connections; every tenth fails, and every tenth is
/// dropped half-way.
async fn a_small_pool_leaks_nothing(world: World) {
    let mut settings = world.settings.clone();
    settings.connections = 2;
    let store = Store::open(&settings).await.unwrap();
    let mut tenants = Vec::new();
    for _ in 0..TENANTS {
        let tenant = TenantId::new();
        let mut mine = order(OrderStatus::Open, NOON);
        mine.symbol = tenant.to_string();
        store.project(stream(tenant), vec![told(1, &mine)]).await.unwrap();
        tenants.push(tenant);
    }
    let mut tasks = Vec::new();
    for task in 0..ASKING {
        let (store, tenants) = (store.clone(), tenants.clone());
        tasks.push(tokio::spawn(async move {
            for n in 0..requests() {
                let tenant = tenants[(n * 7 + task) % tenants.len()];
                let filter = OrderFilter::default();
                if n % 10 == 3 {
                    // Dropped at some point between the first byte and the last.
                    let asked = store.orders(tenant, filter, Page::default());
                    let after = Duration::from_micros(50 * (n % 40) as u64);
                    let _ = tokio::time::timeout(after, asked).await;
                    continue;
                }
                if n % 10 == 7 {
                    // Fails after other statements have changed rows.
                    let gone = order(OrderStatus::Open, 1);
                    let mut bad = execution(&gone, 1);
                    bad.symbol = "\0".to_owned();
                    let batch = vec![told(1, &gone), told_execution(2, &bad)];
                    let failed = store.project(stream(tenant), batch).await;
                    assert!(matches!(failed, Err(StoreError::Invalid { .. })), "{failed:?}");
                    assert_eq!(store.order(tenant, gone.id).await, Err(StoreError::NotFound));
                }
                let seen = store.orders(tenant, filter, Page::default()).await.unwrap();
                assert_eq!(seen.items.len(), 1);
                assert_eq!(seen.items[0].symbol, tenant.to_string());
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// Passes bytes between the store and PostgreSQL, and keeps the server's side of each connection
/// when the store says good-bye, as a pooler does.
async fn pooler(to: String) -> (String, Arc<Mutex<Vec<TcpStream>>>) {
    const GOODBYE: &[u8] = b"X\0\0\0\x04";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let left = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&left);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&to).await.unwrap();
            let keep = Arc::clone(&keep);
            tokio::spawn(async move {
                let (mut asked, mut said) = (vec![0; 65_536], vec![0; 65_536]);
                loop {
                    tokio::select! {
                        count = client.read(&mut asked) => match count.unwrap_or(0) {
                            0 => break,
                            count if asked[..count].ends_with(GOODBYE) => {
                                let last = &asked[..count - GOODBYE.len()];
                                server.write_all(last).await.unwrap();
                                break;
                            }
                            count => server.write_all(&asked[..count]).await.unwrap(),
                        },
                        count = server.read(&mut said) => match count.unwrap_or(0) {
                            0 => return,
                            count => client.write_all(&said[..count]).await.unwrap(),
                        },
                    }
                }
                keep.lock().unwrap().push(server);
            });
        }
    });
    (address, left)
}

#[tokio::test]
async fn nothing_of_a_transaction_stays_on_a_connection() {
    let Some(world) = World::postgres().await else { return };
    let url = world.url().unwrap();
    let (before, server) = url.rsplit_once('@').unwrap();
    let (server, database) = server.split_once('/').unwrap();
    let (address, left) = pooler(server.to_owned()).await;
    let mut settings = world.settings.clone();
    let url = format!("{before}@{address}/{database}?sslmode=disable");
    settings.place = Place::Postgres(Secret::new(url));
    let store = Store::open(&settings).await.unwrap();
    let tenant = two_tenants(&store).await[0];
    store.strategies(tenant, StrategyFilter::default(), Page::default()).await.unwrap();
    store.close().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The next user of a connection is somebody else.
    let ask = "SELECT '<' || current_setting('role') || '|' || \
               COALESCE(current_setting('app.current_tenant_id', true), '') || '|' || \
               current_setting('search_path') || '|' || current_setting('statement_timeout') || \
               '|' || current_setting('lock_timeout') || '>'\0";
    let mut connections = std::mem::take(&mut *left.lock().unwrap());
    assert!(!connections.is_empty());
    for connection in &mut connections {
        let length = u32::try_from(ask.len() + 4).unwrap().to_be_bytes();
        connection.write_all(&[b"Q", &length[..], ask.as_bytes()].concat()).await.unwrap();
        let mut answer = Vec::new();
        while !(answer.contains(&b'<') && answer.ends_with(b"Z\0\0\0\x05I")) {
            let count = connection.read_buf(&mut answer).await.unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&answer));
        }
        let text = String::from_utf8_lossy(&answer);
        assert!(text.contains("<none||\"$user\", public|0|0>"), "{text}");
    }
}

#[tokio::test]
async fn a_row_that_is_stuck_keeps_nobody_else_waiting() {
    let Some(world) = World::postgres().await else { return };
    let [stuck, other] = two_tenants(&world.store).await;
    let mut holder = connect(&world).await;
    let mut tx = holder.begin().await.unwrap();
    let sql = "UPDATE quanttrade.tenant_heads SET audit_seq = audit_seq \
               WHERE tenant_id = $1 RETURNING set_config('app.current_tenant_id', $2, true)";
    let set = "SELECT set_config('app.current_tenant_id', $1, true)";
    sqlx::query(set).bind(stuck.to_string()).execute(&mut *tx).await.unwrap();
    let held = sqlx::query(sql).bind(stuck.0).bind(stuck.to_string()).execute(&mut *tx);
    assert_eq!(held.await.unwrap().rows_affected(), 1);
    // More than there are connections.
    let mut tasks = Vec::new();
    for n in 0..6 {
        let store = world.store.clone();
        tasks.push(tokio::spawn(async move {
            let actor = Actor::new(stuck, "ann", "r");
            let new = NewStrategy { name: format!("n{n}"), ..NewStrategy::default() };
            create_strategy(&store, actor, new).await
        }));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let began = Instant::now();
    loop {
        let read = world.store.strategies(other, StrategyFilter::default(), Page::default()).await;
        match read {
            Ok(seen) => {
                assert_eq!(seen.items.len(), 1);
                break;
            }
            Err(error) => assert!(error.is_passing(), "{error}"),
        }
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for task in tasks {
        let failed = task.await.unwrap();
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
    }
    tx.rollback().await.unwrap();
    let actor = Actor::new(stuck, "ann", "r");
    let new = NewStrategy { name: "later".to_owned(), ..NewStrategy::default() };
    create_strategy(&world.store, actor, new).await.unwrap();
}
