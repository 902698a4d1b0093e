//! The platform's bus in a real Redis, which is killed and emptied.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use qt_outside::agents::bus::{AgentBus, BusSettings, EVENT, GROUP};
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use serde_json::{Value, json};

use crate::agents::{AGENT, Desk, intake, observed, signal};
use crate::folder::store;
use crate::redis_server::RedisServer;
use crate::until;

const BY_TYPE: &str = "bizosaas:events:agent.task.completed";
const IN_ONE: &str = "bizosaas:events";

async fn add(redis: &RedisServer, stream: &str, fields: &[(&str, &str)]) {
    let mut connection = redis.connection().await;
    let mut command = redis::cmd("XADD");
    command.arg(stream).arg("*");
    for (name, value) in fields {
        command.arg(name).arg(value);
    }
    command.query_async::<String>(&mut connection).await.unwrap();
}

/// A result in the envelope of one stream a type.
async fn by_type(redis: &RedisServer, tenant: &str, data: &Value) {
    let data = data.to_string();
    let fields = [
        ("id", "1"),
        ("type", EVENT),
        ("source_service", "ai-agents"),
        ("tenant_id", tenant),
        ("user_id", ""),
        ("timestamp", "2026-01-31T09:30:00"),
        ("data", data.as_str()),
        ("metadata", "{}"),
    ];
    add(redis, BY_TYPE, &fields).await;
}

/// A result in the envelope of the one stream.
async fn in_one(redis: &RedisServer, tenant: &str, data: &Value) {
    let data = data.to_string();
    let fields = [
        ("event_id", "1"),
        ("tenant_id", tenant),
        ("event_type", EVENT),
        ("aggregate_id", "t"),
        ("aggregate_type", "task"),
        ("event_data", data.as_str()),
        ("occurred_at", "2026-01-31T09:30:00"),
    ];
    add(redis, IN_ONE, &fields).await;
}

fn result(task: &str, results: &str) -> Value {
    json!({"task_id": task, "agent_name": AGENT, "status": "completed", "results": results})
}

