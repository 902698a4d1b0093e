//! A human in the loop: who is asked about which signal, what people decide, what becomes of it.
//!
//! [`policy`] asks, [`change`] says what a person may make of a signal, [`decide`] keeps decisions
//! and lets signals go on, [`keeping`] does what is due without anybody asking, [`mirror`] shows it
//! in Redis. The truth is in the store ([`qt_store::hitl`]), and nowhere else.

pub mod change;
pub mod decide;
mod figures;
pub mod keeping;
pub mod mirror;
mod policy;
pub mod shown;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::http::metrics::Series;
use crate::http::storage::Storage;
use crate::signals::SignalIntake;
use figures::Figures;
use qt_store::{Actor, HitlDecision, HitlPolicy, HitlRequest, HitlTerms, StoreError};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Desk, MarketData, PrivateKind, Trading};

/// How old a policy may be that another process may have changed.
const POLICY_AGE_MAX: Duration = Duration::from_secs(1);

/// What waits for people, of all tenants.
pub struct Approvals {
    trading: Arc<dyn Trading>,
    market: Arc<dyn MarketData>,
    store: Arc<dyn Storage>,
    /// Asks this, and is told by this what may go on.
    intake: Weak<SignalIntake>,
    figures: Figures,
    policies: Mutex<HashMap<TenantId, (Instant, Arc<HitlPolicy>)>>,
    /// Sources of which something was approved of once: that stays so.
    approved: Mutex<HashSet<(TenantId, StrategyUid)>>,
    /// Tenants of whom something may be due.
    awake: Mutex<BTreeSet<TenantId>>,
    /// Requests that somebody decides about here at this moment: nobody else lets them go on.
    held: Mutex<HashSet<Uuid>>,
    /// Rung when something is due at once.
    due: Notify,
}

/// A request is held until this is dropped.
struct Held<'a>(&'a Approvals, Uuid);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        locked(&self.0.held).remove(&self.1);
    }
}

impl std::fmt::Debug for Approvals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Approvals").finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Approvals {
    /// Those of a service whose signals come in by `intake`, which asks them from now on.
    #[must_use]
    pub fn new(
        trading: Arc<dyn Trading>,
        market: Arc<dyn MarketData>,
        store: Arc<dyn Storage>,
        intake: &Arc<SignalIntake>,
    ) -> Arc<Self> {
        let made = Arc::new(Self {
            trading,
            market,
            store,
            intake: Arc::downgrade(intake),
            figures: Figures::default(),
            policies: Mutex::default(),
            approved: Mutex::default(),
            awake: Mutex::default(),
            held: Mutex::default(),
            due: Notify::new(),
        });
        intake.ask_first(Arc::clone(&made) as _);
        made
    }

    /// The policy of a tenant, as it is or was a second ago.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn policy(&self, tenant: TenantId) -> Result<Arc<HitlPolicy>, StoreError> {
        let known = locked(&self.policies).get(&tenant).cloned();
        if let Some((_, policy)) = known.filter(|(at, _)| at.elapsed() < POLICY_AGE_MAX) {
            return Ok(policy);
        }
        let policy = Arc::new(self.store.hitl_policy(tenant).await?);
        self.know(tenant, &policy);
        Ok(policy)
    }

    /// Puts another policy in force, where version `base` is.
    ///
    /// # Errors
    /// Another version is a conflict.
    pub async fn set_policy(
        &self,
        actor: Actor,
        base: u64,
        terms: HitlTerms,
    ) -> Result<Arc<HitlPolicy>, StoreError> {
        let tenant = actor.tenant;
        let policy = Arc::new(self.store.set_hitl_policy(actor, base, terms).await?);
        self.know(tenant, &policy);
        Ok(policy)
    }

    fn know(&self, tenant: TenantId, policy: &Arc<HitlPolicy>) {
        locked(&self.policies).insert(tenant, (Instant::now(), Arc::clone(policy)));
    }

    async fn has_approved(
        &self,
        tenant: TenantId,
        source: StrategyUid,
    ) -> Result<bool, StoreError> {
        if locked(&self.approved).contains(&(tenant, source)) {
            return Ok(true);
        }
        let has = self.store.has_approved(tenant, source).await?;
        if has {
            locked(&self.approved).insert((tenant, source));
        }
        Ok(has)
    }

    /// Somebody was asked.
    fn has_asked(&self, desk: &dyn Desk, tenant: TenantId, request: &HitlRequest) {
        self.figures.asked();
        tell(desk, "hitl_request", request, None);
        self.wake(tenant);
    }

    /// Holds a request for a decision about it.
    fn hold(&self, request: Uuid) -> Held<'_> {
        locked(&self.held).insert(request);
        Held(self, request)
    }

    /// Something of `tenant` is due, or will be.
    fn wake(&self, tenant: TenantId) {
        locked(&self.awake).insert(tenant);
        self.due.notify_one();
    }

    /// Figures of this process, of no tenant.
    #[must_use]
    pub fn series(&self) -> Vec<Series> {
        self.figures.series()
    }
}

/// Tells those who listen to the tenant's signals.
fn tell(desk: &dyn Desk, kind: &str, request: &HitlRequest, by: Option<&HitlDecision>) {
    let told = shown::told(kind, request, by);
    desk.events().push(Time::now(), PrivateKind::Approval(Box::new(told)));
}
