//! What happens when what the service uses is away: nothing that was acknowledged is lost, the kill
//! switch works, and afterwards each row and each event is there once.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection, Row};

use crate::flow;
use crate::place::{Place, Way};
use crate::redis_server::RedisServer;
use crate::servers::PostgresServer;

pub const SECRET: (&str, &str) = ("JWT_SECRET_KEY", "k2Zp9vQ4xW7mB1nR6tY3uE8sA5dF0gHjLcXz");
pub const HOST: (&str, &str) = ("HOST", "127.0.0.1");
/// So that tests are not held up.
pub const WRITES: (&str, &str) = ("RATE_LIMIT_WRITE", "100000:100000");
pub const READS: (&str, &str) = ("RATE_LIMIT_READ", "100000:100000");
/// Clients at one time.
const CLIENTS: usize = 8;

/// What a database has: the statuses of orders, how often each was executed, and events.
#[derive(Debug, Default)]
pub struct Kept {
    orders: HashMap<String, String>,
    filled: HashMap<String, usize>,
    executions: usize,
    events: Vec<(String, String)>,
    /// Rows of the audit, by action and subject.
    audited: HashMap<(String, String), i64>,
}

impl Kept {
    fn of_type(&self, kind: &str) -> usize {
        self.events.iter().filter(|(_, other)| other == kind).count()
    }

    /// How many rows of the audit tell of `action`.
    fn audited(&self, action: &str) -> i64 {
        self.audited.iter().filter(|((of, _), _)| of == action).map(|(_, count)| count).sum()
    }

    /// Each acknowledged order is there and filled, with one row of the audit; each execution has
    /// one event.
    pub fn holds(&self, acknowledged: &[String]) {
        for id in acknowledged {
            let Some(status) = self.orders.get(id) else { panic!("order {id} is lost") };
            assert!(status == "filled", "order {id} is {status}");
            assert!(self.filled.contains_key(id), "order {id} has no execution");
            let placed = ("order.placed".to_owned(), format!("order:{id}"));
            assert_eq!(self.audited.get(&placed), Some(&1), "order {id} in the audit");
        }
        let distinct: HashSet<&String> = self.events.iter().map(|(id, _)| id).collect();
        assert_eq!(distinct.len(), self.events.len(), "events are there twice");
        assert_eq!(self.of_type("TradeExecuted"), self.executions);
    }
}

const ORDERS: &str = "SELECT CAST(id AS TEXT) AS id, status FROM orders";
const EXECUTIONS: &str = "SELECT CAST(order_id AS TEXT) AS id, COUNT(*) AS fills FROM executions \
                          GROUP BY order_id";
const EVENTS: &str = "SELECT CAST(event_id AS TEXT) AS id, event_type FROM outbox_events \
                      ORDER BY tenant_id, seq";
const AUDITED: &str = "SELECT action, subject, COUNT(*) AS entries FROM audit_entries \
                       GROUP BY action, subject";

macro_rules! kept_in {
    ($connection:expr) => {{
        let mut connection = $connection;
        let mut kept = Kept::default();
        for row in sqlx::query(ORDERS).fetch_all(&mut connection).await.unwrap() {
            assert!(kept.orders.insert(row.get("id"), row.get("status")).is_none());
        }
        for row in sqlx::query(EXECUTIONS).fetch_all(&mut connection).await.unwrap() {
            let fills = usize::try_from(row.get::<i64, _>("fills")).unwrap();
            kept.executions += fills;
            kept.filled.insert(row.get("id"), fills);
        }
        for row in sqlx::query(EVENTS).fetch_all(&mut connection).await.unwrap() {
            kept.events.push((row.get("id"), row.get("event_type")));
        }
        for row in sqlx::query(AUDITED).fetch_all(&mut connection).await.unwrap() {
            kept.audited.insert((row.get("action"), row.get("subject")), row.get("entries"));
        }
        kept
    }};
}

pub async fn in_sqlite(folder: &Path) -> Kept {
    kept_in!(sqlite(folder).await)
}

async fn in_postgres(url: &str) -> Kept {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let path = "SET search_path TO quanttrade";
    sqlx::query(path).execute(&mut connection).await.unwrap();
    kept_in!(connection)
}

