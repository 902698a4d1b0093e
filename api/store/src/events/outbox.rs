//! The outbox: events that were written with the change that they are about.

use crate::Kept;
use crate::domain::Envelope;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// An event in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its place among the tenant's events: the order of the commits. Numbers may be left out.
    pub seq: u64,
    /// The event.
    pub envelope: Envelope,
}

/// The repository of events.
pub trait Outbox: Send + Sync {
    /// Tenants that have events to publish.
    fn tenants_with_events(&self) -> Kept<'_, Vec<TenantId>>;

    /// A tenant's events that are not published, in order.
    fn waiting_events(&self, tenant: TenantId, limit: u32) -> Kept<'_, Vec<OutboxRow>>;

    /// A tenant's events after `seq`, published or not: for readers that keep their own place.
    fn events_after(&self, tenant: TenantId, seq: u64, limit: u32) -> Kept<'_, Vec<OutboxRow>>;

    /// All events of a tenant up to `through` are published.
    fn events_published(&self, tenant: TenantId, through: u64) -> Kept<'_, ()>;

    /// Forgets events that were published before `before`, and says how many.
    fn forget_events(&self, tenant: TenantId, before: Time) -> Kept<'_, u64>;
}
