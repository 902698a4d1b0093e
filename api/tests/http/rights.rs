//! Every private route of the OpenAPI document and every topic of a socket, against every kind of
//! caller: with and without a token, of every role, of the tenant and of another one. What is new
//! and not in the tables here fails.

use std::collections::BTreeSet;
use std::time::Duration;

use qt_api::sockets::protocol::Channel;
use qt_auth::Role;
use qt_trading::ids::TenantId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::client::{Reply, send};
use crate::common::{Service, Wanted, token};
use crate::sockets::{hear_type, ready, say};

/// Who may: readonly, user, tenant_admin, super_admin, agent.
const ROUTES: &[(&str, &str)] = &[
    ("GET /audit", "..TS."),
    ("GET /backtests", "ruTSa"),
    ("POST /backtests", ".uTSa"),
    ("DELETE /backtests/{id}", ".uTSa"),
    ("GET /backtests/{id}", "ruTSa"),
    ("GET /backtests/{id}/report", "ruTSa"),
    ("GET /datasets", "ruTS."),
    ("POST /datasets", ".uTS."),
    ("GET /datasets/{id}", "ruTS."),
    ("GET /hitl/dashboard", "ruTS."),
    ("POST /hitl/decision", ".uTS."),
    ("GET /hitl/metrics", "ruTS."),
    ("GET /hitl/pending", "ruTS."),
    ("GET /hitl/policy", "ruTS."),
    ("PUT /hitl/policy", "..TS."),
    ("GET /instruments", "ruTSa"),
    ("GET /instruments/{symbol}", "ruTSa"),
    ("GET /market-data/{symbol}", "ruTSa"),
    ("GET /market-data/{symbol}/candles", "ruTSa"),
    ("GET /market-data/{symbol}/orderbook", "ruTSa"),
    ("GET /observations", "ruTS."),
    ("GET /orders", "ruTS."),
    ("DELETE /orders/{id}", ".uTS."),
    ("GET /orders/{id}", "ruTS."),
    ("PATCH /orders/{id}", ".uTS."),
    ("GET /portfolio", "ruTS."),
    ("GET /portfolio/history", "ruTS."),
    ("GET /portfolio/positions", "ruTS."),
    ("GET /risk/alerts", "ruTS."),
    ("POST /risk/arm", "..TS."),
    ("POST /risk/kill", ".uTS."),
    ("GET /risk/limits", "ruTS."),
    ("PUT /risk/limits", "..TS."),
    ("GET /risk/status", "ruTS."),
    ("GET /signal-sources", "..TS."),
    ("POST /signal-sources", "..TS."),
    ("DELETE /signal-sources/{id}", "..TS."),
    ("PUT /signal-sources/{id}/mode", "..TS."),
    ("POST /signal-sources/{id}/key", "..TS."),
    ("GET /signal-sources/quality", "ruTSa"),
    ("GET /signal-sources/{id}/quality", "ruTSa"),
    ("GET /signals", "ruTSa"),
    ("POST /signals", "....a"),
    ("GET /signals/{id}", "ruTSa"),
    ("GET /strategies", "ruTS."),
    ("POST /strategies", ".uTS."),
    ("POST /strategies/backtest", ".uTSa"),
    ("DELETE /strategies/{id}", ".uTS."),
    ("GET /strategies/{id}", "ruTS."),
    ("PUT /strategies/{id}", ".uTS."),
    ("POST /strategies/{id}/activate", ".uTS."),
    ("GET /strategies/{id}/backtest", "ruTSa"),
    ("POST /strategies/{id}/deactivate", ".uTS."),
    ("GET /strategies/{id}/performance", "ruTS."),
    ("GET /strategies/{id}/signals", "ruTS."),
    ("GET /strategy-types", "ruTSa"),
    ("GET /trades", "ruTS."),
    ("POST /trades", ".uTS."),
    ("GET /venue-keys", "..TS."),
    ("GET /views/portal/portfolio", "ruTS."),
    ("GET /views/portal/positions", "ruTS."),
    ("GET /views/portal/strategies", "ruTS."),
    ("GET /views/portal/trades", "ruTS."),
    ("GET /webhooks", "..TS."),
    ("POST /webhooks", "..TS."),
    ("DELETE /webhooks/{id}", "..TS."),
    ("GET /webhooks/{id}/deliveries", "..TS."),
];

