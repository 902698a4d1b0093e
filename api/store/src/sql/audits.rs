//! The audit in SQL.

use uuid::Uuid;

use super::value::args;
use super::{Row, Store};
use crate::audit::chain::GENESIS;
use crate::audit::{AuditEntry, AuditFilter, AuditRow, Audits};
use crate::page::{Cursor, Page, Slice};
use crate::{Kept, StoreError};
use qt_trading::ids::TenantId;

const ENTRY: &str =
    "seq, id, at_ns, person, action, subject, request_id, detail, previous_hash, hash";

impl Audits for Store {
    fn audit(&self, tenant: TenantId, entry: AuditEntry) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "SELECT seq FROM audit_entries WHERE tenant_id = $1 AND id = $2";
            if tx.row(sql, args![entry.id]).await?.is_some() {
                return Ok(());
            }
            tx.audit(entry);
            match tx.commit().await {
                // The same entry was written by somebody else between the look and the commit.
                Err(StoreError::Conflict(_)) => Ok(()),
                other => other,
            }
        })
    }

    fn audit_rows(
        &self,
        tenant: TenantId,
        filter: AuditFilter,
        page: Page,
    ) -> Kept<'_, Slice<AuditRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let (below, _) = page.below();
            let sql = format!(
                "SELECT {ENTRY} FROM audit_entries WHERE tenant_id = $1 AND seq < $2 \
                 AND ($3 IS NULL OR action = $3 \
                     OR substr(action, 1, length($3) + 1) = $3 || '.') \
                 AND ($4 IS NULL OR person = $4) AND ($5 IS NULL OR subject = $5) \
                 ORDER BY seq DESC LIMIT $6"
            );
            let AuditFilter { action, person, subject } = filter;
            let rows = tx.rows(sql, args![below, action, person, subject, page.fetch()]).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(entry).collect();
            let place = |it: &AuditRow| Cursor { at: it.seq.cast_signed(), id: Uuid::nil() };
            Ok(Slice::cut(rows?, &page, place))
        })
    }

    fn audit_chain(&self, tenant: TenantId, seq: u64, limit: u32) -> Kept<'_, Vec<AuditRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {ENTRY} FROM audit_entries WHERE tenant_id = $1 AND seq >= $2 \
                 ORDER BY seq LIMIT $3"
            );
            let rows = tx.rows(sql, args![seq, limit]).await?;
            rows.iter().map(entry).collect()
        })
    }

    fn audit_end(&self, tenant: TenantId) -> Kept<'_, (u64, String)> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = "SELECT audit_seq, audit_hash FROM tenant_heads WHERE tenant_id = $1";
            match tx.row(sql, args![]).await? {
                Some(row) => Ok((row.count("audit_seq")?, row.text("audit_hash")?)),
                None => Ok((0, GENESIS.to_owned())),
            }
        })
    }
}

fn entry(row: &Row) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        seq: row.count("seq")?,
        id: row.uuid("id")?,
        at: row.time("at_ns")?,
        person: row.text("person")?,
        action: row.text("action")?,
        subject: row.text("subject")?,
        request_id: row.text("request_id")?,
        detail: row.text("detail")?,
        previous_hash: row.text("previous_hash")?,
        hash: row.text("hash")?,
    })
}
