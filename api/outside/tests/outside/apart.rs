//! What goes wrong with the webhooks of one tenant touches no other tenant's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use qt_outside::guard::Guard;
use qt_outside::seal::Sealer;
use qt_outside::webhooks::{Courier, Terms, WebhookDesk};
use qt_store::{
    Actor, DeliveryRow, DeliveryStatus, DueDelivery, Kept, NewWebhook, Page, Slice, Store,
    StoreError, Tried, WebhookRow, Webhooks,
};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use uuid::Uuid;

use crate::folder::{happen, store};
use crate::server::{Reply, Server};
use crate::until;

/// What the store does not do for the tenant that is in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    TakeUp,
    List,
    Due,
    Tried,
    Forget,
}

/// A store that fails one tenant in one thing, for as long as it is told to.
struct Failing {
    store: Store,
    tenant: TenantId,
    trouble: Trouble,
    is_on: AtomicBool,
}

impl Failing {
    fn fails(&self, tenant: TenantId, trouble: Trouble) -> Result<(), StoreError> {
        let is_it = tenant == self.tenant && trouble == self.trouble;
        if is_it && self.is_on.load(Ordering::Relaxed) {
            return Err(StoreError::Broken("a test says so".to_owned()));
        }
        Ok(())
    }
}

impl Webhooks for Failing {
    fn create_webhook(&self, actor: Actor, new: NewWebhook) -> Kept<'_, WebhookRow> {
        self.store.create_webhook(actor, new)
    }

    fn webhooks(&self, tenant: TenantId) -> Kept<'_, Vec<WebhookRow>> {
        Box::pin(async move {
            self.fails(tenant, Trouble::List)?;
            self.store.webhooks(tenant).await
        })
    }

    fn delete_webhook(&self, actor: Actor, id: Uuid) -> Kept<'_, ()> {
        self.store.delete_webhook(actor, id)
    }

    fn deliveries(&self, tenant: TenantId, id: Uuid, page: Page) -> Kept<'_, Slice<DeliveryRow>> {
        self.store.deliveries(tenant, id, page)
    }

    fn tenants_with_webhooks(&self) -> Kept<'_, Vec<TenantId>> {
        self.store.tenants_with_webhooks()
    }

    fn take_up_events(&self, tenant: TenantId, limit: u32) -> Kept<'_, u64> {
        Box::pin(async move {
            self.fails(tenant, Trouble::TakeUp)?;
            self.store.take_up_events(tenant, limit).await
        })
    }

    fn due_deliveries(
        &self,
        tenant: TenantId,
        id: Uuid,
        now: Time,
        until: Time,
        limit: u32,
    ) -> Kept<'_, Vec<DueDelivery>> {
        Box::pin(async move {
            self.fails(tenant, Trouble::Due)?;
            self.store.due_deliveries(tenant, id, now, until, limit).await
        })
    }

    fn delivery_tried(&self, tenant: TenantId, delivery: Uuid, tried: Tried) -> Kept<'_, ()> {
        Box::pin(async move {
            self.fails(tenant, Trouble::Tried)?;
            self.store.delivery_tried(tenant, delivery, tried).await
        })
    }

    fn forget_deliveries(&self, tenant: TenantId, before: Time) -> Kept<'_, u64> {
        Box::pin(async move {
            self.fails(tenant, Trouble::Forget)?;
            self.store.forget_deliveries(tenant, before).await
        })
    }
}

fn terms() -> Terms {
    Terms {
        answer: Duration::from_secs(2),
        claim: Duration::from_millis(500),
        waits: vec![Duration::from_millis(20); 3],
        poll: Duration::from_millis(20),
        ..Terms::default()
    }
}

/// Its deliveries, once `count` of them are over.
async fn over(store: &Store, tenant: TenantId, webhook: Uuid, count: usize) -> Vec<DeliveryRow> {
    until(async || {
        let page = Page { after: None, limit: 500 };
        let log = store.deliveries(tenant, webhook, page).await.unwrap().items;
        let over = log.iter().filter(|it| it.status != DeliveryStatus::Waiting).count();
        (over >= count).then_some(log)
    })
    .await
}

