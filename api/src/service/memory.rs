//! What the store has written down about sessions, for one that has lost its journal.

use std::time::Duration;

use tokio::runtime::Handle;

use super::decisions::in_force;
use crate::routes::limits::read;
use qt_sessions::{Memory, Remembered};
use qt_store::{Kills, Limits, Store};
use qt_trading::LimitsNow;
use qt_trading::ids::{AccountId, TenantId};

/// So long a session waits for the store before it begins.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// See the module.
pub struct StoreMemory {
    store: Store,
    runtime: Handle,
}

impl StoreMemory {
    /// What `store` has. Must be called inside of the runtime that asks it.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, runtime: Handle::current() }
    }

    async fn ask(&self, tenant: TenantId) -> Result<Remembered, String> {
        let kills = self.store.kills(tenant).await.map_err(|error| error.to_string())?;
        let last = self.store.limit_history(tenant, 1).await.map_err(|error| error.to_string())?;
        let limits = match last.into_iter().next() {
            None => None,
            Some(set) => Some(LimitsNow {
                version: set.version,
                people: set.people,
                changed_at: set.created_at,
                limits: read(&set.document).map_err(|error| error.detail)?,
            }),
        };
        Ok(Remembered { switches: kills.into_iter().map(in_force).collect(), limits })
    }
}

impl Memory for StoreMemory {
    fn recall(&self, tenant: TenantId, _account: AccountId) -> Result<Remembered, String> {
        let asked = async { tokio::time::timeout(PATIENCE, self.ask(tenant)).await };
        self.runtime.block_on(asked).unwrap_or_else(|_| Err("the store does not answer".to_owned()))
    }
}
