//! A human in the loop over the wire: who is asked, who decides, and what comes of it.

use std::time::Duration;

use qt_api::signals::{Incoming, Outcome};
use qt_auth::Role;
use qt_store::{
    Actor, LateFallback, SignalRow, SignalStatus, Signals, SourceBudget, SourceMode, SourceRow,
    Sources,
};
use qt_trading::Phase;
use qt_trading::amount::Amount;
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use serde_json::{Value, json};

use crate::common::client::{Reply, send};
use crate::common::{Service, Wanted, token_of};
use crate::sockets::{hear_type, ready, say};

const SECOND: i64 = 1_000_000_000;

/// A tenant with a live source that `robot` speaks for.
struct Scene {
    service: Service,
    tenant: TenantId,
    source: SourceRow,
    sent: std::cell::Cell<u32>,
}

impl Scene {
    async fn new() -> Self {
        Self::of(Service::start().await).await
    }

    async fn of(service: Service) -> Self {
        let tenant = TenantId::new();
        let budget = SourceBudget {
            notional: Amount(50_000.into()),
            loss: Amount(1_000.into()),
            rate_per_minute: 1_000,
        };
        let source = SourceRow {
            tenant,
            id: StrategyUid::new(),
            number: 0,
            name: "analyst".to_owned(),
            mode: SourceMode::Shadow,
            subject: Some("robot".to_owned()),
            key_version: 1,
            old_key_until: None,
            follow: serde_json::Map::new(),
            symbols: Vec::new(),
            budget,
            late_after_ms: 0,
            fallback: LateFallback::Ignore,
            created_at: Time::now(),
            by: "ann".to_owned(),
        };
        let actor = || Actor::new(tenant, "ann", "r");
        let made = service.store.create_source(actor(), source).await.unwrap();
        let (shadow, live) = (SourceMode::Shadow, SourceMode::Live);
        let live = service.store.set_source_mode(actor(), made.id, shadow, live, "ok".to_owned());
        let source = live.await.unwrap();
        Self { service, tenant, source, sent: std::cell::Cell::new(0) }
    }

    fn token(&self, user: &str, role: Role) -> String {
        token_of(user, role, self.tenant, 3_600)
    }

    async fn ask(&self, user: &str, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let token = self.token(user, Role::User);
        let body = body.map(Value::to_string);
        self.service.ask(method, path, &token, body.as_deref()).await
    }

