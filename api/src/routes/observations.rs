//! What agents said that is no signal.

use axum::Json;
use axum::extract::State;

use crate::http::page::{Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Shared};
use qt_auth::Right;
use qt_store::ObservationRow;

/// What agents of the platform said that is no signal, newest first. Nothing acts on it.
#[utoipa::path(
    get,
    path = "/observations",
    tag = "signals",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, body = Page<ObservationRow>))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<Page<ObservationRow>>, ApiError> {
    caller.need(Right::Read)?;
    let page = store_page(&asked.read()?)?;
    Ok(Json(app.store.observations(caller.tenant(), page).await?.into()))
}
