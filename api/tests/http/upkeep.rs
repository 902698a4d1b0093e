//! What is due of sources without anybody asking.

use std::sync::Arc;
use std::time::Duration;

use qt_api::http::storage::Storage;
use qt_api::signals::upkeep::Upkeep;
use qt_auth::Role;
use qt_store::{NewSignal, SignalRow, SignalStatus, Signals, Sources};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Desk, Trading};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::{Service, token};
use crate::signals::{signal, source};

const SECOND: i64 = 1_000_000_000;

struct Kept {
    service: Service,
    tenant: TenantId,
    id: StrategyUid,
    upkeep: Upkeep,
    desk: Arc<dyn Desk>,
}

impl Kept {
    /// A live source, and who keeps it up.
    async fn new() -> Self {
        let (service, tenant) = (Service::start().await, TenantId::new());
        let admin = token(Role::TenantAdmin, tenant);
        let ask = async |method: &str, path: &str, body: Value| {
            let reply = service.ask(method, path, &admin, Some(&body.to_string())).await;
            assert!(reply.status < 300, "{path}: {}", reply.json());
            reply.json()
        };
        let made = ask("POST", "/signal-sources", source("ai")).await;
        let id: Uuid = made["id"].as_str().unwrap().parse().unwrap();
        let live = json!({"mode": "live", "reason": "a test"});
        ask("PUT", &format!("/signal-sources/{id}/mode"), live).await;
        let policy = service.ask("GET", "/hitl/policy", &admin, None).await.json();
        let nobody = json!({"base_version": policy["version"], "ask_below_confidence": 0,
            "ask_above_notional": null, "ask_first_of_source": false});
        ask("PUT", "/hitl/policy", nobody).await;
        let desk = service.desks.desk(tenant).await.unwrap();
        let store: Arc<dyn Storage> = Arc::new(service.store.clone());
        let (market, intake) = (Arc::clone(&service.app.market), Arc::clone(&service.app.signals));
        let upkeep = Upkeep::new(store, market, intake);
        Self { service, tenant, id: StrategyUid(id), upkeep, desk }
    }

    async fn look(&mut self) {
        self.upkeep.look(self.tenant, &*self.desk, Time::now()).await.unwrap();
    }

    fn runs(&self) -> bool {
        self.service.desks.of(self.tenant).running().iter().any(|run| run.id == self.id)
    }

    async fn left(&self, name: &str, age_s: i64) -> SignalRow {
        let body = signal(name);
        let row = SignalRow {
            tenant: self.tenant,
            id: Uuid::now_v7(),
            source: self.id,
            signal_id: name.to_owned(),
            body: body.to_string(),
            body_hash: "00".to_owned(),
            symbol: "BTC-USD".to_owned(),
            action: "buy".to_owned(),
            confidence_e9: 900_000_000,
            issued_at: Time::now(),
            expires_at: Time(Time::now().0 + 60 * SECOND),
            arrived_at: Time(Time::now().0 - age_s * SECOND),
            status: SignalStatus::Received,
            code: None,
            seq: None,
            taken_body: None,
        };
        let new = NewSignal { row: row.clone(), may_be_new: true };
        self.service.store.keep_signals(self.tenant, vec![new]).await.unwrap();
        row
    }

    async fn status(&self, row: &SignalRow) -> SignalStatus {
        self.service.store.signal(self.tenant, row.id).await.unwrap().status
    }
}

/// The journal that said that it runs is lost: it gets a place again, once session and store have
/// said two things for a while.
#[tokio::test]
async fn a_live_source_gets_its_place_again() {
    let mut kept = Kept::new().await;
    assert!(kept.runs());
    kept.desk.deactivate(kept.id, "nobody".to_owned()).await.unwrap();
    kept.look().await;
    assert!(!kept.runs(), "a request may be about to write it down");
    let again = async {
        while !kept.runs() {
            kept.look().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.unwrap();
}

/// Whoever sent it gave up, or its process ended, before the session had it.
#[tokio::test]
async fn a_signal_that_was_left_goes_on() {
    let mut kept = Kept::new().await;
    let (old, fresh) = (kept.left("old", 30).await, kept.left("fresh", 0).await);
    kept.look().await;
    assert_eq!(kept.status(&old).await, SignalStatus::Taken);
    assert_eq!(kept.status(&fresh).await, SignalStatus::Received, "it is on its way");
    assert_eq!(kept.service.desks.of(kept.tenant).signals_taken(), 1);
    kept.look().await;
    assert_eq!(kept.service.desks.of(kept.tenant).signals_taken(), 1);
    let source = kept.service.store.source(kept.tenant, kept.id).await.unwrap();
    assert!(source.is_live());
}
