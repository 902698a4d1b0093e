//! A human in the loop from end to end: an agent's signal, a person, the session, the portfolio.

use std::time::Duration;

use qt_auth::Role;
use qt_trading::time::Time;
use serde_json::{Value, json};

use crate::flow::until;
use crate::place::{Place, Way};
use crate::redis_server::RedisServer;

const SECOND: i64 = 1_000_000_000;

/// Who plays.
struct Cast {
    admin: Way,
    person: Way,
    agent: Way,
    source: String,
}

/// A live source that `robot` speaks for.
async fn cast(place: &Place) -> Cast {
    let admin = place.directly();
    let body = json!({"name": "analyst", "subject": "robot", "symbols": ["BTC-USD"],
        "budget": {"notional": "90000", "loss": "50000", "rate_per_minute": 600}});
    let made = post(&admin, "/signal-sources", &body).await;
    let source = made["id"].as_str().unwrap().to_owned();
    let live = json!({"mode": "live", "reason": "a test"});
    let path = format!("/signal-sources/{source}/mode");
    let set = admin.ask("PUT", &path, Some(&live.to_string())).await;
    assert_eq!(set.status, 200, "{}", set.json());
    let (person, agent) = (place.as_role("ann", Role::User), place.as_role("robot", Role::Agent));
    Cast { admin, person, agent, source }
}

async fn post(way: &Way, path: &str, body: &Value) -> Value {
    let reply = way.ask("POST", path, Some(&body.to_string())).await;
    assert!((200..300).contains(&reply.status), "{path}: {} {}", reply.status, reply.json());
    reply.json()
}

