//! Brings events to webhooks: takes them up from the outbox, tries each, writes down how it went.
//!
//! What is to be done is in the store alone. A delivery that is given out is nobody else's for a
//! while; who ends before it is written down leaves it to whoever comes next, so that an event
//! arrives at least once. Each webhook has places of its own, and a slow receiver uses up no more
//! than those.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::desk::purpose;
use super::sign::signature;
use crate::guard::Guard;
use crate::http::{Call, Http, Lookup};
use crate::seal::Sealer;
use qt_store::domain::Envelope;
use qt_store::events::Sink;
use qt_store::{DeliveryStatus, DueDelivery, StoreError, Tried, WebhookRow, Webhooks};
use qt_trading::Doing;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// Events that are taken up at once.
const BATCH: u32 = 200;
/// So many times in one round at most; the next round goes on, behind the other tenants.
const BATCHES: u32 = 10;
/// Bytes of an answer that are read; nothing is done with them.
const ANSWER_BYTES_MAX: u64 = 16 << 10;
/// The longest text that is kept of an error, in characters.
const ERROR_CHARS_MAX: usize = 300;

/// How webhooks are tried.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How long a receiver may take.
    pub answer: Duration,
    /// How long a delivery that was given out is nobody else's; longer than `answer`.
    pub claim: Duration,
    /// What is waited after each try that failed. There is one try more than waits.
    pub waits: Vec<Duration>,
    /// How old a delivery may become.
    pub age: Duration,
    /// How often the store is looked at when nobody rings.
    pub poll: Duration,
    /// Deliveries of one webhook that are tried at one time.
    pub each_max: usize,
    /// Deliveries of one tenant that are tried at one time.
    pub tenant_max: usize,
    /// Deliveries of all webhooks that are tried at one time.
    pub all_max: usize,
    /// How long deliveries that are over stay in the log.
    pub kept: Duration,
}

impl Default for Terms {
    /// 8 tries: after 10 s, 1 min, 5 min, 30 min, 2 h, 6 h and 12 h, in all less than 24 h.
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            claim: Duration::from_secs(60),
            waits: [10, 60, 300, 1_800, 7_200, 21_600, 43_200].map(Duration::from_secs).to_vec(),
            age: Duration::from_secs(24 * 3_600),
            poll: Duration::from_secs(1),
            each_max: 2,
            tenant_max: 32,
            all_max: 128,
            kept: Duration::from_secs(7 * 24 * 3_600),
        }
    }
}

/// Brings events to webhooks. As a sink of the publisher it is rung when there are events; the
/// events themselves it reads from the store.
pub struct Courier {
    store: Arc<dyn Webhooks>,
    sealer: Arc<Sealer>,
    http: Http,
    terms: Terms,
    ring: Notify,
    places: Arc<Semaphore>,
    busy: Mutex<Busy>,
    turn: Mutex<Turn>,
}

/// Places that are taken.
#[derive(Default)]
struct Busy {
    webhooks: HashMap<Uuid, usize>,
    tenants: HashMap<TenantId, usize>,
}

/// Who was served last: the next round begins behind them.
#[derive(Default)]
struct Turn {
    tenant: Option<TenantId>,
    webhooks: HashMap<TenantId, Uuid>,
}

impl Turn {
    /// `all` in the order in which they are served now, each by its `key`: those behind `last`
    /// first.
    fn order<T, K: Ord + Copy>(all: &mut [T], key: impl Fn(&T) -> K, last: Option<K>) {
        all.sort_by_key(|it| key(it));
        let begin = last.map_or(0, |last| all.partition_point(|it| key(it) <= last));
        all.rotate_left(begin);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One less of `key`; nothing is kept of what is zero.
fn free<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("terms", &self.terms).finish_non_exhaustive()
    }
}

impl Sink for Courier {
    fn publish<'a>(&'a self, _: &'a [Envelope]) -> Doing<'a, Result<(), String>> {
        self.ring.notify_one();
        Box::pin(async { Ok(()) })
    }
}

/// A place at one webhook; free again when it is dropped.
struct Place {
    courier: Arc<Courier>,
    tenant: TenantId,
    webhook: Uuid,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut busy = locked(&self.courier.busy);
        free(&mut busy.webhooks, &self.webhook);
        free(&mut busy.tenants, &self.tenant);
    }
}

impl Courier {
    /// Over the webhooks of `store`, to addresses that `guard` lets pass. `lookup` stands in for
    /// the system's.
    #[must_use]
    pub fn new(
        store: Arc<dyn Webhooks>,
        sealer: Arc<Sealer>,
        guard: Guard,
        lookup: Option<Arc<dyn Lookup>>,
        terms: Terms,
    ) -> Arc<Self> {
        let http = Http::guarded(guard, lookup, terms.answer, ANSWER_BYTES_MAX);
        let places = Arc::new(Semaphore::new(terms.all_max));
        let (ring, busy, turn) = (Notify::new(), Mutex::default(), Mutex::default());
        Arc::new(Self { store, sealer, http, terms, ring, places, busy, turn })
    }

