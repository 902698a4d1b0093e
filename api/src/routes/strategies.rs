//! The tenant's strategies.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::agree::{apply, stopped, unmake};
use super::check::{Faults, is_plain_text};
use super::once::{Once, OnceHeader};
use super::parameters;
use crate::http::page::{Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Context, Received, Shared};
use qt_auth::Right;
use qt_store::domain::{
    NewStrategy, StrategyChange, StrategyError, StrategyStatus, TradingStrategy,
};
use qt_store::{Actor, StoreError, StrategyFilter};
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;

/// A configured strategy.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Strategy {
    /// Its identifier.
    pub id: StrategyUid,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The type, one of `/strategy-types`.
    pub strategy_type: String,
    /// What it trades.
    pub symbols: Vec<String>,
    /// Its parameters, all of them.
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// Whether it runs.
    pub status: StrategyStatus,
    /// Rises by one with each change.
    pub version: u64,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
}

impl From<TradingStrategy> for Strategy {
    fn from(kept: TradingStrategy) -> Self {
        Self {
            id: kept.id,
            name: kept.name,
            description: kept.description,
            strategy_type: kept.strategy_type,
            symbols: kept.symbols,
            parameters: kept.parameters,
            status: kept.status,
            version: kept.version,
            created_at: kept.created_at,
            updated_at: kept.updated_at,
        }
    }
}

/// A strategy that somebody wants.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyBody {
    /// Its name: 1 to 120 characters, unique in the tenant.
    name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// The type, one of `/strategy-types`.
    strategy_type: String,
    /// What it trades; may be empty until it is activated.
    #[serde(default)]
    symbols: Vec<String>,
    /// Parameters; missing ones take their defaults.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// `stopped` when absent; `active` activates it as well.
    #[serde(default)]
    status: StrategyStatus,
}

/// Which strategies are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct StrategyQuery {
    /// Only of this status.
    status: Option<StrategyStatus>,
    /// Only of this type.
    strategy_type: Option<String>,
    /// How many items: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl From<StrategyError> for ApiError {
    fn from(error: StrategyError) -> Self {
        let text = error.to_string();
        match text.split_once(": ") {
            Some((field, detail)) => Self::invalid(field, detail),
            None => Self::invalid("strategy", text),
        }
    }
}

/// Who changes something, as the store writes it down.
pub(super) fn actor(caller: &Caller, context: &Context) -> Actor {
    Actor::new(caller.tenant(), caller.person(), context.request_id.clone())
}

/// The caller's strategy of this identifier. What is no identifier names nothing.
pub(super) async fn find(
    app: &Shared,
    caller: &Caller,
    id: &str,
) -> Result<TradingStrategy, ApiError> {
    let id = id.parse::<Uuid>().map_err(|_| ApiError::not_found())?;
    Ok(app.store.strategy(caller.tenant(), StrategyUid(id)).await?)
}

/// The tenant's strategies, newest first.
#[utoipa::path(
    get,
    path = "/strategies",
    tag = "strategies",
    security(("bearer" = [])),
    params(StrategyQuery),
    responses((status = 200, body = Page<Strategy>))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<Page<Strategy>>, ApiError> {
    caller.need(Right::Read)?;
    let query: StrategyQuery = asked.read()?;
    let filter = StrategyFilter { status: query.status, strategy_type: query.strategy_type };
    let page = store_page(&PageQuery { limit: query.limit, cursor: query.cursor })?;
    let found = app.store.strategies(caller.tenant(), filter, page).await?;
    Ok(Json(Page::from(found).map(Strategy::from)))
}

