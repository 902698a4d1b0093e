//! How the account stands, and alerts.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::page::{Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Shared};
use qt_auth::Right;
use qt_store::{AlertRow, KillRow};
use qt_trading::{RiskStatus, SessionState, Switch};

/// How the account stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RiskView {
    /// The session.
    session: SessionState,
    /// Every limit, how much of it is used, and what it is.
    limits: Vec<RiskStatus>,
    /// The kill switches that were ever tripped, as the session has them in force.
    kill_states: Vec<Switch>,
    /// The same as the store has written them down; none while it is away.
    switches: Option<Vec<KillRow>>,
}

/// Every limit with its headroom, and the kill switches.
#[utoipa::path(
    get,
    path = "/risk/status",
    tag = "risk",
    security(("bearer" = [])),
    responses((status = 200, body = RiskView))
)]
pub(crate) async fn status(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<RiskView>, ApiError> {
    caller.need(Right::Read)?;
    let desk = app.trading.desk(caller.tenant()).await?;
    // The session is the truth; a store that is away hides nothing of it.
    let switches = app.store.kills(caller.tenant()).await.ok();
    let (kill_states, limits) = (desk.switches(), desk.risk_now().await);
    Ok(Json(RiskView { session: desk.state(), limits, kill_states, switches }))
}

/// Alerts of the risk gate, newest first.
#[utoipa::path(
    get,
    path = "/risk/alerts",
    tag = "risk",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, body = Page<AlertRow>))
)]
pub(crate) async fn alerts(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<Page<AlertRow>>, ApiError> {
    caller.need(Right::Read)?;
    let page = store_page(&asked.read()?)?;
    Ok(Json(app.store.alerts(caller.tenant(), page).await?.into()))
}
