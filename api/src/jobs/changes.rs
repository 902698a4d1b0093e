//! What happens to jobs, told to whoever listens: numbered, for each tenant its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use qt_store::backtests::BacktestStatus;
use qt_trading::PrivateLog;
use qt_trading::ids::{BacktestId, TenantId};
use qt_trading::time::Time;

/// Changes of one tenant that can be asked for again.
const KEPT: usize = 256;

/// A job is farther, or over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobChange {
    /// The job.
    pub id: BacktestId,
    /// Where it is.
    pub status: BacktestStatus,
    /// How far it is.
    pub progress: Value,
    /// Who asked for it.
    #[serde(skip)]
    pub person: String,
}

/// The changes of all tenants.
#[derive(Debug, Default)]
pub struct Changes(Mutex<HashMap<TenantId, Arc<PrivateLog<JobChange>>>>);

impl Changes {
    /// Those of one tenant. Their numbers begin with the clock, so that they rise over restarts.
    #[must_use]
    pub fn of(&self, tenant: TenantId) -> Arc<PrivateLog<JobChange>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = || {
            let last = u64::try_from(Time::now().millis()).unwrap_or_default();
            Arc::new(PrivateLog::after(KEPT, last))
        };
        Arc::clone(all.entry(tenant).or_insert_with(begun))
    }
}