/// The tenant in trouble comes before or behind the other one, by chance of its identifier: both.
#[tokio::test]
async fn whatever_fails_for_one_tenant_the_others_are_told() {
    for trouble in [Trouble::TakeUp, Trouble::List, Trouble::Due, Trouble::Tried] {
        let (store, _folder) = store().await;
        let server = Server::start(|_| Reply::status(204)).await;
        let sealer = Arc::new(Sealer::passing().unwrap());
        let guard = Guard::parse("127.0.0.0/8").unwrap();
        let desk = WebhookDesk::new(guard.clone(), Arc::clone(&sealer));
        let tenants = [TenantId::new(), TenantId::new(), TenantId::new()];
        let mut hooks = Vec::new();
        for (at, tenant) in tenants.iter().enumerate() {
            let url = server.url(&format!("/{at}"));
            let made = desk.create(&store, Actor::new(*tenant, "ann", "r"), &url, &[]).await;
            hooks.push(made.unwrap().row.id);
        }
        let is_on = AtomicBool::new(true);
        let failing = Failing { store: store.clone(), tenant: tenants[1], trouble, is_on };
        let failing = Arc::new(failing);
        let courier =
            Courier::new(Arc::clone(&failing) as _, Arc::clone(&sealer), guard, None, terms());
        let running = tokio::spawn(courier.run());
        for round in 0..2 {
            for n in 0..10 {
                for tenant in tenants {
                    happen(&store, tenant, &format!("{round}-{n}")).await;
                }
            }
            for at in [0, 2] {
                let log = over(&store, tenants[at], hooks[at], 10 * (round + 1)).await;
                assert!(log.iter().all(|it| it.status == DeliveryStatus::Delivered), "{trouble:?}");
            }
        }
        // Nothing of it was given up, and it is told of all once its trouble is over.
        failing.is_on.store(false, Ordering::Relaxed);
        let log = over(&store, tenants[1], hooks[1], 20).await;
        assert!(log.iter().all(|it| it.status == DeliveryStatus::Delivered), "{trouble:?}");
        for at in [0, 2] {
            let path = format!("/{at}");
            let seen = server.seen().iter().filter(|it| it.path == path).count();
            assert!(seen >= 20, "{seen}: {trouble:?}");
        }
        running.abort();
    }
}

/// A secret that cannot be opened, as after a lost key, is one tenant's trouble.
#[tokio::test]
async fn a_secret_that_cannot_be_opened_fails_its_own_deliveries() {
    let (store, _folder) = store().await;
    let server = Server::start(|_| Reply::status(204)).await;
    let (sealer, lost) = (Arc::new(Sealer::passing().unwrap()), Sealer::passing().unwrap());
    let guard = Guard::parse("127.0.0.0/8").unwrap();
    let mut hooks = Vec::new();
    for sealer in [Arc::new(lost), Arc::clone(&sealer)] {
        let desk = WebhookDesk::new(guard.clone(), sealer);
        let tenant = TenantId::new();
        let url = server.url("/");
        let made = desk.create(&store, Actor::new(tenant, "ann", "r"), &url, &[]).await;
        hooks.push((tenant, made.unwrap().row.id));
    }
    let courier = Courier::new(Arc::new(store.clone()), sealer, guard, None, terms());
    let running = tokio::spawn(courier.run());
    for n in 0..5 {
        for (tenant, _) in &hooks {
            happen(&store, *tenant, &n.to_string()).await;
        }
    }
    let wanted = [DeliveryStatus::Failed, DeliveryStatus::Delivered];
    for ((tenant, hook), status) in hooks.into_iter().zip(wanted) {
        let log = over(&store, tenant, hook, 5).await;
        assert!(log.iter().all(|it| it.status == status), "{log:?}");
    }
    assert_eq!(server.seen().len(), 5, "nothing unsigned was sent");
    running.abort();
}

/// What is over is swept once an hour, of each tenant for itself.
#[tokio::test]
async fn what_cannot_be_swept_of_one_tenant_is_swept_of_the_others() {
    let (store, _folder) = store().await;
    let server = Server::start(|_| Reply::status(204)).await;
    let sealer = Arc::new(Sealer::passing().unwrap());
    let guard = Guard::parse("127.0.0.0/8").unwrap();
    let desk = WebhookDesk::new(guard.clone(), Arc::clone(&sealer));
    let tenants = [TenantId::new(), TenantId::new(), TenantId::new()];
    let mut hooks = Vec::new();
    for tenant in tenants {
        let actor = Actor::new(tenant, "ann", "r");
        let made = desk.create(&store, actor, &server.url("/"), &[]).await;
        hooks.push(made.unwrap().row.id);
        happen(&store, tenant, "a").await;
    }
    let (is_on, trouble) = (AtomicBool::new(true), Trouble::Forget);
    let failing = Failing { store: store.clone(), tenant: tenants[1], trouble, is_on };
    let terms = Terms { kept: Duration::ZERO, ..terms() };
    let courier = Courier::new(Arc::new(failing), sealer, guard, None, terms);
    let running = tokio::spawn(Arc::clone(&courier).run());
    for (tenant, hook) in tenants.into_iter().zip(&hooks) {
        over(&store, tenant, *hook, 1).await;
    }
    running.abort();
    courier.sweep().await;
    let mut left = Vec::new();
    for (tenant, hook) in tenants.into_iter().zip(hooks) {
        let page = Page { after: None, limit: 9 };
        left.push(store.deliveries(tenant, hook, page).await.unwrap().items.len());
    }
    assert_eq!(left, [0, 1, 0]);
}
