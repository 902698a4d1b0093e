//! Bodies that nobody would send: every one of them is refused in order, none breaks anything.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use qt_auth::Role;
use qt_auth::limits::Quotas;
use qt_trading::ids::TenantId;
use serde_json::{Map, Value, json};

use crate::common::{Reply, Service, Wanted, token};

/// A body of each operation that takes one, as it should be; `request` waits for a decision.
fn bodies(request: &str) -> Vec<(&'static str, Value)> {
    let switch = json!({"level": "account", "id": null, "reason": "a test"});
    let strategy = json!({"name": "one", "description": "", "strategy_type": "sma_cross",
                          "symbols": ["BTC-USD"], "parameters": {"fast": 5}, "status": "stopped"});
    let backtest = json!({"strategy_id": null, "strategy_type": "sma_cross", "parameters": {},
                          "data": "shared:SP500", "start_date": "2020-01-01",
                          "end_date": "2021-01-01", "initial_capital": "1000",
                          "fee_rate": "0.001", "slippage_bps": "1", "quantity": "1"});
    vec![
        (
            "POST /trades",
            json!({"symbol": "BTC-USD", "side": "buy", "type": "limit", "quantity": "1",
                   "price": "90", "stop_price": null, "time_in_force": "gtc",
                   "post_only": false, "reduce_only": false, "client_order_id": null,
                   "strategy_id": null, "dry_run": false}),
        ),
        ("PATCH /orders/{id}", json!({"quantity": "1", "price": "91", "stop_price": null})),
        ("POST /strategies", strategy.clone()),
        ("PUT /strategies/{id}", strategy),
        ("POST /backtests", backtest.clone()),
        ("POST /strategies/backtest", backtest),
        (
            "PUT /risk/limits",
            json!({"version": 1, "proposal_id": null, "limits": [
                {"name": "order_notional", "level": "instrument", "symbol": null,
                 "value": "10", "unit": ""}]}),
        ),
        ("POST /risk/kill", switch.clone()),
        ("POST /risk/arm", switch),
        (
            "POST /webhooks",
            json!({"url": "https://hooks.example.org/", "event_types": ["TradeExecuted"]}),
        ),
        ("POST /signal-sources", crate::signals::source("another")),
        ("PUT /signal-sources/{id}/mode", json!({"mode": "live", "reason": "a test"})),
        ("POST /signal-sources/{id}/key", json!({"grace_seconds": 60})),
        ("POST /signals", crate::signals::signal("b")),
        (
            "POST /hitl/decision",
            json!({"request_id": request, "decision": "reject", "notes": "",
                   "modified_action": null}),
        ),
        (
            "PUT /hitl/policy",
            json!({"base_version": 0, "ask_below_confidence": 0.5, "ask_above_notional": "100",
                   "ask_first_of_source": true, "ask_controls": []}),
        ),
    ]
}

/// A service in which there is one of everything that a body can be about.
struct Furnished {
    service: Service,
    admin: String,
    agent: String,
    order: String,
    strategy: String,
    source: String,
    request: String,
}

impl Furnished {
    async fn new() -> Self {
        let quotas = Quotas::read(&|_| Some("100000".to_owned())).ok();
        let wanted = Wanted { has_jobs: true, quotas, ..Wanted::default() };
        let (service, tenant) = (Service::with(wanted).await, TenantId::new());
        let (admin, agent) = (token(Role::TenantAdmin, tenant), token(Role::Agent, tenant));
        let id = async |path: &str, by: &str, body: &Value| {
            let reply = service.ask("POST", path, by, Some(&body.to_string())).await;
            reply.json()["id"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
        };
        let all = bodies("");
        let order = id("/trades", &admin, &all[0].1).await;
        let strategy = id("/strategies", &admin, &all[2].1).await;
        // The first signal of a source that is live waits for a person.
        let source = id("/signal-sources", &admin, &crate::signals::source("agent")).await;
        let live = json!({"mode": "live", "reason": "a test"}).to_string();
        let path = format!("/signal-sources/{source}/mode");
        assert_eq!(service.ask("PUT", &path, &admin, Some(&live)).await.status, 200);
        id("/signals", &agent, &crate::signals::signal("a")).await;
        let pending = service.ask("GET", "/hitl/pending", &admin, None).await.json();
        let request = pending["items"][0]["id"].as_str().expect("it waits").to_owned();
        Self { service, admin, agent, order, strategy, source, request }
    }

    async fn ask(&self, route: &str, body: &Value) -> Reply {
        let (method, path) = route.split_once(' ').expect("a method and a path");
        let id = match path.split('/').nth(1) {
            Some("orders") => &self.order,
            Some("signal-sources") => &self.source,
            _ => &self.strategy,
        };
        let by = if path == "/signals" { &self.agent } else { &self.admin };
        self.service.ask(method, &path.replace("{id}", id), by, Some(&body.to_string())).await
    }
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        "[0-9.eE+-]{0,40}".prop_map(Value::from),
        "[A-Za-z0-9._:/-]{0,40}".prop_map(Value::from),
        Just(json!("018f4e5a-0000-7000-8000-00000000dead")),
        Just(json!("79228162514264337593543950335")),
        Just(json!("9999-12-31T23:59:59Z")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{0,12}", inner, 0..4)
                .prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

/// What happens to a good body.
#[derive(Clone, Debug)]
enum Twist {
    /// One of its fields is something else.
    Field(prop::sample::Index, Value),
    /// One of them is not there.
    Without(prop::sample::Index),
    /// There is one more that nobody knows.
    Unknown(String, Value),
    /// All of it is something else.
    All(Value),
}

fn twists() -> impl Strategy<Value = Twist> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), anything()).prop_map(|(at, value)| Twist::Field(at, value)),
        1 => at().prop_map(Twist::Without),
        1 => ("[a-z]{1,12}", anything()).prop_map(|(name, value)| Twist::Unknown(name, value)),
        1 => anything().prop_map(Twist::All),
    ]
}

