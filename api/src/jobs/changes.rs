//! What happens to jobs, told to whoever listens: numbered, for each tenant its own.
//!
//! What this process does it tells itself. Of jobs that another one has the store says how far they
//! are, and is asked for as long as somebody listens ([`super::following`]). What those did while
//! nobody listened is not told: whoever comes back then finds a gap.

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
    /// Nobody listened when it was looked at last.
    is_quiet: bool,
}

impl OfTenant {
    /// Its numbers begin with the clock, so that they rise over restarts.
    fn new() -> Self {
        let last = u64::try_from(Time::now().millis()).unwrap_or_default();
        let log = Arc::new(PrivateLog::after(KEPT, last));
        Self { log, told: HashMap::new(), is_quiet: false }
    }

    fn has_listeners(&self) -> bool {
        Arc::strong_count(&self.log) > 1
    }

    fn tell(&mut self, change: JobChange) {
        if self.has_listeners() {
            self.told.insert(change.id, (change.status, change.progress.clone()));
        }
        self.log.push(Time::now(), change);
    }

    /// Nobody listens. What nobody listens to has to be learned anew, and the number that is left
    /// out says to those who come back that something is missing.
    fn fall_quiet(&mut self) {
        self.told.clear();
        if !self.is_quiet {
            self.is_quiet = true;
            self.log = Arc::new(PrivateLog::after(KEPT, self.log.last() + 1));
        }
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
        let mut wanted = Vec::new();
        for (tenant, of) in all.iter_mut() {
            if of.has_listeners() {
                of.is_quiet = false;
                wanted.push(*tenant);
            } else {
                of.fall_quiet();
            }
        }
        wanted
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
                // How far a job was says nothing any more once it is over, which it stays.
                let has_moved = *known != status || (!status.is_final() && *shape != progress);
                has_moved && !known.is_final()
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

    /// Who was away for longer than it takes to look may have missed what others did.
    #[test]
    fn who_comes_back_after_nobody_listened_is_told_of_a_gap() {
        let (changes, tenant, job) = (Changes::default(), TenantId::new(), BacktestId::new());
        let log = changes.of(tenant);
        let first = log.last();
        assert_eq!(changes.wanted(), [tenant]);
        changes.follow(tenant, vec![step(job, BacktestStatus::Running, 0.1)], |_| false);
        let seen = log.last();
        assert_eq!(seen, first + 1);
        drop(log);
        // Back before anybody has looked: nothing is missing, and what follows is told.
        let log = changes.of(tenant);
        assert_eq!(changes.wanted(), [tenant]);
        let mut reader = log.reader(seen);
        changes.follow(tenant, vec![step(job, BacktestStatus::Running, 0.2)], |_| false);
        assert_eq!(reader.take(9).unwrap().len(), 1);
        let seen = log.last();
        drop((log, reader));
        for _ in 0..3 {
            assert!(changes.wanted().is_empty());
        }
        // The job is over meanwhile, by another process.
        let log = changes.of(tenant);
        assert!(log.reader(seen).take(9).is_err(), "it has missed the end");
        assert_eq!(log.last(), seen + 1, "one number is left out, however long it was quiet");
        let mut reader = log.reader(log.last());
        changes.follow(tenant, vec![step(job, BacktestStatus::Done, 1.0)], |_| false);
        assert_eq!(reader.take(9).unwrap().len(), 1, "what was not shown is told");
    }

    /// What was read before it ended comes after the end was told.
    #[test]
    fn a_job_that_is_over_stays_so_whatever_is_read_late() {
        let (changes, tenant, job) = (Changes::default(), TenantId::new(), BacktestId::new());
        let log = changes.of(tenant);
        for (status, told) in [
            (BacktestStatus::Queued, 1),
            (BacktestStatus::Done, 1),
            (BacktestStatus::Running, 0),
            (BacktestStatus::Cancelled, 0),
        ] {
            let before = log.last();
            changes.follow(tenant, vec![step(job, status, 0.5)], |_| false);
            assert_eq!(log.last() - before, told, "{status:?}");
        }
    }

    /// Nobody listens, and no process looks after the others: nothing grows.
    #[test]
    fn what_nobody_hears_is_not_remembered() {
        let (changes, tenant) = (Changes::default(), TenantId::new());
        for _ in 0..1_000 {
            let BacktestStep { id, status, progress, person } =
                step(BacktestId::new(), BacktestStatus::Done, 1.0);
            changes.tell(tenant, JobChange { id, status, progress, person });
        }
        assert!(changes.lock()[&tenant].told.is_empty());
    }
}
