//! Sources and signals over HTTP: who speaks for whom, what is refused, who is told.

use qt_auth::Role;
use qt_trading::Desk;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use serde_json::{Value, json};

use crate::common::{Service, token, token_of};
use crate::sockets::{hear_type, ready, say};

/// A source that the token of `subject` speaks for.
pub fn source(subject: &str) -> Value {
    json!({
        "name": subject, "subject": subject, "symbols": ["BTC-USD"],
        "budget": {"notional": "5000", "loss": "100", "rate_per_minute": 20},
    })
}

/// A signal that was issued just now.
pub fn signal(name: &str) -> Value {
    let now = Time::now();
    let issued = now.to_string();
    let expires = Time(now.0 + 60_000_000_000).to_string();
    json!({
        "schema_version": 1, "signal_id": name, "symbol": "BTC-USD", "action": "buy",
        "confidence": 0.9, "horizon_seconds": 600, "issued_at": issued, "expires_at": expires,
    })
}

pub struct Wired {
    pub service: Service,
    pub tenant: TenantId,
}

impl Wired {
    pub async fn new() -> Self {
        Self { service: Service::start().await, tenant: TenantId::new() }
    }

    pub async fn admin(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let body = body.map(|body| body.to_string());
        let admin = token(Role::TenantAdmin, self.tenant);
        let reply = self.service.ask(method, path, &admin, body.as_deref()).await;
        (reply.status, reply.json())
    }

    pub async fn agent(
        &self,
        user: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let body = body.map(|body| body.to_string());
        let agent = token_of(user, Role::Agent, self.tenant, 3_600);
        let reply = self.service.ask(method, path, &agent, body.as_deref()).await;
        (reply.status, reply.json())
    }

