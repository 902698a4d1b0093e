//! What waits for a human, in SQL: policies, requests, decisions, figures.

mod decide;
mod figures;
mod policy;
mod rows;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use self::rows::{BOTH, DECISION, REQUEST, both, decision, request};
use super::row::word_of;
use super::value::args;
use super::{Store, Tx};
use crate::audit::AuditEntry;
use crate::hitl::{HIGH_SECONDS, MEDIUM_SECONDS};
use crate::page::{Cursor, Page, Slice};
use crate::{
    Actor, Decided, Hitl, HitlDecision, HitlFigures, HitlPolicy, HitlRequest, HitlStatus,
    HitlTerms, Kept, NewHitlDecision, NewHitlRequest, StoreError, Urgency,
};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;

const SECOND_NS: i64 = 1_000_000_000;
/// So long what is over is shown by the mirror, and so far back it is caught up.
const MIRRORED_NS: i64 = 30 * 24 * 3_600 * SECOND_NS;

impl Hitl for Store {
    fn hitl_policy(&self, tenant: TenantId) -> Kept<'_, HitlPolicy> {
        Box::pin(async move { policy::in_force(&mut self.read(tenant).await?).await })
    }

    fn set_hitl_policy(&self, actor: Actor, base: u64, terms: HitlTerms) -> Kept<'_, HitlPolicy> {
        Box::pin(
            async move { policy::set(self.write(actor.tenant).await?, actor, base, terms).await },
        )
    }

    fn ask_human(&self, actor: Actor, asked: NewHitlRequest) -> Kept<'_, HitlRequest> {
        Box::pin(async move { ask(self.write(actor.tenant).await?, actor, asked).await })
    }

    fn hitl_request(
        &self,
        tenant: TenantId,
        id: Uuid,
    ) -> Kept<'_, (HitlRequest, Option<HitlDecision>)> {
        Box::pin(async move { one(&mut self.read(tenant).await?, id).await })
    }

    fn hitl_pending(
        &self,
        tenant: TenantId,
        urgency: Option<Urgency>,
        now: Time,
        page: Page,
    ) -> Kept<'_, Slice<HitlRequest>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let (at, id) =
                page.after.map_or((i64::MIN, Uuid::nil()), |cursor| (cursor.at, cursor.id));
            let sql = format!(
                "SELECT {REQUEST} FROM hitl_requests r WHERE r.tenant_id = $1 \
                 AND r.status = 'pending' AND r.expires_ns > $2 \
                 AND (r.expires_ns, r.id) > ($3, $4) AND ($5 IS NULL OR {URGENCY} = $5) \
                 ORDER BY r.expires_ns, r.id LIMIT $8"
            );
            let wanted = urgency.map(word_of);
            let (high, medium) = until(now);
            let values = args![now, at, id, wanted, high, medium, page.fetch()];
            let rows = tx.rows(sql, values).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(request).collect();
            let place = |it: &HitlRequest| Cursor { at: it.asked.expires_at.0, id: it.id };
            Ok(Slice::cut(rows?, &page, place))
        })
    }

    fn decide(&self, actor: Actor, decision: NewHitlDecision) -> Kept<'_, Decided> {
        Box::pin(
            async move { decide::decide(self.write(actor.tenant).await?, actor, decision).await },
        )
    }

    fn note_hitl_outcome(
        &self,
        actor: Actor,
        id: Uuid,
        status: HitlStatus,
        outcome: Json,
    ) -> Kept<'_, bool> {
        Box::pin(async move {
            decide::note(self.write(actor.tenant).await?, actor, id, status, outcome).await
        })
    }

    fn hitl_unreleased(&self, tenant: TenantId) -> Kept<'_, Vec<(HitlRequest, HitlDecision)>> {
        Box::pin(async move {
            let sql = format!(
                "SELECT {REQUEST}, {DECISION} FROM {BOTH} WHERE r.tenant_id = $1 \
                 AND r.status = 'approved' ORDER BY d.decided_ns, r.id LIMIT 500"
            );
            let rows = self.read(tenant).await?.rows(sql, args![]).await?;
            rows.iter().map(both).collect()
        })
    }

    fn expire_hitl(&self, actor: Actor) -> Kept<'_, Vec<HitlRequest>> {
        Box::pin(async move { decide::expire(self, actor).await })
    }

    fn hitl_decisions(
        &self,
        tenant: TenantId,
        page: Page,
    ) -> Kept<'_, Slice<(HitlRequest, HitlDecision)>> {
        Box::pin(async move {
            let (at, id) = page.below();
            let sql = format!(
                "SELECT {REQUEST}, {DECISION} FROM {BOTH} WHERE d.tenant_id = $1 \
                 AND (d.decided_ns, d.request_id) < ($2, $3) \
                 ORDER BY d.decided_ns DESC, d.request_id DESC LIMIT $4"
            );
            let rows = self.read(tenant).await?.rows(sql, args![at, id, page.fetch()]).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(both).collect();
            let place = |(request, decision): &(HitlRequest, HitlDecision)| Cursor {
                at: decision.decided_at.0,
                id: request.id,
            };
            Ok(Slice::cut(rows?, &page, place))
        })
    }

    fn has_approved(&self, tenant: TenantId, source: StrategyUid) -> Kept<'_, bool> {
        Box::pin(async move {
            let sql = "SELECT 1 AS one FROM hitl_requests WHERE tenant_id = $1 \
                       AND source_id = $2 AND status IN ('approved', 'released') LIMIT 1";
            Ok(self.read(tenant).await?.row(sql, args![source.0]).await?.is_some())
        })
    }

    fn hitl_figures(&self, tenant: TenantId, now: Time) -> Kept<'_, HitlFigures> {
        Box::pin(async move { figures::figures(&mut self.read(tenant).await?, now).await })
    }

    fn hitl_unmirrored(
        &self,
        tenant: TenantId,
        now: Time,
        limit: u32,
    ) -> Kept<'_, Vec<(HitlRequest, Option<HitlDecision>)>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {REQUEST} FROM hitl_requests r WHERE r.tenant_id = $1 \
                 AND NOT r.is_mirrored AND r.updated_ns > $2 ORDER BY r.updated_ns, r.id LIMIT $3"
            );
            let since = now.0.saturating_sub(MIRRORED_NS);
            let rows = tx.rows(sql, args![since, limit]).await?;
            let mut all = Vec::with_capacity(rows.len());
            for row in &rows {
                let request = request(row)?;
                let decision = about(&mut tx, request.id).await?;
                all.push((request, decision));
            }
            Ok(all)
        })
    }

    fn hitl_mirrored(&self, tenant: TenantId, shown: HitlRequest) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE hitl_requests SET is_mirrored = $2 WHERE tenant_id = $1 \
                       AND id = $3 AND updated_ns = $4 AND status = $5";
            let values = args![true, shown.id, shown.updated_at, word_of(shown.status)];
            tx.execute(sql, values).await?;
            tx.commit().await
        })
    }

    fn hitl_mirror_lost(&self, tenant: TenantId, now: Time) -> Kept<'_, u64> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE hitl_requests SET is_mirrored = $2 WHERE tenant_id = $1 \
                       AND is_mirrored AND updated_ns > $3";
            let since = now.0.saturating_sub(MIRRORED_NS);
            let count = tx.execute(sql, args![false, since]).await?;
            tx.commit().await?;
            Ok(count)
        })
    }
}

