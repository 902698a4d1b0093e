//! Webhooks and observations: what is taken up, who gets what, and what another tenant sees.

use std::collections::BTreeSet;

use qt_store::webhooks::WEBHOOKS_MAX;
use qt_store::{
    DeliveryStatus, NewWebhook, ObservationRow, Observations, Orders, Page, Store, StoreError,
    Tried, Webhooks,
};
use qt_trading::OrderStatus;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use uuid::Uuid;

use crate::on_both;
use crate::world::{NOON, World, actor, order, stream, told};

on_both!(
    events_are_taken_up_once_and_given_out_once,
    what_is_over_is_forgotten_and_what_is_deleted_is_gone,
    tenants_see_their_own,
    what_is_said_of_a_task_is_kept_once,
);

async fn make(store: &Store, tenant: TenantId, kinds: &[&str]) -> Uuid {
    let new = NewWebhook {
        id: Uuid::now_v7(),
        url: "https://hooks.example.org/".to_owned(),
        event_types: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        sealed_secret: "sealed".to_owned(),
    };
    let made = store.create_webhook(actor(tenant, "ann", NOON), new.clone()).await.unwrap();
    assert_eq!((made.id, made.sealed_secret.as_str()), (new.id, "sealed"));
    assert_eq!(made.event_types, new.event_types);
    made.id
}

/// So many events.
async fn happen(store: &Store, tenant: TenantId, count: u64) {
    let orders = (1..=count).map(|n| told(n, &order(OrderStatus::Open, NOON)));
    store.project(stream(tenant), orders.collect()).await.unwrap();
}

async fn events_are_taken_up_once_and_given_out_once(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    happen(store, tenant, 3).await;
    let all = make(store, tenant, &[]).await;
    let other = make(store, tenant, &["TradeExecuted"]).await;
    assert_eq!(store.take_up_events(tenant, 100).await, Ok(0), "what was before is not told");
    happen(store, tenant, 10).await;
    // Two processes at once, in small parts.
    let again = world.again().await;
    let (mut one, mut two) = (1, 1);
    while one + two > 0 {
        let both = tokio::join!(store.take_up_events(tenant, 4), again.take_up_events(tenant, 4));
        (one, two) = (both.0.unwrap(), both.1.unwrap());
    }
    let log = store.deliveries(tenant, all, Page::default()).await.unwrap();
    assert_eq!(log.items.len(), 10);
    assert!(log.items.iter().all(|it| it.status == DeliveryStatus::Waiting && it.tries == 0));
    let none = store.deliveries(tenant, other, Page::default()).await.unwrap();
    assert!(none.items.is_empty());
    // And each is given to one of both.
    let now = Time::now();
    let until = Time(now.0 + 1_000);
    let (mine, theirs) = tokio::join!(
        store.due_deliveries(tenant, all, now, until, 7),
        again.due_deliveries(tenant, all, now, until, 7),
    );
    let given: Vec<Uuid> = mine.unwrap().iter().chain(&theirs.unwrap()).map(|it| it.id).collect();
    assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), given.len());
    assert!(given.len() >= 7, "{}", given.len());
    store.due_deliveries(tenant, all, now, until, 7).await.unwrap();
    assert!(store.due_deliveries(tenant, all, now, until, 7).await.unwrap().is_empty());
    // Who got them is gone: they are due again when their time is over.
    let later = store.due_deliveries(tenant, all, until, Time(until.0 + 1), 100).await.unwrap();
    assert_eq!(later.len(), 10);
    assert!(later.iter().all(|it| it.tries == 2));
    let body: serde_json::Value = serde_json::from_str(&later[0].body).unwrap();
    assert_eq!(body["event_type"], "OrderStateChanged");
    assert_eq!(body["data"]["symbol"], "BTC-USD");
    assert_eq!(body["tenant_id"], tenant.to_string());
}

