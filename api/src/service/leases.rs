//! Leases of sessions in the database: one process has a session, wherever it runs.
//!
//! A lease is renewed by a task long before its time is over. When it cannot be, it ends by this
//! machine's own clock, and the session stops sending: a process that was cut off is fenced.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use qt_sessions::{FolderLock, Held, Lease, LeaseError, Tenure};
use qt_store::{self, Leased, Leases, Store};
use qt_trading::ids::{AccountId, TenantId};

/// How long a lease lasts without being renewed.
const LENGTH: Duration = Duration::from_secs(3);
/// How often it is renewed.
const RENEWED_EVERY: Duration = Duration::from_millis(700);
/// How long one question to the store may take.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Leases in the store. The folder of the journal is locked as well: two processes on one machine
/// that name different databases must not write one journal.
#[derive(Clone, Debug)]
pub struct StoreLeases {
    store: Store,
    holder: String,
    runtime: Handle,
    /// Nobody else wants them: one that cannot be renewed is held on to until it is known that
    /// another process has it.
    is_alone: bool,
    /// How many are held, or not given back yet.
    count: watch::Sender<usize>,
}

impl StoreLeases {
    /// Leases for this process, which no other one wants where `is_alone`. Must be called inside of
    /// the runtime whose tasks renew them.
    #[must_use]
    pub fn new(store: Store, holder: String, is_alone: bool) -> Self {
        let count = watch::Sender::new(0);
        Self { store, holder, runtime: Handle::current(), is_alone, count }
    }

    /// Waits until all leases are given back, so that somebody else can go on at once.
    pub async fn given_back(&self) {
        // The sender is here.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Renews `held` until it is lost, or dropped.
    async fn renew(self, state: Arc<State>, mut dropped: oneshot::Receiver<()>) {
        loop {
            let now = state.term.load().held.clone();
            let pause = tokio::time::timeout(RENEWED_EVERY, &mut dropped);
            if pause.await.is_ok() {
                self.give_back(now).await;
                return;
            }
            let until = SystemTime::now() + LENGTH;
            let asked = tokio::time::timeout(PATIENCE, self.store.renew_lease(now)).await;
            match asked {
                Ok(Ok(Some(held))) => state.term.store(Arc::new(Term { held, until })),
                Ok(Ok(None)) => {
                    tracing::error!("a session was taken over by another process");
                    state.is_lost.store(true, Ordering::Release);
                    return;
                }
                // While the store is away it stays valid until its time is over.
                Ok(Err(error)) => tracing::warn!(%error, "a lease is not renewed"),
                Err(_) => tracing::warn!("a lease is not renewed: the store does not answer"),
            }
        }
    }

    async fn give_back(&self, held: qt_store::Held) {
        match tokio::time::timeout(PATIENCE, self.store.release_lease(held)).await {
            Ok(Ok(())) => {}
            _ => tracing::warn!("a lease is not given back; it ends by itself"),
        }
    }
}

#[derive(Debug)]
struct State {
    term: ArcSwap<Term>,
    is_lost: AtomicBool,
}

/// A lease as it was renewed last.
#[derive(Debug)]
struct Term {
    held: qt_store::Held,
    /// Its end by the wall clock as well: a machine that sleeps has a steady clock that stands.
    until: SystemTime,
}

struct StoreHeld {
    state: Arc<State>,
    is_alone: bool,
    /// Tells the task that renews it, by being dropped.
    _dropped: oneshot::Sender<()>,
    _lock: FolderLock,
}

impl Held for StoreHeld {
    fn epoch(&self) -> u64 {
        self.state.term.load().held.epoch
    }

    fn tenure(&self) -> Tenure {
        if self.state.is_lost.load(Ordering::Acquire) {
            return Tenure::Lost;
        }
        let term = self.state.term.load();
        if self.is_alone {
            return Tenure::Valid;
        }
        let is_valid = term.held.is_valid() && SystemTime::now() < term.until;
        if is_valid { Tenure::Valid } else { Tenure::Lapsed }
    }
}

impl Lease for StoreLeases {
    fn acquire(
        &self,
        tenant: TenantId,
        account: AccountId,
        folder: &Path,
    ) -> Result<Box<dyn Held>, LeaseError> {
        let lock = FolderLock::take(folder)?;
        let (name, holder) = (format!("session:{account}"), self.holder.clone());
        let until = SystemTime::now() + LENGTH;
        let asked = self.store.acquire_lease(tenant, name, holder, LENGTH);
        let asked = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
        let held = match asked {
            Ok(Ok(Leased::Held(held))) => held,
            Ok(Ok(Leased::Other { holder, .. })) => return Err(LeaseError::Held(Some(holder))),
            Ok(Err(error)) => return Err(LeaseError::Away(error.to_string())),
            Err(_) => return Err(LeaseError::Away("the store does not answer".to_owned())),
        };
        let term = ArcSwap::from_pointee(Term { held, until });
        let state = Arc::new(State { term, is_lost: AtomicBool::new(false) });
        let (sender, dropped) = oneshot::channel();
        let (leases, of_task) = (self.clone(), Arc::clone(&state));
        self.count.send_modify(|count| *count += 1);
        self.runtime.spawn(async move {
            leases.clone().renew(of_task, dropped).await;
            leases.count.send_modify(|count| *count -= 1);
        });
        let is_alone = self.is_alone;
        Ok(Box::new(StoreHeld { state, is_alone, _dropped: sender, _lock: lock }))
    }
}