    /// The source says something, with `more` in the place of what it says usually.
    async fn signal(&self, more: Value) -> SignalRow {
        self.sent.set(self.sent.get() + 1);
        let now = Time::now();
        let mut body = json!({
            "schema_version": 1, "signal_id": format!("s-{}", self.sent.get()),
            "symbol": "BTC-USD", "action": "buy", "confidence": 0.6, "quantity": "2",
            "horizon_seconds": 3_600, "issued_at": now.to_string(),
            "expires_at": Time(now.0 + 600 * SECOND).to_string(),
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let incoming = Incoming { bytes: body.to_string().into_bytes(), arrived_at: now };
        let signals = &self.service.app.signals;
        match signals.take(&self.source, vec![incoming]).await.unwrap().remove(0) {
            Outcome::Kept { row, .. } => *row,
            refused @ Outcome::Refused { .. } => panic!("{refused:?}"),
        }
    }

    async fn pending(&self) -> Vec<Value> {
        let page = self.ask("ann", "GET", "/hitl/pending", None).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.json()["items"].as_array().unwrap().clone()
    }

    /// A signal that somebody is asked about, and the request.
    async fn asked(&self, more: Value) -> (SignalRow, Value) {
        let row = self.signal(more).await;
        assert_eq!(row.status, SignalStatus::Waiting);
        let asked = self.pending().await;
        let id = row.id.to_string();
        let one = asked.into_iter().find(|it| it["signal_id"] == id).expect("it is asked about");
        (row, one)
    }

    async fn decide(&self, user: &str, request: &Value, decision: &str, more: Value) -> Reply {
        let mut body = json!({"request_id": request["id"], "decision": decision});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ask(user, "POST", "/hitl/decision", Some(&body)).await
    }

    async fn status_of(&self, row: &SignalRow) -> SignalStatus {
        self.service.store.signal(self.tenant, row.id).await.unwrap().status
    }

    fn taken(&self) -> usize {
        self.service.desks.of(self.tenant).signals_taken()
    }
}

#[tokio::test]
async fn a_signal_that_is_not_sure_waits_and_goes_on_when_a_person_wants_it() {
    let scene = Scene::new().await;
    let mut socket = ready(&scene.service, "/ws", &scene.token("ann", Role::User)).await;
    say(&mut socket, json!({"action": "subscribe", "channel": "signals"})).await;
    hear_type(&mut socket, "snapshot").await;
    let (row, request) = scene.asked(json!({"reasoning": ["it is cheap"]})).await;
    assert_eq!(scene.taken(), 0);
    assert_eq!(request["task_type"], "trade");
    assert_eq!(request["triggers"], json!(["low_confidence", "new_source"]));
    assert_eq!(request["ai_confidence"], 0.6);
    assert_eq!(request["ai_recommendation"]["quantity"], "2");
    assert_eq!(request["ai_recommendation"]["reasoning"], json!(["it is cheap"]));
    assert_eq!(request["task_data"]["signal_id"], row.signal_id);
    assert_eq!(request["context"]["source"], "analyst");
    assert!(request["estimated_impact"]["financial"].is_string(), "{request}");
    assert_eq!(request["urgency"], "low");
    let told = hear_type(&mut socket, "trading_signal").await;
    assert_eq!(
        (&told["data"]["kind"], &told["data"]["request"]["id"]),
        (&json!("hitl_request"), &request["id"])
    );
    let done = scene.decide("ann", &request, "approve", json!({"notes": "seen"})).await;
    assert_eq!(done.status, 200, "{done:?}");
    let answer = done.json();
    assert_eq!(answer["request"]["status"], "released");
    assert_eq!(answer["request"]["outcome"]["session_seq"], 1);
    assert_eq!(answer["decision"]["human_reviewer"], "hs256#ann");
    assert_eq!(answer["decision"]["agreement"], true);
    assert_eq!((scene.taken(), scene.status_of(&row).await), (1, SignalStatus::Taken));
    for user in ["ann", "ben"] {
        let again = scene.decide(user, &request, "reject", json!({})).await;
        assert_eq!((again.status, again.code().as_str()), (409, "ALREADY_DECIDED"), "{again:?}");
    }
    assert!(scene.pending().await.is_empty());
    // Sure enough, and of a source that was approved of: nobody is asked.
    assert_eq!(scene.signal(json!({"confidence": 0.85})).await.status, SignalStatus::Taken);
    // To hold leads to no order.
    let hold = json!({"action": "hold", "quantity": null, "confidence": 0.1});
    assert_eq!(scene.signal(hold).await.status, SignalStatus::Taken);
}

#[tokio::test]
async fn rejected_it_goes_no_further() {
    let scene = Scene::new().await;
    let (row, request) = scene.asked(json!({})).await;
    let done = scene.decide("ann", &request, "reject", json!({"notes": "no"})).await;
    assert_eq!((done.status, &done.json()["request"]["status"]), (200, &json!("rejected")));
    assert_eq!((scene.taken(), scene.status_of(&row).await), (0, SignalStatus::Rejected));
    // The first that was approved of is still to come.
    let (_, request) = scene.asked(json!({"confidence": 0.99})).await;
    assert_eq!(request["triggers"], json!(["new_source"]));
}

#[tokio::test]
async fn modified_it_becomes_less_and_nothing_else() {
    let scene = Scene::new().await;
    let (row, request) = scene.asked(json!({})).await;
    for (change, field) in [
        (json!({"quantity": "2.5"}), "modified_action.quantity"),
        (json!({"quantity": "2"}), "modified_action"),
        (json!({"weight": 0.1}), "modified_action.weight"),
        (json!({"horizon_seconds": 3_601}), "modified_action.horizon_seconds"),
        (json!({"action": "sell"}), "modified_action.action"),
        (json!(null), "modified_action"),
    ] {
        let more = json!({"modified_action": change});
        let refused = scene.decide("ann", &request, "modify", more).await;
        assert_eq!(refused.status, 422, "{change}: {refused:?}");
        assert_eq!(refused.json()["fields"][0]["field"], field, "{refused:?}");
    }
    let more = json!({"modified_action": {"quantity": "1"}});
    let refused = scene.decide("ann", &request, "approve", more.clone()).await;
    assert_eq!(refused.json()["fields"][0]["field"], "modified_action");
    let more = json!({"modified_action": {"quantity": "0.5", "horizon_seconds": 60}});
    let done = scene.decide("ann", &request, "modify", more.clone()).await;
    assert_eq!(
        (done.status, &done.json()["request"]["status"]),
        (200, &json!("released")),
        "{done:?}"
    );
    assert_eq!(done.json()["decision"]["modified_action"], more["modified_action"]);
    assert_eq!(done.json()["decision"]["agreement"], false);
    let kept = scene.service.store.signal(scene.tenant, row.id).await.unwrap();
    let taken: Value = serde_json::from_str(&kept.taken_body.unwrap()).unwrap();
    assert_eq!((&taken["quantity"], &taken["horizon_seconds"]), (&json!("0.5"), &json!(60)));
    assert_eq!(taken["signal_id"], row.signal_id);
}

#[tokio::test]
async fn people_decide_and_no_one_else() {
    let scene = Scene::new().await;
    let (_, request) = scene.asked(json!({})).await;
    let body = json!({"request_id": request["id"], "decision": "approve"}).to_string();
    for (user, role) in [
        ("robot", Role::Agent),
        ("someone", Role::Agent),
        ("reader", Role::Readonly),
        ("cron", Role::ServiceAccount),
    ] {
        let token = scene.token(user, role);
        let refused = scene.service.ask("POST", "/hitl/decision", &token, Some(&body)).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "FORBIDDEN"), "{user}");
    }
    // The same name with the rights of a person.
    let own = scene.decide("robot", &request, "approve", json!({})).await;
    assert_eq!((own.status, own.code().as_str()), (403, "OWN_SIGNAL"), "{own:?}");
    let other = token_of("eve", Role::SuperAdmin, TenantId::new(), 600);
    let foreign = scene.service.ask("POST", "/hitl/decision", &other, Some(&body)).await;
    assert_eq!((foreign.status, foreign.code().as_str()), (404, "NOT_FOUND"));
    let theirs = scene.service.ask("GET", "/hitl/dashboard", &other, None).await.json();
    assert_eq!(
        (&theirs["pending"], &theirs["metrics"]["pending_requests"]),
        (&json!([]), &json!(0))
    );
    let agent = scene.token("robot", Role::Agent);
    assert_eq!(scene.service.ask("GET", "/hitl/pending", &agent, None).await.status, 403);
    assert_eq!(scene.pending().await.len(), 1, "nothing has changed");
    assert_eq!(scene.taken(), 0);
}

