//! Requests and decisions, as clients and the platform see them.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use qt_store::{HitlDecision, HitlRequest, HitlStatus, Urgency, Verdict};
use qt_trading::amount::Amount;
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;

const ONE_E9: f64 = 1e9;

/// A share in billionths as a number from 0 to 1.
#[must_use]
pub fn share(e9: u32) -> f64 {
    f64::from(e9) / ONE_E9
}

/// What may follow.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Impact {
    /// What the order would be worth at most, in the account's currency; none where nobody knows.
    pub financial: Option<Amount>,
}

/// What a human is asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RequestShown {
    /// Its identifier.
    pub id: Uuid,
    /// `trade`.
    pub task_type: &'static str,
    /// Where it is.
    pub status: HitlStatus,
    /// How soon somebody should look.
    pub urgency: Urgency,
    /// When it was made.
    pub created_at: Time,
    /// When the signal expires, and the request with it.
    pub expires_at: Time,
    /// Why a human is asked: `low_confidence`, `high_notional`, `unknown_notional`, `new_source`,
    /// `control:CODE`.
    pub triggers: Vec<String>,
    /// The signal as it came.
    #[schema(value_type = Object)]
    pub task_data: Value,
    /// What it comes to.
    #[schema(value_type = Object)]
    pub ai_recommendation: Value,
    /// How sure the source is, from 0 to 1.
    pub ai_confidence: f64,
    /// What may follow.
    pub estimated_impact: Impact,
    /// What should be known beside it.
    #[schema(value_type = Object)]
    pub context: Value,
    /// The signal, as `/signals/{id}` names it.
    pub signal_id: Uuid,
    /// Its source.
    pub source_id: StrategyUid,
    /// What became of it after the decision, or why it is not in the session yet.
    #[schema(value_type = Option<Object>)]
    pub outcome: Option<Value>,
}

/// What a human has said.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecisionShown {
    /// About which request.
    pub request_id: Uuid,
    /// What.
    pub decision: Verdict,
    /// Why.
    pub notes: String,
    /// For `modify`: what was changed.
    #[schema(value_type = Option<Object>)]
    pub modified_action: Option<Value>,
    /// Who.
    pub human_reviewer: String,
    /// When.
    pub decided_at: Time,
    /// Whether the human wanted what the source had recommended.
    pub agreement: bool,
}

/// A request as it is at `now`.
#[must_use]
pub fn request(kept: &HitlRequest, now: Time) -> RequestShown {
    let asked = &kept.asked;
    RequestShown {
        id: kept.id,
        task_type: "trade",
        status: kept.status_at(now),
        urgency: kept.urgency(now),
        created_at: kept.created_at,
        expires_at: asked.expires_at,
        triggers: asked.triggers.clone(),
        task_data: asked.task_data.clone(),
        ai_recommendation: asked.recommendation.clone(),
        ai_confidence: share(asked.confidence_e9),
        estimated_impact: Impact { financial: asked.notional },
        context: asked.context.clone(),
        signal_id: asked.signal,
        source_id: asked.source,
        outcome: kept.outcome.clone(),
    }
}

/// A decision.
#[must_use]
pub fn decision(kept: &HitlDecision) -> DecisionShown {
    let decided = &kept.decided;
    DecisionShown {
        request_id: decided.request,
        decision: decided.verdict,
        notes: decided.notes.clone(),
        modified_action: decided.modified.clone(),
        human_reviewer: kept.person.clone(),
        decided_at: kept.decided_at,
        agreement: decided.verdict == Verdict::Approve,
    }
}

/// What is told on sockets: `kind` says what has happened to the request.
#[must_use]
pub fn told(kind: &str, kept: &HitlRequest, by: Option<&HitlDecision>) -> Value {
    let shown = request(kept, Time::now());
    json!({ "kind": kind, "request": shown, "decision": by.map(decision) })
}
