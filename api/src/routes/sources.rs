//! Sources of signals: registered, let trade, put back, removed.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::check::{Faults, is_plain_text};
use super::strategies::{Deleted, actor};
use crate::http::{ApiError, Caller, Context, Received, Shared};
use crate::signals::{KeyId, bring, check_follow};
use qt_auth::Right;
use qt_store::{LateFallback, SourceBudget, SourceMode, SourceRow};
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;

const NAME_MAX: usize = 64;
const SUBJECT_MAX: usize = 200;
const RATE_MAX: u32 = 1_000_000;
/// A week.
const GRACE_MAX_S: u32 = 604_800;
/// A day.
const LATE_MAX_MS: u32 = 86_400_000;

/// A source of signals.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Source {
    /// Its identifier, and that of its strategy in the session: kill switch, orders and positions
    /// of that strategy are the source's.
    pub id: StrategyUid,
    /// Its number in the tenant.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// `shadow`: kept and told; `live`: followed; `demoted`: as shadow.
    pub mode: SourceMode,
    /// The `sub` of the token that speaks for it.
    pub subject: Option<String>,
    /// What its entries of the stream name their key by.
    pub key_id: String,
    /// Until when the key before the newest one is good as well; none where there is no such one.
    pub old_key_until: Option<Time>,
    /// Parameters of `ai_signal_follow`.
    #[schema(value_type = Object)]
    pub follow: Map<String, Value>,
    /// What it may trade; all instruments where it is empty.
    pub symbols: Vec<String>,
    /// How much it may do.
    pub budget: SourceBudget,
    /// How long after its issue a signal may arrive (ms); 0: until it expires.
    pub late_after_ms: u32,
    /// What becomes of a position when one comes later.
    pub fallback: LateFallback,
    /// When it was registered.
    pub created_at: Time,
    /// By whom.
    pub created_by: String,
}

impl From<SourceRow> for Source {
    fn from(row: SourceRow) -> Self {
        Self {
            id: row.id,
            number: row.number,
            key_id: KeyId::of(&row).to_string(),
            old_key_until: row.old_key_until.filter(|until| *until > Time::now()),
            name: row.name,
            mode: row.mode,
            subject: row.subject,
            follow: row.follow,
            symbols: row.symbols,
            budget: row.budget,
            late_after_ms: row.late_after_ms,
            fallback: row.fallback,
            created_at: row.created_at,
            created_by: row.by,
        }
    }
}

/// All sources of a tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SourceList {
    /// By number.
    pub items: Vec<Source>,
}

/// A source that somebody registers.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceBody {
    /// Its name: 1 to 64 characters, unique in the tenant.
    name: String,
    /// The `sub` of the token that speaks for it; none where it uses the stream alone.
    #[serde(default)]
    subject: Option<String>,
    /// Parameters of `ai_signal_follow`; missing ones take their defaults.
    #[serde(default)]
    #[schema(value_type = Object)]
    follow: Map<String, Value>,
    /// What it may trade; all instruments when absent.
    #[serde(default)]
    symbols: Vec<String>,
    /// How much it may do.
    budget: SourceBudget,
    /// How long after its issue a signal may arrive (ms); 0 when absent: until it expires.
    #[serde(default)]
    late_after_ms: u32,
    /// What becomes of a position when one comes later; `ignore` when absent.
    #[serde(default)]
    fallback: LateFallback,
}

/// A source with the key that is shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewSource {
    /// The source.
    #[serde(flatten)]
    source: Source,
    /// The key with which its entries of the stream are signed. It is not shown again.
    key: String,
}

/// Another key.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyBody {
    /// How long the key before it is good yet: 0 to 604,800; 0 where that key is known to others.
    grace_seconds: u32,
}

/// Another mode.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModeBody {
    /// The mode.
    mode: SourceMode,
    /// Why: 1 to 500 characters.
    reason: String,
}

/// The tenant's sources, by number.
#[utoipa::path(
    get,
    path = "/signal-sources",
    tag = "signals",
    security(("bearer" = [])),
    responses((status = 200, body = SourceList))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<SourceList>, ApiError> {
    caller.need(Right::ManageSources)?;
    let all = app.store.sources(caller.tenant()).await?;
    Ok(Json(SourceList { items: all.into_iter().map(Source::from).collect() }))
}

