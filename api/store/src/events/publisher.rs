//! From the outbox to the sinks.
//!
//! Events of a tenant are read in order, handed to each sink in turn, and then marked. Who ends
//! between the two hands them on again: at least once. A batch always begins with the first event
//! that is not marked, so that an event is never seen for the first time before the one in front
//! of it, even with two publishers at work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Outbox, Sink};
use crate::{Store, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// Events that are handed on at once.
pub const BATCH: u32 = 500;
/// How long the outbox is left alone when nobody rings.
const POLL: Duration = Duration::from_secs(1);
/// The wait after a first failure, and the longest.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// How long published events stay in the outbox.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// How often they are looked through.
const SWEEP: Duration = Duration::from_secs(600);

/// How the publisher is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublisherState {
    /// Events handed on since the start, repeated ones too.
    pub published: u64,
    /// Why the last try failed; none when it did not.
    pub error: Option<String>,
    /// When something was handed on last.
    pub last_at: Option<Time>,
}

/// The publisher.
pub struct Publisher {
    store: Store,
    sinks: Vec<Arc<dyn Sink>>,
    state: watch::Sender<PublisherState>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("sinks", &self.sinks.len()).finish_non_exhaustive()
    }
}

impl Publisher {
    /// From `store` to all of `sinks`, in their order.
    #[must_use]
    pub fn new(store: Store, sinks: Vec<Arc<dyn Sink>>) -> Self {
        Self { store, sinks, state: watch::Sender::default() }
    }

    /// How it is, from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<PublisherState> {
        self.state.subscribe()
    }

    /// Works until it is dropped.
    pub async fn run(self) {
        let mut retry = RETRY_FIRST;
        let mut swept = tokio::time::Instant::now();
        loop {
            let pause = match self.publish_waiting().await {
                Ok(_) => {
                    retry = RETRY_FIRST;
                    self.state.send_if_modified(|state| state.error.take().is_some());
                    POLL
                }
                Err(error) => {
                    tracing::warn!(%error, "events wait in the outbox");
                    self.state.send_modify(|state| state.error = Some(error));
                    let pause = retry;
                    retry = (retry * 2).min(RETRY_LONGEST);
                    tokio::time::sleep(pause).await;
                    continue;
                }
            };
            if swept.elapsed() >= SWEEP {
                swept = tokio::time::Instant::now();
                if let Err(error) = self.sweep().await {
                    tracing::warn!(%error, "old events stay in the outbox for now");
                }
            }
            // Rung or not, the outbox is looked at once in a while: another process may write.
            let _ = tokio::time::timeout(pause, self.store.event_written()).await;
        }
    }

    /// Hands on all events that wait, and says how many.
    ///
    /// # Errors
    /// When the store or a sink cannot; what was not handed on waits.
    pub async fn publish_waiting(&self) -> Result<u64, String> {
        let mut count = 0;
        let tenants = self.store.tenants_with_events().await.map_err(|e| e.to_string())?;
        for tenant in tenants {
            count += self.publish_tenant(tenant).await?;
        }
        Ok(count)
    }

    async fn publish_tenant(&self, tenant: TenantId) -> Result<u64, String> {
        let text = |error: StoreError| error.to_string();
        let mut count = 0;
        loop {
            let rows = self.store.waiting_events(tenant, BATCH).await.map_err(text)?;
            let Some(through) = rows.last().map(|row| row.seq) else { return Ok(count) };
            let is_last = rows.len() < BATCH as usize;
            let batch: Vec<_> = rows.into_iter().map(|row| row.envelope).collect();
            for sink in &self.sinks {
                sink.publish(&batch).await?;
            }
            self.store.events_published(tenant, through).await.map_err(text)?;
            count += batch.len() as u64;
            self.state.send_modify(|state| {
                state.published += batch.len() as u64;
                state.last_at = Some(Time::now());
            });
            if is_last {
                return Ok(count);
            }
        }
    }

    /// Forgets events that were published long ago.
    async fn sweep(&self) -> Result<(), StoreError> {
        use crate::Accounts;
        let kept = i64::try_from(KEPT.as_nanos()).unwrap_or(i64::MAX);
        let before = Time(Time::now().0 - kept);
        for tenant in self.store.tenants().await? {
            self.store.forget_events(tenant, before).await?;
        }
        Ok(())
    }
}
