//! Every private route, as the OpenAPI document has it, against every kind of caller.

use qt_auth::Role;
use qt_trading::ids::TenantId;
use serde_json::{Value, json};

use crate::common::client::{Reply, send};
use crate::common::{Service, token};

/// What a tenant has that another one could ask for.
struct Owned {
    order: String,
    strategy: String,
}

async fn owned(service: &Service, tenant: TenantId) -> Owned {
    let user = token(Role::User, tenant);
    let order = json!({"symbol": "BTC-USD", "side": "buy", "type": "limit", "quantity": "1",
                       "price": "90"});
    let order = service.ask("POST", "/trades", &user, Some(&order.to_string())).await.json();
    let types = service.ask("GET", "/strategy-types", &user, None).await.json();
    let body = json!({"name": "mine", "strategy_type": types["items"][0]["name"],
                      "symbols": ["BTC-USD"]});
    let strategy = service.ask("POST", "/strategies", &user, Some(&body.to_string())).await.json();
    let id = |of: &Value| of["id"].as_str().expect("an identifier").to_owned();
    Owned { order: id(&order), strategy: id(&strategy) }
}

fn without_name(reply: &Reply) -> (u16, Value) {
    let mut body = reply.json();
    body.as_object_mut().expect("an object").remove("request_id");
    (reply.status, body)
}

const NOBODY: &str = "018f4e5a-0000-7000-8000-00000000dead";

#[tokio::test]
async fn no_route_shows_or_changes_what_is_anothers() {
    let service = Service::start().await;
    let (mine, other) = (TenantId::new(), TenantId::new());
    let owned = owned(&service, mine).await;
    let thief = token(Role::TenantAdmin, other);
    let document = service.get("/openapi.json").await.json();
    let mut looked_at = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("security").is_none() {
                continue;
            }
            let method = method.to_uppercase();
            // Without a token there is nothing, whatever stands in the path.
            let plain = path.replace("{id}", NOBODY).replace("{symbol}", "BTC-USD");
            let reply = send(service.address, &method, &plain, &[], None).await;
            assert_eq!(reply.status, 401, "{method} {path}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            looked_at += 1;
            if !path.contains("{id}") {
                continue;
            }
            let id = if path.starts_with("/orders") { &owned.order } else { &owned.strategy };
            let foreign = path.replace("{id}", id);
            let absent = path.replace("{id}", NOBODY);
            let foreign = service.ask(&method, &foreign, &thief, Some("{}")).await;
            let absent = service.ask(&method, &absent, &thief, Some("{}")).await;
            // This service runs no backtests, and says so before it looks for one.
            let is_off = foreign.status == 503 && foreign.code() == "BACKTESTS_OFF";
            assert!(foreign.status == 404 || is_off, "{method} {path}: {foreign:?}");
            assert_eq!(without_name(&foreign), without_name(&absent), "{method} {path}");
        }
    }
    assert!(looked_at > 20, "{looked_at}");
    // And what was asked for is untouched.
    let user = token(Role::User, mine);
    let order = service.ask("GET", &format!("/orders/{}", owned.order), &user, None).await.json();
    assert_eq!(order["status"], "open");
    let strategy =
        service.ask("GET", &format!("/strategies/{}", owned.strategy), &user, None).await;
    assert_eq!(strategy.json()["version"], 1);
}

#[tokio::test]
async fn lists_hold_nothing_of_another_tenant() {
    let service = Service::start().await;
    let (mine, other) = (TenantId::new(), TenantId::new());
    let owned = owned(&service, mine).await;
    let thief = token(Role::TenantAdmin, other);
    let document = service.get("/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        if item["get"].get("security").is_none() || path.contains('{') {
            continue;
        }
        let reply = service.ask("GET", path, &thief, None).await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        for secret in [&owned.order, &owned.strategy, &mine.to_string()] {
            assert!(!text.contains(secret.as_str()), "{path}: {text}");
        }
    }
}

#[tokio::test]
async fn lower_roles_write_nothing() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let owned = owned(&service, tenant).await;
    let document = service.get("/openapi.json").await.json();
    for role in [Role::Readonly, Role::Agent, Role::ServiceAccount] {
        let token = token(role, tenant);
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                // An agent may start backtests.
                let is_its_own = role == Role::Agent && path.contains("backtest");
                if operation.get("security").is_none() || method == "get" || is_its_own {
                    continue;
                }
                let id = if path.starts_with("/orders") { &owned.order } else { &owned.strategy };
                let path = path.replace("{id}", id);
                let method = method.to_uppercase();
                let reply = service.ask(&method, &path, &token, Some("{}")).await;
                assert_eq!(reply.status, 403, "{role} {method} {path}: {reply:?}");
            }
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
