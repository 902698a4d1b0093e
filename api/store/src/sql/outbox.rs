//! The outbox in SQL.

use super::value::args;
use super::{Row, Store, Tx};
use crate::domain::Envelope;
use crate::events::{Outbox, OutboxRow};
use crate::{Kept, StoreError};
use qt_trading::ids::{EventId, TenantId};
use qt_trading::time::Time;

const EVENT: &str = "seq, event_id, event_type, event_version, aggregate_id, aggregate_type, \
    occurred_ns, correlation_id, causation_id, data";

impl Outbox for Store {
    fn tenants_with_events(&self) -> Kept<'_, Vec<TenantId>> {
        Box::pin(async move {
            let mut tx = self.system().await?;
            let sql = "SELECT DISTINCT tenant_id FROM outbox_events \
                       WHERE published_ns IS NULL AND $1 IS NOT NULL ORDER BY tenant_id";
            let rows = tx.rows(sql, args![]).await?;
            rows.iter().map(|row| row.uuid("tenant_id").map(TenantId)).collect()
        })
    }

    fn waiting_events(&self, tenant: TenantId, limit: u32) -> Kept<'_, Vec<OutboxRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {EVENT} FROM outbox_events WHERE tenant_id = $1 AND published_ns IS NULL \
                 ORDER BY seq LIMIT $2"
            );
            let rows = tx.rows(sql, args![limit]).await?;
            rows.iter().map(|row| event(tenant, row)).collect()
        })
    }

    fn events_after(&self, tenant: TenantId, seq: u64, limit: u32) -> Kept<'_, Vec<OutboxRow>> {
        Box::pin(async move { after(&mut self.read(tenant).await?, seq, limit).await })
    }

    fn events_published(&self, tenant: TenantId, through: u64) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE outbox_events SET published_ns = $2 \
                       WHERE tenant_id = $1 AND seq <= $3 AND published_ns IS NULL";
            tx.execute(sql, args![Time::now(), through]).await?;
            tx.commit().await
        })
    }

    fn forget_events(&self, tenant: TenantId, before: Time) -> Kept<'_, u64> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "DELETE FROM outbox_events WHERE tenant_id = $1 AND published_ns < $2";
            let count = tx.execute(sql, args![before]).await?;
            tx.commit().await?;
            Ok(count)
        })
    }
}

/// Events after `seq`, in a transaction that has begun.
pub(super) async fn after(tx: &mut Tx, seq: u64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
    let sql = format!(
        "SELECT {EVENT} FROM outbox_events WHERE tenant_id = $1 AND seq > $2 \
         ORDER BY seq LIMIT $3"
    );
    let rows = tx.rows(sql, args![seq, limit]).await?;
    rows.iter().map(|row| event(tx.tenant(), row)).collect()
}

fn event(tenant_id: TenantId, row: &Row) -> Result<OutboxRow, StoreError> {
    let envelope = Envelope {
        event_id: EventId(row.uuid("event_id")?),
        event_type: row.text("event_type")?,
        event_version: u32::try_from(row.int("event_version")?).unwrap_or(0),
        tenant_id,
        aggregate_id: row.text("aggregate_id")?,
        aggregate_type: row.text("aggregate_type")?,
        occurred_at: row.time("occurred_ns")?,
        correlation_id: row.text_opt("correlation_id")?,
        causation_id: row.text_opt("causation_id")?,
        data: row.text("data")?,
    };
    Ok(OutboxRow { seq: row.count("seq")?, envelope })
}
