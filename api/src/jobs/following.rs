//! Jobs that other processes have, for the listeners of this one.

use std::collections::HashSet;
use std::time::Duration;

use super::changes::FOLLOWED;
use super::pool::Jobs;
use qt_store::StoreError;
use qt_store::backtests::BacktestStep;
use qt_trading::ids::{BacktestId, TenantId};

/// How often it is looked how far they are.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Jobs {
    /// Tells of them, until it is dropped. Alone over its database a process has all jobs itself.
    pub async fn follow(&self) {
        while !self.settings().is_alone {
            tokio::time::sleep(LOOK_EVERY).await;
            for tenant in self.changes.wanted() {
                if let Err(error) = self.look_at(tenant).await {
                    tracing::warn!(%error, "jobs of other processes are not told of");
                }
            }
        }
    }

    async fn look_at(&self, tenant: TenantId) -> Result<(), StoreError> {
        // Before the store is read: one that ends here meanwhile tells of that itself. And after
        // it, for those that have begun here meanwhile.
        let mut own: HashSet<BacktestId> = self.own();
        let steps = self.store().backtest_steps(tenant, FOLLOWED).await?;
        own.extend(self.own());
        self.changes.follow(tenant, steps, |id| own.contains(&id));
        Ok(())
    }

    /// How far the jobs are that it is looked after for listeners. What is read after this and
    /// shown to one is at least as far.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn followed(&self, tenant: TenantId) -> Result<Vec<BacktestStep>, StoreError> {
        match self.settings().is_alone {
            true => Ok(Vec::new()),
            false => self.store().backtest_steps(tenant, FOLLOWED).await,
        }
    }

    /// A new listener was shown at least `jobs`: they need not be told.
    pub fn shown(&self, tenant: TenantId, jobs: Vec<BacktestStep>) {
        self.changes.shown(tenant, jobs.into_iter());
    }
}
