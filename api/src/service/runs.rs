//! Which strategies run: the session is the truth, and the store is told where it says otherwise.
//! An activation that was written into the journal and never answered runs after a restart; a
//! journal that was lost runs nothing.

use std::time::{Duration, Instant};

use qt_store::domain::StrategyStatus;
use qt_store::domain::command::set_strategy_status;
use qt_store::{Actor, Store, StoreError, Strategies};
use qt_trading::Desk;
use qt_trading::ids::{StrategyUid, TenantId};

/// What a request is given to write down itself that a strategy runs, or runs no more.
const GRACE: Duration = Duration::from_secs(3);

/// What a session was seen to run, and whether the store says so too.
#[derive(Debug, Default)]
pub struct Seen {
    running: Option<(Vec<StrategyUid>, Instant)>,
    is_kept: bool,
}

impl Seen {
    /// Looks once more, and has the store say what `desk` does.
    pub async fn look(&mut self, store: &Store, tenant: TenantId, desk: &dyn Desk) {
        let Some(mut running) = desk.running() else { return };
        running.sort_unstable();
        match &self.running {
            Some((known, since)) if *known == running => {
                if self.is_kept || since.elapsed() < GRACE {
                    return;
                }
            }
            _ => {
                (self.running, self.is_kept) = (Some((running, Instant::now())), false);
                return;
            }
        }
        match keep(store, tenant, &running).await {
            Ok(()) => self.is_kept = true,
            Err(error) => tracing::warn!(%error, "which strategies run is not written down yet"),
        }
    }
}

async fn keep(store: &Store, tenant: TenantId, running: &[StrategyUid]) -> Result<(), StoreError> {
    let active = store.active_strategies(tenant).await?;
    for kept in active.iter().filter(|kept| !running.contains(&kept.id)) {
        change(store, tenant, kept.id, StrategyStatus::Stopped).await?;
    }
    for id in running.iter().filter(|id| !active.iter().any(|kept| kept.id == **id)) {
        change(store, tenant, *id, StrategyStatus::Active).await?;
    }
    Ok(())
}

async fn change(
    store: &Store,
    tenant: TenantId,
    id: StrategyUid,
    status: StrategyStatus,
) -> Result<(), StoreError> {
    tracing::warn!(strategy = %id, ?status, "the store said otherwise of a strategy");
    match set_strategy_status(store, Actor::service(tenant), id, status).await {
        // Removed, or changed by somebody just now.
        Err(StoreError::NotFound | StoreError::Conflict(_)) => Ok(()),
        other => other.map(|_| ()),
    }
}
