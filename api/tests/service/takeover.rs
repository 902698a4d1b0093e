//! Two services and one session: one has it, the other one says who, and takes over. Nothing that
//! was acknowledged is lost or done twice, and who was away too long does nothing any more.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::client::Reply;
use crate::flow;
use crate::place::{Database, Place, Way};
use crate::soon;

/// A request over a connection of its own; none where the other side is not there or ends early.
async fn ask(way: &Way, method: &str, path: &str, body: &str) -> Option<Reply> {
    let mut stream = TcpStream::connect(way.address).await.ok()?;
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        way.address,
        way.token,
        body.len()
    );
    stream.write_all(text.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    (!answer.is_empty()).then(|| Reply::read(&answer))
}

fn order(n: usize) -> String {
    let (side, quantity) = (if n.is_multiple_of(2) { "buy" } else { "sell" }, 5 + n % 20);
    format!(
        r#"{{"symbol":"EURUSD","side":"{side}","type":"market","quantity":"{quantity}",
        "client_order_id":"n{n}"}}"#
    )
}

/// What a client has been told.
#[derive(Default)]
struct Told {
    /// Identifiers by the client's names.
    placed: BTreeMap<usize, String>,
    /// Names that were there already when they were tried again.
    known: BTreeSet<usize>,
    /// The longest time between two acknowledged orders.
    gap: Duration,
}

/// Places orders with whoever takes them, each until it is told that it is there, until `stop`.
async fn place_all(ways: [Way; 2], stop: Arc<AtomicBool>) -> Told {
    let (mut told, mut at, mut last) = (Told::default(), 0, Instant::now());
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let reply = ask(&ways[at], "POST", "/trades", &order(n)).await;
        match reply.as_ref().map(|reply| reply.status) {
            Some(201) => {
                let id = reply.map(|reply| reply.json()["id"].as_str().unwrap().to_owned());
                told.placed.insert(n, id.unwrap());
            }
            Some(409) => {
                told.known.insert(n);
            }
            None | Some(503) => {
                at = 1 - at;
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
            Some(status) => panic!("{status}: {}", reply.unwrap().json()),
        }
        told.gap = told.gap.max(last.elapsed());
        last = Instant::now();
        n += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    told
}

/// All orders of the tenant, by the client's names.
async fn orders(way: &Way) -> Vec<(String, String)> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = way.ask("GET", &format!("/orders?limit=500{cursor}"), None).await.json();
        for order in page["items"].as_array().unwrap() {
            let text = |field: &str| order[field].as_str().unwrap_or_default().to_owned();
            all.push((text("client_order_id"), text("id")));
        }
        let Some(next) = page["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_handed_over_under_load() {
    let Some(first) = Place::postgres().await else { return };
    let second = first.beside().await;
    let way = second.directly();
    let elsewhere = way.ask("GET", "/portfolio", None).await;
    assert_eq!((elsewhere.status, elsewhere.code().as_str()), (503, "ELSEWHERE"));
    let process = format!("process {}", std::process::id());
    assert!(elsewhere.json()["detail"].to_string().contains(&process), "{}", elsewhere.json());
    let stop = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(place_all([first.directly(), second.directly()], Arc::clone(&stop)));
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(first.stop().await, "all of it ends in time");
    flow::until(&way, "/portfolio", |it| it["cash"].is_string()).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    stop.store(true, Ordering::Relaxed);
    let told = soon(load).await.unwrap();
    let all = orders(&way).await;
    println!("{} orders, the longest gap {:?}", told.placed.len(), told.gap);
    assert!(told.placed.len() > 50, "{}", told.placed.len());
    assert!(told.gap < Duration::from_secs(10), "{:?}", told.gap);
    let names: BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), all.len(), "an order is there twice");
    for (n, id) in &told.placed {
        assert!(all.contains(&(format!("n{n}"), id.clone())), "n{n} is lost");
    }
    for n in &told.known {
        assert!(names.contains(format!("n{n}").as_str()), "n{n} was said to be there");
    }
    assert!(second.stop().await);
}

const URL: &str = "QT_TAKEOVER_URL";
const TENANT: &str = "0190a5a0-0000-7000-8000-000000000002";

/// The process that is stopped. Nothing where nobody asked for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(url) = std::env::var(URL) else { return };
    let place = Place::on(&url, TENANT.parse().unwrap(), None).await;
    flow::until_healthy(&place.directly()).await;
    println!("listens {}", place.address);
    std::future::pending::<()>().await;
}

/// A process that ends with this.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Other {
    fn start(url: &str) -> (Self, SocketAddr) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["takeover::child", "--exact", "--nocapture"])
            .env(URL, url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let other = Self(child);
        let address = out.lines().find_map(|line| {
            let line = line.unwrap();
            line.rsplit_once("listens ").map(|(_, address)| address.parse().unwrap())
        });
        (other, address.expect("it never came so far"))
    }

    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