/// Makes a strategy.
#[utoipa::path(
    post,
    path = "/strategies",
    tag = "strategies",
    security(("bearer" = [])),
    params(OnceHeader),
    request_body = StrategyBody,
    responses(
        (status = 201, description = "The strategy", body = Strategy),
        (status = 409, description = "The name is taken", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    once: Once,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::ManageStrategies)?;
    let body: StrategyBody = received.json()?;
    let is_active = body.status == StrategyStatus::Active;
    if is_active {
        caller.need(Right::RunStrategies)?;
        if body.symbols.is_empty() {
            return Err(StrategyError::NoSymbols.into());
        }
    }
    let wanted = checked(&app, body)?;
    once.run(&app, &caller, &received.bytes, async |under| {
        let made = made(&app, &caller, &context, StrategyUid(under.id), wanted).await?;
        let is_there = made.status == StrategyStatus::Active;
        if !is_active || is_there {
            return Ok((StatusCode::CREATED, Json(Strategy::from(made))));
        }
        match run(&app, &caller, &context, made.clone()).await {
            Ok(saved) => Ok((StatusCode::CREATED, Json(Strategy::from(saved)))),
            Err(error) => {
                unmake(&app, &caller, &context, made.id).await;
                Err(error)
            }
        }
    })
    .await
}

/// The strategy of this identifier; where there is none it is made.
async fn made(
    app: &Shared,
    caller: &Caller,
    context: &Context,
    id: StrategyUid,
    wanted: NewStrategy,
) -> Result<TradingStrategy, ApiError> {
    match app.store.strategy(caller.tenant(), id).await {
        Err(StoreError::NotFound) => {}
        found => return Ok(found?),
    }
    let mut made = TradingStrategy::create(caller.tenant(), wanted, Time::now())?;
    made.id = id;
    Ok(app.store.save_strategy(actor(caller, context), made, "strategy.created").await?)
}

fn checked(app: &Shared, body: StrategyBody) -> Result<NewStrategy, ApiError> {
    let mut faults = Faults::default();
    faults.unless(is_plain_text(&body.name), "name", "control characters are not allowed");
    let description = body.description.replace(['\n', '\r', '\t'], " ");
    let detail = "control characters are not allowed but tabs and ends of lines";
    faults.unless(is_plain_text(&description), "description", detail);
    faults.done()?;
    let parameters = parameters::resolved(&app.registry, &body.strategy_type, &body.parameters)?;
    check_symbols(app, &body.symbols)?;
    Ok(NewStrategy {
        name: body.name,
        description: body.description,
        strategy_type: body.strategy_type,
        symbols: body.symbols,
        parameters,
    })
}

fn check_symbols(app: &Shared, symbols: &[String]) -> Result<(), ApiError> {
    for (at, symbol) in symbols.iter().enumerate() {
        if app.market.instrument(symbol).is_none() {
            let detail = "there is no such instrument, /instruments lists all";
            return Err(ApiError::invalid(format!("symbols[{at}]"), detail));
        }
    }
    Ok(())
}

/// One strategy.
#[utoipa::path(
    get,
    path = "/strategies/{id}",
    tag = "strategies",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The strategy")),
    responses((status = 200, body = Strategy))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Strategy>, ApiError> {
    caller.need(Right::Read)?;
    Ok(Json(find(&app, &caller, &id).await?.into()))
}

/// Changes a strategy. Its type stays; one that runs goes on with the new parameters.
#[utoipa::path(
    put,
    path = "/strategies/{id}",
    tag = "strategies",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The strategy"), OnceHeader),
    request_body = StrategyBody,
    responses(
        (status = 200, description = "The strategy as it is now", body = Strategy),
        (status = 409, description = "The name is taken, or somebody else changed it",
            body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn change(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    Path(id): Path<String>,
    once: Once,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::ManageStrategies)?;
    let before = find(&app, &caller, &id).await?;
    let body: StrategyBody = received.json()?;
    let is_active = body.status == StrategyStatus::Active;
    if before.status == StrategyStatus::Active || is_active {
        caller.need(Right::RunStrategies)?;
    }
    if body.strategy_type != before.strategy_type {
        let detail = format!("it is {}; make another strategy instead", before.strategy_type);
        return Err(ApiError::invalid("strategy_type", detail));
    }
    let wanted = checked(&app, body)?;
    let change = StrategyChange {
        name: Some(wanted.name),
        description: Some(wanted.description),
        symbols: Some(wanted.symbols),
        parameters: Some(wanted.parameters),
    };
    let now = Time::now();
    let mut after = before.clone();
    if !is_active {
        after.deactivate(now);
    }
    after.change(change, now)?;
    if is_active {
        after.activate(now)?;
    }
    once.run(&app, &caller, &received.bytes, async |_| {
        let saved = apply(&app, &caller, &context, &before, after, "strategy.changed").await?;
        Ok(Json(Strategy::from(saved)))
    })
    .await
}

/// What was removed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// Its identifier.
    pub id: Uuid,
    /// Always `deleted`.
    pub status: &'static str,
}

