//! Counting in this process.

use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota as Rate, RateLimiter};

use super::{Bucket, Limited, Limiter, Quota, Quotas, Subject};
use qt_trading::Doing;

/// One check in so many looks for subjects that have been quiet, to forget them.
const CHECKS_PER_SWEEP: u32 = 4_096;
/// With fewer subjects nothing is forgotten.
const SUBJECTS_MIN: usize = 10_000;
/// The most subjects of a bucket; all further ones share one place.
const SUBJECTS_MAX: usize = 200_000;

/// Whose place it is: the last is shared by all for whom there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Of(Subject),
    Rest,
}

type Counter<C> =
    RateLimiter<Place, DashMapStateStore<Place>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Counts in this process.
pub struct LocalLimiter<C: Clock = DefaultClock> {
    read: Counted<C>,
    write: Counted<C>,
    cancel: Counted<C>,
    kill: Counted<C>,
    address: Counted<C>,
    clock: C,
}

struct Counted<C: Clock> {
    counter: Counter<C>,
    checks: AtomicU32,
    is_full: std::sync::atomic::AtomicBool,
}

impl<C: Clock> std::fmt::Debug for LocalLimiter<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalLimiter").finish_non_exhaustive()
    }
}

impl LocalLimiter {
    /// One by the machine's clock.
    #[must_use]
    pub fn new(quotas: &Quotas) -> Self {
        Self::with_clock(quotas, DefaultClock::default())
    }
}

impl<C: Clock + Clone> LocalLimiter<C> {
    /// One by another clock.
    #[must_use]
    pub fn with_clock(quotas: &Quotas, clock: C) -> Self {
        let counted = |quota| Counted::new(quota, clock.clone());
        Self {
            read: counted(quotas.read),
            write: counted(quotas.write),
            cancel: counted(quotas.cancel),
            kill: counted(quotas.kill),
            address: counted(quotas.address),
            clock,
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// When it is one too many.
    pub fn count(&self, bucket: Bucket, subject: Subject) -> Result<(), Limited> {
        let counted = match bucket {
            Bucket::Read => &self.read,
            Bucket::Write => &self.write,
            Bucket::Cancel => &self.cancel,
            Bucket::Kill => &self.kill,
            Bucket::Address => &self.address,
        };
        counted.count(subject, &self.clock)
    }
}

impl<C: Clock> Counted<C> {
    fn new(quota: Quota, clock: C) -> Self {
        let rate = Rate::per_second(quota.per_second).allow_burst(quota.burst);
        Self {
            counter: RateLimiter::dashmap_with_clock(rate, clock),
            checks: AtomicU32::new(0),
            is_full: false.into(),
        }
    }

    fn count(&self, subject: Subject, clock: &C) -> Result<(), Limited> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_PER_SWEEP == CHECKS_PER_SWEEP - 1 {
            self.sweep();
        }
        // A sweep comes often enough for the list never to grow past its limit by more than the
        // checks between two.
        let is_full = self.is_full.load(Ordering::Relaxed);
        let place = if is_full { Place::Rest } else { Place::Of(subject) };
        self.counter.check_key(&place).map_err(|not_until| {
            Limited::after_nanos(not_until.wait_time_from(clock.now()).as_nanos())
        })
    }

    fn sweep(&self) {
        if self.counter.len() > SUBJECTS_MIN {
            self.counter.retain_recent();
        }
        self.is_full.store(self.counter.len() > SUBJECTS_MAX, Ordering::Relaxed);
    }
}

impl<C: Clock + Clone + Send + Sync> Limiter for LocalLimiter<C>
where
    C::Instant: Send + Sync,
{
    fn check(&self, bucket: Bucket, subject: Subject) -> Doing<'_, Result<(), Limited>> {
        let outcome = self.count(bucket, subject);
        Box::pin(std::future::ready(outcome))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;
    use qt_trading::ids::TenantId;

    fn quotas() -> Quotas {
        let get = |name: &str| match name {
            "RATE_LIMIT_READ" => Some("2:4".to_owned()),
            "RATE_LIMIT_ADDRESS" => Some("1".to_owned()),
            "RATE_LIMIT_KILL" => Some("1:2".to_owned()),
            _ => None,
        };
        Quotas::read(&get).unwrap()
    }

    #[test]
    fn a_burst_passes_then_the_rate_and_nobody_pays_for_another() {
        let clock = FakeRelativeClock::default();
        let limiter = LocalLimiter::with_clock(&quotas(), clock.clone());
        let (one, other) = (Subject::Tenant(TenantId::new()), Subject::Tenant(TenantId::new()));
        for _ in 0..4 {
            limiter.count(Bucket::Read, one).unwrap();
        }
        assert_eq!(limiter.count(Bucket::Read, one), Err(Limited { retry_after_s: 1 }));
        limiter.count(Bucket::Read, other).unwrap();
        // Cancels and the kill switch have buckets of their own.
        limiter.count(Bucket::Cancel, one).unwrap();
        limiter.count(Bucket::Kill, one).unwrap();
        clock.advance(Duration::from_millis(499));
        assert!(limiter.count(Bucket::Read, one).is_err());
        clock.advance(Duration::from_millis(1));
        limiter.count(Bucket::Read, one).unwrap();
        assert!(limiter.count(Bucket::Read, one).is_err());
        clock.advance(Duration::from_secs(60));
        let passed = (0..9).filter(|_| limiter.count(Bucket::Read, one).is_ok()).count();
        assert_eq!(passed, 4);
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory() {
        let clock = FakeRelativeClock::default();
        let limiter = LocalLimiter::with_clock(&quotas(), clock.clone());
        let address = |n: u32| Subject::Address(IpAddr::V4(Ipv4Addr::from_bits(n)));
        let passed = |range: std::ops::Range<u32>| {
            range.filter(|n| limiter.count(Bucket::Address, address(*n)).is_ok()).count()
        };
        let before_full = passed(0..300_000);
        assert!((200_000..200_000 + 2 * 4_096).contains(&before_full), "{before_full}");
        assert!(limiter.address.counter.len() < 200_000 + 2 * 4_096);
        // Who was quiet is forgotten, and there is room again.
        clock.advance(Duration::from_secs(5));
        passed(300_000..310_000);
        assert!(limiter.address.counter.len() < 20_000);
        assert!(limiter.count(Bucket::Address, address(9)).is_ok());
    }
}
