//! Bodies that nobody would send: every one of them is refused in order, none breaks anything.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use qt_auth::Role;
use qt_auth::limits::Quotas;
use qt_trading::ids::TenantId;
use serde_json::{Map, Value, json};

use crate::common::{Service, Wanted, token};

/// A body of each operation that takes one, as it should be.
fn bodies() -> Vec<(&'static str, Value)> {
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
    ]
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
    let (service, admin, order, strategy) = runtime.block_on(async {
        let quotas = Quotas::read(&|_| Some("100000".to_owned())).ok();
        let wanted = Wanted { has_jobs: true, quotas, ..Wanted::default() };
        let service = Service::with(wanted).await;
        let admin = token(Role::TenantAdmin, TenantId::new());
        let id = async |path: &str, body: &Value| {
            let reply = service.ask("POST", path, &admin, Some(&body.to_string())).await;
            reply.json()["id"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
        };
        let bodies = bodies();
        let order = id("/trades", &bodies[0].1).await;
        let strategy = id("/strategies", &bodies[2].1).await;
        (service, admin, order, strategy)
    });
    let ask = |route: &str, body: &Value| {
        let (method, path) = route.split_once(' ').unwrap();
        let id = if path.starts_with("/orders") { &order } else { &strategy };
        let path = path.replace("{id}", id);
        runtime.block_on(service.ask(method, &path, &admin, Some(&body.to_string())))
    };
    let document = runtime.block_on(service.get("/openapi.json")).json();
    let mut with_body = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["requestBody"]["content"].get("application/json").is_some() {
                with_body.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let known: BTreeSet<String> = bodies().iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(with_body, known, "a body that is not looked at");
    for (route, good) in bodies() {
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