async fn what_is_over_is_forgotten_and_what_is_deleted_is_gone(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    let id = make(store, tenant, &["OrderStateChanged"]).await;
    happen(store, tenant, 3).await;
    store.take_up_events(tenant, 100).await.unwrap();
    let now = Time::now();
    let due = store.due_deliveries(tenant, id, now, now, 2).await.unwrap();
    let tried = |status, answer_status, error: Option<&str>| Tried {
        status,
        next_at: Time(now.0 + 5),
        at: now,
        answer_status,
        error: error.map(ToOwned::to_owned),
    };
    let done = tried(DeliveryStatus::Delivered, Some(200), None);
    store.delivery_tried(tenant, due[0].id, done).await.unwrap();
    let late = tried(DeliveryStatus::Failed, None, Some("late"));
    store.delivery_tried(tenant, due[0].id, late.clone()).await.unwrap();
    store.delivery_tried(tenant, due[1].id, late).await.unwrap();
    let log = store.deliveries(tenant, id, Page::default()).await.unwrap().items;
    let of = |id: Uuid| log.iter().find(|it| it.id == id).unwrap();
    let first = of(due[0].id);
    assert_eq!((first.status, first.answer_status), (DeliveryStatus::Delivered, Some(200)));
    assert_eq!((first.next_try_at, first.tried_at), (None, Some(now)));
    assert_eq!(of(due[1].id).error.as_deref(), Some("late"));
    let page = Page { after: None, limit: 2 };
    let part = store.deliveries(tenant, id, page).await.unwrap();
    let after = part.next_cursor.map(|cursor| cursor.parse().unwrap());
    let rest = store.deliveries(tenant, id, Page { after, limit: 2 }).await.unwrap();
    assert_eq!((part.items.len(), rest.items.len()), (2, 1));
    let later = Time(Time::now().0 + 1);
    assert_eq!(store.forget_deliveries(tenant, later).await, Ok(2), "what waits is kept");
    store.delete_webhook(actor(tenant, "ann", NOON), id).await.unwrap();
    let gone = store.deliveries(tenant, id, Page::default()).await;
    assert_eq!(gone, Err(StoreError::NotFound));
    for _ in 0..WEBHOOKS_MAX {
        make(store, tenant, &[]).await;
    }
    let more = NewWebhook {
        id: Uuid::now_v7(),
        url: "https://a.org/".to_owned(),
        event_types: Vec::new(),
        sealed_secret: String::new(),
    };
    let full = store.create_webhook(actor(tenant, "ann", NOON), more).await;
    assert!(matches!(full, Err(StoreError::Full { code: "QUOTA_WEBHOOKS", .. })), "{full:?}");
}

async fn tenants_see_their_own(world: World) {
    let (store, mine, other) = (&world.store, TenantId::new(), TenantId::new());
    let id = make(store, mine, &[]).await;
    happen(store, mine, 1).await;
    happen(store, other, 1).await;
    assert_eq!(store.tenants_with_webhooks().await, Ok(vec![mine]));
    store.take_up_events(mine, 10).await.unwrap();
    let now = Time::now();
    assert!(store.webhooks(other).await.unwrap().is_empty());
    assert!(store.due_deliveries(other, id, now, now, 10).await.unwrap().is_empty());
    let foreign = store.deliveries(other, id, Page::default()).await;
    assert_eq!(foreign, Err(StoreError::NotFound));
    let foreign = store.delete_webhook(actor(other, "eve", NOON), id).await;
    assert_eq!(foreign, Err(StoreError::NotFound));
    assert_eq!(store.webhooks(mine).await.unwrap().len(), 1);
    assert_eq!(store.deliveries(mine, id, Page::default()).await.unwrap().items.len(), 1);
}

async fn what_is_said_of_a_task_is_kept_once(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    let row = |task: &str, at: i64| ObservationRow {
        id: Uuid::now_v7(),
        agent_name: "analyst".to_owned(),
        task_id: task.to_owned(),
        reason: "FREE_TEXT".to_owned(),
        content: "it looks good".to_owned(),
        created_at: Time(at),
    };
    assert_eq!(store.add_observation(tenant, row("t-1", 1)).await, Ok(true));
    assert_eq!(store.add_observation(tenant, row("t-1", 2)).await, Ok(false));
    assert_eq!(store.add_observation(tenant, row("t-2", 3)).await, Ok(true));
    assert_eq!(store.add_observation(TenantId::new(), row("t-1", 4)).await, Ok(true));
    // The refused signals of one result are all kept.
    let signal = |code: &str, text: &str, at| ObservationRow {
        reason: code.to_owned(),
        content: text.to_owned(),
        ..row("t-2", at)
    };
    for (is_new, signal) in [
        (true, signal("SIGNAL_SIZE", "a", 5)),
        (true, signal("SIGNAL_SIZE", "b", 6)),
        (false, signal("SIGNAL_SIZE", "a", 7)),
        (true, signal("SIGNAL_EXPIRED", "a", 8)),
        (true, ObservationRow { agent_name: "other".to_owned(), ..row("t-2", 9) }),
    ] {
        assert_eq!(store.add_observation(tenant, signal).await, Ok(is_new));
    }
    let kept = store.observations(tenant, Page::default()).await.unwrap().items;
    let tasks: Vec<&str> = kept.iter().map(|row| row.task_id.as_str()).collect();
    assert_eq!(tasks, ["t-2", "t-2", "t-2", "t-2", "t-2", "t-1"]);
    assert_eq!(kept[5].created_at, Time(1));
}
