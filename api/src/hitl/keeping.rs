//! What is due without anybody asking: requests expire with their signals, what was approved of and
//! is not in the session is tried again, and the mirror is caught up.

use std::sync::Arc;
use std::time::Duration;

use super::mirror::Mirror;
use super::{Approvals, locked, tell};
use qt_store::{Accounts, Actor, Page, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use tokio::time::{Instant, timeout};

/// How often it is looked at tenants of whom something may be due.
const EVERY: Duration = Duration::from_secs(1);
/// How often it is looked at all of them: another process may have ended in between.
const ALL_EVERY: Duration = Duration::from_secs(60);
/// So many requests the mirror is shown in one round.
const SHOWN_AT_ONCE: u32 = 100;

/// Redis is away when it takes longer.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

/// What is left to be done of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Nothing, until somebody is asked.
    Nothing,
    /// Something, in a moment.
    More,
    /// Something, when Redis is back.
    Away,
}

impl Approvals {
    /// Keeps all of it going, from what was left at the last end on, until it is dropped.
    pub async fn keep(self: Arc<Self>, accounts: impl Accounts, mirror: Option<Mirror>) {
        let (mut all_at, has_mirror) = (Instant::now(), mirror.is_some());
        loop {
            if all_at <= Instant::now() {
                match accounts.tenants().await {
                    Ok(tenants) => {
                        locked(&self.awake).extend(tenants);
                        all_at = Instant::now() + ALL_EVERY;
                    }
                    Err(error) => tracing::warn!(%error, "approvals that wait are not known yet"),
                }
            }
            let mut is_shown = match &mirror {
                Some(mirror) => self.look_at_mirror(mirror, &accounts).await,
                None => false,
            };
            let tenants = std::mem::take(&mut *locked(&self.awake));
            for tenant in tenants {
                let mirror = mirror.as_ref().filter(|_| is_shown);
                let left = self.keep_one(tenant, mirror).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "approvals that are due wait for the store");
                    Left::More
                });
                // Nobody else waits for a Redis that is away.
                is_shown &= left != Left::Away;
                if left != Left::Nothing || (mirror.is_none() && has_mirror) {
                    locked(&self.awake).insert(tenant);
                }
            }
            let _ = timeout(EVERY, self.due.notified()).await;
        }
    }

    /// Whether the mirror can be shown anything. In a Redis that has lost its data, all of it is
    /// shown again: first that is written down, then the Redis is marked, so that whoever ends in
    /// between begins it anew.
    async fn look_at_mirror(&self, mirror: &Mirror, accounts: &impl Accounts) -> bool {
        match timeout(SHOWN_WITHIN, mirror.is_there()).await {
            Ok(Ok(true)) => return true,
            Ok(Ok(false)) => {}
            Ok(Err(_)) | Err(_) => return false,
        }
        match self.show_all(accounts).await {
            Ok(0) => {}
            Ok(count) => tracing::warn!(count, "Redis is another one: approvals are shown again"),
            Err(error) => {
                tracing::warn!(%error, "the mirror of approvals waits for the store");
                return false;
            }
        }
        matches!(timeout(SHOWN_WITHIN, mirror.begin(Time::now())).await, Ok(Ok(())))
    }

    /// Has all of it shown once more, of all tenants.
    async fn show_all(&self, accounts: &impl Accounts) -> Result<u64, StoreError> {
        let (tenants, now) = (accounts.tenants().await?, Time::now());
        let mut count = 0;
        for tenant in &tenants {
            count += self.store.hitl_mirror_lost(*tenant, now).await?;
        }
        locked(&self.awake).extend(tenants);
        Ok(count)
    }

    /// Does what is due of one tenant.
    async fn keep_one(
        &self,
        tenant: TenantId,
        mirror: Option<&Mirror>,
    ) -> Result<Left, StoreError> {
        self.expire(tenant).await?;
        let mut is_open = false;
        for (request, decision) in self.store.hitl_unreleased(tenant).await? {
            is_open = true;
            if !locked(&self.held).contains(&request.id) {
                self.release(tenant, &request, &decision).await?;
            }
        }
        if let Some(mirror) = mirror {
            match self.show(tenant, mirror).await? {
                Left::Away => return Ok(Left::Away),
                left => is_open |= left == Left::More,
            }
        }
        let page = Page { after: None, limit: 1 };
        let pending = self.store.hitl_pending(tenant, None, Time::now(), page).await?;
        let is_open = is_open || !pending.items.is_empty();
        Ok(if is_open { Left::More } else { Left::Nothing })
    }

    async fn expire(&self, tenant: TenantId) -> Result<(), StoreError> {
        let expired = self.store.expire_hitl(Actor::service(tenant)).await?;
        self.figures.expired(expired.len());
        for request in expired {
            if let Ok(desk) = self.trading.desk(tenant).await {
                tell(&*desk, "hitl_expired", &request, None);
            }
            if let Some(intake) = self.intake.upgrade() {
                intake.tell_again(tenant, request.asked.signal).await;
            }
        }
        Ok(())
    }

    /// Shows what the mirror does not show yet.
    async fn show(&self, tenant: TenantId, mirror: &Mirror) -> Result<Left, StoreError> {
        let now = Time::now();
        let due = self.store.hitl_unmirrored(tenant, now, SHOWN_AT_ONCE).await?;
        let is_all = due.len() < SHOWN_AT_ONCE as usize;
        for (request, decision) in due {
            let showing = mirror.show(tenant, &request, decision.as_ref(), now);
            if !matches!(timeout(SHOWN_WITHIN, showing).await, Ok(Ok(()))) {
                tracing::warn!("the mirror of approvals waits for Redis");
                return Ok(Left::Away);
            }
            self.store.hitl_mirrored(tenant, request).await?;
        }
        Ok(if is_all { Left::Nothing } else { Left::More })
    }
}
