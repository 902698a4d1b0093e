//! Webhooks in SQL.

use serde_json::json;
use uuid::Uuid;

use super::many::insert;
use super::outbox::after;
use super::row::word_of;
use super::value::args;
use super::{Row, Store, Tx};
use crate::audit::AuditEntry;
use crate::domain::Envelope;
use crate::page::{Cursor, Page, Slice};
use crate::webhooks::WEBHOOKS_MAX;
use crate::{
    Actor, DeliveryRow, DeliveryStatus, DueDelivery, Kept, NewWebhook, StoreError, Tried,
    WebhookRow, Webhooks,
};
use qt_trading::ids::{EventId, TenantId};
use qt_trading::time::Time;

const WEBHOOK: &str =
    "id, url, CAST(event_types AS TEXT) AS event_types, sealed_secret, person, created_ns";

impl Webhooks for Store {
    fn create_webhook(&self, actor: Actor, new: NewWebhook) -> Kept<'_, WebhookRow> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            tx.alone("webhooks").await?;
            check_room(&mut tx).await?;
            let sql = "INSERT INTO webhooks (tenant_id, id, url, event_types, sealed_secret, \
                       outbox_seq, person, created_ns) VALUES ($1, $2, $3, $4, $5, \
                       COALESCE((SELECT outbox_seq FROM tenant_heads WHERE tenant_id = $1), 0), \
                       $6, $7)";
            let values = args![
                new.id,
                new.url.clone(),
                &json!(new.event_types),
                new.sealed_secret,
                actor.person.clone(),
                actor.at,
            ];
            tx.execute(sql, values).await?;
            let detail = json!({"url": new.url, "event_types": new.event_types});
            let subject = format!("webhook:{}", new.id);
            tx.audit(AuditEntry::new(&actor, "webhook.created", subject, &detail));
            let row = one(&mut tx, new.id).await?;
            tx.commit().await?;
            Ok(row)
        })
    }

    fn webhooks(&self, tenant: TenantId) -> Kept<'_, Vec<WebhookRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {WEBHOOK} FROM webhooks WHERE tenant_id = $1 \
                 ORDER BY created_ns DESC, id DESC"
            );
            tx.rows(sql, args![]).await?.iter().map(webhook).collect()
        })
    }

    fn delete_webhook(&self, actor: Actor, id: Uuid) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            // Nobody makes deliveries for it at this moment.
            tx.alone("webhooks").await?;
            let row = one(&mut tx, id).await?;
            let sql = "DELETE FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2";
            tx.execute(sql, args![id]).await?;
            let sql = "DELETE FROM webhooks WHERE tenant_id = $1 AND id = $2";
            tx.execute(sql, args![id]).await?;
            let (subject, detail) = (format!("webhook:{id}"), json!({"url": row.url}));
            tx.audit(AuditEntry::new(&actor, "webhook.deleted", subject, &detail));
            tx.commit().await
        })
    }

    fn deliveries(&self, tenant: TenantId, id: Uuid, page: Page) -> Kept<'_, Slice<DeliveryRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            one(&mut tx, id).await?;
            let (at, below) = page.below();
            let sql = "SELECT id, event_id, event_type, status, tries, next_ns, tried_ns, \
                       answer_status, error, created_ns FROM webhook_deliveries \
                       WHERE tenant_id = $1 AND webhook_id = $2 AND (created_ns, id) < ($3, $4) \
                       ORDER BY created_ns DESC, id DESC LIMIT $5";
            let rows = tx.rows(sql, args![id, at, below, page.fetch()]).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(delivery).collect();
            let place = |it: &DeliveryRow| Cursor { at: it.created_at.0, id: it.id };
            Ok(Slice::cut(rows?, &page, place))
        })
    }

    fn tenants_with_webhooks(&self) -> Kept<'_, Vec<TenantId>> {
        Box::pin(async move {
            let mut tx = self.system().await?;
            let sql = "SELECT DISTINCT tenant_id FROM webhooks WHERE $1 IS NOT NULL \
                       ORDER BY tenant_id";
            let rows = tx.rows(sql, args![]).await?;
            rows.iter().map(|row| row.uuid("tenant_id").map(TenantId)).collect()
        })
    }

    fn take_up_events(&self, tenant: TenantId, limit: u32) -> Kept<'_, u64> {
        Box::pin(async move {
            // Nothing is locked while there is nothing to do.
            if self.read(tenant).await?.row(BEHIND, args![]).await?.is_none() {
                return Ok(0);
            }
            let mut tx = self.write(tenant).await?;
            tx.alone("webhooks").await?;
            let count = take_up(&mut tx, limit).await?;
            tx.commit().await?;
            Ok(count)
        })
    }

    fn due_deliveries(
        &self,
        tenant: TenantId,
        id: Uuid,
        now: Time,
        until: Time,
        limit: u32,
    ) -> Kept<'_, Vec<DueDelivery>> {
        Box::pin(async move {
            let due = "SELECT id FROM webhook_deliveries WHERE tenant_id = $1 \
                       AND webhook_id = $2 AND status = 'waiting' AND next_ns <= $3 \
                       ORDER BY next_ns, id LIMIT $4";
            let values = args![id, now, limit];
            if self.read(tenant).await?.row(due, values).await?.is_none() {
                return Ok(Vec::new());
            }
            let mut tx = self.write(tenant).await?;
            // The outer condition holds for whoever comes second as well.
            let sql = format!(
                "UPDATE webhook_deliveries SET next_ns = $5, tries = tries + 1, tried_ns = $3 \
                 WHERE tenant_id = $1 AND status = 'waiting' AND next_ns <= $3 AND id IN ({due}) \
                 RETURNING id, event_id, event_type, body, tries, created_ns"
            );
            let rows = tx.rows(sql, args![id, now, limit, until]).await?;
            let taken: Result<Vec<_>, StoreError> = rows.iter().map(due_delivery).collect();
            tx.commit().await?;
            let mut taken = taken?;
            taken.sort_by_key(|it| (it.created_at, it.id));
            Ok(taken)
        })
    }

    fn delivery_tried(&self, tenant: TenantId, delivery: Uuid, tried: Tried) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE webhook_deliveries SET status = $3, next_ns = $4, tried_ns = $5, \
                       answer_status = $6, error = $7 WHERE tenant_id = $1 AND id = $2 \
                       AND status = 'waiting'";
            let values = args![
                delivery,
                word_of(tried.status),
                tried.next_at,
                tried.at,
                super::Value::Int(tried.answer_status.map(i64::from)),
                tried.error,
            ];
            tx.execute(sql, values).await?;
            tx.commit().await
        })
    }

    fn forget_deliveries(&self, tenant: TenantId, before: Time) -> Kept<'_, u64> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "DELETE FROM webhook_deliveries WHERE tenant_id = $1 AND created_ns < $2 \
                       AND status <> 'waiting'";
            let count = tx.execute(sql, args![before]).await?;
            tx.commit().await?;
            Ok(count)
        })
    }
}

