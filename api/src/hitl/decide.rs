//! Decisions, and what becomes of them.
//!
//! A decision is kept before anything follows from it. What was approved of goes into the session
//! at once, and passes the risk gate there as it is at that moment; where the session does not take
//! it now, or the process ends in between, [`super::keeping`] tries again until it expires. The
//! session knows each signal that it has taken, so none has an effect twice.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::change::{ModifiedAction, changed};
use super::{Approvals, locked, tell};
use crate::http::ApiError;
use axum::http::StatusCode;
use qt_store::{
    Actor, Decided, HitlDecision, HitlRequest, HitlStatus, NewHitlDecision, SignalRow,
    SignalStatus, StoreError, Verdict,
};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Alert, Desk, Order, PrivateKind, PrivateReader, Refusal};

/// So long an answer waits for what the strategy does with the signal.
const FOLLOWED_WITHIN: Duration = Duration::from_millis(500);
/// So many events are looked at together.
const TAKE: usize = 256;

/// What somebody wants to decide.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Under which identifier.
    pub id: Uuid,
    /// Whether this is the repetition of a request that never got its answer.
    pub is_repeat: bool,
    /// About which request.
    pub request: Uuid,
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub notes: String,
    /// For `modify`: what is to be another.
    pub change: Option<ModifiedAction>,
}

/// What became of a decision.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The request as it is now.
    pub request: HitlRequest,
    /// The decision.
    pub decision: HitlDecision,
    /// Orders that the source's strategy has made of it by now.
    pub orders: Vec<Order>,
    /// What the risk gate has told about the symbol meanwhile.
    pub alerts: Vec<Alert>,
}

fn decided_before(by: &HitlDecision) -> ApiError {
    let detail = format!("{} has decided at {}: look at the decision", by.person, by.decided_at);
    ApiError::conflict("ALREADY_DECIDED", detail)
}

fn expired() -> ApiError {
    ApiError::conflict("REQUEST_EXPIRED", "the signal has expired, and the request with it")
}

impl Approvals {
    /// Decides as `actor`, whose token is of `subject`.
    ///
    /// # Errors
    /// 403 for the source itself; 404; 409 where it was decided before or has expired; 422 for a
    /// change that is no less.
    pub async fn decide(
        &self,
        actor: Actor,
        subject: &str,
        wanted: Wanted,
    ) -> Result<Followed, ApiError> {
        let tenant = actor.tenant;
        let (request, before) = self.store.hitl_request(tenant, wanted.request).await?;
        let source = match self.store.source(tenant, request.asked.source).await {
            Ok(source) => source.subject,
            // It was removed; what is decided about its signals goes no further.
            Err(StoreError::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        if source.is_some_and(|source| source == subject) {
            let detail = "a source does not decide about its own signals";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "OWN_SIGNAL", detail));
        }
        let is_own = |by: &HitlDecision| wanted.is_repeat && by.decided.id == wanted.id;
        if let Some(by) = before.filter(|by| !is_own(by)) {
            return Err(decided_before(&by));
        }
        let modified = self.check(tenant, &request, &wanted).await?;
        let _held = self.hold(request.id);
        let decision = NewHitlDecision {
            id: wanted.id,
            request: request.id,
            verdict: wanted.verdict,
            notes: wanted.notes.clone(),
            modified,
        };
        let (request, decision) = match self.store.decide(actor, decision).await? {
            Decided::Kept(request, decision) => {
                self.has_decided(tenant, &request, &decision).await;
                (*request, decision)
            }
            Decided::Before(request, decision) if is_own(&decision) => (*request, decision),
            Decided::Before(_, decision) => return Err(decided_before(&decision)),
            Decided::Expired => return Err(expired()),
        };
        let followed = self.follow(tenant, request, decision).await;
        self.wake(tenant);
        Ok(followed)
    }

    /// The change as it is kept, where it makes the signal less.
    async fn check(
        &self,
        tenant: TenantId,
        request: &HitlRequest,
        wanted: &Wanted,
    ) -> Result<Option<Value>, ApiError> {
        let change = match (wanted.verdict, &wanted.change) {
            (Verdict::Modify, Some(change)) => change,
            (Verdict::Modify, None) => {
                return Err(ApiError::invalid("modified_action", "say what is to be another"));
            }
            (_, None) => return Ok(None),
            (_, Some(_)) => {
                let detail = "only `modify` changes anything: leave it out";
                return Err(ApiError::invalid("modified_action", detail));
            }
        };
        let row = self.store.signal(tenant, request.asked.signal).await?;
        changed(&row.body, change, self.price(request))
            .map_err(|fault| ApiError::invalid_all(vec![fault]))?;
        Ok(Some(json!(change)))
    }