async fn sqlite(folder: &Path) -> sqlx::SqliteConnection {
    let url = format!("sqlite://{}", folder.join("quanttrade.sqlite").display());
    sqlx::SqliteConnection::connect(&url).await.unwrap()
}

/// An order that is filled at once; all of them together come to nothing.
pub fn order(n: usize) -> String {
    let (side, quantity) = (["buy", "sell"][n % 2], n / 2 % 40 + 1);
    format!(r#"{{"symbol":"EURUSD","side":"{side}","type":"market","quantity":"{quantity}"}}"#)
}

/// Places orders by several clients while `goes_on(number of the order)`.
pub async fn load(
    way: &Arc<Way>,
    goes_on: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> Loaded {
    let (goes_on, next) = (Arc::new(goes_on), Arc::new(AtomicUsize::new(0)));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (way, goes_on, next) = (Arc::clone(way), Arc::clone(&goes_on), Arc::clone(&next));
        clients.push(tokio::spawn(async move {
            let mut loaded = Loaded::default();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                // Those that are faster than the account may trade come again.
                loop {
                    if !goes_on(n) {
                        return loaded;
                    }
                    let reply = way.ask("POST", "/trades", Some(&order(n))).await;
                    match reply.status {
                        201 => {
                            let id = reply.json()["id"].as_str().expect("an order").to_owned();
                            loaded.acknowledged.push(id);
                            break;
                        }
                        422 | 429 => {}
                        503 => loaded.unavailable += 1,
                        status => panic!("{status}: {}", reply.json()),
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }));
    }
    let mut all = Loaded::default();
    for client in clients {
        let one = client.await.unwrap();
        all.acknowledged.extend(one.acknowledged);
        all.unavailable += one.unavailable;
    }
    all
}

/// Orders that were acknowledged, and how often the service could not.
#[derive(Debug, Default)]
pub struct Loaded {
    pub acknowledged: Vec<String>,
    pub unavailable: usize,
}

/// Looks until `is_so`, for at most a minute.
pub async fn settled<F: Future<Output = Kept>>(
    look: impl Fn() -> F,
    is_so: impl Fn(&Kept) -> bool,
) -> Kept {
    let began = Instant::now();
    loop {
        let kept = look().await;
        if is_so(&kept) {
            return kept;
        }
        let late = began.elapsed() > Duration::from_secs(60);
        assert!(!late, "{} orders, {} events", kept.orders.len(), kept.events.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub fn has_all(acknowledged: &[String]) -> impl Fn(&Kept) -> bool {
    move |kept| {
        let is_filled = |id| kept.orders.get(id).is_some_and(|status| status == "filled");
        acknowledged.iter().all(is_filled)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_keeps_what_the_one_before_did_not_without_being_asked() {
    let place = Place::with(&[WRITES]).await;
    let way = Arc::new(place.directly());
    let first = load(&way, |n| n < 30).await;
    let folder = place.data_dir().to_owned();
    let before = settled(|| in_sqlite(&folder), has_all(&first.acknowledged)).await;
    drop(way);
    // An ordinary restart: nothing is told twice.
    let place = place.restart_unasked(|_| {}).await;
    let way = Arc::new(place.directly());
    let more = load(&way, |n| n < 10).await;
    let after = settled(|| in_sqlite(&folder), has_all(&more.acknowledged)).await;
    after.holds(&first.acknowledged);
    after.holds(&more.acknowledged);
    assert_eq!(after.events[..before.events.len()], before.events);
    drop(way);
    // The database is gone; the journal is there, and nobody asks for anything.
    let gone = |folder: &Path| {
        for name in ["quanttrade.sqlite", "quanttrade.sqlite-wal", "quanttrade.sqlite-shm"] {
            let _ = std::fs::remove_file(folder.join(name));
        }
    };
    let place = place.restart_unasked(gone).await;
    let all: Vec<String> = [first.acknowledged, more.acknowledged].concat();
    let again = settled(|| in_sqlite(&folder), has_all(&all)).await;
    again.holds(&all);
    let ids = |kept: &Kept| -> HashSet<String> {
        let trading = kept.events.iter().filter(|(_, kind)| kind != "KillSwitchChanged");
        trading.map(|(id, _)| id.clone()).collect()
    };
    assert_eq!(ids(&again), ids(&after), "the same events under the same identifiers");
    drop(place);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_orders_while_the_store_is_away() {
    let place = Place::with(&[WRITES, READS]).await;
    let way = Arc::new(place.directly());
    let folder = place.data_dir().to_owned();
    load(&way, |n| n < 4).await;
    // Somebody holds the file: nothing can be written.
    let mut holder = sqlite(&folder).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    let loaded = load(&way, |n| n < 10_000).await;
    assert_eq!((loaded.acknowledged.len(), loaded.unavailable), (10_000, 0));
    let kill = r#"{"level":"account","reason":"the store is away"}"#;
    let killed = way.ask("POST", "/risk/kill", Some(kill)).await;
    assert_eq!(killed.status, 200, "{}", killed.json());
    let denied = way.ask("POST", "/trades", Some(&order(0))).await;
    assert_eq!(denied.status, 422, "{}", denied.json());
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    holder.close().await.unwrap();
    let kept = settled(|| in_sqlite(&folder), has_all(&loaded.acknowledged)).await;
    kept.holds(&loaded.acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_away_under_load() {
    let Some(mut redis) = RedisServer::start().await else { return };
    let url = redis.url();
    let place = Place::with(&[SECRET, HOST, WRITES, READS, ("REDIS_URL", &url)]).await;
    let way = Arc::new(place.directly());
    let folder = place.data_dir().to_owned();
    let (began, asking) = (Instant::now(), Arc::clone(&way));
    let loading = tokio::spawn(async move {
        load(&asking, move |_| began.elapsed() < Duration::from_secs(5)).await
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    redis.kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let health = way.ask("GET", "/health", None).await.json();
    assert!(health.to_string().contains("redis"), "{health}");
    redis.restart().await;
    let loaded = loading.await.unwrap();
    assert_eq!(loaded.unavailable, 0, "trading does not need Redis");
    assert!(loaded.acknowledged.len() > 100, "{}", loaded.acknowledged.len());
    let kept = settled(|| in_sqlite(&folder), has_all(&loaded.acknowledged)).await;
    kept.holds(&loaded.acknowledged);
    // Everything is published, in order, and known again where it came twice.
    for kind in ["TradeExecuted", "OrderStateChanged"] {
        let wanted: Vec<&String> =
            kept.events.iter().filter(|(_, of)| of == kind).map(|(id, _)| id).collect();
        let began = Instant::now();
        loop {
            let mut seen = HashSet::new();
            let entries = redis.entries(&format!("events:{kind}")).await;
            let ids = entries.iter().map(|entry| entry["event_id"].clone());
            let firsts: Vec<String> = ids.filter(|id| seen.insert(id.clone())).collect();
            if firsts.iter().eq(wanted.iter().copied()) {
                break;
            }
            let late = began.elapsed() > Duration::from_secs(30);
            assert!(!late, "{kind}: {} of {}", firsts.len(), wanted.len());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_away_under_load() {
    let Some(mut server) = PostgresServer::start().await else { return };
    let url = server.url();
    let place = Place::with(&[SECRET, HOST, WRITES, READS, ("DATABASE_URL", &url)]).await;
    let way = Arc::new(place.directly());
    let (began, asking) = (Instant::now(), Arc::clone(&way));
    let loading = tokio::spawn(async move {
        load(&asking, move |_| began.elapsed() < Duration::from_secs(8)).await
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.kill();
    // What needs the journal alone goes on.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let order = way.ask("POST", "/trades", Some(&order(1))).await;
    assert!([201, 422].contains(&order.status), "{}", order.json());
    let strategy = r#"{"name":"a","strategy_type":"sma_cross","symbols":[]}"#;
    let refused = way.ask("POST", "/strategies", Some(strategy)).await;
    assert_eq!(refused.status, 503, "{}", refused.json());
    // Longer than a lease.
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.begin().await;
    let mut loaded = loading.await.unwrap();
    assert!(loaded.acknowledged.len() > 100, "{}", loaded.acknowledged.len());
    drop(way);
    // Whatever became of the session, and its leases: the next process has all of it.
    let place = place.restart().await;
    let way = Arc::new(place.directly());
    flow::until(&way, "/portfolio", |it| it["account_id"].is_string()).await;
    let more = load(&way, |n| n < 20).await;
    loaded.acknowledged.extend(more.acknowledged);
    let kept = settled(|| in_postgres(&url), has_all(&loaded.acknowledged)).await;
    kept.holds(&loaded.acknowledged);
    assert_eq!(kept.audited("strategy.created"), 0, "what was refused was not done");
    let kill = r#"{"level":"account","reason":"a test"}"#;
    assert_eq!(way.ask("POST", "/risk/kill", Some(kill)).await.status, 200);
}

/// A session whose lease cannot be renewed any more takes a kill all the same, also one of a
/// strategy that it does not run; the store has them written down once it is there again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_postgres_is_away() {
    let Some(mut server) = PostgresServer::start().await else { return };
    let url = server.url();
    let place = Place::with(&[SECRET, HOST, WRITES, READS, ("DATABASE_URL", &url)]).await;
    let way = place.directly();
    let strategy = r#"{"name":"a","strategy_type":"market_maker","symbols":["AAPL"]}"#;
    let strategy = way.ask("POST", "/strategies", Some(strategy)).await.json();
    let strategy = strategy["id"].as_str().expect("a strategy");
    let rest = r#"{"symbol":"BTC-USD","side":"buy","type":"limit","price":"100","quantity":"1"}"#;
    let resting = way.ask("POST", "/trades", Some(rest)).await.json()["id"].clone();
    server.kill();
    let is_lost = |page: &serde_json::Value| page["session"]["phase"] == "LEASE_LOST";
    flow::until(&way, "/risk/status", is_lost).await;
    let began = Instant::now();
    let kill = format!(r#"{{"level":"strategy","id":"{strategy}","reason":"PostgreSQL is away"}}"#);
    let killed = way.ask("POST", "/risk/kill", Some(&kill)).await;
    assert_eq!(killed.status, 200, "{}", killed.json());
    let kill = r#"{"level":"account","reason":"PostgreSQL is away"}"#;
    let killed = way.ask("POST", "/risk/kill", Some(kill)).await;
    assert_eq!(killed.status, 200, "{}", killed.json());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let told = killed.json();
    let is_told = |name: &str| told[name].as_array().is_some_and(|ids| ids.contains(&resting));
    assert!(is_told("cancelled") || is_told("cancel_pending"), "{told}");
    let refused = way.ask("POST", "/trades", Some(&order(1))).await.status;
    assert!([422, 503].contains(&refused), "{refused}");
    server.begin().await;
    let has_both = |page: &serde_json::Value| {
        let rows = page["switches"].as_array().map(Vec::as_slice).unwrap_or_default();
        rows.iter().filter(|row| row["reason"] == "PostgreSQL is away").count() == 2
    };
    flow::until(&way, "/risk/status", has_both).await;
    let path = format!("/strategies/{strategy}/activate");
    let refused = way.ask("POST", &path, None).await;
    assert_eq!(refused.status, 409, "{}", refused.json());
    let kept = settled(|| in_postgres(&url), |kept| kept.audited("risk.killed") == 2).await;
    assert_eq!(kept.of_type("KillSwitchChanged"), 2);
    assert_eq!(kept.audited("strategy.created"), 1);
}

/// Alone on its database, a process goes on for as long as that is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_alone_trades_on_without_postgres() {
    let Some(mut server) = PostgresServer::start().await else { return };
    let url = server.url();
    let alone = ("SESSION_ALONE", "true");
    let place = Place::with(&[SECRET, HOST, WRITES, READS, ("DATABASE_URL", &url), alone]).await;
    let way = Arc::new(place.directly());
    let mut loaded = load(&way, |n| n < 10).await;
    server.kill();
    // Four times as long as a lease lasts, and orders all the while.
    let began = Instant::now();
    let away = load(&way, move |_| began.elapsed() < Duration::from_secs(12)).await;
    assert_eq!(away.unavailable, 0, "of {} orders", away.acknowledged.len());
    let status = way.ask("GET", "/risk/status", None).await.json();
    assert_eq!(status["session"]["phase"], "READY", "{status}");
    server.begin().await;
    loaded.acknowledged.extend(away.acknowledged);
    let kept = settled(|| in_postgres(&url), has_all(&loaded.acknowledged)).await;
    kept.holds(&loaded.acknowledged);
    // Its leases are its own again: the next process need not wait for their end.
    drop(way);
    let place = place.restart().await;
    let way = Arc::new(place.directly());
    assert_eq!(load(&way, |n| n < 5).await.acknowledged.len(), 5);
}
