//! Requests that are repeated.

use qt_auth::Role;
use qt_store::{Accounts, Orders, Projected, Record, Stream};
use qt_trading::ids::{OrderUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Desk, Order, Phase, Refusal};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::client::{Reply, send};
use crate::common::{Service, Wanted, soon, token};

const ORDER: &str = r#"{"symbol":"ETH-USD","side":"sell","type":"market","quantity":2}"#;
const LIMIT: &str =
    r#"{"symbol":"BTC-USD","side":"buy","type":"limit","quantity":"1","price":"90"}"#;

/// A client that puts a key on what it asks.
struct Client<'a> {
    service: &'a Service,
    tenant: TenantId,
    bearer: String,
}

impl<'a> Client<'a> {
    fn new(service: &'a Service) -> Self {
        let tenant = TenantId::new();
        Self::of(service, Role::User, tenant)
    }

    fn of(service: &'a Service, role: Role, tenant: TenantId) -> Self {
        let bearer = format!("Bearer {}", token(role, tenant));
        Self { service, tenant, bearer }
    }

    async fn ask(&self, method: &str, path: &str, key: &str, body: Option<&str>) -> Reply {
        let headers = [("authorization", self.bearer.as_str()), ("idempotency-key", key)];
        send(self.service.address, method, path, &headers, body).await
    }

    async fn place(&self, key: &str) -> Reply {
        self.ask("POST", "/trades", key, Some(ORDER)).await
    }

    fn orders(&self) -> usize {
        self.service.desks.of(self.tenant).orders().len()
    }
}

fn stopped() -> Refusal {
    let detail = "the session ended before it answered".to_owned();
    Refusal::Unavailable { code: "STOPPED", detail }
}