/// A webhook that was not told of all events.
const BEHIND: &str = "SELECT id FROM webhooks WHERE tenant_id = $1 AND outbox_seq < \
    (SELECT COALESCE(MAX(seq), 0) FROM outbox_events WHERE tenant_id = $1) LIMIT 1";

async fn take_up(tx: &mut Tx, limit: u32) -> Result<u64, StoreError> {
    let sql = "SELECT id, CAST(event_types AS TEXT) AS event_types, outbox_seq FROM webhooks \
               WHERE tenant_id = $1";
    let mut hooks: Vec<(Uuid, Vec<String>, u64)> = Vec::new();
    for row in tx.rows(sql, args![]).await? {
        hooks.push((row.uuid("id")?, row.json("event_types")?, row.count("outbox_seq")?));
    }
    let Some(from) = hooks.iter().map(|(_, _, seq)| *seq).min() else { return Ok(0) };
    let events = after(tx, from, limit).await?;
    let Some(through) = events.last().map(|event| event.seq) else { return Ok(0) };
    let (now, waiting) = (Time::now(), word_of(DeliveryStatus::Waiting));
    let mut rows = Vec::new();
    for event in &events {
        let kind = &event.envelope.event_type;
        let is_for = |(_, kinds, seq): &&(Uuid, Vec<String>, u64)| {
            *seq < event.seq && (kinds.is_empty() || kinds.contains(kind))
        };
        for (hook, _, _) in hooks.iter().filter(is_for) {
            rows.push(args![
                Uuid::now_v7(),
                *hook,
                event.envelope.event_id.0,
                kind.clone(),
                body(&event.envelope),
                waiting.clone(),
                0_u64,
                now,
                now,
            ]);
        }
    }
    let into = "webhook_deliveries (tenant_id, id, webhook_id, event_id, event_type, body, \
                status, tries, next_ns, created_ns)";
    insert(tx, into, rows, "ON CONFLICT DO NOTHING").await?;
    let sql = "UPDATE webhooks SET outbox_seq = $2 WHERE tenant_id = $1 AND outbox_seq < $2";
    tx.execute(sql, args![through]).await?;
    Ok(events.len() as u64)
}