    pub async fn made(&self, subject: &str) -> String {
        let (status, made) = self.admin("POST", "/signal-sources", Some(source(subject))).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// It goes live, and no person is asked.
    pub async fn live(&self, id: &str) {
        let (_, policy) = self.admin("GET", "/hitl/policy", None).await;
        let nobody = json!({"base_version": policy["version"], "ask_below_confidence": 0,
            "ask_above_notional": null, "ask_first_of_source": false});
        assert_eq!(self.admin("PUT", "/hitl/policy", Some(nobody)).await.0, 200);
        let body = json!({"mode": "live", "reason": "a test"});
        let path = format!("/signal-sources/{id}/mode");
        let (status, source) = self.admin("PUT", &path, Some(body)).await;
        assert_eq!((status, source["mode"].as_str()), (200, Some("live")), "{source}");
    }
}

#[tokio::test]
async fn a_signal_goes_as_far_as_its_source_may() {
    let wired = Wired::new().await;
    let (status, none) = wired.agent("ai", "POST", "/signals", Some(signal("a"))).await;
    assert_eq!((status, none["code"].as_str()), (422, Some("SOURCE_UNKNOWN")));
    let id = wired.made("ai").await;
    let (status, shadow) = wired.agent("ai", "POST", "/signals", Some(signal("a"))).await;
    assert_eq!((status, shadow["status"].as_str()), (201, Some("shadow")), "{shadow}");
    wired.live(&id).await;
    let sent = signal("b");
    let (status, taken) = wired.agent("ai", "POST", "/signals", Some(sent.clone())).await;
    assert_eq!((status, taken["status"].as_str()), (201, Some("taken")), "{taken}");
    assert_eq!(taken["session_seq"], 1);
    assert_eq!(taken["signal"], sent);
    // The same again, also written in another way, is the same; another one under its name is not.
    let (status, same) = wired.agent("ai", "POST", "/signals", Some(sent.clone())).await;
    assert_eq!((status, &same), (200, &taken));
    let spaced = serde_json::to_string_pretty(&sent).unwrap();
    let agent = token_of("ai", Role::Agent, wired.tenant, 3_600);
    let reply = wired.service.ask("POST", "/signals", &agent, Some(&spaced)).await;
    assert_eq!((reply.status, &reply.json()), (200, &taken));
    let mut other = sent;
    other["confidence"] = json!(0.1);
    let (status, refused) = wired.agent("ai", "POST", "/signals", Some(other)).await;
    assert_eq!((status, refused["code"].as_str()), (409, Some("SIGNAL_DUPLICATE")));
    // Back in shadow nothing more goes on, and the strategy stands still.
    let body = json!({"mode": "shadow", "reason": "enough"});
    let path = format!("/signal-sources/{id}/mode");
    assert_eq!(wired.admin("PUT", &path, Some(body)).await.0, 200);
    let (_, shadow) = wired.agent("ai", "POST", "/signals", Some(signal("c"))).await;
    assert_eq!(shadow["status"], "shadow");
    let (_, all) = wired.admin("GET", &format!("/strategies/{id}/signals"), None).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    let (_, listed) = wired.admin("GET", "/signals?status=taken", None).await;
    assert_eq!(listed["items"], json!([taken]));
}

#[tokio::test]
async fn each_refusal_has_its_code_and_is_counted() {
    let wired = Wired::new().await;
    wired.made("ai").await;
    let with = |field: &str, value: Value| {
        let mut all = signal("x");
        all[field] = value;
        all
    };
    let past = Time(Time::now().0 - 1_000_000_000).to_string();
    let ahead = Time(Time::now().0 + 30_000_000_000).to_string();
    let mut expired = with("expires_at", json!(past));
    expired["issued_at"] = json!("2026-01-01T00:00:00Z");
    let table = [
        ("SIGNAL_SCHEMA_VERSION", with("schema_version", json!(2))),
        ("SIGNAL_UNKNOWN_SYMBOL", with("symbol", json!("NONE"))),
        ("SIGNAL_FOREIGN_SYMBOL", with("symbol", json!("ETH-USD"))),
        ("SIGNAL_CONFIDENCE", with("confidence", json!(1.5))),
        ("SIGNAL_EXPIRED", expired),
        ("SIGNAL_FROM_FUTURE", with("issued_at", json!(ahead))),
        ("SIGNAL_MALFORMED", with("tenant_id", json!("another"))),
        ("SIGNAL_ID", with("signal_id", json!(""))),
        ("SIGNAL_TOO_LARGE", with("reasoning", json!(["x".repeat(70_000)]))),
    ];
    for (code, body) in &table {
        let (status, told) = wired.agent("ai", "POST", "/signals", Some(body.clone())).await;
        assert_eq!((status, told["code"].as_str()), (422, Some(*code)), "{told}");
    }
    let list: Vec<Value> =
        table.iter().map(|(_, body)| body.clone()).chain([signal("y")]).collect();
    let (status, told) = wired.agent("ai", "POST", "/signals", Some(json!(list))).await;
    assert_eq!(status, 200, "{told}");
    for ((code, _), item) in table.iter().zip(told["items"].as_array().unwrap()) {
        assert_eq!(item["code"], *code);
    }
    assert_eq!(told["items"][table.len()]["signal"]["status"], "shadow");
    let text = wired.service.get("/metrics").await;
    let text = String::from_utf8(text.body).unwrap();
    for (code, _) in &table {
        let line = format!("quanttrade_signals_total{{outcome=\"{code}\"}} 2");
        assert!(text.contains(&line), "{line}: {text}");
    }
    // Nothing was kept of them, and no signal_id is used up.
    let (_, all) = wired.admin("GET", "/signals", None).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    for list in [json!([]), json!(vec![signal("z"); 101])] {
        assert_eq!(wired.agent("ai", "POST", "/signals", Some(list)).await.0, 422);
    }
}

#[tokio::test]
async fn a_source_has_its_rate_and_its_kill_switch() {
    let wired = Wired::new().await;
    let id = wired.made("ai").await;
    wired.live(&id).await;
    for n in 0..20 {
        let sent = signal(&format!("s{n}"));
        assert_eq!(wired.agent("ai", "POST", "/signals", Some(sent.clone())).await.0, 201);
        // What is known already costs nothing.
        assert_eq!(wired.agent("ai", "POST", "/signals", Some(sent)).await.0, 200);
    }
    let (status, told) = wired.agent("ai", "POST", "/signals", Some(signal("more"))).await;
    assert_eq!((status, told["code"].as_str()), (429, Some("SOURCE_RATE")));
    let other = wired.made("other").await;
    wired.live(&other).await;
    assert_eq!(wired.agent("other", "POST", "/signals", Some(signal("a"))).await.0, 201);
    let kill = json!({"level": "strategy", "id": other, "reason": "a test"});
    assert_eq!(wired.admin("POST", "/risk/kill", Some(kill)).await.0, 200);
    let (status, told) = wired.agent("other", "POST", "/signals", Some(signal("b"))).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("SOURCE_KILLED")), "{told}");
}