impl Cast {
    /// A signal that is not sure, and the request about it.
    async fn asked(&self, name: &str, more: Value) -> (Value, Value) {
        let now = Time::now();
        let mut body = json!({
            "schema_version": 1, "signal_id": name, "symbol": "BTC-USD", "action": "buy",
            "confidence": 0.7, "quantity": "0.1", "horizon_seconds": 3_600,
            "issued_at": now.to_string(), "expires_at": Time(now.0 + 600 * SECOND).to_string(),
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let signal = post(&self.agent, "/signals", &body).await;
        assert_eq!(signal["status"], "waiting", "{signal}");
        let is_of = |it: &&Value| it["signal_id"] == signal["id"];
        let find = |page: &Value| page["items"].as_array().unwrap().iter().find(is_of).cloned();
        let page = until(&self.person, "/hitl/pending", |page| find(page).is_some()).await;
        let request = find(&page).unwrap();
        (signal, request)
    }

    async fn decide(&self, request: &Value, decision: &str, more: Value) -> Value {
        let mut body = json!({"request_id": request["id"], "decision": decision});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post(&self.person, "/hitl/decision", &body).await
    }

    async fn signal(&self, signal: &Value) -> Value {
        let path = format!("/signals/{}", signal["id"].as_str().unwrap());
        self.admin.ask("GET", &path, None).await.json()
    }

    async fn orders(&self) -> Vec<Value> {
        let path = format!("/orders?strategy_id={}", self.source);
        self.admin.ask("GET", &path, None).await.json()["items"].as_array().unwrap().clone()
    }

    async fn until_held(&self, quantity: &str) {
        let is_held = |page: &Value| page["items"][0]["quantity"] == quantity;
        until(&self.admin, "/portfolio/positions", is_held).await;
    }
}

async fn a_person_stands_between_a_signal_and_an_order(place: Place) {
    let cast = cast(&place).await;
    // Rejected: nothing.
    let (signal, request) = cast.asked("no", json!({})).await;
    cast.decide(&request, "reject", json!({"notes": "too early"})).await;
    assert_eq!(cast.signal(&signal).await["status"], "rejected");
    // Expired: nothing, and nobody has to look for that.
    let end = Time(Time::now().0 + 2 * SECOND).to_string();
    let (signal, late) = cast.asked("late", json!({"expires_at": end})).await;
    let path = format!("/signals/{}", signal["id"].as_str().unwrap());
    until(&cast.admin, &path, |it| it["status"] == "expired").await;
    let body = json!({"request_id": late["id"], "decision": "approve"}).to_string();
    let refused = cast.person.ask("POST", "/hitl/decision", Some(&body)).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "REQUEST_EXPIRED"));
    assert!(cast.orders().await.is_empty());
    // Modified: half of it.
    let (signal, request) = cast.asked("half", json!({})).await;
    let refused = cast.agent.ask("POST", "/hitl/decision", Some(&body)).await;
    assert_eq!(refused.status, 403);
    let less = json!({"modified_action": {"quantity": "0.05"}, "notes": "half of it"});
    let done = cast.decide(&request, "modify", less).await;
    assert_eq!(done["request"]["status"], "released", "{done}");
    assert_eq!(done["orders"][0]["strategy_id"], json!(cast.source), "{done}");
    assert_eq!(done["orders"][0]["quantity"], "0.05");
    cast.until_held("0.05").await;
    let taken = cast.signal(&signal).await;
    assert_eq!((&taken["status"], &taken["taken"]["quantity"]), (&json!("taken"), &json!("0.05")));
    assert_eq!(taken["session_seq"], done["request"]["outcome"]["session_seq"]);
    let body = json!({"request_id": request["id"], "decision": "approve"}).to_string();
    let second = cast.person.ask("POST", "/hitl/decision", Some(&body)).await;
    assert_eq!((second.status, second.code().as_str()), (409, "ALREADY_DECIDED"));
    // Approved: out again, by the same way.
    let close = json!({"action": "close", "quantity": null});
    let (_, request) = cast.asked("out", close).await;
    let done = cast.decide(&request, "approve", json!({})).await;
    assert_eq!(done["orders"][0]["side"], "sell", "{done}");
    until(&cast.admin, "/portfolio/positions", |page| page["items"] == json!([])).await;
    assert_eq!(cast.orders().await.len(), 2);
    let audit =
        until(&cast.admin, "/audit?action=hitl", |page| page["items"].get(9).is_some()).await;
    let actions: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["action"].as_str().unwrap())
        .collect();
    for (action, count) in
        [("hitl.asked", 4), ("hitl.decided", 3), ("hitl.released", 2), ("hitl.expired", 1)]
    {
        assert_eq!(
            actions.iter().filter(|it| **it == action).count(),
            count,
            "{action}: {actions:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_signal_to_portfolio_on_sqlite() {
    a_person_stands_between_a_signal_and_an_order(Place::with_tokens(&[]).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_signal_to_portfolio_on_postgres() {
    if let Some(place) = Place::postgres().await {
        a_person_stands_between_a_signal_and_an_order(place).await;
    }
}

/// What was decided while the source could not trade is done after a restart, and once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_approved_of_is_released_after_a_restart_and_once() {
    let place = Place::with_tokens(&[]).await;
    let cast = cast(&place).await;
    let (_, request) = cast.asked("kept", json!({})).await;
    let kill = json!({"level": "strategy", "id": cast.source, "reason": "a test"});
    post(&cast.admin, "/risk/kill", &kill).await;
    let done = cast.decide(&request, "approve", json!({})).await;
    assert_eq!(done["request"]["status"], "approved", "{done}");
    assert_eq!(done["request"]["outcome"]["code"], "CONFLICT", "{done}");
    let place = place.restart().await;
    let cast = Cast {
        admin: place.directly(),
        person: place.as_role("ann", Role::User),
        agent: place.as_role("robot", Role::Agent),
        source: cast.source,
    };
    assert!(cast.orders().await.is_empty(), "it is still killed");
    post(&cast.admin, "/risk/arm", &kill).await;
    let armed = post(&place.as_role("ben", Role::TenantAdmin), "/risk/arm", &kill).await;
    assert_eq!(armed["status"], "armed", "{armed}");
    cast.until_held("0.1").await;
    let is_released = |page: &Value| page["recent_decisions"][0]["request"]["status"] == "released";
    until(&cast.admin, "/hitl/dashboard", is_released).await;
    drop(cast.person);
    let source = cast.source.clone();
    let place = place.restart().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let path = format!("/orders?strategy_id={source}");
    let orders = place.directly().ask("GET", &path, None).await.json();
    assert_eq!(orders["items"].as_array().unwrap().len(), 1, "{orders}");
}

/// Redis shows what the store knows, and knows nothing of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mirror_is_written_and_never_read() {
    let Some(mut redis) = RedisServer::start().await else { return };
    let place = Place::with_tokens(&[("REDIS_URL", &redis.url())]).await;
    let cast = cast(&place).await;
    let (_, request) = cast.asked("seen", json!({})).await;
    let id = request["id"].as_str().unwrap();
    let pending = hash(&redis, &format!("hitl:pending:{id}"), |it| !it.is_empty()).await;
    assert_eq!((pending["task_type"].as_str(), pending["urgency"].as_str()), ("trade", "low"));
    let triggers: Value = serde_json::from_str(&pending["triggers"]).unwrap();
    assert_eq!(triggers, request["triggers"]);
    let recommended: Value = serde_json::from_str(&pending["ai_recommendation"]).unwrap();
    assert_eq!(recommended["quantity"], "0.1");
    // Somebody writes a decision of their own, in all the places where one could be looked for.
    for key in [format!("hitl:pending:{id}"), format!("hitl:history:{id}")] {
        for (field, value) in [("decision", "approve"), ("status", "approved")] {
            command(&redis, &["HSET", &key, field, value]).await;
        }
    }
    let planted = ["XADD", "hitl.decisions", "*", "request_id", id, "decision", "approve"];
    command(&redis, &planted).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(cast.orders().await.is_empty());
    let still = until(&cast.person, "/hitl/pending", |page| page["items"].get(0).is_some()).await;
    assert_eq!(
        (&still["items"][0]["id"], &still["items"][0]["status"]),
        (&json!(id), &json!("pending"))
    );
    // Away, decisions go on; back, it is shown what it has missed.
    redis.kill();
    let done = cast.decide(&request, "approve", json!({"notes": "so be it"})).await;
    assert_eq!(done["request"]["status"], "released", "{done}");
    cast.until_held("0.1").await;
    redis.restart().await;
    let key = format!("hitl:completed:{id}");
    let completed = hash(&redis, &key, |it| it.contains_key("decision")).await;
    assert_eq!(
        (completed["decision"].as_str(), completed["status"].as_str()),
        ("approve", "released")
    );
    assert_eq!(completed["human_reviewer"], "hs256#ann");
    assert!(hash(&redis, &format!("hitl:pending:{id}"), |it| it.is_empty()).await.is_empty());
    let told: Vec<_> =
        redis.entries("hitl.decisions").await.into_iter().filter(|it| it.len() == 8).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0]["request_id"].as_str(), told[0]["agreement"].as_str()), (id, "true"));
    assert_eq!((told[0]["notes"].as_str(), told[0]["ai_confidence"].as_str()), ("so be it", "0.7"));
}

