//! What was done in the tenant, and by whom.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::page::{Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Shared};
use qt_auth::Right;
use qt_store::audit::{AuditFilter, AuditRow};

/// Which rows are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only this action, or those that begin with it and a point.
    action: Option<String>,
    /// Only by this person.
    person: Option<String>,
    /// Only about this.
    subject: Option<String>,
    /// How many items: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The audit of the tenant, newest first: append-only, each row bound to the one before.
#[utoipa::path(
    get,
    path = "/audit",
    tag = "audit",
    security(("bearer" = [])),
    params(AuditQuery),
    responses((status = 200, body = Page<AuditRow>))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<Page<AuditRow>>, ApiError> {
    caller.need(Right::ReadAudit)?;
    let query: AuditQuery = asked.read()?;
    let page = store_page(&PageQuery { limit: query.limit, cursor: query.cursor })?;
    let filter = AuditFilter { action: query.action, person: query.person, subject: query.subject };
    Ok(Json(app.store.audit_rows(caller.tenant(), filter, page).await?.into()))
}