#[tokio::test]
async fn nobody_decides_while_nobody_knows_which_tokens_are_revoked() {
    let wanted = Wanted { is_revocation_stale: true, ..Wanted::default() };
    let scene = Scene::of(Service::with(wanted).await).await;
    let (_, request) = scene.asked(json!({})).await;
    for decision in ["approve", "reject"] {
        let late = scene.decide("ann", &request, decision, json!({})).await;
        assert_eq!((late.status, late.code().as_str()), (503, "REVOCATIONS_STALE"), "{late:?}");
    }
    assert_eq!(scene.pending().await.len(), 1);
}

#[tokio::test]
async fn a_decision_that_is_sent_again_is_the_same_one() {
    let scene = Scene::new().await;
    let (_, request) = scene.asked(json!({})).await;
    let bearer = format!("Bearer {}", scene.token("ann", Role::User));
    let body = json!({"request_id": request["id"], "decision": "approve"}).to_string();
    let post = async |key: &str, body: &str| {
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
        send(scene.service.address, "POST", "/hitl/decision", &headers, Some(body)).await
    };
    let first = post("k", &body).await;
    assert_eq!(first.status, 200, "{first:?}");
    let again = post("k", &body).await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(post("k", &body.replace("approve", "reject")).await.status, 422);
    assert_eq!(post("other", &body).await.code(), "ALREADY_DECIDED");
    assert_eq!(scene.taken(), 1);
}

