//! What runs in the session is what the store says.

use std::time::Duration;

use qt_auth::Role;
use qt_store::{Actor, Strategies};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::{Phase, StrategyRun};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::common::client::Reply;
use crate::common::{Service, token};

struct World {
    service: Service,
    tenant: TenantId,
    user: String,
    kind: Value,
}

impl World {
    async fn new() -> Self {
        let service = Service::start().await;
        let tenant = TenantId::new();
        let user = token(Role::User, tenant);
        let types = service.ask("GET", "/strategy-types", &user, None).await.json();
        Self { kind: types["items"][0]["name"].clone(), service, tenant, user }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let body = body.map(|body| body.to_string());
        self.service.ask(method, path, &self.user, body.as_deref()).await
    }

    fn body(&self, name: &str, symbol: &str, status: &str) -> Value {
        json!({"name": name, "strategy_type": self.kind, "symbols": [symbol], "status": status})
    }

    async fn make(&self, name: &str, status: &str) -> StrategyUid {
        let made = self.ask("POST", "/strategies", Some(self.body(name, "BTC-USD", status))).await;
        assert_eq!(made.status, 201, "{made:?}");
        serde_json::from_value(made.json()["id"].clone()).unwrap()
    }

    fn running(&self) -> Vec<StrategyRun> {
        self.service.desks.of(self.tenant).running()
    }

    async fn status(&self, id: StrategyUid) -> Value {
        self.ask("GET", &format!("/strategies/{id}"), None).await.json()["status"].clone()
    }
}

#[tokio::test]
pub async fn a_change_that_the_store_refuses_changes_nothing_that_runs() {
    let world = World::new().await;
    world.make("taken", "stopped").await;
    let id = world.make("mine", "active").await;
    let before = world.running();
    assert_eq!((before.len(), &before[0].symbols), (1, &vec!["BTC-USD".to_owned()]));
    let path = format!("/strategies/{id}");
    for status in ["active", "stopped"] {
        let body = world.body("taken", "ETH-USD", status);
        assert_eq!(world.ask("PUT", &path, Some(body)).await.status, 409);
        assert_eq!(world.running(), before, "{status}");
        assert_eq!(world.status(id).await, "active");
    }
    let changed = world.ask("PUT", &path, Some(world.body("mine", "ETH-USD", "active"))).await;
    assert_eq!((changed.status, &changed.json()["version"]), (200, &json!(3)), "{changed:?}");
    assert_eq!(world.running()[0].symbols, ["ETH-USD"]);
}

#[tokio::test]
pub async fn a_session_that_refuses_leaves_the_store_as_it_was() {
    let world = World::new().await;
    let id = world.make("mine", "active").await;
    world.service.desks.of(world.tenant).enter(Phase::Reconciling);
    let path = format!("/strategies/{id}");
    let body = world.body("mine", "ETH-USD", "active");
    assert_eq!(world.ask("PUT", &path, Some(body)).await.status, 503);
    let kept = world.ask("GET", &path, None).await.json();
    assert_eq!((&kept["symbols"], &kept["version"]), (&json!(["BTC-USD"]), &json!(2)));
}

#[tokio::test]
pub async fn what_the_store_does_not_keep_as_active_does_not_run() {
    let world = World::new().await;
    let id = world.make("mine", "stopped").await;
    let (store, tenant) = (world.service.store.clone(), world.tenant);
    let desk = world.service.desks.of(tenant);
    // Somebody removes it in the moment between session and store.
    *desk.meanwhile.lock().unwrap() = Some(Box::pin(async move {
        store.delete_strategy(Actor::service(tenant), id).await.unwrap();
    }));
    let reply = world.ask("POST", &format!("/strategies/{id}/activate"), None).await;
    assert!([404, 409].contains(&reply.status), "{reply:?}");
    assert!(world.running().is_empty(), "it would trade, and nobody could stop it");
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_session_and_store_agreed() {
    let world = World::new().await;
    let id = world.make("mine", "stopped").await;
    let desk = world.service.desks.of(world.tenant);
    *desk.meanwhile.lock().unwrap() =
        Some(Box::pin(tokio::time::sleep(Duration::from_millis(300))));
    let request = format!(
        "POST /strategies/{id}/activate HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        world.user
    );
    let mut stream = TcpStream::connect(world.service.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    while world.running().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!((world.running().len(), world.status(id).await), (1, json!("active")));
}

#[tokio::test]
pub async fn one_that_is_removed_or_stopped_runs_no_more_whatever_the_store_says() {
    let world = World::new().await;
    let (removed, stopped) = (world.make("one", "active").await, world.make("two", "active").await);
    let desk = world.service.desks.of(world.tenant);
    let run = desk.running().into_iter().find(|run| run.id == removed).unwrap();
    let deactivate = format!("/strategies/{removed}/deactivate");
    assert_eq!(world.ask("POST", &deactivate, None).await.status, 200);
    // It runs all the same.
    desk.runs(run);
    assert_eq!(world.ask("DELETE", &format!("/strategies/{removed}"), None).await.status, 200);
    assert!(desk.running().iter().all(|run| run.id == stopped));
    // The session does not know this one any more: it is stopped all the same.
    qt_trading::Desk::deactivate(&*desk, stopped, String::new()).await.unwrap();
    let reply = world.ask("POST", &format!("/strategies/{stopped}/deactivate"), None).await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("stopped")), "{reply:?}");
}

#[tokio::test]
pub async fn one_that_cannot_run_is_not_made_and_can_be_asked_for_again() {
    let world = World::new().await;
    let desk = world.service.desks.of(world.tenant);
    desk.enter(Phase::Reconciling);
    let body = || Some(world.body("mine", "BTC-USD", "active"));
    assert_eq!(world.ask("POST", "/strategies", body()).await.status, 503);
    let listed = world.ask("GET", "/strategies", None).await.json();
    assert_eq!(listed["items"], json!([]), "its name is free");
    desk.enter(Phase::Ready);
    let made = world.ask("POST", "/strategies", body()).await;
    assert_eq!((made.status, &made.json()["status"]), (201, &json!("active")), "{made:?}");
    let none = json!({"name": "x", "strategy_type": world.kind, "status": "active"});
    assert_eq!(world.ask("POST", "/strategies", Some(none)).await.status, 422);
}