#[tokio::test]
async fn an_agent_sees_and_hears_its_own_signals_alone() {
    let wired = Wired::new().await;
    wired.made("one").await;
    wired.made("two").await;
    let listen = |user: &str| token_of(user, Role::Agent, wired.tenant, 3_600);
    let mut socket = ready(&wired.service, "/ws/signals", &listen("one")).await;
    hear_type(&mut socket, "subscribed").await;
    let (_, first) = wired.agent("two", "POST", "/signals", Some(signal("a"))).await;
    let (_, second) = wired.agent("one", "POST", "/signals", Some(signal("b"))).await;
    let told = hear_type(&mut socket, "trading_signal").await;
    assert_eq!(told["data"]["id"], second["id"], "{told}");
    assert_eq!(told["data"]["confidence"], 0.9);
    let (_, all) = wired.agent("one", "GET", "/signals", None).await;
    assert_eq!(all["items"], json!([second]));
    let path = format!("/signals/{}", first["id"].as_str().unwrap());
    assert_eq!(wired.agent("one", "GET", &path, None).await.0, 404);
    assert_eq!(wired.admin("GET", &path, None).await.0, 200);
    // A person is told of all of them.
    let reader = token(Role::Readonly, wired.tenant);
    let mut socket = ready(&wired.service, "/ws", &reader).await;
    let last = wired.service.desks.of(wired.tenant).events().last();
    let word = json!({"action": "subscribe", "channel": "signals", "from_seq": last - 1});
    say(&mut socket, word).await;
    for wanted in [first, second] {
        let told = hear_type(&mut socket, "trading_signal").await;
        assert_eq!(told["data"]["id"], wanted["id"]);
    }
}

#[tokio::test]
async fn a_source_is_checked_when_it_is_registered() {
    let wired = Wired::new().await;
    let with = |path: &str, value: Value| {
        let mut all = source("ai");
        *all.pointer_mut(path).unwrap() = value;
        all
    };
    for (field, body) in [
        ("name", with("/name", json!(" "))),
        ("symbols[0]", with("/symbols", json!(["NONE"]))),
        ("budget.notional", with("/budget/notional", json!("0"))),
        ("budget.rate_per_minute", with("/budget/rate_per_minute", json!(0))),
        ("follow", json!({"follow": {"source": 1}, "name": "a", "budget": source("a")["budget"]})),
    ] {
        let (status, told) = wired.admin("POST", "/signal-sources", Some(body)).await;
        assert_eq!((status, told["fields"][0]["field"].as_str()), (422, Some(field)), "{told}");
    }
    let (_, made) = wired.admin("POST", "/signal-sources", Some(source("ai"))).await;
    let key = made["key"].as_str().unwrap();
    assert_eq!((key.len(), made["mode"].as_str()), (64, Some("shadow")));
    let (_, all) = wired.admin("GET", "/signal-sources", None).await;
    assert!(!all.to_string().contains(key), "the key is shown once");
    let id = made["id"].as_str().unwrap();
    wired.live(id).await;
    assert_eq!(wired.admin("DELETE", &format!("/signal-sources/{id}"), None).await.0, 409);
    let schema = wired.service.get("/schemas/signal.v1.json").await;
    assert_eq!(schema.json()["properties"]["schema_version"]["const"], 1);
}
