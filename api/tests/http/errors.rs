//! One body for every error, and the order of refusal.

use qt_auth::Role;
use qt_trading::ids::TenantId;

use crate::common::client::{Reply, send};
use crate::common::{Service, Wanted, token, token_of};

const ORDER: &str = r#"{"symbol":"BTC-USD","side":"buy","type":"market","quantity":"1"}"#;

fn assert_error(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.code().as_str()), (status, code), "{reply:?}");
    let body = reply.json();
    let id = body["request_id"].as_str().unwrap();
    assert!(!id.is_empty() && reply.header("x-request-id") == Some(id), "{reply:?}");
    assert!(!body["detail"].as_str().unwrap().is_empty());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let length: usize = reply.header("content-length").unwrap().parse().unwrap();
    assert_eq!(length, reply.body.len());
}

#[tokio::test]
pub async fn every_error_has_one_body() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let (user, reader) = (token(Role::User, tenant), token(Role::Readonly, tenant));
    assert_error(&service.get("/nowhere").await, 404, "NOT_FOUND");
    assert_error(&service.get("/docs/nowhere.js").await, 404, "NOT_FOUND");
    let wrong = service.ask("PUT", "/portfolio", &user, None).await;
    assert_error(&wrong, 405, "METHOD_NOT_ALLOWED");
    assert!(wrong.header("allow").unwrap().contains("GET"));
    let none = service.get("/portfolio").await;
    assert_error(&none, 401, "TOKEN_MISSING");
    assert_eq!(none.header("www-authenticate"), Some("Bearer"));
    assert_error(&service.ask("GET", "/portfolio", "nonsense", None).await, 401, "TOKEN_MALFORMED");
    let expired = token_of("u", Role::User, tenant, -3_600);
    assert_error(&service.ask("GET", "/portfolio", &expired, None).await, 401, "TOKEN_EXPIRED");
    assert_error(&service.ask("POST", "/trades", &reader, Some(ORDER)).await, 403, "FORBIDDEN");
    let bad = service.ask("POST", "/trades", &user, Some("{\n\"symbol\":")).await;
    assert_error(&bad, 422, "MALFORMED_JSON");
    assert_eq!(bad.json()["fields"][0]["line"], 2);
    assert_eq!(bad.json()["fields"][0]["field"], "symbol");
}

#[tokio::test]
pub async fn refusals_come_in_the_order_401_403_404_422() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let (user, reader) = (token(Role::User, tenant), token(Role::Readonly, tenant));
    let path = "/orders/018f4e5a-0000-7000-8000-000000000001";
    let bad = Some("{\"nonsense\":1}");
    assert_eq!(send(service.address, "PATCH", path, &[], bad).await.status, 401);
    assert_eq!(service.ask("PATCH", path, &reader, bad).await.status, 403);
    assert_eq!(service.ask("PATCH", path, &user, bad).await.status, 404);
    let placed = ORDER.replace("market", "limit").replace("\"1\"}", "\"1\",\"price\":\"90\"}");
    let order = service.ask("POST", "/trades", &user, Some(&placed)).await;
    assert_eq!(order.status, 201, "{order:?}");
    let path = format!("/orders/{}", order.json()["id"].as_str().unwrap());
    assert_eq!(service.ask("PATCH", &path, &user, bad).await.status, 422);
}

#[tokio::test]
pub async fn unknown_fields_and_parameters_are_refused() {
    let service = Service::start().await;
    let user = token(Role::User, TenantId::new());
    let owned = ["tenant_id", "id", "status", "filled_quantity", "person", "account_id", "fee"];
    for field in owned {
        let body = ORDER.replace("{\"symbol\"", &format!("{{\"{field}\":\"x\",\"symbol\""));
        let reply = service.ask("POST", "/trades", &user, Some(&body)).await;
        assert_error(&reply, 422, "VALIDATION_FAILED");
        assert_eq!(reply.json()["fields"][0]["field"], field);
    }
    for path in ["/orders?tenant_id=1", "/trades?limit=0", "/orders?cursor=x", "/orders?status=up"]
    {
        let reply = service.ask("GET", path, &user, None).await;
        assert_error(&reply, 422, "VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn the_request_and_the_trace_keep_their_names() {
    let service = Service::start().await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("x-request-id", "mine-1"), ("traceparent", parent)];
    let reply = send(service.address, "GET", "/nowhere", &headers, None).await;
    assert_eq!(reply.header("x-request-id"), Some("mine-1"));
    let trace = reply.header("traceparent").unwrap();
    assert!(trace.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && trace != parent);
    let headers = [("x-request-id", "not\tsane")];
    let reply = send(service.address, "GET", "/nowhere", &headers, None).await;
    assert_eq!(reply.header("x-request-id").unwrap().len(), 36);
}

#[tokio::test]
pub async fn a_tenant_has_its_own_rate() {
    let get = |name: &str| (name == "RATE_LIMIT_READ").then(|| "1:3".to_owned());
    let quotas = Some(qt_auth::limits::Quotas::read(&get).unwrap());
    let service = Service::with(Wanted { quotas, ..Wanted::default() }).await;
    let (one, other) = (token(Role::User, TenantId::new()), token(Role::User, TenantId::new()));
    let mut last = service.ask("GET", "/portfolio", &one, None).await;
    for _ in 0..4 {
        last = service.ask("GET", "/portfolio", &one, None).await;
    }
    assert_error(&last, 429, "RATE_LIMITED");
    assert!(last.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(service.ask("GET", "/portfolio", &other, None).await.status, 200);
    let kill = r#"{"level":"account","reason":"a test"}"#;
    assert_eq!(service.ask("POST", "/risk/kill", &one, Some(kill)).await.status, 200);
}