/// The event as it is posted: `data` is an object, not a text.
fn body(event: &Envelope) -> String {
    let data = serde_json::from_str::<serde_json::Value>(&event.data).unwrap_or_default();
    let body = json!({
        "event_id": event.event_id,
        "event_type": event.event_type,
        "event_version": event.event_version,
        "tenant_id": event.tenant_id,
        "aggregate_id": event.aggregate_id,
        "aggregate_type": event.aggregate_type,
        "occurred_at": event.occurred_at,
        "correlation_id": event.correlation_id,
        "causation_id": event.causation_id,
        "data": data,
    });
    body.to_string()
}

async fn check_room(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = "SELECT COUNT(*) AS hooks FROM webhooks WHERE tenant_id = $1";
    let row = tx.row(sql, args![]).await?.ok_or(StoreError::NotFound)?;
    if row.count("hooks")? < WEBHOOKS_MAX {
        return Ok(());
    }
    let detail = format!("there are {WEBHOOKS_MAX} webhooks, and no more are allowed: delete one");
    Err(StoreError::Full { code: "QUOTA_WEBHOOKS", detail, retry_after_s: 3_600 })
}

async fn one(tx: &mut Tx, id: Uuid) -> Result<WebhookRow, StoreError> {
    let sql = format!("SELECT {WEBHOOK} FROM webhooks WHERE tenant_id = $1 AND id = $2");
    webhook(&tx.row(sql, args![id]).await?.ok_or(StoreError::NotFound)?)
}

fn webhook(row: &Row) -> Result<WebhookRow, StoreError> {
    Ok(WebhookRow {
        id: row.uuid("id")?,
        url: row.text("url")?,
        event_types: row.json("event_types")?,
        sealed_secret: row.text("sealed_secret")?,
        created_by: row.text("person")?,
        created_at: row.time("created_ns")?,
    })
}

fn delivery(row: &Row) -> Result<DeliveryRow, StoreError> {
    let status = row.word("status")?;
    let next = row.time("next_ns")?;
    Ok(DeliveryRow {
        id: row.uuid("id")?,
        event_id: EventId(row.uuid("event_id")?),
        event_type: row.text("event_type")?,
        status,
        tries: row.count("tries")?,
        next_try_at: (status == DeliveryStatus::Waiting).then_some(next),
        tried_at: row.time_opt("tried_ns")?,
        answer_status: row.int_opt("answer_status")?,
        error: row.text_opt("error")?,
        created_at: row.time("created_ns")?,
    })
}

fn due_delivery(row: &Row) -> Result<DueDelivery, StoreError> {
    Ok(DueDelivery {
        id: row.uuid("id")?,
        event_id: EventId(row.uuid("event_id")?),
        event_type: row.text("event_type")?,
        body: row.text("body")?,
        tries: row.count("tries")?,
        created_at: row.time("created_ns")?,
    })
}
