//! Two signals of one source under one name, where the session has one of them and the store none,
//! or the other one: a process has ended between the two.

use std::sync::Arc;

use qt_api::http::storage::Storage;
use qt_api::signals::upkeep::Upkeep;
use qt_store::Sources;
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;
use qt_trading::{Desk, Phase, SignalIn};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::signals::{Wired, signal};

/// A live source, the signal that its session has taken, and another one under that name.
async fn contested() -> (Wired, StrategyUid, Value, Value) {
    let wired = Wired::new().await;
    let id = wired.made("ai").await;
    wired.live(&id).await;
    let id = StrategyUid(id.parse::<Uuid>().unwrap());
    let source = wired.service.store.source(wired.tenant, id).await.unwrap();
    let first = signal("a");
    let mut other = first.clone();
    other["confidence"] = json!(0.6);
    let (body, source) = (first.to_string(), source.number);
    let given = SignalIn { id: Uuid::now_v7(), source, body, only_if_known: false };
    let answers = wired.service.desks.of(wired.tenant).signals(vec![given]).await.unwrap();
    assert!(answers[0].as_ref().unwrap().is_new);
    (wired, id, first, other)
}

async fn send(wired: &Wired, signal: &Value) -> (u16, Value) {
    wired.agent("ai", "POST", "/signals", Some(signal.clone())).await
}

async fn all(wired: &Wired) -> Value {
    wired.admin("GET", "/signals", None).await.1["items"].clone()
}

/// The first one is kept as taken, and the other one is a duplicate.
async fn first_counts(wired: &Wired, first: &Value, other: &Value) {
    let (status, taken) = send(wired, first).await;
    assert_eq!((status, &taken["status"]), (201, &json!("taken")), "{taken}");
    assert_eq!((&taken["session_seq"], &taken["signal"]), (&json!(1), first));
    assert_eq!(taken["confidence"], first["confidence"]);
    let (status, told) = send(wired, other).await;
    assert_eq!((status, &told["code"]), (409, &json!("SIGNAL_DUPLICATE")));
    assert_eq!(send(wired, first).await, (200, taken.clone()));
    assert_eq!(all(wired).await, json!([taken]));
    assert_eq!(wired.service.desks.of(wired.tenant).signals_taken(), 1);
}

#[tokio::test]
async fn the_other_one_is_refused_at_the_door_and_not_kept() {
    let (wired, id, first, other) = contested().await;
    let (status, told) = send(&wired, &other).await;
    assert_eq!((status, &told["code"]), (409, &json!("SIGNAL_DUPLICATE")));
    // Whatever else is in its way.
    let mut expired = other.clone();
    expired["issued_at"] = json!("2026-01-01T00:00:00Z");
    expired["expires_at"] = json!("2026-01-01T00:00:01Z");
    let (status, told) = send(&wired, &expired).await;
    assert_eq!((status, &told["code"]), (409, &json!("SIGNAL_DUPLICATE")));
    let kill = json!({"level": "strategy", "id": id, "reason": "a test"});
    assert_eq!(wired.admin("POST", "/risk/kill", Some(kill)).await.0, 200);
    let (status, told) = send(&wired, &other).await;
    assert_eq!((status, &told["code"]), (409, &json!("SIGNAL_DUPLICATE")));
    assert_eq!(all(&wired).await, json!([]));
    first_counts(&wired, &first, &other).await;
}

/// The session is made again when the other one comes, so that this is kept.
#[tokio::test]
async fn one_that_was_kept_gives_way_as_soon_as_the_first_one_comes_again() {
    for goes_on_first in [false, true] {
        let (wired, _, first, other) = contested().await;
        let desk = wired.service.desks.of(wired.tenant);
        desk.enter(Phase::Reconciling);
        assert_eq!(send(&wired, &other).await.0, 503);
        assert_eq!(all(&wired).await[0]["status"], "received");
        // Nobody can say yet which of them counts.
        assert_eq!(send(&wired, &first).await.0, 503);
        desk.enter(Phase::Ready);
        if goes_on_first {
            let store: Arc<dyn Storage> = Arc::new(wired.service.store.clone());
            let (market, intake) =
                (Arc::clone(&wired.service.app.market), Arc::clone(&wired.service.app.signals));
            let mut upkeep = Upkeep::new(store, market, intake);
            let later = Time(Time::now().0 + 30_000_000_000);
            upkeep.look(wired.tenant, &*desk, later).await.unwrap();
            let kept = all(&wired).await;
            let how = (&kept[0]["status"], &kept[0]["code"]);
            assert_eq!(how, (&json!("refused"), &json!("SIGNAL_DUPLICATE")), "{kept}");
        }
        first_counts(&wired, &first, &other).await;
    }
}
