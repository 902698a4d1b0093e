//! The list of revoked tokens that the platform keeps in Redis.
//!
//! The whole list is read every few seconds, so that a request asks memory, and the last list goes
//! on when Redis is away. A list that is older than 15 minutes is stale. What was on the list stays
//! on it for as long as a token may live: a Redis that lost its data frees nobody.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use redis::aio::ConnectionManager;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::claims::LIFETIME_S_MAX;
use super::revocation::Revocations;
use qt_trading::time::Time;

/// What stands before the name of a token or session: both of the platform's conventions.
pub const PREFIXES: [&str; 2] = ["blacklist:", "blacklisted_token:"];
/// For how long the last list stays in force.
pub const STALE_AGE_NS: i64 = 15 * 60 * 1_000_000_000;
/// How often the list is read.
pub const REFRESH_PAUSE: Duration = Duration::from_secs(2);
/// The most entries that are kept; 24 bytes each.
const ENTRIES_MAX: usize = 1_000_000;
/// For how long an entry counts after it was last seen: with a minute for clocks that differ.
const KEPT_NS: i64 = (LIFETIME_S_MAX + 60) * 1_000_000_000;
/// Never, as a time.
const NEVER: i64 = i64::MIN;

/// Why the list could not be read.
#[derive(Debug, Error)]
pub enum ListError {
    /// Redis did not answer, or not with what was asked for.
    #[error("{0}")]
    Redis(#[from] redis::RedisError),
    /// There are more entries than are kept: to leave some out would let revoked tokens in.
    #[error("more than {ENTRIES_MAX} revoked tokens")]
    TooMany,
}

type Ids = HashMap<[u8; 16], i64>;

/// The list.
pub struct RedisRevocations {
    redis: ConnectionManager,
    namespace: String,
    /// What is revoked, and when that was last read.
    ids: ArcSwap<Ids>,
    read_at_ns: AtomicI64,
}

impl std::fmt::Debug for RedisRevocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisRevocations").finish_non_exhaustive()
    }
}

impl RedisRevocations {
    /// An empty list, which is stale until it was read. `namespace` stands before every key; the
    /// platform has none.
    #[must_use]
    pub fn new(redis: ConnectionManager, namespace: &str) -> Self {
        let ids = ArcSwap::from_pointee(Ids::new());
        let read_at_ns = AtomicI64::new(NEVER);
        Self { redis, namespace: namespace.to_owned(), ids, read_at_ns }
    }

    /// Reads the list, and says how many there are, of those that count still.
    ///
    /// # Errors
    /// When Redis is away; the last list stays.
    pub async fn refresh(&self, now: Time) -> Result<usize, ListError> {
        let mut ids = Ids::clone(&self.ids.load());
        ids.retain(|_, seen_ns| now.0.saturating_sub(*seen_ns) <= KEPT_NS);
        for prefix in PREFIXES {
            self.read(prefix, now, &mut ids).await?;
        }
        let count = ids.len();
        self.ids.store(Arc::new(ids));
        self.read_at_ns.store(now.0, Ordering::Release);
        Ok(count)
    }

    async fn read(&self, prefix: &str, now: Time, ids: &mut Ids) -> Result<(), ListError> {
        let before = format!("{}{prefix}", self.namespace);
        let mut redis = self.redis.clone();
        let mut cursor = 0_u64;
        loop {
            let (next, keys): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(format!("{before}*"))
                .arg("COUNT")
                .arg(1_000)
                .query_async(&mut redis)
                .await?;
            let names = keys.iter().filter_map(|key| key.strip_prefix(before.as_bytes()));
            ids.extend(names.map(|name| (digest(name), now.0)));
            if ids.len() > ENTRIES_MAX {
                return Err(ListError::TooMany);
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Reads the list again and again, until the returned task is aborted. Reading takes at most a
    /// tenth of the time, however many keys Redis holds.
    pub fn keep_fresh(self: &Arc<Self>) -> JoinHandle<()> {
        let list = Arc::clone(self);
        tokio::spawn(async move {
            let mut was_away = false;
            loop {
                let start = Instant::now();
                let outcome = list.refresh(Time::now()).await;
                match (&outcome, was_away) {
                    (Err(error), false) => {
                        tracing::warn!(%error, "the list of revoked tokens cannot be read");
                    }
                    (Ok(count), true) => tracing::info!(count, "revoked tokens are read again"),
                    _ => {}
                }
                was_away = outcome.is_err();
                tokio::time::sleep(REFRESH_PAUSE.max(start.elapsed() * 9)).await;
            }
        })
    }
}

impl Revocations for RedisRevocations {
    fn is_revoked(&self, id: &str) -> bool {
        self.ids.load().contains_key(&digest(id.as_bytes()))
    }

    fn is_stale(&self, now: Time) -> bool {
        let read_at_ns = self.read_at_ns.load(Ordering::Acquire);
        read_at_ns == NEVER || now.0.saturating_sub(read_at_ns) > STALE_AGE_NS
    }
}

/// The first half of a SHA-256: names of any length in 16 bytes.
fn digest(id: &[u8]) -> [u8; 16] {
    let whole: [u8; 32] = Sha256::digest(id).into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}
