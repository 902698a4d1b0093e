//! Signals through the Redis Stream: signed or dead, each once in effect, whoever is killed.

use std::collections::{HashMap, HashSet};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_api::signals::stream::{DEAD, GROUP, STREAM};
use redis::aio::MultiplexedConnection;
use redis::streams::StreamInfoGroupsReply;
use ring::hmac;
use serde_json::{Value, json};
use sqlx::{Connection, Row};
use uuid::Uuid;

use crate::flow::until;
use crate::place::{Database, Place, Way, binary};
use crate::redis_server::RedisServer;

const SECRET: (&str, &str) = ("JWT_SECRET_KEY", "k2Zp9vQ4xW7mB1nR6tY3uE8sA5dF0gHjLcXz");
const HOST: (&str, &str) = ("HOST", "127.0.0.1");

/// A registered source, as its program knows it.
pub(crate) struct Source {
    pub(crate) id: String,
    pub(crate) key_id: String,
    pub(crate) key: hmac::Key,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Source {
    async fn register(way: &Way, name: &str, notional: &str) -> Self {
        let budget = json!({"notional": notional, "loss": "5000", "rate_per_minute": 1_000_000});
        Self::register_with(way, name, json!({ "budget": budget })).await
    }

    /// With more than its name, its subject and what it is about.
    async fn register_with(way: &Way, name: &str, more: Value) -> Self {
        let mut body = json!({
            "name": name, "subject": name, "symbols": ["BTC-USD", "ETH-USD", "EURUSD"],
        });
        let more = more.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(more);
        let made = way.ask("POST", "/signal-sources", Some(&body.to_string())).await;
        assert_eq!(made.status, 201, "{}", made.json());
        let made = made.json();
        let text = |field: &str| made[field].as_str().expect("a text").to_owned();
        let key = hmac::Key::new(hmac::HMAC_SHA256, text("key").as_bytes());
        Self { id: text("id"), key_id: text("key_id"), key }
    }

    /// It is live, and no person is asked.
    pub(crate) async fn live(way: &Way, name: &str, notional: &str) -> Self {
        Self::ask_nobody(way).await;
        let source = Self::register(way, name, notional).await;
        source.goes_live(way).await;
        source
    }

    /// The same with more than its name, its subject and what it is about.
    pub(crate) async fn live_with(way: &Way, name: &str, more: Value) -> Self {
        Self::ask_nobody(way).await;
        let source = Self::register_with(way, name, more).await;
        source.goes_live(way).await;
        source
    }

    async fn ask_nobody(way: &Way) {
        let policy = way.ask("GET", "/hitl/policy", None).await.json();
        let nobody = json!({"base_version": policy["version"], "ask_below_confidence": 0,
            "ask_above_notional": null, "ask_first_of_source": false});
        let set = way.ask("PUT", "/hitl/policy", Some(&nobody.to_string())).await;
        assert_eq!(set.status, 200, "{}", set.json());
    }

    async fn goes_live(&self, way: &Way) {
        let path = format!("/signal-sources/{}/mode", self.id);
        let set = way.ask("PUT", &path, Some(r#"{"mode":"live","reason":"a test"}"#)).await;
        assert_eq!(set.status, 200, "{}", set.json());
    }

    fn sign(&self, payload: &str) -> String {
        hex(hmac::sign(&self.key, payload.as_bytes()).as_ref())
    }

    pub(crate) fn fields(&self, payload: &str) -> [(&'static str, String); 3] {
        let sig = self.sign(payload);
        [("payload", payload.to_owned()), ("key_id", self.key_id.clone()), ("sig", sig)]
    }
}

/// Buys and closes in turn, so that each of them may become an order.
pub(crate) fn signal(name: &str, n: usize) -> String {
    let (action, symbol) = (["buy", "close"][n % 2], "EURUSD");
    let now = qt_trading::time::Time::now();
    let expires = qt_trading::time::Time(now.0 + 3_600_000_000_000);
    json!({
        "schema_version": 1, "signal_id": format!("{name}-{n}"), "symbol": symbol,
        "action": action, "confidence": 0.9, "horizon_seconds": 3600,
        "issued_at": now.to_string(), "expires_at": expires.to_string(),
    })
    .to_string()
}

pub(crate) async fn redis(server: &RedisServer) -> MultiplexedConnection {
    server.connection().await
}

pub(crate) async fn send(
    redis: &mut MultiplexedConnection,
    entries: &[[(&'static str, String); 3]],
) {
    for part in entries.chunks(1_000) {
        let mut pipe = redis::pipe();
        for fields in part {
            pipe.cmd("XADD").arg(STREAM).arg("*").arg(fields).ignore();
        }
        pipe.query_async::<()>(redis).await.unwrap();
    }
}

/// Entries that are not done: not delivered, or delivered and not acknowledged.
async fn open(redis: &mut MultiplexedConnection) -> usize {
    let info = redis::cmd("XINFO").arg("GROUPS").arg(STREAM).to_owned();
    let Ok(groups) = info.query_async::<StreamInfoGroupsReply>(redis).await else { return 1 };
    let of = |it: &redis::streams::StreamInfoGroup| it.pending + it.lag.unwrap_or(1);
    groups.groups.iter().find(|it| it.name == GROUP).map_or(1, of)
}

pub(crate) async fn all_done(redis: &mut MultiplexedConnection) {
    let began = Instant::now();
    while open(redis).await > 0 {
        assert!(began.elapsed() < Duration::from_secs(120), "{} are open", open(redis).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A service on SQLite that reads the stream of a Redis of its own.
pub(crate) async fn place(server: &RedisServer) -> Place {
    let quota = ("RATE_LIMIT_WRITE", "100000:100000");
    Place::with(&[("REDIS_URL", &server.url()), SECRET, HOST, quota]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_signals_of_their_source_or_dead_letters() {
    let Some(server) = RedisServer::start().await else { return };
    let place = place(&server).await;
    let (admin, mut redis) = (place.as_person("ann"), redis(&server).await);
    let source = Source::live(&admin, "ai", "20000").await;
    let good = signal("good", 0);
    let with = |field: usize, text: &str| {
        let mut fields = source.fields(&signal("bad", field));
        fields[field].1 = text.to_owned();
        fields
    };
    let mut other = json!(serde_json::from_str::<Value>(&good).unwrap());
    other["confidence"] = json!(0.2);
    let unknown = format!("{}.{}", "0".repeat(32), "1".repeat(32));
    let bad = [
        ("STREAM_SIGNATURE", with(0, "{}")),
        ("STREAM_SIGNATURE", with(2, "")),
        ("STREAM_KEY_UNKNOWN", with(1, "nothing")),
        ("STREAM_KEY_UNKNOWN", with(1, &unknown)),
        ("SIGNAL_MALFORMED", source.fields("{")),
        ("SIGNAL_DUPLICATE", source.fields(&other.to_string())),
    ];
    send(&mut redis, &[source.fields(&good)]).await;
    all_done(&mut redis).await;
    let entries: Vec<_> = bad.iter().map(|(_, fields)| fields.clone()).collect();
    send(&mut redis, &entries).await;
    // One that is no entry at all, and the good one again.
    let add = redis::cmd("XADD").arg(STREAM).arg("*").arg("x").arg("y").to_owned();
    add.query_async::<String>(&mut redis).await.unwrap();
    send(&mut redis, &[source.fields(&good)]).await;
    all_done(&mut redis).await;
    let dead = server.entries(DEAD).await;
    let mut codes: Vec<&str> = dead.iter().map(|entry| entry["code"].as_str()).collect();
    let mut wanted: Vec<&str> = bad.iter().map(|(code, _)| *code).collect();
    wanted.push("STREAM_MALFORMED");
    codes.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(codes, wanted, "{dead:?}");
    let all = admin.ask("GET", "/signals", None).await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1, "{all}");
    assert_eq!(all["items"][0]["status"], "taken", "{all}");
    // Its order is the source's, and is filled.
    let is_filled = |page: &Value| page["items"][0]["status"] == "filled";
    let path = format!("/orders?strategy_id={}", source.id);
    until(&admin, &path, is_filled).await;
    let events = server.entries("events:SignalGenerated").await;
    assert_eq!(events.len(), 1);
    let figures = admin.ask("GET", "/metrics", None).await;
    let figures = String::from_utf8(figures.body).unwrap();
    for (outcome, count) in
        [("taken", 1), ("repeated", 1), ("STREAM_SIGNATURE", 2), ("SIGNAL_DUPLICATE", 1)]
    {
        let line = format!("quanttrade_signals_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(figures.contains(&line), "{line}: {figures}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_may_be_emptied_and_killed_and_a_poor_source_trades_nothing() {
    let Some(mut server) = RedisServer::start().await else { return };
    let place = place(&server).await;
    let admin = place.as_person("ann");
    let rich = Source::live(&admin, "rich", "20000").await;
    let poor = Source::live(&admin, "poor", "1").await;
    let agent = place.as_agent("rich");
    for round in 0..3 {
        let mut redis = redis(&server).await;
        let of = |source: &Source, name: &str| {
            let names = (0..100).map(|n| signal(&format!("{name}{round}"), n));
            names.map(|it| source.fields(&it)).collect::<Vec<_>>()
        };
        send(&mut redis, &of(&rich, "r")).await;
        send(&mut redis, &of(&poor, "p")).await;
        all_done(&mut redis).await;
        match round {
            0 => redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await.unwrap(),
            1 => server.restart().await,
            _ => {}
        }
        // Meanwhile the other way works.
        let sent = agent.ask("POST", "/signals", Some(&signal("http", round))).await;
        assert_eq!(sent.status, 201, "{}", sent.json());
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut cursor = String::new();
    loop {
        let page = admin.ask("GET", &format!("/signals?limit=500{cursor}"), None).await.json();
        for row in page["items"].as_array().unwrap() {
            assert_eq!(row["status"], "taken", "{row}");
            *counts.entry(row["source_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((counts[&rich.id], counts[&poor.id]), (303, 300));
    let orders = |source: &Source| format!("/orders?strategy_id={}", source.id);
    until(&admin, &orders(&rich), |page| page["items"].as_array().unwrap().len() > 2).await;
    let none = admin.ask("GET", &orders(&poor), None).await.json();
    assert_eq!(none["items"], json!([]), "its budget is less than any order");
}

/// `quanttrade serve` as a process that may be killed.
struct Process {
    child: Child,
    port: u16,
}

impl Process {
    fn start(folder: &Path, redis: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(binary());
        command.env_clear().envs([SECRET, HOST]).env("PORT", port.to_string());
        command.env("REDIS_URL", redis).env("QUANTTRADE_DATA_DIR", folder);
        command.arg("serve").stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: command.spawn().unwrap(), port }
    }

    /// As the kernel does: nothing is written out.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The way of a tenant_admin to it.
    fn way(&self, token: &str) -> Way {
        let address = ([127, 0, 0, 1], self.port).into();
        Way { address, prefix: "", token: token.to_owned() }
    }

    async fn begun(&self, token: &str) -> Way {
        let way = self.way(token);
        for _ in 0..3_000 {
            let there = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await;
            if there.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        until(&way, "/health", |health| health["status"] == "healthy").await;
        way
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Two services read one stream, and one of them has the session: what the other is given comes to
/// it, and each signal has an effect once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_on_one_group() {
    let Some(server) = RedisServer::start().await else { return };
    let Some(database) = Database::new().await.map(Arc::new) else { return };
    let (url, redis_url) = (database.url(), server.url());
    let more = [("REDIS_URL", redis_url.as_str()), ("RATE_LIMIT_WRITE", "100000:100000")];
    let place = Place::on_with(&url, Uuid::now_v7(), Some(database), &more).await;
    let (admin, mut redis) = (place.as_person("ann"), redis(&server).await);
    let source = Source::live(&admin, "ai", "20000").await;
    let other = place.beside().await;
    for round in 0..5 {
        let names = (0..40).map(|n| signal(&format!("two{round}"), n));
        let entries: Vec<_> = names.map(|it| source.fields(&it)).collect();
        send(&mut redis, &entries).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let began = Instant::now();
    all_done(&mut redis).await;
    println!("done {:.1} s behind the last one", began.elapsed().as_secs_f64());
    assert!(server.entries(DEAD).await.is_empty());
    let all = admin.ask("GET", "/signals?status=taken&limit=500", None).await.json();
    let seqs: HashSet<u64> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["session_seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs.len(), 200, "each once");
    drop(other);
}

/// Killed as the kernel does it, between a decision that is kept and its release.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_between_decision_and_release_releases_once() {
    let Some(server) = RedisServer::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let token = admin_token();
    let mut process = Process::start(folder.path(), &server.url());
    let mut way = process.begun(&token).await;
    let source = Source::live(&way, "ai", "20000").await;
    let policy = way.ask("GET", "/hitl/policy", None).await.json();
    let all = json!({"base_version": policy["version"], "ask_below_confidence": 1,
        "ask_above_notional": null, "ask_first_of_source": false});
    assert_eq!(way.ask("PUT", "/hitl/policy", Some(&all.to_string())).await.status, 200);
    let mut redis = redis(&server).await;
    let (count, mut decided) = (12, HashSet::new());
    let entries: Vec<_> = (0..count).map(|n| source.fields(&signal("h", n))).collect();
    send(&mut redis, &entries).await;
    all_done(&mut redis).await;
    while decided.len() < count {
        let page = until(&way, "/hitl/pending?limit=100", |page| page["items"].is_array()).await;
        let Some(request) = page["items"].get(0).cloned() else { break };
        let id = request["id"].as_str().unwrap().to_owned();
        decided.insert(id.clone());
        let body = json!({"request_id": id, "decision": "approve"}).to_string();
        // It dies while it decides, a moment later each time, until it is fast enough.
        let late = Duration::from_micros(400 * decided.len() as u64);
        let sure = decided.len() > count - 2;
        let deciding = way.ask("POST", "/hitl/decision", Some(&body));
        if sure {
            assert_eq!(deciding.await.status, 200);
            continue;
        }
        let _ = tokio::time::timeout(late, deciding).await;
        process.kill();
        // What was not kept is asked about again.
        process = Process::start(folder.path(), &server.url());
        way = process.begun(&token).await;
        let page = way.ask("GET", "/hitl/pending?limit=100", None).await.json();
        if page["items"].as_array().unwrap().iter().any(|it| it["id"] == json!(id)) {
            let again = way.ask("POST", "/hitl/decision", Some(&body)).await;
            assert_eq!(again.status, 200, "{}", again.json());
        }
    }
    let is_done = |page: &Value| page["items"].as_array().is_some_and(|all| all.len() == count);
    until(&way, "/signals?status=taken&limit=100", is_done).await;
    process.kill();
    let lines = exported(folder.path());
    let names: HashSet<String> =
        lines.iter().map(|line| line["signal"]["signal_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((lines.len(), names.len()), (count, count), "each once");
}

/// How often it is killed.
const ROUNDS: usize = 4;

/// Killed in the middle, again and again, until all signals are done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_each_signal_has_an_effect_once() {
    let Some(server) = RedisServer::start().await else { return };
    let count = std::env::var("QT_SIGNALS").map_or(5_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let token = admin_token();
    let mut process = Process::start(folder.path(), &server.url());
    let source = Source::live(&process.begun(&token).await, "ai", "20000").await;
    let mut redis = redis(&server).await;
    let mut interrupted = 0;
    // Four of them trade: a source whose orders are denied thousands of times is stopped.
    let said = |n: usize| match n % (count / 4) {
        0 => signal("s", n),
        _ => signal("s", n).replace("\"buy\"", "\"hold\"").replace("\"close\"", "\"hold\""),
    };
    for round in 0..ROUNDS {
        let part = count * round / ROUNDS..count * (round + 1) / ROUNDS;
        let entries: Vec<_> = part.map(|n| source.fields(&said(n))).collect();
        send(&mut redis, &entries).await;
        // As soon as some of them are done.
        while open(&mut redis).await >= entries.len() {
            tokio::task::yield_now().await;
        }
        process.kill();
        interrupted += usize::from(open(&mut redis).await > 0);
        process = Process::start(folder.path(), &server.url());
        process.begun(&token).await;
        all_done(&mut redis).await;
    }
    assert!(interrupted > 0, "it was never killed in the middle");
    all_done(&mut redis).await;
    let dead = server.entries(DEAD).await;
    assert!(dead.is_empty(), "{} are dead, the first: {:?}", dead.len(), dead.first());
    process.kill();
    // In the store each is there once, taken, with a number of its own.
    let url = format!("sqlite://{}", folder.path().join("quanttrade.sqlite").display());
    let mut store = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let sql = "SELECT COUNT(*) AS n, COUNT(DISTINCT session_seq) AS seqs FROM signals \
               WHERE status = 'taken'";
    let row = sqlx::query(sql).fetch_one(&mut store).await.unwrap();
    let of = |name: &str| usize::try_from(row.get::<i64, _>(name)).unwrap();
    assert_eq!((of("n"), of("seqs")), (count, count));
    // In the journal as well; what it holds can be read by a backtest.
    let lines = exported(folder.path());
    let names: HashSet<String> =
        lines.iter().map(|line| line["signal"]["signal_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((lines.len(), names.len()), (count, count));
    drop(store);
}

/// The signals of the only journal in `folder`.
fn exported(folder: &Path) -> Vec<Value> {
    let sessions = std::fs::read_dir(folder.join("sessions")).unwrap();
    let folders = sessions.filter_map(|it| it.ok().map(|it| it.path())).filter(|it| it.is_dir());
    let accounts = folders.flat_map(|tenant| std::fs::read_dir(tenant).unwrap().flatten());
    let journal = accounts.map(|it| it.path().join("journal.qtj")).find(|it| it.exists());
    let output = Command::new(binary())
        .env("QUANTTRADE_DATA_DIR", folder)
        .args(["journal", "signals"])
        .arg(journal.expect("a journal"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn admin_token() -> String {
    use qt_auth::mint::{Wish, mint};
    use qt_auth::{Role, config::SharedSecret};
    use qt_trading::secret::Secret;
    let secret = SharedSecret { secret: Secret::new(SECRET.1), issuer: None };
    let wish = Wish {
        user: "ann".to_owned(),
        tenant: qt_trading::ids::TenantId::new(),
        roles: vec![Role::TenantAdmin],
        lifetime_s: 3_600,
    };
    mint(&secret, None, "role", &wish, qt_trading::time::Time::now()).reveal().to_owned()
}
