//! The service with what is outside of it: an agent that is asked and answers, a receiver of
//! webhooks.

use std::sync::atomic::{AtomicUsize, Ordering};

use qt_auth::Role;
use qt_auth::config::SharedSecret;
use qt_auth::mint::{Wish, mint};
use qt_outside::webhooks::signature;
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use qt_trading::time::Time;
use serde_json::{Value, json};

use crate::flow::until;
use crate::place::Place;
use crate::redis_server::RedisServer;
use crate::server::{Reply, Request, Server};

/// Answers its first task in words, all others with a signal between fences.
fn agent(number: usize) -> Value {
    let result = if number == 0 {
        "Signal: BUY. I am quite sure.".to_owned()
    } else {
        let now = Time::now();
        let signal = json!({
            "schema_version": 1, "signal_id": format!("task-{number}"), "symbol": "BTC-USD",
            "action": "buy", "confidence": 0.9, "horizon_seconds": 600, "issued_at": now,
            "expires_at": Time(now.0 + 300_000_000_000), "agent_name": "trader",
        });
        format!("This is what I see.\n```json\n{signal}\n```")
    };
    json!({"task_id": format!("t-{number}"), "status": "completed",
           "result_data": {"agent": "trader", "results": result}})
}

async fn agents() -> Server {
    let posted = AtomicUsize::new(0);
    Server::start(move |request: &Request| {
        if request.method == "GET" {
            let number = request.path.strip_prefix("/tasks/t-").expect("a task");
            return Reply::json(200, &agent(number.parse().unwrap()));
        }
        let number = posted.fetch_add(1, Ordering::Relaxed);
        Reply::json(200, &json!({"task_id": format!("t-{number}"), "status": "pending"}))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_heard_and_a_receiver_is_told() {
    let (agents, receiver) = (agents().await, Server::start(|_| Reply::status(204)).await);
    let url = agents.url("");
    let place = Place::with(&[
        ("WEBHOOK_NETWORKS", "127.0.0.0/8"),
        ("AGENT_URL", &url),
        ("AGENT_SYMBOLS", "BTC-USD"),
        ("BINANCE_API_KEY", "canary-key"),
        ("BINANCE_API_SECRET", "canary-secret"),
        // Any move at all.
        ("AGENT_MOVE", "0.000000001"),
        ("AGENT_EVERY_SECONDS", "10"),
    ])
    .await;
    let way = place.directly();
    let hook = json!({"url": receiver.url("/told")}).to_string();
    let hook = way.ask("POST", "/webhooks", Some(&hook)).await.json();
    let secret = Secret::new(hook["secret"].as_str().expect("a secret"));
    let source = json!({"name": "trader", "subject": "agent:trading_strategy_agent",
        "budget": {"notional": "10000", "loss": "100", "rate_per_minute": 60}});
    let made = way.ask("POST", "/signal-sources", Some(&source.to_string())).await;
    assert_eq!(made.status, 201, "{}", made.json());

    let has_one = |page: &Value| page["items"].get(0).is_some();
    let words = until(&way, "/observations", has_one).await;
    assert_eq!(words["items"][0]["reason"], "FREE_TEXT");
    assert_eq!(words["items"][0]["content"], "Signal: BUY. I am quite sure.");
    let signals = until(&way, "/signals", has_one).await;
    let first = &signals["items"][0];
    assert_eq!((&first["symbol"], &first["action"]), (&json!("BTC-USD"), &json!("buy")));
    // A new source begins in shadow: it is kept and told, and nothing is bought.
    assert_eq!((&first["source_id"], &first["status"]), (&made.json()["id"], &json!("shadow")));
    let task: Value = serde_json::from_str(&agents.seen()[0].body).unwrap();
    let shown = &task["input_data"]["market_context"];
    assert!(shown["quote"]["bid"].is_string() && shown["candles_1m"].is_array(), "{task}");
    assert!(task["input_data"]["expected_output"]["properties"]["horizon_seconds"].is_object());

    let keys = way.ask("GET", "/venue-keys", None).await.json();
    assert_eq!(keys["items"][0]["venue"], "binance");
    assert_eq!(
        (&keys["items"][0]["is_there"], &keys["items"][0]["is_testnet"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(keys["items"][1]["code"], "VENUE_KEY_MISSING");
    assert!(!keys.to_string().contains("canary"), "{keys}");

    let order = r#"{"symbol":"ETH-USD","side":"buy","type":"market","quantity":"1"}"#;
    assert_eq!(way.ask("POST", "/trades", Some(order)).await.status, 201);
    let path = format!("/webhooks/{}/deliveries", hook["id"].as_str().unwrap());
    let is_told = |page: &Value| {
        let told =
            |row: &Value| row["event_type"] == "TradeExecuted" && row["status"] == "delivered";
        page["items"].as_array().is_some_and(|rows| rows.iter().any(told))
    };
    until(&way, &path, is_told).await;
    let seen = receiver.seen();
    let trade = seen.iter().find(|it| it.headers["quanttrade-event-type"] == "TradeExecuted");
    let trade = trade.expect("it was told");
    let header = &trade.headers["quanttrade-signature"];
    let at = header.split(['=', ',']).nth(1).unwrap().parse().unwrap();
    assert_eq!(*header, signature(&secret, at, &trade.body));
    let body: Value = serde_json::from_str(&trade.body).unwrap();
    assert_eq!(
        (&body["data"]["symbol"], &body["data"]["side"]),
        (&json!("ETH-USD"), &json!("buy"))
    );
}

const SECRET: &str = "k2Zp9vQ4xW7mB1nR6tY3uE8sA5dF0gHjLcXz";

/// What `docs/examples/agent.py` prints.
async fn example(place: &Place, token: String, more: Vec<(&'static str, String)>) -> String {
    let mut command = std::process::Command::new("python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/agent.py"));
    command.args(more.first().map(|_| "stream"));
    command.env("QUANTTRADE_URL", format!("http://{}", place.address)).env("TOKEN", token);
    command.envs(more);
    let running = tokio::task::spawn_blocking(move || command.output());
    let output = running.await.unwrap().expect("python3 is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_agent_is_heard_both_ways() {
    let Some(redis) = RedisServer::start().await else { return };
    let url = redis.url();
    let given = [("JWT_SECRET_KEY", SECRET), ("HOST", "127.0.0.1"), ("REDIS_URL", url.as_str())];
    let place = Place::with(&given).await;
    let way = place.directly();
    let source = json!({"name": "example", "subject": "example-agent",
        "budget": {"notional": "10000", "loss": "100", "rate_per_minute": 60}});
    let source = way.ask("POST", "/signal-sources", Some(&source.to_string())).await.json();
    let wish = Wish {
        user: "example-agent".to_owned(),
        tenant: place.tenant().parse::<TenantId>().unwrap(),
        roles: vec![Role::Agent],
        lifetime_s: 600,
    };
    let shared = SharedSecret { secret: Secret::new(SECRET), issuer: None };
    let token = mint(&shared, None, "role", &wish, Time::now()).reveal().to_owned();
    let said = example(&place, token.clone(), Vec::new()).await;
    assert!(said.contains("POST /signals: 201") && said.contains("it is shadow"), "{said}");
    let text = |field: &str| source[field].as_str().expect("a text").to_owned();
    let keys = vec![("KEY_ID", text("key_id")), ("KEY", text("key")), ("REDIS_URL", url.clone())];
    let said = example(&place, token, keys).await;
    assert!(said.contains("XADD ai.signals: ") && said.contains("it is shadow"), "{said}");
    let kept = way.ask("GET", "/signals", None).await.json();
    assert_eq!(kept["items"].as_array().map(Vec::len), Some(2), "{kept}");
}
