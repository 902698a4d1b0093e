//! Who is next: one tenant after the other, each with its own jobs in their order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use qt_trading::ids::TenantId;

/// Jobs that wait, by tenant.
#[derive(Debug)]
pub struct FairQueue<T> {
    waiting: BTreeMap<TenantId, VecDeque<T>>,
    running: BTreeMap<TenantId, usize>,
    /// Whose turn it was last.
    last: Option<TenantId>,
    tenant_max: usize,
}

impl<T> FairQueue<T> {
    /// An empty queue; at most `tenant_max` jobs of a tenant run at one time.
    #[must_use]
    pub fn new(tenant_max: usize) -> Self {
        let (waiting, running) = (BTreeMap::new(), BTreeMap::new());
        Self { waiting, running, last: None, tenant_max: tenant_max.max(1) }
    }

    /// Adds a job at the end of its tenant's.
    pub fn push(&mut self, tenant: TenantId, job: T) {
        self.waiting.entry(tenant).or_default().push_back(job);
    }

    /// Takes the next job that may run; it counts as running until [`Self::ended`].
    pub fn next_job(&mut self) -> Option<(TenantId, T)> {
        let may_run = |tenant: &TenantId| {
            self.running.get(tenant).copied().unwrap_or_default() < self.tenant_max
        };
        let after = self.waiting.keys().filter(|tenant| self.last.is_none_or(|l| **tenant > l));
        let tenant = after.chain(self.waiting.keys()).copied().find(may_run)?;
        let jobs = self.waiting.get_mut(&tenant)?;
        let job = jobs.pop_front()?;
        if jobs.is_empty() {
            self.waiting.remove(&tenant);
        }
        *self.running.entry(tenant).or_default() += 1;
        self.last = Some(tenant);
        Some((tenant, job))
    }

    /// A job of `tenant` runs no more.
    pub fn ended(&mut self, tenant: TenantId) {
        if let Some(count) = self.running.get_mut(&tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.running.remove(&tenant);
            }
        }
    }

    /// Tenants with jobs that wait or run.
    #[must_use]
    pub fn tenants(&self) -> BTreeSet<TenantId> {
        self.waiting.keys().chain(self.running.keys()).copied().collect()
    }

    /// All that wait.
    pub fn waiting(&self) -> impl Iterator<Item = &T> {
        self.waiting.values().flatten()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{FairQueue, TenantId};

    #[test]
    fn a_tenant_with_many_jobs_does_not_keep_others_waiting() {
        let [one, two] = [1, 2].map(|n| TenantId(Uuid::from_u128(n)));
        let mut queue = FairQueue::new(1);
        for job in 0..3 {
            queue.push(one, job);
        }
        queue.push(two, 10);
        assert_eq!(queue.next_job(), Some((one, 0)));
        assert_eq!(queue.next_job(), Some((two, 10)));
        assert_eq!(queue.next_job(), None, "the others wait for their tenant's first one");
        queue.ended(one);
        assert_eq!(queue.next_job(), Some((one, 1)));
        queue.ended(one);
        queue.push(two, 11);
        queue.ended(two);
        assert_eq!(queue.next_job(), Some((two, 11)));
        assert_eq!(queue.next_job(), Some((one, 2)));
        assert!(queue.is_empty());
    }
}
