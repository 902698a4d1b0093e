//! Idempotency keys in SQL.

use uuid::Uuid;

use super::Store;
use super::value::args;
use crate::audit::chain::hex;
use crate::idempotency::{KEY_LENGTH_MAX, KEY_SECONDS, LOST_SECONDS};
use crate::{Answer, Begun, Idempotency, Kept, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

const SECOND_NS: i64 = 1_000_000_000;

impl Idempotency for Store {
    fn begin_request(
        &self,
        tenant: TenantId,
        scope: String,
        key: String,
        body_hash: [u8; 32],
        resource: Uuid,
    ) -> Kept<'_, Begun> {
        Box::pin(async move {
            if key.is_empty() || key.len() > KEY_LENGTH_MAX {
                let detail = format!("it has 1 to {KEY_LENGTH_MAX} characters");
                return Err(StoreError::Invalid { field: "Idempotency-Key", detail });
            }
            let now = Time::now();
            let hash = hex(&body_hash);
            let mut tx = self.write(tenant).await?;
            // A key that is too old is as good as new; one whose request was lost is taken over.
            let sql = "INSERT INTO idempotency_keys (tenant_id, scope, request_key, body_hash, \
                       resource, begun_ns) VALUES ($1, $2, $3, $4, $5, $6) \
                       ON CONFLICT (tenant_id, scope, request_key) DO UPDATE SET \
                       body_hash = excluded.body_hash, resource = excluded.resource, \
                       begun_ns = excluded.begun_ns, answer_status = NULL, answer_body = NULL \
                       WHERE idempotency_keys.begun_ns < $7 RETURNING resource";
            let old = now.0 - KEY_SECONDS * SECOND_NS;
            let values = args![scope.clone(), key.clone(), hash.clone(), resource, now, old];
            if tx.row(sql, values).await?.is_some() {
                tx.commit().await?;
                return Ok(Begun::New);
            }
            let sql = "SELECT body_hash, resource, answer_status, answer_body \
                       FROM idempotency_keys \
                       WHERE tenant_id = $1 AND scope = $2 AND request_key = $3";
            let row = tx.row(sql, args![scope.clone(), key.clone()]).await?;
            let Some(row) = row else { return Ok(Begun::Running) };
            if row.text("body_hash")? != hash {
                return Ok(Begun::OtherBody);
            }
            if let Some(status) = row.int_opt("answer_status")? {
                let status = u16::try_from(status).unwrap_or(500);
                let body = row.text_opt("answer_body")?.unwrap_or_default();
                return Ok(Begun::Done(Answer { status, body }));
            }
            let first = row.uuid("resource")?;
            let sql = "UPDATE idempotency_keys SET begun_ns = $4 WHERE tenant_id = $1 \
                       AND scope = $2 AND request_key = $3 AND begun_ns < $5";
            let lost = now.0 - LOST_SECONDS * SECOND_NS;
            let is_lost = tx.execute(sql, args![scope, key, now, lost]).await? > 0;
            tx.commit().await?;
            Ok(if is_lost { Begun::Lost(first) } else { Begun::Running })
        })
    }

    fn finish_request(
        &self,
        tenant: TenantId,
        scope: String,
        key: String,
        answer: Answer,
    ) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE idempotency_keys SET answer_status = $4, answer_body = $5 \
                       WHERE tenant_id = $1 AND scope = $2 AND request_key = $3";
            let status = i64::from(answer.status);
            tx.execute(sql, args![scope, key, status, answer.body]).await?;
            tx.commit().await
        })
    }

    fn lose_request(&self, tenant: TenantId, scope: String, key: String) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE idempotency_keys SET begun_ns = $4 WHERE tenant_id = $1 \
                       AND scope = $2 AND request_key = $3 AND answer_status IS NULL";
            let lost = Time::now().0 - (LOST_SECONDS + 1) * SECOND_NS;
            tx.execute(sql, args![scope, key, lost]).await?;
            tx.commit().await
        })
    }

    fn expire_requests(&self, tenant: TenantId) -> Kept<'_, u64> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND begun_ns < $2";
            let old = Time::now().0 - KEY_SECONDS * SECOND_NS;
            let count = tx.execute(sql, args![old]).await?;
            tx.commit().await?;
            Ok(count)
        })
    }
}
