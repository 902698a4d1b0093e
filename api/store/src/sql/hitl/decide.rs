//! Decisions, what becomes of them, and what nobody decides in time.
//!
//! A request leaves `pending` once, by a statement that looks at the state it changes: of two that
//! decide at a time the second finds it gone. The key of the decisions is the request.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::row::word_of;
use super::super::value::args;
use super::super::{Store, Tx};
use super::{one, subject};
use crate::audit::AuditEntry;
use crate::{
    Actor, Decided, HitlDecision, HitlRequest, HitlStatus, NewHitlDecision, StoreError, Verdict,
};

/// So many requests expire in one transaction.
const EXPIRED_AT_ONCE: i64 = 500;

pub(super) async fn decide(
    mut tx: Tx,
    actor: Actor,
    decided: NewHitlDecision,
) -> Result<Decided, StoreError> {
    let status = match decided.verdict {
        Verdict::Approve | Verdict::Modify => HitlStatus::Approved,
        Verdict::Reject => HitlStatus::Rejected,
    };
    let sql = "UPDATE hitl_requests SET status = $2, updated_ns = $3, is_mirrored = $4 \
               WHERE tenant_id = $1 AND id = $5 AND status = 'pending' AND expires_ns > $3";
    let values = args![word_of(status), actor.at, false, decided.request];
    if tx.execute(sql, values).await? == 0 {
        let (request, decision) = one(&mut tx, decided.request).await?;
        return Ok(match decision {
            Some(decision) => Decided::Before(Box::new(request), decision),
            None => Decided::Expired,
        });
    }
    let sql = "INSERT INTO hitl_decisions (tenant_id, request_id, id, verdict, notes, modified, \
               person, decided_ns) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = args![
        decided.request,
        decided.id,
        word_of(decided.verdict),
        decided.notes.clone(),
        decided.modified.as_ref(),
        actor.person.clone(),
        actor.at,
    ];
    tx.execute(sql, values).await?;
    let (request, _) = one(&mut tx, decided.request).await?;
    let stands = if status == HitlStatus::Approved { "approved" } else { "rejected" };
    signal_stands(&mut tx, request.asked.signal, stands).await?;
    let detail = json!({
        "decision": decided.verdict,
        "notes": decided.notes,
        "modified_action": decided.modified,
        "signal": request.asked.signal,
        "source": request.asked.source,
    });
    tx.audit(AuditEntry::new(&actor, "hitl.decided", subject(request.id), &detail));
    tx.commit().await?;
    let (person, decided_at) = (actor.person, actor.at);
    Ok(Decided::Kept(Box::new(request), HitlDecision { decided, person, decided_at }))
}

/// What became of what was approved of. Where it is to be tried again, it stays approved.
pub(super) async fn note(
    mut tx: Tx,
    actor: Actor,
    id: Uuid,
    status: HitlStatus,
    outcome: Json,
) -> Result<bool, StoreError> {
    let sql = "UPDATE hitl_requests SET status = $2, outcome = $3, updated_ns = $4, \
               is_mirrored = $5 WHERE tenant_id = $1 AND id = $6 AND status = 'approved'";
    let values = args![word_of(status), &outcome, actor.at, false, id];
    if tx.execute(sql, values).await? == 0 {
        return Ok(false);
    }
    let stands = match status {
        HitlStatus::Expired => Some("expired"),
        HitlStatus::Refused => Some("refused"),
        _ => None,
    };
    if let Some(stands) = stands {
        let (request, _) = one(&mut tx, id).await?;
        signal_stands(&mut tx, request.asked.signal, stands).await?;
    }
    if status != HitlStatus::Approved {
        let action = match status {
            HitlStatus::Released => "hitl.released",
            HitlStatus::Refused => "hitl.refused",
            _ => "hitl.not_released",
        };
        tx.audit(AuditEntry::new(&actor, action, subject(id), &outcome));
    }
    tx.commit().await?;
    Ok(true)
}

pub(super) async fn expire(store: &Store, actor: Actor) -> Result<Vec<HitlRequest>, StoreError> {
    let sql = "SELECT id FROM hitl_requests WHERE tenant_id = $1 AND status = 'pending' \
               AND expires_ns <= $2 ORDER BY expires_ns, id LIMIT $3";
    let due = store.read(actor.tenant).await?.rows(sql, args![actor.at, EXPIRED_AT_ONCE]).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = store.write(actor.tenant).await?;
    let mut expired = Vec::with_capacity(due.len());
    for row in due {
        // A request is decided or expires, whichever comes first.
        let sql = "UPDATE hitl_requests SET status = 'expired', updated_ns = $2, \
                   is_mirrored = $3 WHERE tenant_id = $1 AND id = $4 AND status = 'pending'";
        let id = row.uuid("id")?;
        if tx.execute(sql, args![actor.at, false, id]).await? == 0 {
            continue;
        }
        let (request, _) = one(&mut tx, id).await?;
        signal_stands(&mut tx, request.asked.signal, "expired").await?;
        let detail = json!({ "signal": request.asked.signal, "source": request.asked.source });
        tx.audit(AuditEntry::new(&actor, "hitl.expired", subject(request.id), &detail));
        expired.push(request);
    }
    tx.commit().await?;
    Ok(expired)
}

/// How the signal stands that was asked about, unless it is settled already.
async fn signal_stands(tx: &mut Tx, signal: Uuid, status: &str) -> Result<(), StoreError> {
    let sql = "UPDATE signals SET status = $2 WHERE tenant_id = $1 AND id = $3 \
               AND status IN ('received', 'waiting', 'approved')";
    tx.execute(sql, args![status, signal]).await.map(|_| ())
}