/// A Redis that comes back without its data is shown what waits and what was decided, once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_is_shown_everything_again() {
    let Some(redis) = RedisServer::start().await else { return };
    let place = Place::with_tokens(&[("REDIS_URL", &redis.url())]).await;
    let cast = cast(&place).await;
    let (_, over) = cast.asked("over", json!({})).await;
    cast.decide(&over, "reject", json!({"notes": "no"})).await;
    let (_, waits) = cast.asked("waits", json!({})).await;
    let key =
        |kind: &str, request: &Value| format!("hitl:{kind}:{}", request["id"].as_str().unwrap());
    for _ in 0..2 {
        let pending = hash(&redis, &key("pending", &waits), |it| !it.is_empty()).await;
        assert_eq!(pending["status"], "pending");
        let completed = hash(&redis, &key("completed", &over), |it| !it.is_empty()).await;
        assert_eq!((completed["decision"].as_str(), completed["notes"].as_str()), ("reject", "no"));
        assert_eq!(redis.entries("hitl.decisions").await.len(), 1);
        command(&redis, &["FLUSHALL"]).await;
    }
}

async fn command(redis: &RedisServer, words: &[&str]) {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    let _: redis::Value = command.query_async(&mut redis.connection().await).await.unwrap();
}

type Hash = std::collections::HashMap<String, String>;

/// A hash, as soon as it is so.
async fn hash(redis: &RedisServer, key: &str, is_so: impl Fn(&Hash) -> bool) -> Hash {
    let mut connection = redis.connection().await;
    crate::soon(async {
        loop {
            let all: Hash =
                redis::cmd("HGETALL").arg(key).query_async(&mut connection).await.unwrap();
            if is_so(&all) {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}
