//! Backtests: jobs that are started, looked at and stopped.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use qt_strategies::Hears;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::once::{Once, OnceHeader};
use super::parameters;
use super::strategies::{actor, find};
use crate::http::page::{Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Context, Received, Shared};
use crate::jobs::{BacktestRequest, JobConfig, Jobs};
use qt_auth::Right;
use qt_store::accounts::PAPER_CAPITAL;
use qt_store::backtests::{BacktestRow, BacktestStatus};
use qt_trading::amount::Amount;
use qt_trading::ids::{BacktestId, StrategyUid};
use qt_trading::time::Time;

/// Where more is found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Links {
    /// The job.
    #[serde(rename = "self")]
    pub own: String,
    /// Its report, once it is done.
    pub report: String,
}

/// A backtest.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Backtest {
    /// Its identifier.
    pub id: BacktestId,
    /// The strategy, where it is a stored one.
    pub strategy_id: Option<StrategyUid>,
    /// Where it is.
    pub status: BacktestStatus,
    /// All that the run was given.
    #[schema(value_type = JobConfig)]
    pub config: Value,
    /// How far it is: `fraction` (0 to 1), `events_per_second`, `eta_seconds`, `equity`.
    #[schema(value_type = Object)]
    pub progress: Value,
    /// The result as the command line prints it; in lists it is left out.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// Processor time it took, ms.
    pub cpu_ms: u64,
    /// When it was asked for.
    pub created_at: Time,
    /// When it began.
    pub started_at: Option<Time>,
    /// When it was over.
    pub finished_at: Option<Time>,
    /// Where more is found, below the base path of the request.
    pub links: Links,
}