/// The same of topics.
const TOPICS: &[(&str, &str)] = &[
    ("ticker", "ruTSa"),
    ("orderbook", "ruTSa"),
    ("trade", "ruTSa"),
    ("candle", "ruTSa"),
    ("portfolio", "ruTS."),
    ("orders", "ruTS."),
    ("signals", "ruTSa"),
    ("risk", "ruTS."),
    ("latency", "ruTSa"),
    ("jobs", "ruTSa"),
];

const ROLES: [Role; 5] =
    [Role::Readonly, Role::User, Role::TenantAdmin, Role::SuperAdmin, Role::Agent];

/// What a tenant has that another one could ask for.
pub struct Owned {
    order: String,
    strategy: String,
    backtest: String,
    dataset: String,
    source: String,
    signal: String,
    webhook: String,
}

impl Owned {
    /// Everything once, made with the token of an agent where an agent may see its own alone.
    pub async fn of(service: &Service, tenant: TenantId, role: Role) -> Self {
        let user = token(Role::User, tenant);
        let post = async |path: &str, token: &str, body: Value| -> String {
            let reply = service.ask("POST", path, token, Some(&body.to_string())).await;
            reply.json()["id"].as_str().unwrap_or_else(|| panic!("{path}: {reply:?}")).to_owned()
        };
        let order = json!({"symbol": "BTC-USD", "side": "buy", "type": "limit", "quantity": "1",
                           "price": "90"});
        let order = post("/trades", &user, order).await;
        let strategy = json!({"name": "mine", "strategy_type": "sma_cross",
                              "symbols": ["BTC-USD"]});
        let strategy = post("/strategies", &user, strategy).await;
        let starter = if role == Role::Agent { token(role, tenant) } else { user.clone() };
        let backtest = json!({"strategy_type": "sma_cross", "data": "shared:SP500"});
        let backtest = post("/backtests", &starter, backtest).await;
        let path = format!("/backtests/{backtest}");
        while service.ask("GET", &path, &starter, None).await.json()["status"] != "done" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let dataset = crate::jobs::send_data(service, &user, "name=A", "k", "t,c\n1,2\n").await;
        let dataset = dataset.json()["id"].as_str().expect("an identifier").to_owned();
        let admin = token(Role::TenantAdmin, tenant);
        let source = post("/signal-sources", &admin, crate::signals::source("agent")).await;
        let agent = token(Role::Agent, tenant);
        let signal = post("/signals", &agent, crate::signals::signal("a")).await;
        let webhook = json!({"url": "https://hooks.example.org/"});
        let webhook = post("/webhooks", &admin, webhook).await;
        Self { order, strategy, backtest, dataset, source, signal, webhook }
    }

    /// The identifier that a path is about.
    pub fn id(&self, path: &str) -> &str {
        match path.split('/').nth(1) {
            Some("orders") => &self.order,
            Some("strategies") => &self.strategy,
            Some("backtests") => &self.backtest,
            Some("datasets") => &self.dataset,
            Some("signal-sources") => &self.source,
            Some("signals") => &self.signal,
            Some("webhooks") => &self.webhook,
            _ => panic!("whose identifier is in {path}?"),
        }
    }

    fn all(&self) -> [&String; 7] {
        let Self { order, strategy, backtest, dataset, source, signal, webhook } = self;
        [order, strategy, backtest, dataset, source, signal, webhook]
    }
}

async fn service() -> Service {
    Service::with(Wanted { has_jobs: true, ..Wanted::default() }).await
}