/// Removes a strategy that does not run.
#[utoipa::path(
    delete,
    path = "/strategies/{id}",
    tag = "strategies",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The strategy"), OnceHeader),
    responses(
        (status = 200, body = Deleted),
        (status = 409, description = "It runs", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn remove(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    Path(id): Path<String>,
    once: Once,
) -> Result<Response, ApiError> {
    caller.need(Right::ManageStrategies)?;
    once.run(&app, &caller, &[], async |under| {
        let deleted = |id: StrategyUid| Json(Deleted { id: id.0, status: "deleted" });
        let kept = match find(&app, &caller, &id).await {
            Ok(kept) => kept,
            // Done already, by a request that was never answered.
            Err(error) => match id.parse() {
                Ok(id) if under.is_repeat && error.status == StatusCode::NOT_FOUND => {
                    return Ok(deleted(StrategyUid(id)));
                }
                _ => return Err(error),
            },
        };
        if kept.status == StrategyStatus::Active {
            return Err(ApiError::conflict("CONFLICT", "it is active: deactivate it first"));
        }
        // Whatever the store says: nothing may trade that nobody can name any more.
        let desk = app.trading.desk(caller.tenant()).await?;
        stopped(&*desk, kept.id, &caller).await?;
        app.store.delete_strategy(actor(&caller, &context), kept.id).await?;
        Ok(deleted(kept.id))
    })
    .await
}

/// Runs a strategy in the tenant's session.
#[utoipa::path(
    post,
    path = "/strategies/{id}/activate",
    tag = "strategies",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The strategy"), OnceHeader),
    responses((status = 200, description = "It runs", body = Strategy))
)]
pub(crate) async fn activate(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    Path(id): Path<String>,
    once: Once,
) -> Result<Response, ApiError> {
    caller.need(Right::RunStrategies)?;
    once.run(&app, &caller, &[], async |_| {
        let kept = find(&app, &caller, &id).await?;
        Ok(Json(Strategy::from(run(&app, &caller, &context, kept).await?)))
    })
    .await
}

/// Stops a strategy and cancels its orders; its position stays.
#[utoipa::path(
    post,
    path = "/strategies/{id}/deactivate",
    tag = "strategies",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The strategy"), OnceHeader),
    responses((status = 200, description = "It does not run any more", body = Strategy))
)]
pub(crate) async fn deactivate(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    Path(id): Path<String>,
    once: Once,
) -> Result<Response, ApiError> {
    caller.need(Right::Cancel)?;
    once.run(&app, &caller, &[], async |_| {
        let before = find(&app, &caller, &id).await?;
        let mut after = before.clone();
        after.deactivate(Time::now());
        let action = "strategy.deactivated";
        let saved = apply(&app, &caller, &context, &before, after, action).await?;
        Ok(Json(Strategy::from(saved)))
    })
    .await
}

async fn run(
    app: &Shared,
    caller: &Caller,
    context: &Context,
    before: TradingStrategy,
) -> Result<TradingStrategy, ApiError> {
    let mut after = before.clone();
    after.activate(Time::now())?;
    check_symbols(app, &after.symbols)?;
    apply(app, caller, context, &before, after, "strategy.activated").await
}