impl From<BacktestRow> for Backtest {
    fn from(row: BacktestRow) -> Self {
        let own = format!("/backtests/{}", row.id);
        let mut progress = row.progress;
        if row.status == BacktestStatus::Done {
            // The last line of a run comes before its end.
            progress["fraction"] = 1.0.into();
        }
        Self {
            links: Links { report: format!("{own}/report"), own },
            id: row.id,
            strategy_id: row.strategy_id,
            status: row.status,
            config: row.config,
            progress,
            result: row.result,
            error: row.error,
            cpu_ms: row.cpu_ms,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}

/// Backtests and data sets, where this service has them.
pub(super) fn jobs(app: &Shared) -> Result<&Arc<Jobs>, ApiError> {
    app.jobs.as_ref().ok_or_else(|| {
        let detail = "this service runs no backtests and takes no data (ENABLE_BACKTESTING)";
        ApiError::unavailable("BACKTESTS_OFF", detail)
    })
}

/// What a run is given, from what was asked for.
async fn config(
    app: &Shared,
    caller: &Caller,
    jobs: &Jobs,
    request: &BacktestRequest,
) -> Result<JobConfig, ApiError> {
    let stored = match request.strategy_id {
        Some(id) => Some(app.store.strategy(caller.tenant(), id).await?),
        None => None,
    };
    let kind = stored.as_ref().map(|kept| kept.strategy_type.clone());
    let strategy_type = kind.or_else(|| request.strategy_type.clone()).unwrap_or_default();
    let mut given = stored.as_ref().map(|kept| kept.parameters.clone()).unwrap_or_default();
    given.extend(request.parameters.clone());
    let resolved: Map<String, Value> = parameters::resolved(&app.registry, &strategy_type, &given)?;
    let symbols = stored.map(|kept| kept.symbols).unwrap_or_default();
    let wanted = match &request.data {
        Some(data) => data.clone(),
        None => usual_data(app, jobs, &strategy_type, &symbols)?,
    };
    let (data, data_version) = data_set(jobs, caller, &wanted).await?;
    Ok(JobConfig {
        strategy_type,
        parameters: parameters::texts(&resolved).into_iter().collect(),
        data,
        data_version,
        from: request.start_date.clone(),
        to: request.end_date.clone(),
        initial_capital: request.initial_capital.unwrap_or(Amount(PAPER_CAPITAL.into())),
        fee_rate: request.fee_rate,
        slippage_bps: request.slippage_bps,
        quantity: request.quantity,
    })
}

/// The shared data set that a strategy is tried on where none is named.
fn usual_data(
    app: &Shared,
    jobs: &Jobs,
    strategy_type: &str,
    symbols: &[String],
) -> Result<String, ApiError> {
    let hears_books = app.registry.get(strategy_type).is_ok_and(|e| e.hears == Hears::Book);
    let shared = &jobs.settings().shared;
    let own = shared.iter().find(|data| data.symbols.iter().any(|s| symbols.contains(s)));
    let any = shared.first().filter(|_| !hears_books);
    own.or(any).map(|data| format!("shared:{}", data.name)).ok_or_else(|| {
        let detail = "name a data set (GET /datasets): this strategy needs order books";
        ApiError::invalid("data", detail)
    })
}

/// The data set that a request names, and its version. What is a path or an address is no name.
async fn data_set(
    jobs: &Jobs,
    caller: &Caller,
    wanted: &str,
) -> Result<(String, String), ApiError> {
    let unknown = || {
        let detail = "no such data set: give an identifier of GET /datasets, or shared:NAME";
        ApiError::invalid("data", detail)
    };
    if let Some(name) = wanted.strip_prefix("shared:") {
        let found = jobs.settings().find_shared(name).ok_or_else(unknown)?;
        return Ok((format!("shared:{}", found.name), found.version.clone()));
    }
    let id = wanted.parse().map_err(|_| unknown())?;
    match jobs.store().dataset(caller.tenant(), id).await {
        Ok(row) => Ok((row.id.to_string(), row.sha256)),
        Err(qt_store::StoreError::NotFound) => Err(unknown()),
        Err(error) => Err(error.into()),
    }
}

fn started(row: BacktestRow) -> Response {
    (StatusCode::ACCEPTED, Json(Backtest::from(row))).into_response()
}

/// Starts a backtest.
#[utoipa::path(
    post,
    path = "/backtests",
    tag = "backtests",
    security(("bearer" = [])),
    params(OnceHeader),
    request_body = BacktestRequest,
    responses((status = 202, description = "It waits for its turn", body = Backtest))
)]
pub(crate) async fn start(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    once: Once,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::RunBacktests)?;
    let request: BacktestRequest = received.json()?;
    let jobs = jobs(&app)?;
    request.check(jobs.settings().range_days_max)?;
    once.run(&app, &caller, &received.bytes, async |under| {
        let config = config(&app, &caller, jobs, &request).await?;
        // The key of a repeated request finds the job that it started.
        let key = Some(format!("request:{}", under.id));
        let actor = actor(&caller, &context);
        let (row, _) = jobs.start(actor, request.strategy_id, config, key).await?;
        Ok(started(row))
    })
    .await
}

/// Starts a backtest, under the platform's other name for it.
#[utoipa::path(
    post,
    path = "/strategies/backtest",
    tag = "backtests",
    security(("bearer" = [])),
    params(OnceHeader),
    request_body = BacktestRequest,
    responses((status = 202, description = "It waits for its turn", body = Backtest))
)]
pub(crate) async fn start_alias(
    state: State<Shared>,
    caller: Caller,
    context: Context,
    once: Once,
    received: Received,
) -> Result<Response, ApiError> {
    start(state, caller, context, once, received).await
}

/// The latest backtest of a strategy. Where there is none, one with default settings is started.
#[utoipa::path(
    get,
    path = "/strategies/{id}/backtest",
    tag = "backtests",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The strategy")),
    responses(
        (status = 200, description = "The latest one", body = Backtest),
        (status = 202, description = "There was none: it is started", body = Backtest)
    )
)]
pub(crate) async fn of_strategy(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    method: Method,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.need(Right::ReadBacktests)?;
    let strategy = find(&app, &caller, &id).await?;
    let jobs = jobs(&app)?;
    let store = jobs.store();
    if let Some(row) = store.latest_backtest(caller.tenant(), strategy.id, own(&caller)).await? {
        return Ok(Json(Backtest::from(row)).into_response());
    }
    if method == Method::HEAD || !caller.may(Right::RunBacktests) {
        return Err(ApiError::not_found());
    }
    let request = BacktestRequest { strategy_id: Some(strategy.id), ..Default::default() };
    let config = config(&app, &caller, jobs, &request).await?;
    // One for each version of the strategy and of the data, however often it is asked for; who
    // sees only its own has its own.
    let whose = own(&caller).unwrap_or_default();
    let (id, version, data) = (strategy.id, strategy.version, &config.data_version);
    let key = format!("usual:{whose}:{id}:{version}:{data}");
    let actor = actor(&caller, &context);
    let (row, _) = jobs.start(actor, Some(strategy.id), config, Some(key)).await?;
    Ok(started(row))
}

