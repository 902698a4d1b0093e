//! Limits and the kill switch over the wire.

use qt_auth::Role;
use qt_trading::ids::TenantId;
use serde_json::json;

use crate::common::{Service, Wanted, token, token_of};

const ORDER: &str = r#"{"symbol":"BTC-USD","side":"buy","type":"market","quantity":"1"}"#;
const KILL: &str = r#"{"level":"tenant","reason":"a test"}"#;

#[tokio::test]
pub async fn one_person_kills_and_two_arm() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let admin = |name: &str| token_of(name, Role::TenantAdmin, tenant, 600);
    let (ann, ben, user) = (admin("ann"), admin("ben"), token(Role::User, tenant));
    let post = async |path: &str, token: &str, body: &str| {
        service.ask("POST", path, token, Some(body)).await
    };
    assert_eq!(post("/risk/kill", &user, KILL).await.status, 403);
    assert_eq!(post("/risk/kill", &ann, KILL).await.status, 200);
    let refused = post("/trades", &user, ORDER).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "RISK_REJECTED"));
    assert_eq!(refused.json()["rejection"]["control"], "KILLED");
    assert_eq!(post("/risk/arm", &user, KILL).await.status, 403);
    for _ in 0..2 {
        let one = post("/risk/arm", &ann, KILL).await;
        assert_eq!((one.status, &one.json()["status"]), (202, &json!("waiting")), "{one:?}");
    }
    let two = post("/risk/arm", &ben, KILL).await;
    assert_eq!((two.status, &two.json()["status"]), (200, &json!("armed")), "{two:?}");
    assert_eq!(post("/trades", &user, ORDER).await.status, 201);
    let status = service.ask("GET", "/risk/status", &user, None).await.json();
    assert_eq!(status["session"]["is_killed"], false);
    let audit = service.ask("GET", "/audit", &ann, None).await.json();
    assert!(audit["items"].as_array().unwrap().len() >= 3, "{audit}");
    assert_eq!(service.ask("GET", "/audit", &user, None).await.status, 403);
}

#[tokio::test]
pub async fn kill_works_without_the_store_and_arming_waits_for_it() {
    let service = Service::with(Wanted { is_store_away: true, ..Wanted::default() }).await;
    let admin = token(Role::TenantAdmin, TenantId::new());
    assert_eq!(service.ask("POST", "/risk/kill", &admin, Some(KILL)).await.status, 200);
    let status = service.ask("GET", "/risk/status", &admin, None).await.json();
    assert_eq!(
        (&status["session"]["is_killed"], &status["switches"]),
        (&json!(true), &json!(null))
    );
    let arm = service.ask("POST", "/risk/arm", &admin, Some(KILL)).await;
    assert_eq!((arm.status, arm.code().as_str()), (503, "STORE_UNAVAILABLE"));
    assert!(arm.header("retry-after").is_some());
    assert_eq!(service.get("/health").await.status, 200);
}

#[tokio::test]
pub async fn what_is_not_the_callers_cannot_be_killed() {
    let service = Service::start().await;
    let admin = token(Role::TenantAdmin, TenantId::new());
    for (body, status) in [
        (json!({"level": "tenant", "id": TenantId::new(), "reason": "x"}), 404),
        (json!({"level": "account", "id": TenantId::new(), "reason": "x"}), 404),
        (json!({"level": "strategy", "id": TenantId::new(), "reason": "x"}), 404),
        (json!({"level": "strategy", "reason": "x"}), 422),
        (json!({"level": "account", "reason": " "}), 422),
        (json!({"level": "venue", "id": "SIM", "reason": "x"}), 403),
        (json!({"level": "global", "reason": "x"}), 403),
        (json!({"level": "nowhere", "reason": "x"}), 422),
    ] {
        let reply = service.ask("POST", "/risk/kill", &admin, Some(&body.to_string())).await;
        assert_eq!(reply.status, status, "{body}: {reply:?}");
    }
}

#[tokio::test]
pub async fn limits_are_tightened_by_one_and_loosened_by_two() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let admin = |name: &str| token_of(name, Role::TenantAdmin, tenant, 600);
    let (ann, ben, user) = (admin("ann"), admin("ben"), token(Role::User, tenant));
    let limit = |version: u64, value: &str| {
        let limit = json!({"name": "order_notional", "level": "instrument", "value": value});
        json!({"version": version, "limits": [limit]}).to_string()
    };
    let put =
        async |token: &str, body: &str| service.ask("PUT", "/risk/limits", token, Some(body)).await;
    let first = service.ask("GET", "/risk/limits", &user, None).await.json();
    assert_eq!((&first["version"], &first["limits"][0]["value"]), (&json!(1), &json!("20000")));
    assert_eq!(put(&user, &limit(1, "1")).await.status, 403);
    let tight = put(&ann, &limit(1, "10000")).await;
    assert_eq!((tight.status, &tight.json()["version"]), (200, &json!(2)), "{tight:?}");
    assert_eq!(put(&ann, &limit(1, "9000")).await.status, 409);
    let wide = put(&ann, &limit(2, "15000")).await;
    assert_eq!((wide.status, &wide.json()["version"]), (202, &json!(2)), "{wide:?}");
    let proposal = wide.json()["proposals"][0]["id"].clone();
    let agree = json!({"version": 2, "proposal_id": proposal}).to_string();
    assert_eq!(put(&ann, &agree).await.status, 409, "the same person twice");
    let agreed = put(&ben, &agree).await;
    assert_eq!((agreed.status, &agreed.json()["version"]), (200, &json!(3)), "{agreed:?}");
    assert_eq!(agreed.json()["limits"][0]["value"], "15000");
    let unknown =
        json!({"version": 3, "limits": [{"name": "x", "level": "account", "value": "1"}]});
    assert_eq!(put(&ann, &unknown.to_string()).await.status, 422);
}
