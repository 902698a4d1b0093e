//! Webhooks: where a tenant is told of its events, and how each telling went.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Kept;
use super::actor::Actor;
use super::page::{Page, Slice};
use qt_trading::ids::{EventId, TenantId};
use qt_trading::time::Time;

/// Most webhooks of a tenant.
pub const WEBHOOKS_MAX: u64 = 20;

/// A webhook that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWebhook {
    /// Its identifier.
    pub id: Uuid,
    /// Where events are posted to.
    pub url: String,
    /// Kinds of events; all of them when there are none.
    pub event_types: Vec<String>,
    /// What deliveries are signed with, sealed.
    pub sealed_secret: String,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WebhookRow {
    /// Its identifier.
    pub id: Uuid,
    /// Where events are posted to.
    pub url: String,
    /// Kinds of events; all of them when there are none.
    pub event_types: Vec<String>,
    /// What deliveries are signed with, sealed; never shown.
    #[serde(skip)]
    pub sealed_secret: String,
    /// Who made it.
    pub created_by: String,
    /// When it was made: it is told of events from then on.
    pub created_at: Time,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is tried again at `next_try_at`.
    Waiting,
    /// It was answered with 2xx.
    Delivered,
    /// It was given up.
    Failed,
}

/// One event for one webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryRow {
    /// Its identifier.
    pub id: Uuid,
    /// The event: the same one may arrive more than once.
    pub event_id: EventId,
    /// The kind of the event.
    pub event_type: String,
    /// How it stands.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub tries: u64,
    /// When it is tried next, while it waits.
    pub next_try_at: Option<Time>,
    /// When it was tried last.
    pub tried_at: Option<Time>,
    /// The status of the last answer; none without an answer.
    pub answer_status: Option<i64>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// When the event was taken up for this webhook.
    pub created_at: Time,
}

/// A delivery that is to be tried now, by whoever got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    /// Its identifier.
    pub id: Uuid,
    /// The event.
    pub event_id: EventId,
    /// The kind of the event.
    pub event_type: String,
    /// What is posted.
    pub body: String,
    /// Which try this one is, from 1.
    pub tries: u64,
    /// When the event was taken up.
    pub created_at: Time,
}

/// How a try went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// How the delivery stands now.
    pub status: DeliveryStatus,
    /// When it is tried next, if it waits.
    pub next_at: Time,
    /// When it was tried.
    pub at: Time,
    /// The status of the answer.
    pub answer_status: Option<u16>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The repository of webhooks.
pub trait Webhooks: Send + Sync {
    /// Keeps a webhook; it is told of what happens from now on. More than [`WEBHOOKS_MAX`] are
    /// refused.
    fn create_webhook(&self, actor: Actor, new: NewWebhook) -> Kept<'_, WebhookRow>;

    /// All webhooks of the tenant, newest first.
    fn webhooks(&self, tenant: TenantId) -> Kept<'_, Vec<WebhookRow>>;

    /// Forgets a webhook with its deliveries.
    fn delete_webhook(&self, actor: Actor, id: Uuid) -> Kept<'_, ()>;

    /// Deliveries of a webhook, newest first.
    fn deliveries(&self, tenant: TenantId, id: Uuid, page: Page) -> Kept<'_, Slice<DeliveryRow>>;

    /// Tenants that have webhooks.
    fn tenants_with_webhooks(&self) -> Kept<'_, Vec<TenantId>>;

    /// Makes deliveries of the tenant's events that its webhooks were not told of yet, of at most
    /// `limit` events; how many events those were.
    fn take_up_events(&self, tenant: TenantId, limit: u32) -> Kept<'_, u64>;

    /// Gives out deliveries of a webhook that are due at `now`. They are nobody else's until
    /// `until`; who ends before then leaves them to the next one.
    fn due_deliveries(
        &self,
        tenant: TenantId,
        id: Uuid,
        now: Time,
        until: Time,
        limit: u32,
    ) -> Kept<'_, Vec<DueDelivery>>;

    /// Writes down how a try went.
    fn delivery_tried(&self, tenant: TenantId, delivery: Uuid, tried: Tried) -> Kept<'_, ()>;

    /// Forgets deliveries made before `before` that are over, and says how many.
    fn forget_deliveries(&self, tenant: TenantId, before: Time) -> Kept<'_, u64>;
}
