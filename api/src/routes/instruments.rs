//! What can be traded.

use axum::Json;
use axum::extract::{Path, State};

use crate::http::page::Page;
use crate::http::{ApiError, Caller, Shared};
use qt_auth::Right;
use qt_trading::Instrument;

/// All instruments, by symbol.
#[utoipa::path(
    get,
    path = "/instruments",
    tag = "market data",
    security(("bearer" = [])),
    responses((status = 200, body = Page<Instrument>))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Page<Instrument>>, ApiError> {
    caller.need(Right::ReadMarket)?;
    let mut items = app.market.instruments();
    items.sort_by(|one, other| one.symbol.cmp(&other.symbol));
    Ok(Json(Page { items, next_cursor: None }))
}

/// One instrument.
#[utoipa::path(
    get,
    path = "/instruments/{symbol}",
    tag = "market data",
    security(("bearer" = [])),
    params(
        ("symbol" = String, Path, description = "The instrument", pattern = "^[A-Za-z0-9._-]+$")
    ),
    responses((status = 200, body = Instrument))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(symbol): Path<String>,
) -> Result<Json<Instrument>, ApiError> {
    caller.need(Right::ReadMarket)?;
    app.market.instrument(&symbol).map(Json).ok_or_else(ApiError::not_found)
}