/// Registers a source. It begins in shadow: its signals are kept and told, and nothing is traded.
#[utoipa::path(
    post,
    path = "/signal-sources",
    tag = "signals",
    security(("bearer" = [])),
    request_body = SourceBody,
    responses(
        (status = 201, description = "The source, with its key this once", body = NewSource),
        (status = 409, description = "The name or the subject is taken",
            body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::ManageSources)?;
    let body: SourceBody = received.json()?;
    check(&app, &body)?;
    let source = SourceRow {
        tenant: caller.tenant(),
        id: StrategyUid::new(),
        number: 0,
        name: body.name,
        mode: SourceMode::Shadow,
        subject: body.subject,
        key_version: 1,
        old_key_until: None,
        follow: body.follow,
        symbols: body.symbols,
        budget: body.budget,
        late_after_ms: body.late_after_ms,
        fallback: body.fallback,
        created_at: Time::now(),
        by: caller.person(),
    };
    let source = app.store.create_source(actor(&caller, &context), source).await?;
    let key = app.source_keys.shown(&source).reveal().to_owned();
    let made = NewSource { source: source.into(), key };
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

fn check(app: &Shared, body: &SourceBody) -> Result<(), ApiError> {
    let mut faults = Faults::default();
    let is_text = |text: &str, max: usize| {
        !text.trim().is_empty() && text.chars().count() <= max && is_plain_text(text)
    };
    faults.unless(is_text(&body.name, NAME_MAX), "name", "1 to 64 characters, no control ones");
    let is_subject = body.subject.as_ref().is_none_or(|it| is_text(it, SUBJECT_MAX));
    faults.unless(is_subject, "subject", "1 to 200 characters, no control ones");
    let budget = &body.budget;
    faults.unless(budget.notional.0 > Decimal::ZERO, "budget.notional", "must be above zero");
    faults.unless(budget.loss.0 > Decimal::ZERO, "budget.loss", "must be above zero");
    let is_rate = (1..=RATE_MAX).contains(&budget.rate_per_minute);
    faults.unless(is_rate, "budget.rate_per_minute", "must be 1 to 1,000,000");
    let is_late = body.late_after_ms <= LATE_MAX_MS;
    faults.unless(is_late, "late_after_ms", "must be 0 to 86,400,000");
    for (at, symbol) in body.symbols.iter().enumerate() {
        let is_there = app.market.instrument(symbol).is_some();
        let field = format!("symbols[{at}]");
        faults.unless(is_there, &field, "there is no such instrument, /instruments lists all");
    }
    if let Err(why) = check_follow(&body.follow, &app.registry) {
        faults.unless(false, "follow", &why);
    }
    faults.done()
}

async fn find(app: &Shared, caller: &Caller, id: &str) -> Result<SourceRow, ApiError> {
    let id = id.parse::<Uuid>().map_err(|_| ApiError::not_found())?;
    Ok(app.store.source(caller.tenant(), StrategyUid(id)).await?)
}

/// Lets a source trade, or puts it back into shadow.
#[utoipa::path(
    put,
    path = "/signal-sources/{id}/mode",
    tag = "signals",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The source")),
    request_body = ModeBody,
    responses(
        (status = 200, description = "The source as it is now", body = Source),
        (status = 409, description = "Somebody else changed it, or the session has no place left",
            body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn set_mode(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    Path(id): Path<String>,
    received: Received,
) -> Result<Json<Source>, ApiError> {
    caller.need(Right::ManageSources)?;
    let before = find(&app, &caller, &id).await?;
    let body: ModeBody = received.json()?;
    let reason = body.reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > 500 || !is_plain_text(&reason) {
        return Err(ApiError::invalid("reason", "1 to 500 characters, no control ones"));
    }
    let (actor, person) = (actor(&caller, &context), caller.person());
    let desk = app.trading.desk(caller.tenant()).await?;
    let (app, after) = (app.clone(), SourceRow { mode: body.mode, ..before.clone() });
    // All of it is done, also when the client goes away in between: first the session, then the
    // store; where that does not take it, the session goes back.
    let work = tokio::spawn(async move {
        bring(&*desk, &after, &*app.market, &person).await?;
        let (from, to) = (before.mode, after.mode);
        let saved = app.store.set_source_mode(actor, after.id, from, to, reason).await;
        if saved.is_err() {
            let kept = app.store.source(before.tenant, before.id).await;
            let back = bring(&*desk, &kept.unwrap_or(before), &*app.market, &person).await;
            if let Err(error) = back {
                tracing::error!(source = %after.id, %error, "session and store disagree");
            }
        }
        Ok::<_, ApiError>(saved?)
    });
    let saved = work.await.map_err(|_| ApiError::internal())??;
    Ok(Json(saved.into()))
}

/// Gives a source another key for the stream. The one that it had is good for a while yet, so that
/// its agent can change over; no other one is any more.
#[utoipa::path(
    post,
    path = "/signal-sources/{id}/key",
    tag = "signals",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The source")),
    request_body = KeyBody,
    responses((status = 201, description = "The source, with its new key this once",
        body = NewSource))
)]
pub(crate) async fn rotate_key(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    Path(id): Path<String>,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::ManageSources)?;
    let source = find(&app, &caller, &id).await?;
    let body: KeyBody = received.json()?;
    if body.grace_seconds > GRACE_MAX_S {
        return Err(ApiError::invalid("grace_seconds", "must be 0 to 604,800: a week"));
    }
    let actor = actor(&caller, &context);
    let until = actor.at.0.saturating_add(i64::from(body.grace_seconds) * 1_000_000_000);
    let source = app.store.rotate_source_key(actor, source.id, Time(until)).await?;
    let key = app.source_keys.shown(&source).reveal().to_owned();
    let made = NewSource { source: source.into(), key };
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// Removes a source that is not live. Its signals stay.
#[utoipa::path(
    delete,
    path = "/signal-sources/{id}",
    tag = "signals",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The source")),
    responses(
        (status = 200, body = Deleted),
        (status = 409, description = "It is live", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn remove(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    Path(id): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    caller.need(Right::ManageSources)?;
    let source = find(&app, &caller, &id).await?;
    app.store.delete_source(actor(&caller, &context), source.id).await?;
    Ok(Json(Deleted { id: source.id.0, status: "deleted" }))
}
