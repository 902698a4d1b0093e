//! Counting for all replicas together, in Redis.
//!
//! One script per request keeps one time per subject (GCRA): when the bucket will be empty again.
//! It goes by the clock of Redis, so that the clocks of the replicas need not agree.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::Script;
use redis::aio::ConnectionManager;

use super::{Bucket, Limited, Limiter, LocalLimiter, Quotas, Subject};
use qt_trading::Doing;

/// How long a request waits for Redis.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(50);
/// For how long Redis is not asked again after it did not answer.
const AWAY_TIME: Duration = Duration::from_secs(1);

/// Step between two requests and burst in, microseconds to wait out; 0 lets the request through.
/// The third argument is the time in microseconds, for tests; 0 takes that of Redis.
const SCRIPT: &str = r"
local now = tonumber(ARGV[3])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local step = tonumber(ARGV[1])
local room = step * tonumber(ARGV[2])
local empty_at = tonumber(redis.call('GET', KEYS[1])) or now
if empty_at < now then empty_at = now end
-- A clock that was put back must not lock anybody out for longer than a full bucket does.
if empty_at > now + room then empty_at = now + room end
local wait = empty_at + step - room - now
if wait > 0 then return wait end
empty_at = empty_at + step
local life_ms = math.ceil((empty_at - now) / 1000) + 1000
redis.call('SET', KEYS[1], string.format('%.0f', empty_at), 'PX', string.format('%.0f', life_ms))
return 0
";

/// Counts in Redis, and locally while Redis is away. The kill switch is always counted locally: it
/// waits for nobody.
pub struct RedisLimiter {
    redis: ConnectionManager,
    local: LocalLimiter,
    quotas: Quotas,
    namespace: String,
    script: Script,
    start: Instant,
    /// Milliseconds since `start` until which Redis is not asked.
    away_until_ms: AtomicU64,
}

impl std::fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLimiter").finish_non_exhaustive()
    }
}

impl RedisLimiter {
    /// One whose keys begin with `namespace`.
    #[must_use]
    pub fn new(redis: ConnectionManager, quotas: &Quotas, namespace: &str) -> Self {
        Self {
            redis,
            local: LocalLimiter::new(quotas),
            quotas: *quotas,
            namespace: namespace.to_owned(),
            script: Script::new(SCRIPT),
            start: Instant::now(),
            away_until_ms: AtomicU64::new(0),
        }
    }

    /// Whether Redis is not asked just now, because it did not answer.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.since_start_ms() < self.away_until_ms.load(Ordering::Relaxed)
    }

    fn since_start_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Counts one request in Redis, at `now_us` (of the epoch) where that is not 0, and returns
    /// for how many microseconds it has to wait; 0 lets it through.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn ask(
        &self,
        bucket: Bucket,
        subject: Subject,
        now_us: u64,
    ) -> Result<u64, redis::RedisError> {
        let quota = self.quotas.of(bucket);
        let step_us = (1_000_000 / quota.per_second).max(1);
        let whose = match subject {
            Subject::Tenant(tenant) => format!("t:{tenant}"),
            Subject::Person(person) => format!("p:{person:032x}"),
            Subject::Address(address) => format!("a:{address}"),
        };
        let kind = match bucket {
            Bucket::Read => "read",
            Bucket::Write => "write",
            Bucket::Cancel => "cancel",
            Bucket::Kill => "kill",
            Bucket::Address => "address",
        };
        let mut redis = self.redis.clone();
        let mut call = self.script.prepare_invoke();
        call.key(format!("{}rate:{kind}:{whose}", self.namespace));
        call.arg(step_us).arg(quota.burst.get()).arg(now_us);
        let answer = tokio::time::timeout(ANSWER_TIME_MAX, call.invoke_async(&mut redis)).await;
        answer.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    async fn count(&self, bucket: Bucket, subject: Subject) -> Result<(), Limited> {
        if bucket == Bucket::Kill || self.is_away() {
            return self.local.count(bucket, subject);
        }
        match self.ask(bucket, subject, 0).await {
            Ok(0) => Ok(()),
            Ok(wait_us) => Err(Limited::after_nanos(u128::from(wait_us) * 1_000)),
            Err(error) => {
                tracing::warn!(%error, "requests are counted locally: Redis does not answer");
                let away_ms = u64::try_from(AWAY_TIME.as_millis()).unwrap_or(u64::MAX);
                let until = self.since_start_ms().saturating_add(away_ms);
                self.away_until_ms.store(until, Ordering::Relaxed);
                self.local.count(bucket, subject)
            }
        }
    }
}

impl Limiter for RedisLimiter {
    fn check(&self, bucket: Bucket, subject: Subject) -> Doing<'_, Result<(), Limited>> {
        Box::pin(self.count(bucket, subject))
    }
}