/// A process that was stopped for longer than its lease lasts: another one, elsewhere, has the
/// session by then, and what was asked of the first one in the meantime is refused when it wakes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_away_for_longer_than_the_lease_sends_nothing() {
    let Some(database) = Database::new().await else { return };
    let (url, tenant) = (database.url(), TENANT.parse::<Uuid>().unwrap());
    let (asleep, address) = {
        let url = url.clone();
        tokio::task::spawn_blocking(move || Other::start(&url)).await.unwrap()
    };
    let place = Place::on(&url, tenant, Some(Arc::new(database))).await;
    let way = place.directly();
    let theirs = Way { address, ..place.directly() };
    assert_eq!(way.ask("GET", "/portfolio", None).await.code(), "ELSEWHERE");
    let placed = ask(&theirs, "POST", "/trades", &order(0)).await.unwrap();
    assert_eq!(placed.status, 201, "{}", placed.json());
    asleep.signal("-STOP");
    let begun = Instant::now();
    flow::until(&way, "/portfolio", |it| it["cash"].is_string()).await;
    println!("taken over after {:?}", begun.elapsed());
    let here = ask(&way, "POST", "/trades", &order(1)).await.unwrap();
    assert_eq!(here.status, 201, "{}", here.json());
    let late = [2, 3, 4].map(|n| {
        let theirs = Way { address, ..place.directly() };
        tokio::spawn(async move { ask(&theirs, "POST", "/trades", &order(n)).await })
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    asleep.signal("-CONT");
    for late in late {
        let late = soon(late).await.unwrap().expect("it answers");
        let is_fenced = ["LEASE_LOST", "ELSEWHERE"].contains(&late.code().as_str());
        assert!(late.status == 503 && is_fenced, "{}: {}", late.status, late.json());
    }
    // It answers reads, and says who has the session.
    let is_known = |it: &serde_json::Value| it["session"]["phase"] == "ELSEWHERE";
    let status = flow::until(&theirs, "/risk/status", is_known).await;
    let process = format!("process {}", std::process::id());
    flow::until(&theirs, "/risk/status", |it| {
        it["session"]["detail"].as_str().is_some_and(|detail| detail.contains(&process))
    })
    .await;
    assert!(status["session"]["events"].as_u64() > Some(0));
    assert_eq!(theirs.ask("GET", "/portfolio", None).await.status, 200);
    let killed = ask(&theirs, "POST", "/risk/kill", r#"{"level":"account","reason":"a test"}"#);
    assert_eq!(killed.await.unwrap().status, 503, "only who has it can kill it");
    let here = ask(&way, "POST", "/trades", &order(5)).await.unwrap();
    assert_eq!(here.status, 201, "{}", here.json());
    drop(asleep);
    assert!(place.stop().await);
}

/// The store does not answer for longer than a lease lasts: no order leaves, the kill switch
/// works, and with the store the session goes on as if nothing had been.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_stops_orders_and_fails_no_session() {
    use sqlx::{Connection, Executor};
    let Some(place) = Place::postgres().await else { return };
    let way = place.directly();
    let phase = async |phase: &str| {
        flow::until(&way, "/risk/status", |it| it["session"]["phase"] == phase).await["session"]
            .clone()
    };
    let before = phase("READY").await;
    let url = place.database_url();
    let mut owner = sqlx::PgConnection::connect(&url).await.unwrap();
    let lock = "LOCK TABLE quanttrade.leases IN ACCESS EXCLUSIVE MODE";
    owner.execute("BEGIN").await.unwrap();
    owner.execute(lock).await.unwrap();
    phase("LEASE_LOST").await;
    let refused = way.ask("POST", "/trades", Some(&order(0))).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "LEASE_LOST"));
    assert_eq!(way.ask("GET", "/portfolio", None).await.status, 200);
    let health = way.ask("GET", "/health", None).await;
    assert_eq!((health.status, &health.json()["components"]["sessions"]), (503, &"down".into()));
    owner.execute("COMMIT").await.unwrap();
    let after = phase("READY").await;
    assert_eq!(after["epoch"], before["epoch"], "nobody else had it");
    let placed = way.ask("POST", "/trades", Some(&order(0))).await;
    assert_eq!(placed.status, 201, "{}", placed.json());
    owner.execute("BEGIN").await.unwrap();
    owner.execute(lock).await.unwrap();
    phase("LEASE_LOST").await;
    let kill = r#"{"level":"account","reason":"a test"}"#;
    let killed = way.ask("POST", "/risk/kill", Some(kill)).await;
    assert_eq!(killed.status, 200, "{}", killed.json());
    owner.execute("COMMIT").await.unwrap();
    assert_eq!(phase("READY").await["is_killed"], true);
    assert!(place.stop().await);
}
