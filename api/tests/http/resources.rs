//! Orders, market data, portfolio: from the wire to the ports and back.

use qt_auth::Role;
use qt_trading::ids::TenantId;
use serde_json::{Value, json};

use crate::common::client::send;
use crate::common::{Service, token};

const LIMIT: &str = r#"{"symbol":"BTC-USD","side":"buy","type":"limit","quantity":"1.50",
    "price":"90","client_order_id":"mine"}"#;

#[tokio::test]
pub async fn an_order_is_placed_read_amended_and_cancelled() {
    let service = Service::start().await;
    let user = token(Role::User, TenantId::new());
    let placed = service.ask("POST", "/trades", &user, Some(LIMIT)).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let order = placed.json();
    assert_eq!((&order["quantity"], &order["status"]), (&json!("1.5"), &json!("open")));
    let path = format!("/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(service.ask("GET", &path, &user, None).await.json(), order);
    let amended = service.ask("PATCH", &path, &user, Some(r#"{"price":"91"}"#)).await;
    assert_eq!(amended.json()["price"], "91");
    assert_eq!(service.ask("PATCH", &path, &user, Some("{}")).await.status, 422);
    let again = service.ask("POST", "/trades", &user, Some(LIMIT)).await;
    assert_eq!((again.status, again.code().as_str()), (409, "CONFLICT"));
    let cancelled = service.ask("DELETE", &path, &user, None).await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("cancelled")));
    assert_eq!(service.ask("DELETE", &path, &user, None).await.status, 409);
}

#[tokio::test]
pub async fn lists_come_in_pages_newest_first() {
    let service = Service::start().await;
    let user = token(Role::User, TenantId::new());
    let market = r#"{"symbol":"ETH-USD","side":"sell","type":"market","quantity":2}"#;
    let mut placed = Vec::new();
    for _ in 0..5 {
        let reply = service.ask("POST", "/trades", &user, Some(market)).await;
        placed.insert(0, reply.json()["id"].clone());
    }
    let mut seen = Vec::new();
    let mut path = "/orders?limit=2".to_owned();
    loop {
        let page = service.ask("GET", &path, &user, None).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|order| order["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/orders?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, placed);
    let count = async |path: &str| {
        let page = service.ask("GET", path, &user, None).await.json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count("/trades").await, 5);
    assert_eq!(count("/trades?symbol=BTC-USD").await, 0);
    assert_eq!(count("/orders?status=filled&symbol=ETH-USD").await, 5);
    assert_eq!(count("/orders?is_open=true").await, 0);
}

#[tokio::test]
pub async fn a_dry_run_places_nothing() {
    let service = Service::start().await;
    let user = token(Role::User, TenantId::new());
    let body = LIMIT.replace("\"mine\"", "\"mine\",\"dry_run\":true");
    let reply = service.ask("POST", "/trades", &user, Some(&body)).await;
    assert_eq!((reply.status, &reply.json()["limits"][0]["unit"]), (200, &json!("currency")));
    let orders = service.ask("GET", "/orders", &user, None).await.json();
    assert_eq!(orders, json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
pub async fn the_same_key_gives_the_same_answer_and_one_order() {
    let service = Service::start().await;
    let user = format!("Bearer {}", token(Role::User, TenantId::new()));
    let post = async |key: &str, body: &str| {
        let headers = [("authorization", user.as_str()), ("idempotency-key", key)];
        send(service.address, "POST", "/trades", &headers, Some(body)).await
    };
    let market = r#"{"symbol":"ETH-USD","side":"sell","type":"market","quantity":2}"#;
    let (one, two) = (post("k1", market).await, post("k1", market).await);
    assert_eq!((one.status, &one.json()), (201, &two.json()));
    assert_eq!((two.status, two.header("idempotency-replayed")), (201, Some("true")));
    let other = post("k1", LIMIT).await;
    assert_eq!((other.status, other.code().as_str()), (422, "IDEMPOTENCY_KEY_REUSED"));
    assert_ne!(post("k2", market).await.json()["id"], one.json()["id"]);
    assert_eq!(post("", market).await.status, 422);
    assert_eq!(post(&"k".repeat(300), market).await.status, 422);
}

#[tokio::test]
pub async fn market_data_is_read() {
    let service = Service::start().await;
    let agent = token(Role::Agent, TenantId::new());
    let get = async |path: &str| service.ask("GET", path, &agent, None).await;
    assert_eq!(get("/market-data/BTC-USD").await.json()["bid"], "99");
    let book = get("/market-data/BTC-USD/orderbook?depth=1").await.json();
    assert_eq!(book["bids"], json!([{"price": "99", "quantity": "1"}]));
    assert_eq!(get("/market-data/BTC-USD/orderbook?depth=51").await.status, 422);
    let candles = get("/market-data/BTC-USD/candles?interval=1h&from=0&to=7200&limit=5").await;
    assert_eq!(candles.json()["items"][0]["open_time"], "1970-01-01T01:00:00.000000000Z");
    assert_eq!(get("/market-data/BTC-USD/candles?interval=2h").await.status, 422);
    assert_eq!(get("/market-data/BTC-USD/candles?from=9&to=3").await.status, 422);
    assert_eq!(get("/instruments").await.json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(get("/instruments/ETH-USD").await.json()["venue"], "SIM");
    for path in ["/market-data/NO", "/market-data/NO/orderbook", "/instruments/..%2f..%2fetc"] {
        assert_eq!(get(path).await.status, 404, "{path}");
    }
    let types = get("/strategy-types").await.json();
    assert!(types["items"].as_array().unwrap().len() > 3);
    assert_eq!(get("/portfolio").await.status, 403);
}

#[tokio::test]
pub async fn a_strategy_lives() {
    let service = Service::start().await;
    let user = token(Role::User, TenantId::new());
    let ask = async |method: &str, path: &str, body: Option<Value>| {
        let body = body.map(|body| body.to_string());
        service.ask(method, path, &user, body.as_deref()).await
    };
    let types = ask("GET", "/strategy-types", None).await.json();
    let kind = types["items"][0]["name"].clone();
    let body = json!({"name": "one", "strategy_type": kind, "symbols": ["BTC-USD"]});
    let made = ask("POST", "/strategies", Some(body.clone())).await;
    assert_eq!((made.status, &made.json()["status"]), (201, &json!("stopped")), "{made:?}");
    assert_eq!(ask("POST", "/strategies", Some(body.clone())).await.status, 409);
    let path = format!("/strategies/{}", made.json()["id"].as_str().unwrap());
    let active = ask("POST", &format!("{path}/activate"), None).await;
    assert_eq!((active.status, &active.json()["status"]), (200, &json!("active")), "{active:?}");
    assert_eq!(ask("DELETE", &path, None).await.status, 409);
    let performance = ask("GET", &format!("{path}/performance"), None).await;
    assert_eq!(performance.json()["executions"], 0, "{performance:?}");
    let mut changed = body.clone();
    changed["name"] = json!("two");
    let changed = ask("PUT", &path, Some(changed)).await;
    assert_eq!((changed.status, &changed.json()["status"]), (200, &json!("stopped")));
    let portal = ask("GET", "/views/portal/strategies", None).await.json();
    assert_eq!(portal[0]["name"], "two");
    let figures = ["totalTrades", "realizedPnL", "fees", "winRate"].map(|name| &portal[0][name]);
    assert_eq!(figures, [&json!(0), &json!("0"), &json!("0"), &json!(null)]);
    assert_eq!(ask("DELETE", &path, None).await.json()["status"], "deleted");
    assert_eq!(ask("GET", &path, None).await.status, 404);
    for (field, bad) in [
        ("strategy_type", json!({"name": "x", "strategy_type": "none"})),
        ("symbols[0]", json!({"name": "x", "strategy_type": kind, "symbols": ["NO"]})),
        ("name", json!({"name": "", "strategy_type": kind})),
        ("parameters.x", json!({"name": "x", "strategy_type": kind, "parameters": {"x": 1}})),
    ] {
        let reply = ask("POST", "/strategies", Some(bad)).await;
        assert_eq!((reply.status, &reply.json()["fields"][0]["field"]), (422, &json!(field)));
    }
}

#[tokio::test]
pub async fn the_portals_find_their_shapes() {
    let service = Service::start().await;
    let reader = token(Role::Readonly, TenantId::new());
    let view = service.ask("GET", "/views/portal/portfolio", &reader, None).await.json();
    for field in [
        "totalValue",
        "dailyChange",
        "dailyChangePercent",
        "dailyPnL",
        "dailyPnLPercent",
        "activePositions",
        "cashBalance",
        "buyingPower",
        "winRate",
        "totalReturn",
        "totalReturnPercent",
        "accountValue",
        "initialCapital",
        "positions",
    ] {
        assert!(view.get(field).is_some(), "{field}: {view}");
    }
    for name in ["positions", "trades", "strategies"] {
        let path = format!("/views/portal/{name}");
        assert!(service.ask("GET", &path, &reader, None).await.json().is_array(), "{name}");
    }
}