    /// Works until it is dropped; then what is being tried is left to whoever comes next.
    pub async fn run(self: Arc<Self>) {
        let mut trying = JoinSet::new();
        let mut swept = tokio::time::Instant::now();
        loop {
            if let Err(error) = self.round(&mut trying).await {
                tracing::warn!(%error, "webhooks wait");
                tokio::time::sleep(self.terms.poll * 4).await;
            }
            while trying.try_join_next().is_some() {}
            if swept.elapsed() > Duration::from_secs(3_600) {
                swept = tokio::time::Instant::now();
                self.sweep().await;
            }
            // Rung or not, it is looked once in a while: another process may have written.
            let _ = tokio::time::timeout(self.terms.poll, self.ring.notified()).await;
        }
    }

    /// One look at all tenants. What goes wrong with one of them is told and holds up nobody else.
    async fn round(self: &Arc<Self>, trying: &mut JoinSet<()>) -> Result<(), StoreError> {
        let mut tenants = self.store.tenants_with_webhooks().await?;
        let last = locked(&self.turn).tenant;
        Turn::order(&mut tenants, |it| it.0, last.map(|it| it.0));
        for tenant in tenants {
            if let Err(error) = self.serve(tenant, trying).await {
                tracing::warn!(%tenant, %error, "webhooks of a tenant wait");
            }
        }
        Ok(())
    }

    async fn serve(
        self: &Arc<Self>,
        tenant: TenantId,
        trying: &mut JoinSet<()>,
    ) -> Result<(), StoreError> {
        let mut batches = 0;
        while self.store.take_up_events(tenant, BATCH).await? >= u64::from(BATCH) {
            batches += 1;
            if batches == BATCHES {
                self.ring.notify_one();
                break;
            }
        }
        let mut webhooks = self.store.webhooks(tenant).await?;
        let last = locked(&self.turn).webhooks.get(&tenant).copied();
        Turn::order(&mut webhooks, |it| it.id, last);
        for webhook in webhooks {
            self.try_due(tenant, webhook, trying).await?;
        }
        Ok(())
    }

    async fn try_due(
        self: &Arc<Self>,
        tenant: TenantId,
        webhook: WebhookRow,
        trying: &mut JoinSet<()>,
    ) -> Result<(), StoreError> {
        let mut places = self.free_places(tenant, webhook.id);
        let Ok(limit @ 1..) = u32::try_from(places.len()) else { return Ok(()) };
        let now = Time::now();
        let until = after(now, self.terms.claim);
        let due = self.store.due_deliveries(tenant, webhook.id, now, until, limit).await?;
        if !due.is_empty() {
            let mut turn = locked(&self.turn);
            turn.tenant = Some(tenant);
            turn.webhooks.insert(tenant, webhook.id);
        }
        let webhook = Arc::new(webhook);
        for delivery in due {
            let Some(place) = places.pop() else { break };
            let (courier, webhook) = (Arc::clone(self), Arc::clone(&webhook));
            trying.spawn(async move {
                courier.deliver(tenant, &webhook, delivery).await;
                drop(place);
                courier.ring.notify_one();
            });
        }
        Ok(())
    }

    /// The free places of a webhook, taken.
    fn free_places(self: &Arc<Self>, tenant: TenantId, webhook: Uuid) -> Vec<Place> {
        let mut busy = locked(&self.busy);
        let of = |counts: Option<&usize>| counts.copied().unwrap_or(0);
        let taken = of(busy.webhooks.get(&webhook));
        let left = self.terms.each_max.saturating_sub(taken);
        let left = left.min(self.terms.tenant_max.saturating_sub(of(busy.tenants.get(&tenant))));
        let mut places = Vec::new();
        while places.len() < left {
            let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else { break };
            places.push(Place { courier: Arc::clone(self), tenant, webhook, _permit: permit });
        }
        if !places.is_empty() {
            *busy.webhooks.entry(webhook).or_default() += places.len();
            *busy.tenants.entry(tenant).or_default() += places.len();
        }
        places
    }