/// Agents see their own backtests alone: the person that is looked for.
fn own(caller: &Caller) -> Option<String> {
    caller.identity.is_limited_to_own().then(|| caller.person())
}

fn sees(caller: &Caller, row: &BacktestRow) -> bool {
    own(caller).is_none_or(|own| row.person == own)
}

async fn found(app: &Shared, caller: &Caller, id: &str) -> Result<BacktestRow, ApiError> {
    let id = id.parse::<Uuid>().map_err(|_| ApiError::not_found())?;
    let row = jobs(app)?.store().backtest(caller.tenant(), BacktestId(id)).await?;
    if sees(caller, &row) { Ok(row) } else { Err(ApiError::not_found()) }
}

/// The tenant's backtests, newest first.
#[utoipa::path(
    get,
    path = "/backtests",
    tag = "backtests",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, body = Page<Backtest>))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<Page<Backtest>>, ApiError> {
    caller.need(Right::ReadBacktests)?;
    let page = store_page(&asked.read::<PageQuery>()?)?;
    let rows = jobs(&app)?.store().backtests(caller.tenant(), own(&caller), page).await?;
    Ok(Json(Page::from(rows).map(|row| Backtest { result: None, ..row.into() })))
}

/// One backtest, with its progress or its result.
#[utoipa::path(
    get,
    path = "/backtests/{id}",
    tag = "backtests",
    security(("bearer" = [])),
    params(("id" = BacktestId, Path, description = "The backtest")),
    responses((status = 200, body = Backtest))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Backtest>, ApiError> {
    caller.need(Right::ReadBacktests)?;
    Ok(Json(found(&app, &caller, &id).await?.into()))
}

/// What a report may do in a browser: draw itself. It has scripts inside, so it gets an origin of
/// its own, from which nothing of this service can be asked.
const REPORT_POLICY: &str = "sandbox allow-scripts; default-src 'none'; \
    script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; \
    font-src data:";

/// The report of a backtest that is done: one page that needs no network.
#[utoipa::path(
    get,
    path = "/backtests/{id}/report",
    tag = "backtests",
    security(("bearer" = [])),
    params(("id" = BacktestId, Path, description = "The backtest")),
    responses((status = 200, content_type = "text/html", body = String))
)]
pub(crate) async fn report(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.need(Right::ReadBacktests)?;
    let row = found(&app, &caller, &id).await?;
    let path = row.report_path.ok_or_else(ApiError::not_found)?;
    let path = jobs(&app)?.settings().data_dir.join(path);
    let bytes = tokio::fs::read(path).await.map_err(|_| ApiError::not_found())?;
    let headers =
        [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, REPORT_POLICY)];
    Ok((headers, bytes).into_response())
}

/// Stops a backtest.
#[utoipa::path(
    delete,
    path = "/backtests/{id}",
    tag = "backtests",
    security(("bearer" = [])),
    params(("id" = BacktestId, Path, description = "The backtest"), OnceHeader),
    responses(
        (status = 200, description = "It runs no more", body = Backtest),
        (status = 409, description = "It is over", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    Path(id): Path<String>,
    once: Once,
) -> Result<Response, ApiError> {
    caller.need(Right::RunBacktests)?;
    once.run(&app, &caller, &[], async |under| {
        let row = found(&app, &caller, &id).await?;
        // Done already, by a request that was never answered.
        if under.is_repeat && row.status == BacktestStatus::Cancelled {
            return Ok(Json(Backtest::from(row)));
        }
        jobs(&app)?.cancel(actor(&caller, &context), row.id).await?;
        Ok(Json(Backtest::from(found(&app, &caller, &id).await?)))
    })
    .await
}
