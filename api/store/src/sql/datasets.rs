//! Data sets in SQL.

use serde_json::json;

use super::value::args;
use super::{Row, Store, Tx};
use crate::audit::AuditEntry;
use crate::datasets::DatasetQuota;
use crate::page::{Cursor, Page, Slice};
use crate::{Actor, DatasetRow, Datasets, Kept, NewDataset, PLATFORM, StoreError};
use qt_trading::ids::{DatasetId, TenantId};

const DATASET: &str = "id, name, kind, CAST(symbols AS TEXT) AS symbols, row_count, byte_count, \
    from_ns, to_ns, path, sha256, created_ns";

impl Datasets for Store {
    fn save_dataset(
        &self,
        actor: Actor,
        new: NewDataset,
        quota: DatasetQuota,
    ) -> Kept<'_, DatasetRow> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            // Those that come at the same moment are counted one after the other.
            tx.alone("datasets").await?;
            check_room(&mut tx, new.bytes, quota).await?;
            let sql = "INSERT INTO datasets (tenant_id, id, name, kind, symbols, row_count, \
                       byte_count, from_ns, to_ns, path, sha256, created_ns) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
            let values = args![
                new.id.0,
                new.name.clone(),
                new.kind.clone(),
                &json!(new.symbols),
                new.rows,
                new.bytes,
                new.from,
                new.to,
                new.path.clone(),
                new.sha256.clone(),
                actor.at,
            ];
            tx.execute(sql, values).await.map_err(|error| match error {
                StoreError::Conflict(_) => StoreError::conflict(format!(
                    "there is a data set called {:?} already: name it otherwise",
                    new.name
                )),
                other => other,
            })?;
            let subject = format!("dataset:{}", new.id);
            let detail = json!({"name": new.name, "sha256": new.sha256, "rows": new.rows});
            tx.audit(AuditEntry::new(&actor, "dataset.created", subject, &detail));
            let row = one(&mut tx, new.id).await?;
            tx.commit().await?;
            Ok(row)
        })
    }

    fn dataset(&self, tenant: TenantId, id: DatasetId) -> Kept<'_, DatasetRow> {
        Box::pin(async move {
            match one(&mut self.read(tenant).await?, id).await {
                Err(StoreError::NotFound) => one(&mut self.read(PLATFORM).await?, id).await,
                other => other,
            }
        })
    }

    fn dataset_named(
        &self,
        tenant: TenantId,
        name: String,
        is_shared: bool,
    ) -> Kept<'_, DatasetRow> {
        Box::pin(async move {
            let owner = if is_shared { PLATFORM } else { tenant };
            let mut tx = self.read(owner).await?;
            let sql = format!("SELECT {DATASET} FROM datasets WHERE tenant_id = $1 AND name = $2");
            dataset(owner, &tx.row(sql, args![name]).await?.ok_or(StoreError::NotFound)?)
        })
    }

    fn datasets(&self, tenant: TenantId, page: Page) -> Kept<'_, Slice<DatasetRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let (at, id) = page.below();
            let sql = format!(
                "SELECT {DATASET} FROM datasets WHERE tenant_id = $1 \
                 AND (created_ns, id) < ($2, $3) ORDER BY created_ns DESC, id DESC LIMIT $4"
            );
            let rows = tx.rows(sql, args![at, id, page.fetch()]).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(|row| dataset(tenant, row)).collect();
            let place = |it: &DatasetRow| Cursor { at: it.created_at.0, id: it.id.0 };
            Ok(Slice::cut(rows?, &page, place))
        })
    }

    fn delete_dataset(&self, actor: Actor, id: DatasetId) -> Kept<'_, DatasetRow> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let row = one(&mut tx, id).await?;
            let sql = "DELETE FROM datasets WHERE tenant_id = $1 AND id = $2";
            tx.execute(sql, args![id.0]).await?;
            let detail = json!({"name": row.name, "sha256": row.sha256});
            let subject = format!("dataset:{id}");
            tx.audit(AuditEntry::new(&actor, "dataset.deleted", subject, &detail));
            tx.commit().await?;
            Ok(row)
        })
    }
}

async fn check_room(tx: &mut Tx, bytes: u64, quota: DatasetQuota) -> Result<(), StoreError> {
    let sql = "SELECT COUNT(*) AS sets, CAST(COALESCE(SUM(byte_count), 0) AS BIGINT) AS bytes \
               FROM datasets WHERE tenant_id = $1";
    let row = tx.row(sql, args![]).await?.ok_or(StoreError::NotFound)?;
    let (sets, held) = (row.count("sets")?, row.count("bytes")?);
    if sets < quota.sets_max && held.saturating_add(bytes) <= quota.bytes_max {
        return Ok(());
    }
    let (sets_max, bytes_max) = (quota.sets_max, quota.bytes_max);
    let detail = format!(
        "{sets} data sets of {held} bytes are kept; {sets_max} of {bytes_max} bytes are allowed"
    );
    Err(StoreError::Full { code: "QUOTA_DATASETS", detail, retry_after_s: 3_600 })
}

async fn one(tx: &mut Tx, id: DatasetId) -> Result<DatasetRow, StoreError> {
    let sql = format!("SELECT {DATASET} FROM datasets WHERE tenant_id = $1 AND id = $2");
    let row = tx.row(sql, args![id.0]).await?.ok_or(StoreError::NotFound)?;
    dataset(tx.tenant(), &row)
}

fn dataset(owner: TenantId, row: &Row) -> Result<DatasetRow, StoreError> {
    Ok(DatasetRow {
        id: DatasetId(row.uuid("id")?),
        name: row.text("name")?,
        kind: row.text("kind")?,
        symbols: row.json("symbols")?,
        rows: row.count("row_count")?,
        bytes: row.count("byte_count")?,
        from: row.time("from_ns")?,
        to: row.time("to_ns")?,
        sha256: row.text("sha256")?,
        is_shared: owner == PLATFORM,
        path: row.text("path")?,
        created_at: row.time("created_ns")?,
    })
}
