//! Signs the ends of audits as they grow, and verifies whole audits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::chain::{Finding, Verified, Walk};
use super::head::{HeadError, HeadKeeper, Heads};
use super::{Audits, SignedHead};
use crate::{Accounts, PLATFORM, Store, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// Rows that the verifier reads at once.
const ROWS: u32 = 1_000;
/// The first rows of a tenant have no head until they are signed, a moment after they are written.
const UNSIGNED: Duration = Duration::from_secs(10);

/// Why heads could not be signed, or an audit not be verified.
#[derive(Debug, Error)]
pub enum AuditError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The heads.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The end that was signed is not in the database any more: nothing new is signed over it.
    #[error("the audit of tenant {0} is not what was signed: quanttrade audit verify tells more")]
    Broken(TenantId),
}

impl HeadKeeper {
    /// Signs the ends of all audits that have grown since the last call in this process.
    ///
    /// # Errors
    /// When one cannot be signed; it is tried again at the next call.
    pub async fn sign_grown(&self, store: &Store) -> Result<(), AuditError> {
        let mut result = Ok(());
        for tenant in store.take_grown() {
            if let Err(error) = self.sign_end(store, tenant).await {
                store.has_grown(tenant);
                result = Err(error);
            }
        }
        result
    }

    /// Signs the ends of all tenants' audits: at a start, for what was written before a crash.
    ///
    /// # Errors
    /// When one cannot be signed.
    pub async fn sign_all(&self, store: &Store) -> Result<(), AuditError> {
        let mut tenants = store.tenants().await?;
        tenants.push(PLATFORM);
        let mut result = Ok(());
        for tenant in tenants {
            if let Err(error) = self.sign_end(store, tenant).await {
                result = Err(error);
            }
        }
        result
    }

    async fn sign_end(&self, store: &Store, tenant: TenantId) -> Result<(), AuditError> {
        let (seq, hash) = store.audit_end(tenant).await?;
        // Who cuts the end off while the service runs must not get the rest signed.
        if let Some(head) = self.head(tenant)? {
            let kept = store.audit_chain(tenant, head.seq, 1).await?;
            let is_there = kept.first().is_some_and(|row| row.seq == head.seq);
            if seq < head.seq || !is_there || kept[0].hash != head.hash {
                return Err(AuditError::Broken(tenant));
            }
            if seq == head.seq {
                return Ok(());
            }
        }
        if seq > 0 {
            self.sign(tenant, seq, &hash)?;
        }
        Ok(())
    }

    /// Signs what has grown, again and again, until it is dropped.
    pub async fn run(self: Arc<Self>, store: Store, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = self.sign_grown(&store).await {
                tracing::error!(%error, "an audit's end is not signed");
            }
        }
    }
}

/// Verifies the audits of all tenants, or of one.
///
/// # Errors
/// When the store or a head cannot be read. What is wrong with an audit is a finding.
pub async fn verify(
    store: &Store,
    heads: &Heads,
    only: Option<TenantId>,
) -> Result<Vec<Verified>, AuditError> {
    let tenants: BTreeSet<TenantId> = match only {
        Some(tenant) => BTreeSet::from([tenant]),
        // A tenant whose rows are gone has a head still.
        None => store.tenants().await?.into_iter().chain(heads.tenants()).collect(),
    };
    let mut all = Vec::new();
    for tenant in tenants {
        all.push(match heads.head(tenant) {
            Ok(head) => verify_one(store, tenant, head).await?,
            Err(error) => {
                let finding = Finding { seq: 1, what: error.to_string() };
                Walk::new(tenant, None).closed(Some(finding))
            }
        });
    }
    Ok(all)
}

async fn verify_one(
    store: &Store,
    tenant: TenantId,
    head: Option<SignedHead>,
) -> Result<Verified, AuditError> {
    // Read after the head and before the rows: what is written while we read comes after it.
    let (last, last_hash) = store.audit_end(tenant).await?;
    let mut walk = Walk::new(tenant, head);
    let mut first_at = None;
    while walk.seq() < last {
        let left = u32::try_from(last - walk.seq()).unwrap_or(ROWS).min(ROWS);
        let rows = store.audit_chain(tenant, walk.seq() + 1, left).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            first_at.get_or_insert(row.at);
            if let Err(finding) = walk.step(row) {
                return Ok(walk.closed(Some(finding)));
            }
        }
    }
    let beyond = store.audit_chain(tenant, last + 1, 1).await?;
    if let Some(row) = beyond.first() {
        // A row that came meanwhile has been counted with it.
        let (now, _) = store.audit_end(tenant).await?;
        if now < row.seq {
            return Ok(walk.put_in(last + 1));
        }
    }
    let young = i64::try_from(UNSIGNED.as_nanos()).unwrap_or(i64::MAX);
    let is_young = first_at.is_some_and(|at: Time| Time::now().0.saturating_sub(at.0) < young);
    Ok(walk.end(last, &last_hash, is_young))
}
