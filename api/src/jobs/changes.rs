//! What happens to jobs, told to whoever listens: numbered, for each tenant its own.
//!
//! What this process does it tells itself. Of jobs that another one has the store says how far they
//! are, and is asked for as long as somebody listens ([`super::following`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

use qt_store::backtests::{BacktestStatus, BacktestStep};
use qt_trading::PrivateLog;
use qt_trading::ids::{BacktestId, TenantId};
use qt_trading::time::Time;

/// Changes of one tenant that can be asked for again.
const KEPT: usize = 256;
/// So many jobs of a tenant are looked at, the newest.
pub const FOLLOWED: u32 = 100;

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

/// The log of one tenant.
type Log = Arc<PrivateLog<JobChange>>;

/// The changes of all tenants.
#[derive(Debug, Default)]
pub struct Changes(Mutex<HashMap<TenantId, OfTenant>>);

#[derive(Debug)]
struct OfTenant {
    log: Log,
    /// What was told last of each job; it is known from when on somebody listens.
    told: HashMap<BacktestId, (BacktestStatus, Value)>,
}

impl OfTenant {
    /// Its numbers begin with the clock, so that they rise over restarts.
    fn new() -> Self {
        let last = u64::try_from(Time::now().millis()).unwrap_or_default();
        Self { log: Arc::new(PrivateLog::after(KEPT, last)), told: HashMap::new() }
    }

    fn has_listeners(&self) -> bool {
        Arc::strong_count(&self.log) > 1
    }

    fn tell(&mut self, change: JobChange) {
        self.told.insert(change.id, (change.status, change.progress.clone()));
        self.log.push(Time::now(), change);
    }
}

impl Changes {
    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, OfTenant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of one tenant.
    #[must_use]
    pub fn of(&self, tenant: TenantId) -> Log {
        Arc::clone(&self.lock().entry(tenant).or_insert_with(OfTenant::new).log)
    }

    /// Tells a change.
    pub fn tell(&self, tenant: TenantId, change: JobChange) {
        self.lock().entry(tenant).or_insert_with(OfTenant::new).tell(change);
    }

    /// Tenants of which somebody wants to hear.
    #[must_use]
    pub fn wanted(&self) -> Vec<TenantId> {
        let mut all = self.lock();
        // What nobody listens to has to be learned anew.
        all.values_mut().filter(|of| !of.has_listeners()).for_each(|of| of.told.clear());
        all.iter().filter(|(_, of)| of.has_listeners()).map(|(tenant, _)| *tenant).collect()
    }

    /// What a new listener was shown needs not be told.
    pub fn shown(&self, tenant: TenantId, jobs: impl Iterator<Item = BacktestStep>) {
        let mut all = self.lock();
        let of = all.entry(tenant).or_insert_with(OfTenant::new);
        for job in jobs {
            of.told.entry(job.id).or_insert((job.status, job.progress));
        }
    }

    /// Tells what is new in `steps`, newest jobs first, of jobs that are not this process's own.
    pub fn follow(
        &self,
        tenant: TenantId,
        steps: Vec<BacktestStep>,
        is_own: impl Fn(BacktestId) -> bool,
    ) {
        let mut all = self.lock();
        let Some(of) = all.get_mut(&tenant) else { return };
        of.told.retain(|id, _| is_own(*id) || steps.iter().any(|step| step.id == *id));
        for BacktestStep { id, status, progress, person } in steps.into_iter().rev() {
            let is_new = of.told.get(&id).is_none_or(|(known, shape)| {
                // How far a job was says nothing any more once it is over.
                *known != status || (!status.is_final() && *shape != progress)
            });
            if is_new && !is_own(id) {
                of.tell(JobChange { id, status, progress, person });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(id: BacktestId, status: BacktestStatus, fraction: f64) -> BacktestStep {
        BacktestStep { id, status, progress: json!(fraction), person: String::new() }
    }

    #[test]
    fn what_others_do_is_told_once_and_what_was_shown_is_not() {
        use BacktestStatus::{Done, Queued, Running};
        let (changes, tenant) = (Changes::default(), TenantId::new());
        let [own, old, other] = [(); 3].map(|()| BacktestId::new());
        assert!(changes.wanted().is_empty());
        let log = changes.of(tenant);
        assert_eq!(changes.wanted(), [tenant]);
        let mut reader = log.reader(log.last());
        changes.shown(tenant, [step(old, Done, 1.0)].into_iter());
        let look = |steps| changes.follow(tenant, steps, |id| id == own);
        for _ in 0..2 {
            look(vec![step(other, Queued, 0.0), step(own, Running, 0.1), step(old, Done, 1.0)]);
        }
        look(vec![step(other, Running, 0.5), step(old, Done, 1.0)]);
        look(vec![step(other, Done, 0.9)]);
        look(vec![step(other, Done, 1.0)]);
        let told = reader.take(9).unwrap();
        let told: Vec<_> = told.iter().map(|it| (it.kind.id, it.kind.status)).collect();
        assert_eq!(told, [(other, Queued), (other, Running), (other, Done)]);
        drop((log, reader));
        assert!(changes.wanted().is_empty());
    }
}
