//! How good the sources of signals are.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::signals::own_source;
use crate::http::{ApiError, Caller, Shared};
use crate::signals::quality::{JUDGED_MAX, quality_of};
use qt_auth::Right;
use qt_store::{SourceMode, SourceRow};
use qt_strategies::quality::{DriftRule, Quality};
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;

/// How good a source is. Shares, returns and scores are numbers; where there is nothing to tell of
/// they are none. `docs/QUALITY.md` has the formulas.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SourceQuality {
    /// The source.
    id: StrategyUid,
    /// Its number in the tenant.
    number: u16,
    /// Its name.
    name: String,
    /// What follows from its signals.
    mode: SourceMode,
    /// Claims that are not over.
    open: u64,
    /// Claims of which no price tells.
    unseen: u64,
    /// Claims that were judged, of which the last 10,000 are in the figures.
    judged: u64,
    /// Those in the figures.
    counted: u64,
    /// Those of them that came true.
    hits: u64,
    /// Their share, with its interval of 95 per cent.
    #[schema(value_type = Option<Object>)]
    hit_rate: Option<Value>,
    /// The mean of what was claimed.
    mean_confidence: Option<f64>,
    /// The Brier score and its parts.
    #[schema(value_type = Option<Object>)]
    brier: Option<Value>,
    /// What a claim brought in the mean, before all costs.
    mean_return: Option<f64>,
    /// What all of them brought with one unit of money on each, before all costs.
    unit_profit: f64,
    /// The deepest fall of that from its height.
    unit_drawdown: f64,
    /// What ended them.
    #[schema(value_type = Object)]
    endings: Value,
    /// Confidence against what came true, by tenths of confidence.
    #[schema(value_type = Vec<Object>)]
    calibration: Value,
    /// What they had brought by each tenth of their horizon.
    #[schema(value_type = Vec<Object>)]
    by_age: Value,
    /// The tests for drift over the same claims.
    #[schema(value_type = Object)]
    drift: Value,
    /// When it had drifted by them, if it did.
    drifted_at: Option<Time>,
}

/// All sources side by side: those in shadow beside those that trade.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SourcesQuality {
    /// By number.
    items: Vec<SourceQuality>,
}

/// All sources side by side; an agent sees its own.
#[utoipa::path(
    get,
    path = "/signal-sources/quality",
    tag = "signals",
    security(("bearer" = [])),
    responses((status = 200, body = SourcesQuality))
)]
pub(crate) async fn all(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<SourcesQuality>, ApiError> {
    caller.need(Right::ReadSignals)?;
    let sources = if caller.identity.is_limited_to_own() {
        own_source(&app, &caller).await?.into_iter().collect()
    } else {
        app.store.sources(caller.tenant()).await?
    };
    let mut items = Vec::with_capacity(sources.len());
    for source in sources {
        items.push(of(&app, source).await?);
    }
    Ok(Json(SourcesQuality { items }))
}

/// How good one source is; an agent sees its own.
#[utoipa::path(
    get,
    path = "/signal-sources/{id}/quality",
    tag = "signals",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The source")),
    responses((status = 200, body = SourceQuality))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SourceQuality>, ApiError> {
    caller.need(Right::ReadSignals)?;
    let id = id.parse::<Uuid>().map_err(|_| ApiError::not_found())?;
    let source = app.store.source(caller.tenant(), StrategyUid(id)).await?;
    if caller.identity.is_limited_to_own() {
        let own = own_source(&app, &caller).await?;
        own.filter(|own| own.id == source.id).ok_or_else(ApiError::not_found)?;
    }
    Ok(Json(of(&app, source).await?))
}

async fn of(app: &Shared, source: SourceRow) -> Result<SourceQuality, ApiError> {
    let (tenant, id, since) = (source.tenant, source.id, Time(i64::MIN));
    let counts = app.store.claim_counts(tenant, id).await?;
    let rows = app.store.judged_claims(tenant, id, since, JUDGED_MAX).await?;
    let quality = quality_of(&rows, &DriftRule::default());
    let Quality { judged, hits, mean_confidence, mean_return, .. } = quality;
    let Quality { unit_profit, unit_drawdown, .. } = quality;
    // Numbers that are finite: nothing can go wrong.
    let json = |value: serde_json::Result<Value>| value.unwrap_or(Value::Null);
    let some = |value: serde_json::Result<Value>| value.ok().filter(|value| !value.is_null());
    Ok(SourceQuality {
        id,
        number: source.number,
        name: source.name,
        mode: source.mode,
        open: counts.open,
        unseen: counts.unseen,
        judged: counts.judged,
        counted: judged,
        hits,
        hit_rate: some(serde_json::to_value(quality.hit_rate)),
        mean_confidence,
        brier: some(serde_json::to_value(quality.brier)),
        mean_return,
        unit_profit,
        unit_drawdown,
        endings: json(serde_json::to_value(quality.endings)),
        calibration: json(serde_json::to_value(&quality.calibration)),
        by_age: json(serde_json::to_value(&quality.by_age)),
        drift: json(serde_json::to_value(quality.drift)),
        drifted_at: quality.drift.drifted_ns.map(|ns| Time(ns.get())),
    })
}