/// The urgency of a row by value and time; `$6` and `$7` are of [`until`].
const URGENCY: &str = "CASE WHEN r.urgency = 'high' OR r.expires_ns < $6 THEN 'high' \
    WHEN r.urgency = 'medium' OR r.expires_ns < $7 THEN 'medium' ELSE 'low' END";

/// Before which ends requests are urgent, and not at leisure.
fn until(now: Time) -> (i64, i64) {
    let after = |seconds: i64| now.0.saturating_add(seconds * SECOND_NS);
    (after(HIGH_SECONDS), after(MEDIUM_SECONDS))
}

async fn one(tx: &mut Tx, id: Uuid) -> Result<(HitlRequest, Option<HitlDecision>), StoreError> {
    let sql = format!("SELECT {REQUEST} FROM hitl_requests r WHERE r.tenant_id = $1 AND r.id = $2");
    let row = tx.row(sql, args![id]).await?.ok_or(StoreError::NotFound)?;
    Ok((request(&row)?, about(tx, id).await?))
}

/// The decision about a request.
async fn about(tx: &mut Tx, id: Uuid) -> Result<Option<HitlDecision>, StoreError> {
    let sql = format!(
        "SELECT {DECISION} FROM hitl_decisions d WHERE d.tenant_id = $1 AND d.request_id = $2"
    );
    tx.row(sql, args![id]).await?.as_ref().map(decision).transpose()
}

async fn ask(mut tx: Tx, actor: Actor, asked: NewHitlRequest) -> Result<HitlRequest, StoreError> {
    let sql = "INSERT INTO hitl_requests (tenant_id, id, signal_id, source_id, symbol, status, \
               urgency, triggers, task_data, recommendation, confidence_e9, notional, context, \
               is_mirrored, created_ns, expires_ns, updated_ns) VALUES ($1, $2, $3, $4, $5, \
               'pending', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $14) \
               ON CONFLICT DO NOTHING";
    let id = Uuid::now_v7();
    let values = args![
        id,
        asked.signal,
        asked.source.0,
        asked.symbol.clone(),
        word_of(asked.urgency),
        asked.triggers.join(" "),
        &asked.task_data,
        &asked.recommendation,
        asked.confidence_e9,
        asked.notional,
        &asked.context,
        false,
        actor.at,
        asked.expires_at,
    ];
    let is_new = tx.execute(sql, values).await? > 0;
    let sql = format!(
        "SELECT {REQUEST} FROM hitl_requests r WHERE r.tenant_id = $1 AND r.signal_id = $2"
    );
    let row = tx.row(sql, args![asked.signal]).await?;
    let request = request(&row.ok_or_else(|| StoreError::broken("no request"))?)?;
    if is_new {
        let detail = json!({
            "signal": asked.signal,
            "source": asked.source,
            "triggers": asked.triggers,
            "notional": asked.notional,
            "expires_at": asked.expires_at,
        });
        tx.audit(AuditEntry::new(&actor, "hitl.asked", subject(id), &detail));
        tx.commit().await?;
    }
    Ok(request)
}

/// What the audit calls a request.
fn subject(id: Uuid) -> String {
    format!("hitl_request:{id}")
}