pub fn filled(path: &str, id: &str) -> String {
    path.replace("{id}", id).replace("{symbol}", "BTC-USD")
}

/// The method, the path, and who may.
pub fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    ROUTES.iter().map(|(route, may)| {
        let (method, path) = route.split_once(' ').expect("a method and a path");
        (method, path, *may)
    })
}

fn without_name(reply: &Reply) -> (u16, Value) {
    let mut body = reply.json();
    body.as_object_mut().expect("an object").remove("request_id");
    (reply.status, body)
}

pub const NOBODY: &str = "018f4e5a-0000-7000-8000-00000000dead";

#[tokio::test]
async fn every_private_route_and_every_topic_is_in_the_tables() {
    let service = Service::start().await;
    let document = service.get("/openapi.json").await.json();
    let mut private = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("security").is_some() {
                private.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let known: BTreeSet<String> = ROUTES.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(private, known);
    let topics: Vec<&str> = TOPICS.iter().map(|(name, _)| *name).collect();
    assert_eq!(Channel::ALL.map(Channel::name).to_vec(), topics);
}

#[tokio::test]
async fn without_a_tenant_there_is_nothing() {
    let service = Service::start().await;
    let of_nobody = format!("Bearer {}", token(Role::SuperAdmin, TenantId(Uuid::nil())));
    for (method, path, _) in rows() {
        let path = filled(path, NOBODY);
        let none = send(service.address, method, &path, &[], None).await;
        assert_eq!(none.status, 401, "{method} {path}");
        assert_eq!(none.header("www-authenticate"), Some("Bearer"));
    }
    for (method, path, _) in rows().take(3) {
        let headers = [("authorization", of_nobody.as_str())];
        let path = filled(path, NOBODY);
        let nobody = send(service.address, method, &path, &headers, None).await;
        assert_eq!(nobody.status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn every_role_may_what_the_table_says_and_nothing_else() {
    let service = service().await;
    for (mark, role) in ROLES.into_iter().enumerate() {
        // What only looks leaves everything as it is.
        let looker = TenantId::new();
        let looked_at = Owned::of(&service, looker, role).await;
        for (method, path, may) in rows() {
            let is_look = method == "GET" || !path.contains("{id}");
            let tenant = if is_look { looker } else { TenantId::new() };
            let owned = match (path.contains("{id}"), is_look) {
                (true, true) => filled(path, looked_at.id(path)),
                (true, false) => filled(path, Owned::of(&service, tenant, role).await.id(path)),
                (false, _) => filled(path, ""),
            };
            let body = (method != "GET").then_some("{}");
            let reply = service.ask(method, &owned, &token(role, tenant), body).await;
            let is_refused = may.as_bytes()[mark] == b'.';
            assert_eq!(reply.status == 403, is_refused, "{role} {method} {path}: {reply:?}");
            // A strategy that has no backtest, for who may start none.
            let has_none = role == Role::Readonly && path == "/strategies/{id}/backtest";
            let is_found = ![401, 404, 500, 503].contains(&reply.status);
            assert!(is_found || has_none, "{role} {method} {path}: {reply:?}");
        }
    }
    let nothing = token(Role::ServiceAccount, TenantId::new());
    for (method, path, _) in rows() {
        let path = filled(path, NOBODY);
        let reply = service.ask(method, &path, &nothing, Some("{}")).await;
        assert_eq!(reply.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn no_route_shows_or_changes_what_is_anothers() {
    let service = service().await;
    let (mine, other) = (TenantId::new(), TenantId::new());
    let owned = Owned::of(&service, mine, Role::User).await;
    let user = token(Role::User, mine);
    let looks = [
        format!("/orders/{}", owned.order),
        format!("/strategies/{}", owned.strategy),
        format!("/backtests/{}", owned.backtest),
        format!("/datasets/{}", owned.dataset),
        format!("/signals/{}", owned.signal),
    ];
    let mut before = Vec::new();
    for path in &looks {
        before.push(service.ask("GET", path, &user, None).await.json());
    }
    for role in [Role::TenantAdmin, Role::SuperAdmin] {
        let thief = token(role, other);
        for (method, path, _) in rows() {
            let body = (method != "GET").then_some("{}");
            if !path.contains("{id}") {
                let reply = service.ask(method, &filled(path, ""), &thief, body).await;
                let text = String::from_utf8_lossy(&reply.body).into_owned();
                for secret in owned.all().into_iter().chain([&mine.to_string()]) {
                    assert!(!text.contains(secret.as_str()), "{method} {path}: {text}");
                }
                continue;
            }
            let ask = async |id: &str| service.ask(method, &filled(path, id), &thief, body).await;
            let (foreign, absent) = (ask(owned.id(path)).await, ask(NOBODY).await);
            assert_eq!(foreign.status, 404, "{method} {path}: {foreign:?}");
            assert_eq!(without_name(&foreign), without_name(&absent), "{method} {path}");
        }
    }
    for (path, before) in looks.iter().zip(before) {
        assert_eq!(service.ask("GET", path, &user, None).await.json(), before, "{path}");
    }
}

#[tokio::test]
async fn topics_are_for_the_roles_of_the_table() {
    let service = service().await;
    for (mark, role) in ROLES.into_iter().enumerate() {
        let mut socket = ready(&service, "/ws", &token(role, TenantId::new())).await;
        for (name, may) in TOPICS {
            let mut word = json!({"action": "subscribe", "channel": name});
            if ["ticker", "orderbook", "trade", "candle"].contains(name) {
                word["symbol"] = json!("BTC-USD");
            }
            say(&mut socket, word).await;
            if may.as_bytes()[mark] == b'.' {
                let error = hear_type(&mut socket, "error").await;
                assert_eq!(error["data"]["code"], "FORBIDDEN", "{role} {name}");
            } else {
                assert_eq!(hear_type(&mut socket, "subscribed").await["channel"], *name);
            }
        }
    }
}

#[tokio::test]
async fn snapshots_hold_nothing_of_another_tenant() {
    let service = service().await;
    let (mine, other) = (TenantId::new(), TenantId::new());
    let owned = Owned::of(&service, mine, Role::User).await;
    let mut socket = ready(&service, "/ws", &token(Role::SuperAdmin, other)).await;
    for channel in Channel::ALL.into_iter().filter(|channel| channel.is_private()) {
        for from_seq in [None, Some(1)] {
            let word = json!({"action": "subscribe", "channel": channel, "from_seq": from_seq});
            say(&mut socket, word).await;
            hear_type(&mut socket, "subscribed").await;
        }
    }
    say(&mut socket, json!({"action": "ping"})).await;
    loop {
        let told = crate::sockets::hear(&mut socket).await.expect("it is open");
        for secret in owned.all() {
            assert!(!told.to_string().contains(secret.as_str()), "{told}");
        }
        if told["type"] == "pong" {
            break;
        }
    }
}

#[tokio::test]
async fn a_tenant_in_a_header_only_narrows() {
    let service = Service::start().await;
    let (mine, other) = (TenantId::new(), TenantId::new());
    let ask = async |role: Role, tenant: &str| {
        let bearer = format!("Bearer {}", token(role, mine));
        let headers = [("authorization", bearer.as_str()), ("x-tenant-id", tenant)];
        send(service.address, "GET", "/portfolio", &headers, None).await.status
    };
    for role in [Role::User, Role::TenantAdmin, Role::Readonly] {
        assert_eq!(ask(role, &mine.to_string()).await, 200);
        assert_eq!(ask(role, &other.to_string()).await, 403);
        assert_eq!(ask(role, "default").await, 403);
    }
    assert_eq!(ask(Role::SuperAdmin, &other.to_string()).await, 200);
}