#[tokio::test]
pub async fn an_order_whose_answer_was_lost_is_placed_once_however_often_it_is_asked_for() {
    let service = Service::start().await;
    let client = Client::new(&service);
    let desk = service.desks.of(client.tenant);
    // It is in the journal, and the session ends before it can say so.
    *desk.loses_answer.lock().unwrap() = Some(stopped());
    assert_eq!(client.place("k").await.status, 503);
    let placed = desk.orders()[0].id;
    // The session comes back; what it knew it does not know yet.
    desk.enter(Phase::Reconciling);
    let known = desk.forget(placed).unwrap();
    for _ in 0..3 {
        let reply = client.place("k").await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "RECONCILING"));
    }
    desk.enter(Phase::Ready);
    // One that was older than all the session remembers.
    keep(&service, client.tenant, &known).await;
    let again = client.place("k").await;
    assert_eq!((again.status, &again.json()["id"]), (201, &json!(placed)), "{again:?}");
    assert_eq!(client.orders(), 0, "nothing was placed a second time");
    assert_eq!(client.place("k").await.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
pub async fn an_order_that_was_refused_for_a_while_keeps_its_identifier() {
    let service = Service::start().await;
    let client = Client::new(&service);
    let desk = service.desks.of(client.tenant);
    desk.enter(Phase::Reconciling);
    assert_eq!(client.place("k").await.status, 503);
    desk.enter(Phase::Ready);
    *desk.loses_answer.lock().unwrap() = Some(stopped());
    assert_eq!(client.place("k").await.status, 503);
    // It is on its way: the session says that there is one already.
    let done = client.place("k").await;
    assert_eq!((done.status, client.orders()), (201, 1), "{done:?}");
    assert_eq!(done.json()["id"], json!(desk.orders()[0].id));
}

/// Brings an order into the store, as the projector does.
async fn keep(service: &Service, tenant: TenantId, order: &Order) {
    let account = service.store.paper_account(tenant).await.unwrap();
    let stream = Stream { tenant, account: account.id, session: Uuid::now_v7() };
    let record = Record::Order { order: Box::new(order.clone()), person: None };
    let projected = Projected { seq: 1, at: Time::now(), record };
    service.store.project(stream, vec![projected]).await.unwrap();
}

#[tokio::test]
pub async fn a_stored_error_is_given_under_the_name_of_the_request_that_asks() {
    let service = Service::start().await;
    let client = Client::new(&service);
    let kill = r#"{"level":"account","reason":"a test"}"#;
    assert_eq!(client.ask("POST", "/risk/kill", "kill", Some(kill)).await.status, 200);
    let mut seen = Vec::new();
    for name in ["first", "second"] {
        let headers = [
            ("authorization", client.bearer.as_str()),
            ("idempotency-key", "k"),
            ("x-request-id", name),
        ];
        let reply = send(service.address, "POST", "/trades", &headers, Some(ORDER)).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "RISK_REJECTED"));
        assert_eq!(reply.json()["request_id"], name);
        let mut body = reply.json();
        body.as_object_mut().unwrap().remove("request_id");
        seen.push(body);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
pub async fn rights_come_before_the_syntax_of_the_key() {
    let service = Service::start().await;
    let reader = format!("Bearer {}", token(Role::Agent, TenantId::new()));
    let headers = [("authorization", reader.as_str()), ("idempotency-key", "")];
    for (method, path) in [("POST", "/trades"), ("DELETE", "/orders/x"), ("PUT", "/strategies/x")] {
        let reply = send(service.address, method, path, &headers, Some("{}")).await;
        assert_eq!(reply.status, 403, "{method} {path}");
    }
    let client = Client::new(&service);
    assert_eq!(client.ask("POST", "/trades", "a b", Some(ORDER)).await.status, 422);
}

#[tokio::test]
pub async fn every_write_takes_a_key() {
    let service = Service::start().await;
    let client = Client::new(&service);
    let order = client.ask("POST", "/trades", "order", Some(LIMIT)).await.json();
    let order = format!("/orders/{}", order["id"].as_str().unwrap());
    let types = client.ask("GET", "/strategy-types", "-", None).await.json();
    let body = json!({"name": "one", "strategy_type": types["items"][0]["name"],
                      "symbols": ["BTC-USD"]});
    let body = body.to_string();
    let made: Value = client.ask("POST", "/strategies", "made", Some(&body)).await.json();
    let strategy = format!("/strategies/{}", made["id"].as_str().unwrap());
    let (activate, deactivate) = (format!("{strategy}/activate"), format!("{strategy}/deactivate"));
    for (method, path, body) in [
        ("PATCH", &order, Some(r#"{"price":"91"}"#)),
        ("DELETE", &order, None),
        ("POST", &activate, None),
        ("POST", &deactivate, None),
        ("PUT", &strategy, Some(body.as_str())),
        ("DELETE", &strategy, None),
    ] {
        let key = format!("{method}{}", path.len());
        let first = client.ask(method, path, &key, body).await;
        assert_eq!(first.status, 200, "{method} {path}: {first:?}");
        let again = client.ask(method, path, &key, body).await;
        let was_there = again.header("idempotency-replayed");
        let is_order_gone = again.status == 404;
        assert!(!is_order_gone, "{method} {path}: {again:?}");
        assert_eq!((again.status, was_there), (200, Some("true")), "{method} {path}: {again:?}");
        assert_eq!(first.json(), again.json(), "{method} {path}");
    }
    let gone = OrderUid::new();
    assert_eq!(client.ask("DELETE", &format!("/orders/{gone}"), "x", None).await.status, 404);
}

#[tokio::test]
pub async fn an_order_is_there_though_the_session_does_not_show_it() {
    let service = Service::start().await;
    let client = Client::new(&service);
    let desk = service.desks.of(client.tenant);
    // Another tenant's session runs: the service is well.
    service.desks.of(TenantId::new());
    let order = client.place("k").await.json();
    let id: OrderUid = serde_json::from_value(order["id"].clone()).unwrap();
    let path = format!("/orders/{id}");
    let order = desk.forget(id).unwrap();
    assert_eq!(client.ask("GET", &path, "-", None).await.status, 404, "nobody has it");
    for phase in [Phase::Reconciling, Phase::Failed] {
        desk.enter(phase);
        assert_eq!(client.ask("GET", &path, "-", None).await.status, 503, "{phase:?}");
        assert_eq!(client.ask("DELETE", &path, &format!("{phase:?}"), None).await.status, 503);
    }
    keep(&service, client.tenant, &order).await;
    assert_eq!(client.ask("GET", &path, "-", None).await.json()["id"], json!(id), "it is over");
    desk.enter(Phase::Ready);
    assert_eq!(client.ask("GET", &path, "-", None).await.json()["status"], "filled");
    let gone = client.ask("DELETE", &path, "d", None).await;
    assert_eq!((gone.status, gone.code().as_str()), (409, "CONFLICT"), "{gone:?}");
    let changed = client.ask("PATCH", &path, "p", Some(r#"{"price":"91"}"#)).await;
    assert_eq!(changed.status, 409, "{changed:?}");
    let listed = client.ask("GET", "/orders", "-", None).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
}

/// The kill switch, its arming and limits take one as well; without the store a kill needs none.
#[tokio::test]
pub async fn a_key_with_the_kill_switch() {
    let service = Service::start().await;
    let client = Client::of(&service, Role::TenantAdmin, TenantId::new());
    let kill = r#"{"level":"account","reason":"a test"}"#;
    let first = client.ask("POST", "/risk/kill", "kill", Some(kill)).await;
    let again = client.ask("POST", "/risk/kill", "kill", Some(kill)).await;
    assert_eq!((first.status, again.status), (200, 200), "{first:?}");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.json()["tripped_at"], again.json()["tripped_at"], "tripped once");
    let other = client.ask("POST", "/risk/kill", "kill", Some(&kill.replace("a test", "b"))).await;
    assert_eq!(other.status, 422, "{other:?}");
    let arm = client.ask("POST", "/risk/arm", "arm", Some(kill)).await;
    let same = client.ask("POST", "/risk/arm", "arm", Some(kill)).await;
    assert_eq!((arm.status, same.status), (202, 202), "{arm:?}");
    assert_eq!(same.header("idempotency-replayed"), Some("true"));
    let limits = client.ask("GET", "/risk/limits", "-", None).await.json();
    let body = json!({"version": limits["version"], "limits": []}).to_string();
    for _ in 0..2 {
        assert_eq!(client.ask("PUT", "/risk/limits", "put", Some(&body)).await.status, 200);
    }
    let away = Service::with(Wanted { is_store_away: true, ..Wanted::default() }).await;
    let client = Client::new(&away);
    for _ in 0..2 {
        let killed = client.ask("POST", "/risk/kill", "kill", Some(kill)).await;
        assert_eq!(killed.status, 200, "{killed:?}");
        assert_eq!(killed.header("idempotency-replayed"), None);
    }
}

/// The database comes back before it gave up: whoever asks again gets the answer of then.
#[tokio::test(flavor = "multi_thread")]
pub async fn a_kill_whose_key_was_kept_late_is_answered_again() {
    use sqlx::Connection;
    let service = Service::start().await;
    let client = Client::of(&service, Role::TenantAdmin, TenantId::new());
    let kill = r#"{"level":"account","reason":"a test"}"#;
    let url = format!("sqlite://{}", service.folder.path().join("quanttrade.sqlite").display());
    let mut holder = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    let first = client.ask("POST", "/risk/kill", "k", Some(kill)).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None), "{first:?}");
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    let again = soon(async {
        loop {
            let again = client.ask("POST", "/risk/kill", "k", Some(kill)).await;
            assert_eq!(again.status, 200, "{again:?}");
            if again.header("idempotency-replayed").is_some() {
                return again;
            }
        }
    })
    .await;
    assert_eq!(again.json()["tripped_at"], first.json()["tripped_at"]);
    let other = client.ask("POST", "/risk/kill", "k", Some(&kill.replace("a test", "b"))).await;
    assert_eq!(other.status, 422, "{other:?}");
}

/// Several at once while the database hangs: each is done, one answer is kept, and it is one that
/// was given; another person's and another tenant's key of that name is another key.
#[tokio::test(flavor = "multi_thread")]
pub async fn kills_at_once_under_a_key_that_is_kept_late_have_one_answer_afterwards() {
    use sqlx::Connection;
    let service = Service::start().await;
    let client = Client::of(&service, Role::TenantAdmin, TenantId::new());
    let other = Client::of(&service, Role::TenantAdmin, TenantId::new());
    let kill = r#"{"level":"account","reason":"a test"}"#;
    let url = format!("sqlite://{}", service.folder.path().join("quanttrade.sqlite").display());
    let mut holder = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    let asks = [&client, &client, &other, &client];
    let asks = asks.map(|of| of.ask("POST", "/risk/kill", "k", Some(kill)));
    let first = futures_util::future::join_all(asks).await;
    for killed in &first {
        let was_there = killed.header("idempotency-replayed");
        assert_eq!((killed.status, was_there), (200, None), "{killed:?}");
    }
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    let again = async |of: &Client<'_>| {
        soon(async {
            loop {
                let again = of.ask("POST", "/risk/kill", "k", Some(kill)).await;
                assert_eq!(again.status, 200, "{again:?}");
                if again.header("idempotency-replayed").is_some() {
                    return again.json()["tripped_at"].clone();
                }
            }
        })
        .await
    };
    let mut given: Vec<Value> = first.iter().map(|it| it.json()["tripped_at"].clone()).collect();
    let of_other = given.remove(2);
    let kept = again(&client).await;
    assert!(given.contains(&kept), "{kept} is none of {given:?}");
    assert_eq!(again(&other).await, of_other);
    // It stays the answer, whatever is settled late.
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(again(&client).await, kept);
}
