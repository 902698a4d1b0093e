//! What clients do, the same whichever way they come.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::Way;

/// Asks until `is_so`, for at most 20 s.
pub async fn until(way: &Way, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let reply = way.ask("GET", path, None).await;
        if reply.status == 200 && is_so(&reply.json()) {
            return reply.json();
        }
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(began.elapsed() < Duration::from_secs(20), "{path}: {} {text}", reply.status);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every default instrument has a quote.
pub async fn until_healthy(way: &Way) {
    until(way, "/health", |health| health["status"] == "healthy").await;
    until(way, "/portfolio", |it| it["equity"] == "100000" || it["cash"].is_string()).await;
}

fn number(text: &Value) -> f64 {
    text.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

/// An order is placed, filled, seen everywhere; another one rests, is changed and cancelled; the
/// kill switch stops all of it.
pub async fn an_order_lives(way: &Way) {
    let order = r#"{"symbol":"BTC-USD","side":"buy","type":"market","quantity":"1"}"#;
    let dry = way.ask("POST", "/trades", Some(&order.replace('}', r#","dry_run":true}"#))).await;
    assert_eq!(dry.status, 200, "{}", dry.json());
    let made = way.ask("POST", "/trades", Some(order)).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let path = format!("/orders/{}", made.json()["id"].as_str().unwrap());
    let filled = until(way, &path, |order| order["status"] == "filled").await;
    let portfolio = until(way, "/portfolio", |it| it["positions"].get(0).is_some()).await;
    assert_eq!(portfolio["positions"][0]["quantity"], "1");
    let paid = number(&filled["average_price"]) + number(&portfolio["fees"]);
    assert!((100_000.0 - paid - number(&portfolio["cash"])).abs() < 1e-6, "{portfolio}");
    let trades = way.ask("GET", "/trades", None).await.json();
    assert_eq!(trades["items"][0]["order_id"], filled["id"]);

    let limit = r#"{"symbol":"BTC-USD","side":"buy","type":"limit","price":"100","quantity":"1",
        "client_order_id":"mine-1"}"#;
    let resting = way.ask("POST", "/trades", Some(limit)).await;
    assert_eq!(resting.status, 201, "{}", resting.json());
    let path = format!("/orders/{}", resting.json()["id"].as_str().unwrap());
    until(way, &path, |order| order["status"] == "open").await;
    let again = way.ask("POST", "/trades", Some(limit)).await;
    assert_eq!(again.status, 409, "a client's name is given once: {}", again.json());
    let changed = way.ask("PATCH", &path, Some(r#"{"price":"101"}"#)).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
    until(way, &path, |order| order["price"] == "101").await;
    let open = way.ask("GET", "/orders?is_open=true", None).await.json();
    assert_eq!(open["items"].as_array().unwrap().len(), 1);
    assert_eq!(way.ask("DELETE", &path, None).await.status, 200);
    until(way, &path, |order| order["status"] == "cancelled").await;
    assert_eq!(way.ask("DELETE", &path, None).await.status, 409);

    let kill = r#"{"level":"account","reason":"a test"}"#;
    let killed = way.ask("POST", "/risk/kill", Some(kill)).await;
    assert_eq!(killed.status, 200, "{}", killed.json());
    let denied = way.ask("POST", "/trades", Some(order)).await;
    assert_eq!((denied.status, denied.code().as_str()), (422, "RISK_REJECTED"));
    let armed = way.ask("POST", "/risk/arm", Some(kill)).await;
    assert_eq!(armed.status, 202, "one approval is not enough: {}", armed.json());
    // What happened is kept as well.
    let audit = until(way, "/audit", |page| page["items"].get(2).is_some()).await;
    assert!(audit.to_string().contains("kill"), "{audit}");
}

/// A backtest is started, followed, read; its report is a page.
pub async fn a_backtest_is_a_job(way: &Way) {
    let wanted = r#"{"strategy_type":"sma_cross","parameters":{"fast":50,"slow":200},
        "data":"shared:SP500","quantity":"10"}"#;
    let started = way.ask("POST", "/backtests", Some(wanted)).await;
    assert_eq!(started.status, 202, "{}", started.json());
    let path = format!("/backtests/{}", started.json()["id"].as_str().unwrap());
    let done = until(way, &path, |job| job["status"] == "done" || job["status"] == "failed").await;
    assert_eq!(done["status"], "done", "{}", done["error"]);
    assert_eq!(done["result"]["schema"], "quanttrade.backtest/1");
    assert_eq!(done["progress"]["fraction"], 1.0);
    assert!(!done.to_string().contains("/tmp"), "no path of this machine");
    let report = way.ask("GET", &format!("{path}/report"), None).await;
    assert_eq!(report.status, 200);
    assert!(report.header("content-security-policy").unwrap().contains("sandbox"));
    assert!(report.body.len() > 100_000);
    assert_eq!(way.ask("DELETE", &path, None).await.status, 409, "it is over");
    let listed = way.ask("GET", "/backtests", None).await.json();
    assert_eq!(listed["items"][0]["id"], done["id"]);
    for (field, body) in [
        ("data", r#"{"strategy_type":"sma_cross","data":"/etc/passwd"}"#),
        ("data", r#"{"strategy_type":"sma_cross","data":"https://example.org/x.csv"}"#),
        ("strategy_type", r#"{"strategy_type":"none","data":"shared:SP500"}"#),
        ("path", r#"{"strategy_type":"sma_cross","path":"x"}"#),
    ] {
        let refused = way.ask("POST", "/backtests", Some(body)).await;
        assert_eq!(refused.status, 422, "{body}");
        assert_eq!(refused.json()["fields"][0]["field"], field, "{}", refused.json());
    }
}

/// Errors have one shape, and no way changes it.
pub async fn what_is_refused_is_told_alike(way: &Way) {
    for (method, path, body, status, code) in [
        ("GET", "/orders/nothing", None, 404, "NOT_FOUND"),
        ("GET", "/no-such-route", None, 404, "NOT_FOUND"),
        ("POST", "/trades", Some("{"), 422, "MALFORMED_JSON"),
        ("POST", "/trades", Some(r#"{"tenant_id":"x"}"#), 422, "VALIDATION_FAILED"),
        (
            "POST",
            "/risk/kill",
            Some(r#"{"level":"account","reason":""}"#),
            422,
            "VALIDATION_FAILED",
        ),
    ] {
        let reply = way.ask(method, path, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{method} {path}");
        let told = reply.json();
        assert!(told["detail"].is_string() && told["request_id"].is_string(), "{told}");
        let length = reply.header("content-length").map(str::parse::<usize>);
        assert_eq!(length, Some(Ok(reply.body.len())));
    }
    let anonymous = way.ask_with("GET", "/portfolio", &[], None).await;
    assert_eq!(anonymous.status, 401);
    assert_eq!(anonymous.header("www-authenticate"), Some("Bearer"));
    let dressed = [("authorization", "Bearer nothing"), ("accept-encoding", "gzip")];
    let refused = way.ask_with("GET", "/portfolio", &dressed, None).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("content-encoding").is_none());
}
