//! Who asks for a change, and in which request.

use uuid::Uuid;

use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// The tenant of what belongs to no tenant: the kill switch of everything, shared data sets, leases
/// of the service itself. A token never names it.
pub const PLATFORM: TenantId = TenantId(Uuid::nil());

/// Who asks for a change. All of it goes into the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// In which tenant.
    pub tenant: TenantId,
    /// The person, as the identity says, or the part of the service that does it by itself.
    pub person: String,
    /// The request; it becomes the correlation of the events.
    pub request_id: String,
    /// When.
    pub at: Time,
}

impl Actor {
    /// Somebody, now.
    #[must_use]
    pub fn new(tenant: TenantId, person: impl Into<String>, request_id: impl Into<String>) -> Self {
        let (person, request_id) = (person.into(), request_id.into());
        Self { tenant, person, request_id, at: Time::now() }
    }

    /// The service itself, now.
    #[must_use]
    pub fn service(tenant: TenantId) -> Self {
        Self::new(tenant, "service", "")
    }
}