impl Twist {
    fn done_to(&self, good: &Value) -> Value {
        let mut body: Map<String, Value> = good.as_object().cloned().unwrap_or_default();
        let names: Vec<String> = body.keys().cloned().collect();
        match self {
            Self::Field(at, value) => {
                body.insert(at.get(&names).clone(), value.clone());
            }
            Self::Without(at) => {
                body.remove(at.get(&names));
            }
            Self::Unknown(name, value) => {
                body.insert(format!("x_{name}"), value.clone());
            }
            Self::All(value) => return value.clone(),
        }
        Value::Object(body)
    }
}

#[test]
fn no_body_breaks_anything_and_unknown_fields_are_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let furnished = runtime.block_on(Furnished::new());
    let ask = |route: &str, body: &Value| runtime.block_on(furnished.ask(route, body));
    let document = runtime.block_on(furnished.service.get("/openapi.json")).json();
    let mut with_body = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["requestBody"]["content"].get("application/json").is_some() {
                with_body.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let all = bodies(&furnished.request);
    let known: BTreeSet<String> = all.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(with_body, known, "a body that is not looked at");
    for (route, good) in all {
        let first = ask(route, &good);
        // A name that is taken, limits that are another version by now, more jobs than may wait.
        let is_taken = [409, 429].contains(&first.status);
        assert!(first.status < 300 || is_taken, "{route}: {first:?}");
        let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
        let ran = runner.run(&twists(), |twist| {
            let body = twist.done_to(&good);
            let reply = ask(route, &body);
            prop_assert!(reply.status < 500, "{route} {body}: {reply:?}");
            prop_assert!(reply.status < 300 || reply.json()["code"].is_string());
            if let Twist::Unknown(..) = twist {
                prop_assert_eq!(reply.status, 422, "{} {}", route, body);
            }
            Ok(())
        });
        if let Err(why) = ran {
            panic!("{route}: {why}");
        }
    }
}

/// Every name that any object of the document has.
fn names(document: &Value, found: &mut BTreeSet<String>) {
    match document {
        Value::Object(all) => {
            if let Some(Value::Object(properties)) = all.get("properties") {
                found.extend(properties.keys().cloned());
            }
            all.values().for_each(|part| names(part, found));
        }
        Value::Array(all) => all.iter().for_each(|part| names(part, found)),
        _ => {}
    }
}

/// The fields that the body of `route` has.
async fn own_fields(service: &Service, document: &Value, route: &str) -> BTreeSet<String> {
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let operation = &document["paths"][path][method.to_lowercase()];
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let mut own = BTreeSet::new();
    match schema["$ref"].as_str().and_then(|at| at.strip_prefix('#')) {
        Some(at) => names(document.pointer(at).expect("a schema"), &mut own),
        // The contract of a signal is a document of its own.
        None => names(&service.get("/schemas/signal.v1.json").await.json(), &mut own),
    }
    assert!(!own.is_empty(), "{route}: {schema}");
    own
}

/// What the service itself says of things cannot be said by a client: no body takes a field of an
/// answer that it does not have itself, whoever sends it.
#[tokio::test]
async fn no_body_takes_what_is_the_services_to_say() {
    let furnished = Furnished::new().await;
    let document = furnished.service.get("/openapi.json").await.json();
    let mut all = BTreeSet::new();
    names(&document, &mut all);
    // Those that no client is shown.
    all.extend(["tenant_id", "account_id", "session_id", "placed_by"].map(str::to_owned));
    let mut refused = 0;
    for (route, good) in bodies(&furnished.request) {
        let own = own_fields(&furnished.service, &document, route).await;
        for name in all.difference(&own) {
            let mut body = good.clone();
            body[name] = json!("1");
            let reply = furnished.ask(route, &body).await;
            assert_eq!(reply.status, 422, "{route} {name}: {reply:?}");
            refused += 1;
        }
    }
    assert!(refused > 1_000, "{refused}");
}