    async fn deliver(&self, tenant: TenantId, webhook: &WebhookRow, delivery: DueDelivery) {
        let outcome = self.post(tenant, webhook, &delivery).await;
        let tried = self.judged(&delivery, outcome);
        let (status, tries) = (tried.status, delivery.tries);
        if status != DeliveryStatus::Delivered {
            let (webhook, error) = (webhook.id, tried.error.as_deref().unwrap_or_default());
            tracing::info!(%webhook, ?status, tries, error, "a webhook was not reached");
        }
        if let Err(error) = self.store.delivery_tried(tenant, delivery.id, tried).await {
            // Its claim runs out, and it is tried again.
            tracing::warn!(%error, "a delivery is not written down");
        }
    }

    /// The status of the answer, or why there is none.
    async fn post(
        &self,
        tenant: TenantId,
        webhook: &WebhookRow,
        delivery: &DueDelivery,
    ) -> Result<u16, String> {
        let opened = self.sealer.open(&purpose(tenant, webhook.id), &webhook.sealed_secret);
        let secret = opened.map_err(|error| error.to_string())?;
        let at_s = Time::now().0.div_euclid(1_000_000_000);
        let call = Call::post(&webhook.url, delivery.body.clone())
            .with("quanttrade-signature", signature(&secret, at_s, &delivery.body))
            .with("quanttrade-event-id", delivery.event_id.to_string())
            .with("quanttrade-event-type", delivery.event_type.clone())
            .with("quanttrade-try", delivery.tries.to_string());
        // A receiver that sends and sends is bounded by the client's own time as well.
        let calling = tokio::time::timeout(self.terms.answer * 2, self.http.call(call));
        match calling.await {
            Ok(answer) => answer.map(|it| it.status).map_err(|error| error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    fn judged(&self, delivery: &DueDelivery, outcome: Result<u16, String>) -> Tried {
        let at = Time::now();
        let done = |status, next_at, answer_status, error: Option<String>| Tried {
            status,
            next_at,
            at,
            answer_status,
            error: error.map(|text| text.chars().take(ERROR_CHARS_MAX).collect()),
        };
        let (answer_status, error) = match outcome {
            Ok(status @ 200..300) => {
                return done(DeliveryStatus::Delivered, at, Some(status), None);
            }
            Ok(status) => (Some(status), format!("the answer's status is {status}")),
            Err(error) => (None, error),
        };
        let tries = usize::try_from(delivery.tries).unwrap_or(usize::MAX);
        let wait = self.terms.waits.get(tries.saturating_sub(1)).map(|wait| spread(*wait));
        let last = after(delivery.created_at, self.terms.age);
        match wait.map(|wait| after(at, wait)).filter(|next| *next <= last) {
            Some(next) => done(DeliveryStatus::Waiting, next, answer_status, Some(error)),
            None => done(DeliveryStatus::Failed, at, answer_status, Some(error)),
        }
    }

    /// Forgets deliveries that have been over for long, of each tenant for itself.
    pub async fn sweep(&self) {
        let before = Time(Time::now().0 - nanos(self.terms.kept));
        let tenants = self.store.tenants_with_webhooks().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "old deliveries stay in the log for now");
            Vec::new()
        });
        for tenant in tenants {
            if let Err(error) = self.store.forget_deliveries(tenant, before).await {
                tracing::warn!(%tenant, %error, "old deliveries of a tenant stay in the log");
            }
        }
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

fn after(at: Time, time: Duration) -> Time {
    Time(at.0.saturating_add(nanos(time)))
}

/// A tenth more or less, so that receivers that were away at one time are not all called at one.
fn spread(wait: Duration) -> Duration {
    let part = u32::from(Uuid::new_v4().as_bytes()[0]) * 2_000 / 255;
    wait * (9_000 + part) / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_begins_behind_the_last_one_that_was_served() {
        let order = |last| {
            let mut all = [3, 1, 4, 2];
            Turn::order(&mut all, |it| *it, last);
            all
        };
        assert_eq!(order(None), [1, 2, 3, 4]);
        assert_eq!(order(Some(2)), [3, 4, 1, 2]);
        assert_eq!(order(Some(4)), [1, 2, 3, 4]);
        // It is gone by now.
        assert_eq!(order(Some(9)), [1, 2, 3, 4]);
        assert_eq!(order(Some(0)), [1, 2, 3, 4]);
    }

    #[test]
    fn eight_tries_fit_into_a_day() {
        let terms = Terms::default();
        assert_eq!(terms.waits.len() + 1, 8);
        let longest: Duration = terms.waits.iter().map(|wait| *wait * 11 / 10).sum();
        let tries = terms.answer * 2 * 8;
        assert!(longest + tries < terms.age, "{longest:?}");
        assert!(terms.claim > terms.answer * 2);
        for wait in &terms.waits {
            for _ in 0..100 {
                let spread = spread(*wait);
                assert!(spread >= *wait * 9 / 10 && spread <= *wait * 11 / 10, "{spread:?}");
            }
        }
    }
}
