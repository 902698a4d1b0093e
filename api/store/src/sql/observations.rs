//! Observations in SQL.

use sha2::{Digest, Sha256};

use super::value::args;
use super::{Row, Store};
use crate::audit::chain::hex;
use crate::page::{Cursor, Page, Slice};
use crate::{Kept, ObservationRow, Observations, StoreError};
use qt_trading::ids::TenantId;

impl Observations for Store {
    fn add_observation(&self, tenant: TenantId, row: ObservationRow) -> Kept<'_, bool> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "INSERT INTO observations (tenant_id, id, agent_name, task_id, reason, \
                       content, content_hash, created_ns) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                       ON CONFLICT (tenant_id, task_id, agent_name, reason, content_hash) \
                       DO NOTHING";
            let content_hash = hex(&Sha256::digest(row.content.as_bytes()));
            let values = args![
                row.id,
                row.agent_name,
                row.task_id,
                row.reason,
                row.content,
                content_hash,
                row.created_at,
            ];
            let count = tx.execute(sql, values).await?;
            tx.commit().await?;
            Ok(count > 0)
        })
    }

    fn observations(&self, tenant: TenantId, page: Page) -> Kept<'_, Slice<ObservationRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let (at, id) = page.below();
            let sql = "SELECT id, agent_name, task_id, reason, content, created_ns \
                       FROM observations WHERE tenant_id = $1 AND (created_ns, id) < ($2, $3) \
                       ORDER BY created_ns DESC, id DESC LIMIT $4";
            let rows = tx.rows(sql, args![at, id, page.fetch()]).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(observation).collect();
            let place = |it: &ObservationRow| Cursor { at: it.created_at.0, id: it.id };
            Ok(Slice::cut(rows?, &page, place))
        })
    }
}

fn observation(row: &Row) -> Result<ObservationRow, StoreError> {
    Ok(ObservationRow {
        id: row.uuid("id")?,
        agent_name: row.text("agent_name")?,
        task_id: row.text("task_id")?,
        reason: row.text("reason")?,
        content: row.text("content")?,
        created_at: row.time("created_ns")?,
    })
}