    /// What an entry would be done at now, in billionths; none without a market.
    fn price(&self, request: &HitlRequest) -> Option<i64> {
        let quote = self.market.quote(&request.asked.symbol)?;
        let side = match request.asked.task_data["action"].as_str() {
            Some("buy") => quote.ask,
            Some("sell") => quote.bid,
            _ => None,
        };
        qt_types::parse_e9(&side.or(quote.last)?.to_string()).ok()
    }

    async fn has_decided(&self, tenant: TenantId, request: &HitlRequest, by: &HitlDecision) {
        self.figures.decided(by.decided.verdict, by.decided_at.0 - request.created_at.0);
        if let Ok(desk) = self.trading.desk(tenant).await {
            tell(&*desk, "hitl_decision", request, Some(by));
        }
        if by.decided.verdict == Verdict::Reject
            && let Some(intake) = self.intake.upgrade()
        {
            intake.tell_again(tenant, request.asked.signal).await;
        }
    }

    /// Lets go on what was approved of, and says what came of it.
    async fn follow(
        &self,
        tenant: TenantId,
        request: HitlRequest,
        decision: HitlDecision,
    ) -> Followed {
        if request.status != HitlStatus::Approved {
            return Followed { request, decision, orders: Vec::new(), alerts: Vec::new() };
        }
        let desk = self.trading.desk(tenant).await.ok();
        let heard = desk.as_ref().map(|desk| listen(&**desk));
        let request = match self.release(tenant, &request, &decision).await {
            Ok(request) => request,
            // It is decided; that it is not in the session yet is told by its status.
            Err(error) => {
                tracing::warn!(%error, "what was approved of is not released yet");
                request
            }
        };
        let (orders, alerts) = match heard {
            Some(reader) if request.status == HitlStatus::Released => {
                followed(reader, request.asked.source, &request.asked.symbol).await
            }
            _ => (Vec::new(), Vec::new()),
        };
        Followed { request, decision, orders, alerts }
    }

    /// Hands what was approved of to the session and notes what came of it. Where the session does
    /// not take it now, it stays approved and says why.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn release(
        &self,
        tenant: TenantId,
        request: &HitlRequest,
        decision: &HitlDecision,
    ) -> Result<HitlRequest, StoreError> {
        let now = Time::now();
        let (status, outcome) = if now >= request.asked.expires_at {
            self.too_late(tenant, request).await
        } else {
            self.try_release(tenant, request, decision).await
        };
        // Nothing is written again and again while the same thing is in the way.
        let is_same = status == request.status && request.outcome.as_ref() == Some(&outcome);
        if is_same {
            return Ok(request.clone());
        }
        let actor = Actor { at: now, ..Actor::service(tenant) };
        let is_new = self.store.note_hitl_outcome(actor, request.id, status, outcome).await?;
        let (request, _) = self.store.hitl_request(tenant, request.id).await?;
        if is_new {
            self.has_ended(tenant, &request, decision).await;
        }
        Ok(request)
    }

    async fn has_ended(&self, tenant: TenantId, request: &HitlRequest, by: &HitlDecision) {
        let kind = match request.status {
            HitlStatus::Released => "hitl_released",
            HitlStatus::Refused => "hitl_refused",
            HitlStatus::Expired => "hitl_expired",
            _ => "hitl_waiting",
        };
        match request.status {
            HitlStatus::Released | HitlStatus::Refused => {
                self.figures.released(request.status == HitlStatus::Released);
            }
            HitlStatus::Expired => self.figures.expired(1),
            _ => {}
        }
        if matches!(request.status, HitlStatus::Released | HitlStatus::Approved) {
            locked(&self.approved).insert((tenant, request.asked.source));
        }
        if let Ok(desk) = self.trading.desk(tenant).await {
            tell(&*desk, kind, request, Some(by));
        }
    }

    async fn try_release(
        &self,
        tenant: TenantId,
        request: &HitlRequest,
        decision: &HitlDecision,
    ) -> (HitlStatus, Value) {
        let Some(intake) = self.intake.upgrade() else {
            return (HitlStatus::Approved, json!({ "code": "STOPPING" }));
        };
        let people = [decision.person.clone()];
        let body = match self.body_of(tenant, request, decision).await {
            Ok(body) => body,
            Err(refusal) => return refused(&refusal),
        };
        match intake.release(tenant, request.asked.signal, body, &people).await {
            Ok(row) => came_of(&row),
            Err(refusal) => refused(&refusal),
        }
    }

    /// It has expired, unless the session took it in time and that was never kept.
    async fn too_late(&self, tenant: TenantId, request: &HitlRequest) -> (HitlStatus, Value) {
        let Some(intake) = self.intake.upgrade() else {
            return (HitlStatus::Approved, json!({ "code": "STOPPING" }));
        };
        match intake.heard(tenant, request.asked.signal).await {
            Ok(Some(row)) => came_of(&row),
            Ok(None) | Err(Refusal::NotFound) => {
                (HitlStatus::Expired, json!({ "code": "SIGNAL_EXPIRED" }))
            }
            // Nobody can say yet whether it was taken.
            Err(refusal) => refused(&refusal),
        }
    }

    /// The signal as people have changed it; none where they have not.
    async fn body_of(
        &self,
        tenant: TenantId,
        request: &HitlRequest,
        decision: &HitlDecision,
    ) -> Result<Option<String>, Refusal> {
        let Some(modified) = &decision.decided.modified else { return Ok(None) };
        let row = self.store.signal(tenant, request.asked.signal).await?;
        let invalid = |error: serde_json::Error| Refusal::Invalid {
            field: "modified_action",
            detail: error.to_string(),
        };
        let change = ModifiedAction::deserialize(modified).map_err(invalid)?;
        // The market has moved since; that it makes the signal less was seen when it was decided.
        change.body(&row.body).map(Some).map_err(invalid)
    }
}

