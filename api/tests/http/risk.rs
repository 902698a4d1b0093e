//! Limits and the kill switch over the wire.

use qt_auth::Role;
use qt_auth::limits::Quotas;
use qt_trading::KillLevel;
use qt_trading::ids::TenantId;
use serde_json::{Value, json};

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

/// Approvals are for the trip that was looked at, and each switch is armed for itself.
#[tokio::test]
async fn approvals_of_one_trip_do_not_arm_the_next() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let admin = |name: &str| token_of(name, Role::TenantAdmin, tenant, 600);
    let (ann, ben) = (admin("ann"), admin("ben"));
    let post = async |path: &str, token: &str, body: &str| {
        service.ask("POST", path, token, Some(body)).await
    };
    let account = KILL.replace("tenant", "account");
    let none = post("/risk/arm", &ann, KILL).await.json();
    assert_eq!((&none["status"], &none["still_killed"]), (&json!("was_armed"), &json!([])));
    assert_eq!(service.ask("GET", "/risk/status", &ann, None).await.json()["switches"], json!([]));
    assert_eq!(post("/risk/kill", &ann, KILL).await.status, 200);
    let one = post("/risk/arm", &ann, KILL).await;
    assert_eq!(one.status, 202);
    // Somebody trips it again, by a way that the store has not heard of yet.
    service.desks.of(tenant).trip(KillLevel::Tenant);
    let two = post("/risk/arm", &ben, KILL).await;
    assert_eq!((two.status, &two.json()["people"]), (202, &json!(["hs256#ben"])), "{two:?}");
    assert_ne!(one.json()["tripped_at"], two.json()["tripped_at"]);
    // Another level is another switch.
    assert_eq!(post("/risk/kill", &ann, &account).await.status, 200);
    let armed = post("/risk/arm", &ann, KILL).await;
    assert_eq!((armed.status, &armed.json()["status"]), (200, &json!("armed")), "{armed:?}");
    let holds = &armed.json()["still_killed"];
    assert_eq!((&holds[0]["level"], &holds[1]), (&json!("account"), &json!(null)));
    let status = service.ask("GET", "/risk/status", &ann, None).await.json();
    assert_eq!(status["session"]["is_killed"], true);
    assert_eq!(status["kill_states"].as_array().unwrap().len(), 2);
}

/// A venue that there is, and everything: by a super_admin, written down, and armed again.
#[tokio::test]
async fn a_venue_and_everything_are_killed_and_armed() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let root = |name: &str| token_of(name, Role::SuperAdmin, tenant, 600);
    let (ann, ben) = (root("ann"), root("ben"));
    let post = async |path: &str, token: &str, body: &Value| {
        service.ask("POST", path, token, Some(&body.to_string())).await
    };
    let nowhere = json!({"level": "venue", "id": "anything", "reason": "x"});
    assert_eq!(post("/risk/kill", &ann, &nowhere).await.status, 404);
    assert_eq!(post("/risk/arm", &ann, &nowhere).await.status, 404);
    for body in [
        json!({"level": "venue", "id": "SIM", "reason": "x"}),
        json!({"level": "global", "reason": "x"}),
    ] {
        assert_eq!(post("/risk/kill", &ann, &body).await.status, 200);
        assert_eq!(post("/risk/arm", &ann, &body).await.status, 202);
        let armed = post("/risk/arm", &ben, &body).await;
        assert_eq!((armed.status, &armed.json()["status"]), (200, &json!("armed")), "{armed:?}");
        let again = post("/risk/arm", &ben, &body).await;
        assert_eq!(again.json()["status"], "was_armed");
    }
}

/// Who may not kill uses up nobody's kills, and who may uses up only the own.
#[tokio::test]
async fn kills_are_counted_per_person_that_may() {
    let one = |name: &str| (name == "RATE_LIMIT_KILL").then(|| "1:1".to_owned());
    let quotas = Some(Quotas::read(&one).unwrap());
    let service = Service::with(Wanted { quotas, ..Wanted::default() }).await;
    let tenant = TenantId::new();
    let reader = token(Role::Readonly, tenant);
    let kill =
        async |token: &str| service.ask("POST", "/risk/kill", token, Some(KILL)).await.status;
    for _ in 0..5 {
        assert_eq!(kill(&reader).await, 403);
    }
    for name in ["ann", "ben"] {
        let admin = token_of(name, Role::TenantAdmin, tenant, 600);
        assert_eq!([kill(&admin).await, kill(&admin).await], [200, 429]);
    }
}

#[tokio::test]
async fn control_characters_are_refused() {
    let service = Service::start().await;
    let admin = token(Role::TenantAdmin, TenantId::new());
    let strategy = json!({"name": "a\u{0}b", "strategy_type": "sma_cross", "description": "\u{1}"});
    for (path, body) in [
        ("/risk/kill", json!({"level": "tenant", "reason": "a\u{0}b"})),
        ("/risk/arm", json!({"level": "tenant", "reason": "a\u{1b}b"})),
        ("/strategies", strategy),
    ] {
        let reply = service.ask("POST", path, &admin, Some(&body.to_string())).await;
        assert_eq!(reply.status, 422, "{path}: {reply:?}");
    }
    for path in ["/audit?subject=%00", "/orders?symbol=a%1Fb", "/strategies?strategy_type=%7f"] {
        assert_eq!(service.ask("GET", path, &admin, None).await.status, 422, "{path}");
    }
    let status = service.ask("GET", "/risk/status", &admin, None).await.json();
    assert_eq!(status["session"]["is_killed"], false);
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
    assert_eq!(status["kill_states"][0]["is_killed"], true);
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

/// What somebody may not do is in the audit, once, however often it is tried.
#[tokio::test]
pub async fn what_is_refused_for_want_of_a_right_is_in_the_audit() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let (user, admin) = (token(Role::User, tenant), token(Role::TenantAdmin, tenant));
    let limits = json!({"version": 1, "limits": []}).to_string();
    let tries = [
        ("POST", "/risk/arm", Some(KILL)),
        ("PUT", "/risk/limits", Some(limits.as_str())),
        ("GET", "/audit", None),
        ("GET", "/venue-keys", None),
    ];
    for (method, path, body) in tries {
        for _ in 0..3 {
            let refused = service.ask(method, path, &user, body).await;
            assert_eq!(refused.status, 403, "{method} {path}: {refused:?}");
        }
    }
    let path = "/audit?action=access.refused";
    let rows = crate::common::soon(async {
        loop {
            let page = service.ask("GET", path, &admin, None).await.json();
            let rows = page["items"].as_array().expect("rows").clone();
            if rows.len() >= tries.len() {
                return rows;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    let mut subjects: Vec<&str> = rows.iter().filter_map(|row| row["subject"].as_str()).collect();
    subjects.sort_unstable();
    let wanted = ["GET /audit", "GET /venue-keys", "POST /risk/arm", "PUT /risk/limits"];
    assert_eq!(subjects, wanted);
    let is_user = |row: &Value| row["person"].as_str().is_some_and(|who| who.ends_with("#user"));
    assert!(rows.iter().all(is_user), "{rows:?}");
    // Another tenant's audit has nothing of it.
    let other = token(Role::TenantAdmin, TenantId::new());
    assert_eq!(service.ask("GET", path, &other, None).await.json()["items"], json!([]));
}