async fn pending(redis: &RedisServer, stream: &str) -> usize {
    let mut connection = redis.connection().await;
    let mut command = redis::cmd("XPENDING");
    command.arg(stream).arg(GROUP);
    let reply: redis::Value = command.query_async(&mut connection).await.unwrap();
    match reply {
        redis::Value::Array(parts) => redis::from_redis_value_ref(&parts[0]).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn results_of_both_envelopes_come_in_and_nothing_stands_in_their_way() {
    let Some(redis) = RedisServer::start().await else { return };
    let (store, _folder) = store().await;
    let (tenant, desk) = (TenantId::new(), Arc::new(Desk::default()));
    let of = tenant.to_string();
    let fenced = format!("```json\n{}\n```", signal("s-2"));
    by_type(&redis, &of, &result("t-1", &signal("s-1"))).await;
    in_one(&redis, &of, &result("t-2", &fenced)).await;
    // The same again, by the other way.
    in_one(&redis, &of, &result("t-1", &signal("s-1"))).await;
    by_type(&redis, &of, &result("t-3", "Signal: BUY\nConfidence: 0.85")).await;
    in_one(&redis, &of, &result("t-3", "Signal: BUY\nConfidence: 0.85")).await;
    // Poison of all kinds.
    add(&redis, BY_TYPE, &[("nonsense", "1")]).await;
    add(&redis, BY_TYPE, &[("type", EVENT), ("tenant_id", &of), ("data", "{'a': 1}")]).await;
    by_type(&redis, "default", &result("t-4", &signal("s-4"))).await;
    in_one(&redis, &of, &json!({"task_id": "t-5"})).await;
    let mut foreign = result("t-6", &signal("s-6"));
    foreign["agent_name"] = json!("somebody");
    by_type(&redis, &of, &foreign).await;
    by_type(&redis, &of, &result("t-7", &signal("s-7"))).await;
    let settings = BusSettings::new(Secret::new(redis.url()));
    let bus = AgentBus::new(settings, intake(&desk, &store));
    let figures = bus.figures();
    let running = tokio::spawn(bus.run());
    until(async || (desk.taken.lock().unwrap().len() == 3).then_some(())).await;
    until(async || (figures.borrow().results == 7).then_some(())).await;
    assert_eq!(figures.borrow().unreadable, 3);
    let kept = observed(&store, tenant).await;
    let reasons: Vec<&str> = kept.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(reasons, ["SIGNAL_SOURCE_UNKNOWN", "FREE_TEXT"]);
    for stream in [BY_TYPE, IN_ONE] {
        until(async || (pending(&redis, stream).await == 0).then_some(())).await;
    }
    // The bus is others' as well: nothing of it is taken away.
    assert_eq!(redis.entries(BY_TYPE).await.len(), 7);
    running.abort();
}

#[tokio::test]
async fn what_a_killed_consumer_had_read_is_taken_over_and_redis_may_go_away() {
    let Some(mut redis) = RedisServer::start().await else { return };
    let (store, _folder) = store().await;
    let (tenant, desk) = (TenantId::new(), Arc::new(Desk::default()));
    let of = tenant.to_string();
    let mut settings = BusSettings::new(Secret::new(redis.url()));
    settings.claim_idle = Duration::from_millis(50);
    // Somebody reads an entry and is never seen again.
    let mut connection = redis.connection().await;
    by_type(&redis, &of, &result("t-1", &signal("s-1"))).await;
    let mut command = redis::cmd("XGROUP");
    command.arg("CREATE").arg(BY_TYPE).arg(GROUP).arg("0").arg("MKSTREAM");
    command.query_async::<()>(&mut connection).await.unwrap();
    let mut command = redis::cmd("XREADGROUP");
    command.arg("GROUP").arg(GROUP).arg("gone").arg("STREAMS").arg(BY_TYPE).arg(">");
    command.query_async::<redis::Value>(&mut connection).await.unwrap();
    assert_eq!(pending(&redis, BY_TYPE).await, 1);
    tokio::time::sleep(Duration::from_millis(80)).await;
    // The session cannot take it at first.
    desk.waits.store(2, Ordering::Relaxed);
    let bus = AgentBus::new(settings, intake(&desk, &store));
    let running = tokio::spawn(bus.run());
    let taken = async |count| {
        until(async || (desk.taken.lock().unwrap().len() == count).then_some(())).await;
    };
    taken(1).await;
    // Redis goes away, and comes back.
    redis.kill();
    tokio::time::sleep(Duration::from_millis(300)).await;
    redis.restart().await;
    by_type(&redis, &of, &result("t-2", &signal("s-2"))).await;
    taken(2).await;
    // Redis is emptied: streams and groups are gone.
    let mut connection = redis.connection().await;
    redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await.unwrap();
    in_one(&redis, &of, &result("t-3", &signal("s-3"))).await;
    taken(3).await;
    running.abort();
}

#[tokio::test]
async fn a_tenant_whose_session_is_away_holds_up_nobody_else() {
    let Some(redis) = RedisServer::start().await else { return };
    let (store, _folder) = store().await;
    let (tenant, other, desk) = (TenantId::new(), TenantId::new(), Arc::new(Desk::default()));
    let (of, of_other) = (tenant.to_string(), other.to_string());
    *desk.away.lock().unwrap() = Some(tenant);
    for n in 1..=70 {
        by_type(&redis, &of, &result(&format!("t-{n}"), &signal(&format!("s-{n}")))).await;
    }
    by_type(&redis, &of_other, &result("o-1", &signal("o-1"))).await;
    let settings = BusSettings::new(Secret::new(redis.url()));
    let bus = AgentBus::new(settings, intake(&desk, &store));
    let running = tokio::spawn(bus.run());
    until(async || (desk.taken.lock().unwrap().len() == 1).then_some(())).await;
    by_type(&redis, &of_other, &result("o-2", &signal("o-2"))).await;
    until(async || (desk.taken.lock().unwrap().len() == 2).then_some(())).await;
    assert!(desk.taken.lock().unwrap().iter().all(|(of, _)| *of == other));
    until(async || (pending(&redis, BY_TYPE).await == 70).then_some(())).await;
    // It is back: all come, in their order.
    *desk.away.lock().unwrap() = None;
    until(async || (desk.taken.lock().unwrap().len() == 72).then_some(())).await;
    let taken: Vec<String> = desk.taken.lock().unwrap().iter().map(|it| it.1.clone()).collect();
    for (n, body) in (1..=70).zip(&taken[2..]) {
        assert_eq!(*body, signal(&format!("s-{n}")));
    }
    until(async || (pending(&redis, BY_TYPE).await == 0).then_some(())).await;
    running.abort();
}
