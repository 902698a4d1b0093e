//! `/hitl/*`: what waits for a human, and what people decide.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::check::{Faults, is_plain_text};
use super::once::{Once, OnceHeader};
use super::strategies::actor;
use crate::hitl::change::ModifiedAction;
use crate::hitl::decide::{Followed, Wanted};
use crate::hitl::shown::{self, DecisionShown, RequestShown};
use crate::http::page::{Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Context, Received, Shared};
use qt_auth::Right;
use qt_store::{HitlFigures, HitlStatus, Urgency, Verdict};
use qt_trading::time::Time;
use qt_trading::{Alert, Order};

/// The longest notes, in characters.
const NOTES_LENGTH_MAX: usize = 2_000;
/// So many requests and decisions the dashboard has.
const DASHBOARD_ROWS: u32 = 20;

/// Which requests are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PendingQuery {
    /// Only of this urgency.
    urgency: Option<Urgency>,
    /// How many items: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What waits for a decision, the first to expire first.
#[utoipa::path(
    get,
    path = "/hitl/pending",
    tag = "hitl",
    security(("bearer" = [])),
    params(PendingQuery),
    responses((status = 200, body = Page<RequestShown>))
)]
pub(crate) async fn pending(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<Page<RequestShown>>, ApiError> {
    caller.need(Right::Read)?;
    let PendingQuery { urgency, limit, cursor } = asked.read()?;
    let page = store_page(&PageQuery { limit, cursor })?;
    let now = Time::now();
    let found = app.store.hitl_pending(caller.tenant(), urgency, now, page).await?;
    let items = found.items.iter().map(|it| shown::request(it, now)).collect();
    Ok(Json(Page { items, next_cursor: found.next_cursor }))
}

/// What a person decides.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    /// About which request.
    request_id: Uuid,
    /// What.
    decision: Verdict,
    /// Why: at most 2,000 characters.
    #[serde(default)]
    notes: String,
    /// For `modify`: what is to be another, and less.
    #[serde(default)]
    modified_action: Option<ModifiedAction>,
}

/// What became of a decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecisionAnswer {
    /// The request as it is now: `released` is in the session, `approved` is tried again until it
    /// expires, `refused` goes no further.
    request: RequestShown,
    /// The decision.
    decision: DecisionShown,
    /// Orders that the source's strategy has made of it by now.
    orders: Vec<Order>,
    /// What the risk gate has told about the symbol meanwhile.
    alerts: Vec<Alert>,
}

impl From<Followed> for DecisionAnswer {
    fn from(followed: Followed) -> Self {
        Self {
            request: shown::request(&followed.request, Time::now()),
            decision: shown::decision(&followed.decision),
            orders: followed.orders,
            alerts: followed.alerts,
        }
    }
}

/// Decides about a request: the first decision is the only one. What is approved of goes into the
/// session at once and passes the risk gate there.
#[utoipa::path(
    post,
    path = "/hitl/decision",
    tag = "hitl",
    security(("bearer" = [])),
    params(OnceHeader),
    request_body = DecisionBody,
    responses(
        (status = 200, description = "It is decided", body = DecisionAnswer),
        (status = 202, description = "It is approved of and waits for the session",
            body = DecisionAnswer),
        (status = 409, description = "It was decided before, or has expired",
            body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn decide(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    once: Once,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::DecideApprovals)?;
    let body: DecisionBody = received.json()?;
    let mut faults = Faults::default();
    let length = body.notes.chars().count();
    faults.unless(length <= NOTES_LENGTH_MAX, "notes", "at most 2,000 characters");
    let is_plain = body.notes.lines().all(is_plain_text);
    faults.unless(is_plain, "notes", "no control characters but the ends of lines");
    faults.done()?;
    let work = async |under: super::once::Under| {
        let wanted = Wanted {
            id: under.id,
            is_repeat: under.is_repeat,
            request: body.request_id,
            verdict: body.decision,
            notes: body.notes.clone(),
            change: body.modified_action.clone(),
        };
        let by = actor(&caller, &context);
        let (approvals, user) = (Arc::clone(&app.approvals), caller.identity.user.clone());
        // All of it is done, also when the client goes away in between.
        let work = tokio::spawn(async move { approvals.decide(by, &user, wanted).await });
        let followed = work.await.map_err(|_| ApiError::internal())??;
        let is_open = followed.request.status == HitlStatus::Approved;
        let status = if is_open { StatusCode::ACCEPTED } else { StatusCode::OK };
        Ok((status, Json(DecisionAnswer::from(followed))))
    };
    once.run(&app, &caller, &received.bytes, work).await.map(IntoResponse::into_response)
}

/// How often a reason was there.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TriggerCount {
    /// The reason.
    trigger: String,
    /// How many decisions it led to.
    count: u64,
}

