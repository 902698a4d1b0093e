//! The account's value and positions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::check::Faults;
use crate::http::page::Page;
use crate::http::{ApiError, Asked, Caller, Shared};
use qt_auth::Right;
use qt_store::{DayRow, EquityPoint};
use qt_trading::time::Time;
use qt_trading::{Desk, Phase, Portfolio, Position};

/// The account as it is. A session that is being made again shows nothing rather than zeros.
pub(super) fn known(desk: &dyn Desk) -> Result<Arc<Portfolio>, ApiError> {
    let portfolio = desk.portfolio();
    if portfolio.as_of == Time(0) {
        let state = desk.state();
        if state.phase == Phase::Elsewhere {
            let detail = state.detail.unwrap_or_else(|| "another process has it".to_owned());
            return Err(ApiError::unavailable("ELSEWHERE", &detail).after_s(1));
        }
        let detail = "the session is made again from its journal; try again in a moment";
        return Err(ApiError::unavailable("RECONCILING", detail).after_s(1));
    }
    Ok(portfolio)
}

/// Value, cash, positions and profit of the tenant's account.
#[utoipa::path(
    get,
    path = "/portfolio",
    tag = "portfolio",
    security(("bearer" = [])),
    responses((status = 200, body = Portfolio))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Arc<Portfolio>>, ApiError> {
    caller.need(Right::Read)?;
    let desk = app.trading.desk(caller.tenant()).await?;
    Ok(Json(known(&*desk)?))
}

/// The positions that are not flat.
#[utoipa::path(
    get,
    path = "/portfolio/positions",
    tag = "portfolio",
    security(("bearer" = [])),
    responses((status = 200, body = Page<Position>))
)]
pub(crate) async fn positions(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Page<Position>>, ApiError> {
    caller.need(Right::Read)?;
    let desk = app.trading.desk(caller.tenant()).await?;
    let items = known(&*desk)?.positions.clone();
    Ok(Json(Page { items, next_cursor: None }))
}

/// How much of the past is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// How many days: 1 to 366, 30 when absent.
    #[param(minimum = 1, maximum = 366)]
    days: Option<u32>,
    /// How many points of the curve: 1 to 1000, 200 when absent.
    #[param(minimum = 1, maximum = 1000)]
    points: Option<u32>,
}

/// The past of the account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct History {
    /// Profit and loss by UTC day, oldest first.
    days: Vec<DayRow>,
    /// Equity over that time, oldest first.
    equity: Vec<EquityPoint>,
}

const DAY_NS: i64 = 86_400_000_000_000;

/// Profit and loss by day, and the equity over that time.
#[utoipa::path(
    get,
    path = "/portfolio/history",
    tag = "portfolio",
    security(("bearer" = [])),
    params(HistoryQuery),
    responses((status = 200, body = History))
)]
pub(crate) async fn history(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<History>, ApiError> {
    caller.need(Right::Read)?;
    let query: HistoryQuery = asked.read()?;
    let (days, points) = (query.days.unwrap_or(30), query.points.unwrap_or(200));
    let mut faults = Faults::default();
    faults.unless((1..=366).contains(&days), "days", "must be 1 to 366");
    faults.unless((1..=1_000).contains(&points), "points", "must be 1 to 1000");
    faults.done()?;
    let desk = app.trading.desk(caller.tenant()).await?;
    let account = desk.account();
    let now = Time::now();
    let from = Time(now.0.saturating_sub(i64::from(days) * DAY_NS));
    let until = Time(now.0.saturating_add(1));
    let equity = app.store.equity(caller.tenant(), account, from, until, points).await?;
    let days = app.store.days(caller.tenant(), account, days).await?;
    Ok(Json(History { days, equity }))
}
