//! Leases of sessions in the database: one process has a session, wherever it runs.
//!
//! A lease is renewed by a task long before its time is over. When it cannot be, it ends by this
//! machine's own clock, and the session stops sending: a process that was cut off is fenced.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::runtime::Handle;

use qt_sessions::{Held, Lease, LeaseError};
use qt_store::{self, Leased, Leases, Store};
use qt_trading::ids::{AccountId, TenantId};

/// How long a lease lasts without being renewed.
const LENGTH: Duration = Duration::from_secs(3);
/// How often it is renewed.
const RENEWED_EVERY: Duration = Duration::from_millis(700);
/// How often a lease that another process holds is asked for, before that is told.
const ASKED_EVERY: Duration = Duration::from_millis(100);

/// Leases in the store. The file lock beside the journal is taken as well: two processes on one
/// machine that name different databases must not write one journal.
#[derive(Clone, Debug)]
pub struct StoreLeases {
    store: Store,
    holder: String,
    runtime: Handle,
}

impl StoreLeases {
    /// Leases for this process. Must be called inside of the runtime whose tasks renew them.
    #[must_use]
    pub fn new(store: Store, holder: String) -> Self {
        Self { store, holder, runtime: Handle::current() }
    }
}

struct StoreHeld {
    file: Box<dyn Held>,
    held: Arc<ArcSwap<qt_store::Held>>,
    is_over: Arc<AtomicBool>,
}

impl Held for StoreHeld {
    fn epoch(&self) -> u64 {
        self.held.load().epoch
    }

    fn is_held(&self) -> bool {
        self.file.is_held() && !self.is_over.load(Ordering::Acquire) && self.held.load().is_valid()
    }
}

impl Drop for StoreHeld {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
    }
}

impl Lease for StoreLeases {
    fn acquire(
        &self,
        tenant: TenantId,
        account: AccountId,
        folder: &Path,
    ) -> Result<Box<dyn Held>, LeaseError> {
        let file = qt_sessions::FileLeases.acquire(tenant, account, folder)?;
        let name = format!("session:{account}");
        // Somebody who died holds it for no longer than its length.
        let patience = Instant::now() + LENGTH + RENEWED_EVERY;
        let held = loop {
            let (name, holder) = (name.clone(), self.holder.clone());
            let asked = self.store.acquire_lease(tenant, name, holder, LENGTH);
            let words = match self.runtime.block_on(asked) {
                Ok(Leased::Held(held)) => break held,
                Ok(Leased::Other { holder, .. }) => format!(": {holder}"),
                Err(error) => format!(": the store does not answer: {error}"),
            };
            if Instant::now() > patience {
                return Err(LeaseError::Held(Some(words)));
            }
            std::thread::sleep(ASKED_EVERY);
        };
        let held = Arc::new(ArcSwap::from_pointee(held));
        let is_over = Arc::new(AtomicBool::new(false));
        let task = renew(self.store.clone(), Arc::clone(&held), Arc::clone(&is_over));
        self.runtime.spawn(task);
        Ok(Box::new(StoreHeld { file, held, is_over }))
    }
}

async fn renew(store: Store, held: Arc<ArcSwap<qt_store::Held>>, is_over: Arc<AtomicBool>) {
    let mut waited = Duration::ZERO;
    loop {
        tokio::time::sleep(ASKED_EVERY).await;
        waited += ASKED_EVERY;
        let now = qt_store::Held::clone(&held.load());
        if is_over.load(Ordering::Acquire) {
            if let Err(error) = store.release_lease(now).await {
                tracing::warn!(%error, "a lease is not given back; it ends by itself");
            }
            return;
        }
        if waited < RENEWED_EVERY {
            continue;
        }
        waited = Duration::ZERO;
        match store.renew_lease(now).await {
            Ok(Some(renewed)) => held.store(Arc::new(renewed)),
            Ok(None) => {
                tracing::error!("a session was taken over by another process");
                is_over.store(true, Ordering::Release);
                return;
            }
            // While the store is away it stays valid until its time is over.
            Err(error) => tracing::warn!(%error, "a lease is not renewed"),
        }
    }
}
