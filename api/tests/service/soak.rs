//! Faults again and again under load: none of them leaves anything behind, in memory, in open
//! files, or between what was traded and what is held.
//!
//! `QT_SOAK_SECONDS=259200 QT_SOAK_FAULT_SECONDS=600` make it three days with a fault every ten
//! minutes; it prints memory and files of the service after each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_auth::Role;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::{Connection, PgConnection, Row};

use crate::flow::{until, until_healthy};
use crate::outages::load;
use crate::place::Way;
use crate::process::Process;
use crate::redis_server::RedisServer;
use crate::secrets::token;
use crate::servers::PostgresServer;

/// Faults where nobody says for how long: two of each kind.
const FAULTS_MIN: usize = 4;
/// Files that may be open after the last fault beyond those after the first two.
const FILES_MAX: usize = 16;
/// The same of memory, where it does not go on for long.
const GROWS_KIB_MAX: u64 = 64 << 10;

fn seconds(name: &str, usual: u64) -> Duration {
    let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
    Duration::from_secs(given.unwrap_or(usual))
}

/// What the store has of executions.
struct Traded {
    orders: i64,
    filled: i64,
    net: Decimal,
}

async fn traded(url: &str) -> Traded {
    let mut connection = PgConnection::connect(url).await.expect("the database");
    let sql = "SELECT (SELECT count(*) FROM quanttrade.orders) AS orders, \
               (SELECT count(*) FROM quanttrade.orders WHERE status = 'filled') AS filled, \
               (SELECT COALESCE(sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END), 0) \
               FROM quanttrade.executions)::text AS net";
    let row = sqlx::query(sql).fetch_one(&mut connection).await.expect("sums");
    let net: String = row.get("net");
    let net = net.parse().expect("a number");
    Traded { orders: row.get("orders"), filled: row.get("filled"), net }
}

/// Waits until the store has `acknowledged` orders, all filled, and holds their sum against what
/// the account holds.
async fn nothing_is_missing(way: &Way, url: &str, acknowledged: usize) {
    let begun = Instant::now();
    loop {
        let traded = traded(url).await;
        let has_all = traded.orders >= i64::try_from(acknowledged).expect("a number");
        let portfolio = way.ask("GET", "/portfolio", None).await.json();
        let held = portfolio["positions"].as_array().and_then(|all| all.first());
        let held = held.map_or(Ok(Decimal::ZERO), |of| of["quantity"].as_str().unwrap().parse());
        if has_all && traded.filled == traded.orders && held.as_ref() == Ok(&traded.net) {
            return;
        }
        let is_late = begun.elapsed() > Duration::from_secs(60);
        let Traded { orders, filled, net } = traded;
        assert!(!is_late, "{acknowledged} acknowledged, {orders}, {filled}, {net}, {held:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_again_and_again_leave_nothing_behind() {
    let Some(mut postgres) = PostgresServer::start().await else { return };
    let Some(mut redis) = RedisServer::start().await else { return };
    let (database, streams) = (postgres.url(), redis.url());
    let limits = ["RATE_LIMIT_READ", "RATE_LIMIT_WRITE"].map(|name| (name, "1000000:1000000"));
    let secret = "k2Zp9vQ4xW7mB1nR6tY3uE8sA5dF0gHjLcXz";
    let own = [
        ("JWT_SECRET_KEY", secret),
        ("DATABASE_URL", database.as_str()),
        ("REDIS_URL", streams.as_str()),
        ("SESSION_ALONE", "true"),
        ("LOG_LEVEL", "warn"),
    ];
    let process = Process::start(&[&limits[..], &own].concat()).await;
    let way = Arc::new(process.with(&token(secret, Role::TenantAdmin)));
    until(&way, "/health", |health| health["status"] == "healthy").await;
    until_healthy(&way).await;
    let (length, part) = (seconds("QT_SOAK_SECONDS", 0), seconds("QT_SOAK_FAULT_SECONDS", 2) / 2);
    let (begun, mut acknowledged) = (Instant::now(), 0);
    let (mut files, mut kib) = (Vec::new(), Vec::new());
    for fault in 0.. {
        if fault >= FAULTS_MIN && begun.elapsed() >= length {
            break;
        }
        let (asking, since) = (Arc::clone(&way), Instant::now());
        let loading =
            tokio::spawn(async move { load(&asking, move |_| since.elapsed() < part * 2).await });
        tokio::time::sleep(part / 2).await;
        let is_database = fault % 2 == 0;
        if is_database {
            postgres.kill()
        } else {
            redis.kill()
        }
        tokio::time::sleep(part).await;
        if is_database {
            postgres.begin().await
        } else {
            redis.restart().await
        }
        acknowledged += loading.await.expect("the usual answers").acknowledged.len();
        nothing_is_missing(&way, &database, acknowledged).await;
        let is_well = |health: &Value| health["status"] == "healthy";
        until(&way, "/health", is_well).await;
        files.push(process.files());
        kib.push(process.resident_kib());
        println!(
            "fault {fault}: {acknowledged} orders, {:?} files, {:?} KiB",
            files[fault], kib[fault]
        );
    }
    let (first, last) = (1, files.len() - 1);
    assert!(files[last] <= files[first] + FILES_MAX, "files are left open: {files:?}");
    // Over days it is the slope that counts, which is printed.
    assert!(length > Duration::ZERO || kib[last] <= kib[first] + GROWS_KIB_MAX, "{kib:?}");
}
