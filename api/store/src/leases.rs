//! Leases: who may write, and under which epoch.

use std::time::{Duration, Instant};

use super::Kept;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// A lease that is held here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is for, like `session:{account}`.
    pub name: String,
    /// Who holds it: one process, one identifier.
    pub holder: String,
    /// Rises by one each time that it changes hands.
    pub epoch: u64,
    /// How long it lasts after each renewal.
    pub length: Duration,
    /// Until when it surely lasts, by this machine's monotonic clock: measured from before the
    /// database was asked. After it, nothing may be written under this epoch.
    pub valid_until: Instant,
}

impl Held {
    /// Whether it surely lasts now.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        Instant::now() < self.valid_until
    }
}

/// What asking for a lease has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leased {
    /// It is held here.
    Held(Held),
    /// Somebody else holds it.
    Other {
        /// Who.
        holder: String,
        /// Under which epoch.
        epoch: u64,
        /// Until when, by the database's clock.
        expires_at: Time,
    },
}

/// The repository of leases.
pub trait Leases: Send + Sync {
    /// Asks for a lease. Where nobody holds it, or its time is over, it is held from now on and
    /// its epoch is one more than ever before.
    fn acquire_lease(
        &self,
        tenant: TenantId,
        name: String,
        holder: String,
        length: Duration,
    ) -> Kept<'_, Leased>;

    /// Renews a lease; none when somebody else has it.
    fn renew_lease(&self, held: Held) -> Kept<'_, Option<Held>>;

    /// Gives a lease back; its epoch stays, so that the next one is higher.
    fn release_lease(&self, held: Held) -> Kept<'_, ()>;
}