/// How a request stands whose signal stands so.
fn came_of(row: &SignalRow) -> (HitlStatus, Value) {
    let outcome = json!({
        "signal_status": row.status,
        "code": row.code,
        "session_seq": row.seq,
    });
    let status = match row.status {
        SignalStatus::Taken => HitlStatus::Released,
        SignalStatus::Expired => HitlStatus::Expired,
        status if status.is_final() => HitlStatus::Refused,
        _ => HitlStatus::Approved,
    };
    (status, outcome)
}

/// What a refusal means: whether it is tried again, and what people are told.
fn refused(refusal: &Refusal) -> (HitlStatus, Value) {
    let (status, code) = match refusal {
        Refusal::Unavailable { code, .. } | Refusal::Exhausted { code, .. } => {
            (HitlStatus::Approved, *code)
        }
        // A kill switch may be armed again, a source may go live again.
        Refusal::Conflict(_) => (HitlStatus::Approved, "CONFLICT"),
        Refusal::NotFound => (HitlStatus::Refused, "SOURCE_GONE"),
        Refusal::Invalid { .. } => (HitlStatus::Refused, "INVALID"),
        Refusal::Risk(_) => (HitlStatus::Refused, "RISK_REJECTED"),
    };
    (status, json!({ "code": code, "detail": refusal.to_string() }))
}

fn listen(desk: &dyn Desk) -> PrivateReader {
    let log = desk.events();
    let seen = log.last();
    log.reader(seen)
}

/// What the strategy of `source` has done since, as soon as it has done anything.
async fn followed(
    mut reader: PrivateReader,
    source: StrategyUid,
    symbol: &str,
) -> (Vec<Order>, Vec<Alert>) {
    let (mut orders, mut alerts) = (Vec::<Order>::new(), Vec::new());
    let listening = async {
        while orders.is_empty() && alerts.is_empty() {
            reader.ready().await;
            let Ok(events) = reader.take(TAKE) else { return };
            for event in events {
                match &event.kind {
                    PrivateKind::Order(order) if order.strategy_id == Some(source) => {
                        orders.retain(|known| known.id != order.id);
                        orders.push(order.clone());
                    }
                    PrivateKind::Alert(alert) if alert.symbol.as_deref() == Some(symbol) => {
                        alerts.push(Alert::clone(alert));
                    }
                    _ => {}
                }
            }
        }
    };
    // Late is no fault: what comes later is told by the orders.
    let _ = tokio::time::timeout(FOLLOWED_WITHIN, listening).await;
    (orders, alerts)
}