#[tokio::test]
async fn what_the_session_does_not_take_now_it_takes_later_and_once() {
    let scene = Scene::new().await;
    let (row, request) = scene.asked(json!({})).await;
    let desk = scene.service.desks.of(scene.tenant);
    desk.enter(Phase::Reconciling);
    let done = scene.decide("ann", &request, "approve", json!({})).await;
    assert_eq!(
        (done.status, &done.json()["request"]["status"]),
        (202, &json!("approved")),
        "{done:?}"
    );
    assert_eq!(done.json()["request"]["outcome"]["code"], "RECONCILING");
    assert_eq!(scene.taken(), 0);
    // The process ends here; the next one finds what is decided.
    let (approvals, store) = (scene.service.app.approvals.clone(), scene.service.store.clone());
    let keeping = tokio::spawn(approvals.keep(store, None));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(scene.taken(), 0);
    desk.enter(Phase::Ready);
    crate::common::soon(async {
        while scene.status_of(&row).await != SignalStatus::Taken {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(scene.taken(), 1);
    let recent = scene.ask("ann", "GET", "/hitl/dashboard", None).await.json();
    assert_eq!(recent["recent_decisions"][0]["request"]["status"], "released", "{recent}");
    keeping.abort();
}

#[tokio::test]
async fn a_request_expires_with_its_signal() {
    let scene = Scene::new().await;
    let end = Time(Time::now().0 + SECOND).to_string();
    let (row, request) = scene.asked(json!({"expires_at": end})).await;
    assert_eq!(request["urgency"], "high");
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert!(scene.pending().await.is_empty(), "nobody has swept yet");
    let late = scene.decide("ann", &request, "approve", json!({})).await;
    assert_eq!((late.status, late.code().as_str()), (409, "REQUEST_EXPIRED"), "{late:?}");
    let (approvals, store) = (scene.service.app.approvals.clone(), scene.service.store.clone());
    let keeping = tokio::spawn(approvals.keep(store, None));
    crate::common::soon(async {
        while scene.status_of(&row).await != SignalStatus::Expired {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    keeping.abort();
    assert_eq!(scene.taken(), 0);
}

#[tokio::test]
async fn a_policy_says_who_is_asked() {
    let scene = Scene::new().await;
    let policy = scene.ask("ann", "GET", "/hitl/policy", None).await.json();
    assert_eq!((&policy["version"], &policy["ask_below_confidence"]), (&json!(0), &json!(0.85)));
    assert_eq!(
        (&policy["ask_above_notional"], &policy["ask_first_of_source"]),
        (&json!("10000"), &json!(true))
    );
    let put = async |role: Role, body: &Value| {
        let token = scene.token("ann", role);
        scene.service.ask("PUT", "/hitl/policy", &token, Some(&body.to_string())).await
    };
    let mut body = json!({"base_version": 0, "ask_below_confidence": 0.5,
        "ask_above_notional": null, "ask_first_of_source": false});
    assert_eq!(put(Role::User, &body).await.status, 403);
    for (field, bad) in [
        ("ask_below_confidence", json!(1.5)),
        ("ask_above_notional", json!("-1")),
        ("ask_controls", json!([{"control": "a b", "share": 0.5}])),
    ] {
        let mut wrong = body.clone();
        wrong[field] = bad;
        let refused = put(Role::TenantAdmin, &wrong).await;
        assert_eq!(refused.status, 422, "{field}: {refused:?}");
        let named = refused.json()["fields"][0]["field"].as_str().unwrap().to_owned();
        assert!(named.starts_with(field), "{named}");
    }
    let changed = put(Role::TenantAdmin, &body).await;
    assert_eq!((changed.status, &changed.json()["version"]), (200, &json!(1)), "{changed:?}");
    assert_eq!(put(Role::TenantAdmin, &body).await.status, 409);
    // At once, and in this process: confidence, value and newness are no reasons any more.
    assert_eq!(scene.signal(json!({})).await.status, SignalStatus::Taken);
    body["base_version"] = json!(1);
    body["ask_above_notional"] = json!("1");
    assert_eq!(put(Role::TenantAdmin, &body).await.status, 200);
    let (_, request) = scene.asked(json!({})).await;
    assert_eq!(request["triggers"], json!(["high_notional"]));
    assert_eq!(request["urgency"], "high", "many times the threshold");
    body["base_version"] = json!(2);
    body["ask_above_notional"] = json!(null);
    body["ask_controls"] = json!([{"control": "MAX_ORDER_VALUE", "share": 0}]);
    assert_eq!(put(Role::TenantAdmin, &body).await.status, 200);
    let (_, request) = scene.asked(json!({})).await;
    assert_eq!(request["triggers"], json!(["control:MAX_ORDER_VALUE"]));
    let admin = scene.token("ann", Role::TenantAdmin);
    let audit =
        scene.service.ask("GET", "/audit?action=hitl.policy_changed", &admin, None).await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 3, "{audit}");
}

#[tokio::test]
async fn figures_come_from_what_is_stored() {
    let scene = Scene::new().await;
    for decision in ["approve", "reject", "approve"] {
        let (_, request) = scene.asked(json!({})).await;
        assert_eq!(scene.decide("ann", &request, decision, json!({})).await.status, 200);
    }
    scene.asked(json!({})).await;
    assert_eq!(scene.signal(json!({"confidence": 0.9})).await.status, SignalStatus::Taken);
    let metrics = scene.ask("ann", "GET", "/hitl/metrics", None).await.json();
    assert_eq!((&metrics["pending_requests"], &metrics["completed_24h"]), (&json!(1), &json!(3)));
    assert_eq!(metrics["urgency_breakdown"], json!({"high": 0, "low": 1, "medium": 0}));
    let rate = metrics["approval_rate"].as_f64().unwrap();
    assert!((rate - 2.0 / 3.0).abs() < 1e-9, "{metrics}");
    assert_eq!(metrics["automation_rate"], 0.2, "one of five");
    assert!(metrics["average_response_time"].as_f64().unwrap() < 30.0);
    let top =
        json!([{"trigger": "low_confidence", "count": 3}, {"trigger": "new_source", "count": 1}]);
    assert_eq!(metrics["top_triggers"], top);
    let text = String::from_utf8(scene.service.get("/metrics").await.body).unwrap();
    for line in [
        "quanttrade_hitl_requests 4",
        "quanttrade_hitl_decisions{decision=\"approve\"} 2",
        "quanttrade_hitl_decisions{decision=\"reject\"} 1",
        "quanttrade_hitl_released 2",
        "quanttrade_hitl_decision_seconds{quantile=\"0.99\"}",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains(&scene.tenant.to_string()));
}
