//! Rows as requests and decisions.

use super::super::Row;
use crate::{HitlDecision, HitlRequest, NewHitlDecision, NewHitlRequest, StoreError};
use qt_trading::ids::StrategyUid;

/// The columns of a request.
pub(super) const REQUEST: &str = "r.id, r.signal_id, r.source_id, r.symbol, r.status, r.urgency, \
    r.triggers, CAST(r.task_data AS TEXT) AS task_data, \
    CAST(r.recommendation AS TEXT) AS recommendation, r.confidence_e9, \
    CAST(r.notional AS TEXT) AS notional, CAST(r.context AS TEXT) AS context, \
    CAST(r.outcome AS TEXT) AS outcome, r.created_ns, r.expires_ns, r.updated_ns";

/// The columns of a decision; that of its identifier is not called as that of a request.
pub(super) const DECISION: &str = "d.id AS decision_id, d.request_id, d.verdict, d.notes, \
    CAST(d.modified AS TEXT) AS modified, d.person, d.decided_ns";

/// Decisions beside their requests.
pub(super) const BOTH: &str = "hitl_decisions d JOIN hitl_requests r \
    ON r.tenant_id = d.tenant_id AND r.id = d.request_id";

pub(super) fn request(row: &Row) -> Result<HitlRequest, StoreError> {
    let confidence = row.count("confidence_e9")?;
    let asked = NewHitlRequest {
        signal: row.uuid("signal_id")?,
        source: StrategyUid(row.uuid("source_id")?),
        symbol: row.text("symbol")?,
        urgency: row.word("urgency")?,
        triggers: row.text("triggers")?.split(' ').map(str::to_owned).collect(),
        task_data: row.json("task_data")?,
        recommendation: row.json("recommendation")?,
        confidence_e9: u32::try_from(confidence)
            .map_err(|_| StoreError::broken("a confidence above one"))?,
        notional: row.amount_opt("notional")?,
        context: row.json("context")?,
        expires_at: row.time("expires_ns")?,
    };
    Ok(HitlRequest {
        id: row.uuid("id")?,
        asked,
        status: row.word("status")?,
        outcome: row.json_opt("outcome")?,
        created_at: row.time("created_ns")?,
        updated_at: row.time("updated_ns")?,
    })
}

pub(super) fn decision(row: &Row) -> Result<HitlDecision, StoreError> {
    let decided = NewHitlDecision {
        id: row.uuid("decision_id")?,
        request: row.uuid("request_id")?,
        verdict: row.word("verdict")?,
        notes: row.text("notes")?,
        modified: row.json_opt("modified")?,
    };
    let (person, decided_at) = (row.text("person")?, row.time("decided_ns")?);
    Ok(HitlDecision { decided, person, decided_at })
}

pub(super) fn both(row: &Row) -> Result<(HitlRequest, HitlDecision), StoreError> {
    Ok((request(row)?, decision(row)?))
}