/// How it went over the last 24 hours.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HitlMetrics {
    /// How many wait now.
    pending_requests: u64,
    /// Decisions of the last 24 hours.
    completed_24h: u64,
    /// Those that wait, by urgency.
    urgency_breakdown: BTreeMap<&'static str, u64>,
    /// Seconds from request to decision, on average; none without a decision.
    average_response_time: Option<f64>,
    /// The share of decisions that approved, changed or not; none without a decision.
    approval_rate: Option<f64>,
    /// The share of signals that nobody had to be asked about; none without a signal.
    automation_rate: Option<f64>,
    /// Why people were asked about what they have decided, the most frequent first.
    top_triggers: Vec<TriggerCount>,
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

impl From<HitlFigures> for HitlMetrics {
    fn from(figures: HitlFigures) -> Self {
        let completed: u64 = figures.decisions.iter().sum();
        let [approved, _, modified] = figures.decisions;
        let top = figures.triggers.into_iter().take(10);
        Self {
            pending_requests: figures.pending.iter().sum(),
            completed_24h: completed,
            urgency_breakdown: ["high", "medium", "low"].into_iter().zip(figures.pending).collect(),
            average_response_time: share(figures.response_ms, completed).map(|ms| ms / 1_000.0),
            approval_rate: share(approved + modified, completed),
            automation_rate: share(figures.automatic, figures.automatic + figures.asked),
            top_triggers: top.map(|(trigger, count)| TriggerCount { trigger, count }).collect(),
        }
    }
}

/// Figures of the last 24 hours, from what is stored.
#[utoipa::path(
    get,
    path = "/hitl/metrics",
    tag = "hitl",
    security(("bearer" = [])),
    responses((status = 200, body = HitlMetrics))
)]
pub(crate) async fn metrics(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<HitlMetrics>, ApiError> {
    caller.need(Right::Read)?;
    let figures = app.store.hitl_figures(caller.tenant(), Time::now()).await?;
    Ok(Json(figures.into()))
}

/// A decision beside its request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecidedShown {
    /// The request.
    request: RequestShown,
    /// The decision.
    decision: DecisionShown,
}

/// What a screen for reviewers shows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HitlDashboard {
    /// The figures.
    metrics: HitlMetrics,
    /// The first that expire.
    pending: Vec<RequestShown>,
    /// The newest decisions.
    recent_decisions: Vec<DecidedShown>,
}

/// Counts, what waits, and the newest decisions.
#[utoipa::path(
    get,
    path = "/hitl/dashboard",
    tag = "hitl",
    security(("bearer" = [])),
    responses((status = 200, body = HitlDashboard))
)]
pub(crate) async fn dashboard(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<HitlDashboard>, ApiError> {
    caller.need(Right::Read)?;
    let (tenant, now) = (caller.tenant(), Time::now());
    let page = qt_store::Page { after: None, limit: DASHBOARD_ROWS };
    let metrics = app.store.hitl_figures(tenant, now).await?.into();
    let pending = app.store.hitl_pending(tenant, None, now, page).await?.items;
    let recent = app.store.hitl_decisions(tenant, page).await?.items;
    let both = |(request, by): &(qt_store::HitlRequest, qt_store::HitlDecision)| DecidedShown {
        request: shown::request(request, now),
        decision: shown::decision(by),
    };
    Ok(Json(HitlDashboard {
        metrics,
        pending: pending.iter().map(|it| shown::request(it, now)).collect(),
        recent_decisions: recent.iter().map(both).collect(),
    }))
}
