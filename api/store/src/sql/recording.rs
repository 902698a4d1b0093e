//! Events and audit rows, written at the end of the transaction of the change.
//!
//! Each tenant has one row of heads. Its lock is taken here, last of all, and held until the
//! commit: so the numbers of a tenant's events and audit rows have the order of its commits.

use super::many::insert;
use super::tx::Tx;
use super::value::args;
use crate::audit::AuditEntry;
use crate::audit::chain::{GENESIS, link};
use crate::domain::{DomainEvent, Envelope};
use crate::{Actor, StoreError};
use qt_trading::time::Time;

impl Tx {
    /// Collects what has happened, as `actor`'s doing.
    pub(super) fn happened(&mut self, actor: &Actor, events: Vec<DomainEvent>) {
        let correlation = Some(actor.request_id.clone()).filter(|id| !id.is_empty());
        for event in events {
            self.events.push(Envelope::new(self.tenant(), &event, correlation.clone(), None));
        }
    }

    /// Collects a row of the audit.
    pub(super) fn audit(&mut self, entry: AuditEntry) {
        self.audits.push(entry);
    }

    /// Makes the rows of a tenant that is here for the first time.
    pub(super) async fn ensure_tenant(&mut self) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO tenants (tenant_id, created_ns) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        self.execute(sql, args![Time::now()]).await?;
        let sql = "INSERT INTO tenant_heads (tenant_id, outbox_seq, audit_seq, audit_hash) \
                   VALUES ($1, 0, 0, $2) ON CONFLICT DO NOTHING";
        self.execute(sql, args![GENESIS]).await?;
        Ok(())
    }

    pub(super) async fn write_recorded(&mut self) -> Result<(), StoreError> {
        let events = std::mem::take(&mut self.events);
        let audits = std::mem::take(&mut self.audits);
        if events.is_empty() && audits.is_empty() {
            return Ok(());
        }
        let lock = "UPDATE tenant_heads SET outbox_seq = outbox_seq + $2 WHERE tenant_id = $1 \
                    RETURNING outbox_seq, audit_seq, audit_hash";
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let mut heads = self.row(lock, args![count]).await?;
        if heads.is_none() {
            self.ensure_tenant().await?;
            heads = self.row(lock, args![count]).await?;
        }
        let heads = heads.ok_or_else(|| StoreError::broken("the tenant's heads cannot be made"))?;
        self.write_events(&events, heads.int("outbox_seq")? - count).await?;
        self.write_audits(&audits, heads.int("audit_seq")?, heads.text("audit_hash")?).await
    }

    async fn write_events(&mut self, events: &[Envelope], last: i64) -> Result<(), StoreError> {
        let rows = (last + 1..).zip(events).map(|(seq, event)| {
            args![
                seq,
                event.event_id.0,
                event.event_type.clone(),
                event.event_version,
                event.aggregate_id.clone(),
                event.aggregate_type.clone(),
                event.occurred_at,
                event.correlation_id.clone(),
                event.causation_id.clone(),
                event.data.clone(),
            ]
        });
        let into = "outbox_events (tenant_id, seq, event_id, event_type, event_version, \
                    aggregate_id, aggregate_type, occurred_ns, correlation_id, causation_id, data)";
        insert(self, into, rows.collect(), "ON CONFLICT DO NOTHING").await
    }

    async fn write_audits(
        &mut self,
        audits: &[AuditEntry],
        last: i64,
        hash: String,
    ) -> Result<(), StoreError> {
        if audits.is_empty() {
            return Ok(());
        }
        let (tenant, mut previous, mut seq) = (self.tenant(), hash, last);
        let mut rows = Vec::with_capacity(audits.len());
        for entry in audits {
            seq += 1;
            let hash = link(&previous, tenant, seq.cast_unsigned(), entry);
            rows.push(args![
                seq,
                entry.id,
                entry.at,
                entry.person.clone(),
                entry.action.clone(),
                entry.subject.clone(),
                entry.request_id.clone(),
                entry.detail.clone(),
                previous,
                hash.clone(),
            ]);
            previous = hash;
        }
        let into = "audit_entries (tenant_id, seq, id, at_ns, person, action, subject, \
                    request_id, detail, previous_hash, hash)";
        insert(self, into, rows, "").await?;
        let sql = "UPDATE tenant_heads SET audit_seq = $2, audit_hash = $3 WHERE tenant_id = $1";
        self.execute(sql, args![seq, previous]).await.map(|_| ())
    }
}
