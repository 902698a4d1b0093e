//! `GET` and `PUT /risk/limits`: tighter by one person, looser by two.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use qt_risk::{Change, Holder, KEYS, KeyRow, LimitSet, change};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::strategies::actor;
use crate::http::{ApiError, Caller, Context, Received, Shared};
use qt_auth::Right;
use qt_store::LimitProposal;
use qt_trading::time::Time;
use qt_trading::{Desk, LimitValue};

/// The limits in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LimitView {
    /// Their version: a change names the one that it was made from.
    version: u64,
    /// The limits.
    limits: Vec<LimitValue>,
    /// Who changed them last; two where they were loosened.
    people: Vec<String>,
    /// When.
    changed_at: Time,
    /// Loosenings that wait for a second person.
    #[schema(value_type = Vec<Object>)]
    proposals: Vec<LimitProposal>,
}

/// A change of limits.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitBody {
    /// The version that it was made from.
    version: u64,
    /// The limits that change; all others stay.
    #[serde(default)]
    limits: Vec<LimitValue>,
    /// Agrees to a loosening that somebody else proposed, in the place of `limits`.
    proposal_id: Option<Uuid>,
}

fn document(limits: &[LimitValue]) -> Value {
    json!({ "limits": limits })
}

fn read(document: &Value) -> Result<Vec<LimitValue>, ApiError> {
    let limits = document.get("limits").cloned().unwrap_or_default();
    serde_json::from_value(limits).map_err(|error| {
        tracing::error!(%error, "limits in the store cannot be read");
        ApiError::internal()
    })
}

/// The limits in force, and loosenings that wait.
#[utoipa::path(
    get,
    path = "/risk/limits",
    tag = "risk",
    security(("bearer" = [])),
    responses((status = 200, body = LimitView))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<LimitView>, ApiError> {
    caller.need(Right::Read)?;
    let desk = app.trading.desk(caller.tenant()).await?;
    Ok(Json(view(&app, &caller, &*desk).await?))
}

async fn view(app: &Shared, caller: &Caller, desk: &dyn Desk) -> Result<LimitView, ApiError> {
    let tenant = caller.tenant();
    let kept = app.store.limits(tenant, document(&desk.limits())).await?;
    let limits = read(&kept.document)?;
    let proposals = app.store.limit_proposals(tenant).await?;
    let (version, people, changed_at) = (kept.version, kept.people, kept.created_at);
    Ok(LimitView { version, limits, people, changed_at, proposals })
}

/// Changes limits. What is tighter is in force at once; what is looser waits for a second person.
#[utoipa::path(
    put,
    path = "/risk/limits",
    tag = "risk",
    security(("bearer" = [])),
    request_body = LimitBody,
    responses(
        (status = 200, description = "They are in force", body = LimitView),
        (status = 202, description = "They wait for a second person", body = LimitView),
        (status = 409, description = "Another version is in force, or the same person agreed twice",
            body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn put(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::TightenLimits)?;
    let body: LimitBody = received.json()?;
    let desk = app.trading.desk(caller.tenant()).await?;
    let now = view(&app, &caller, &*desk).await?;
    if body.version != now.version {
        let detail = format!("version {} is in force: read it, then change it", now.version);
        return Err(ApiError::conflict("VERSION_CONFLICT", detail));
    }
    let by = actor(&caller, &context);
    let kept = if let Some(proposal) = body.proposal_id {
        caller.need(Right::LoosenLimits)?;
        if !body.limits.is_empty() {
            return Err(ApiError::invalid("limits", "leave them out when you agree to a proposal"));
        }
        app.store.approve_limits(by, proposal, caller.identity.is_owner).await?
    } else {
        let wanted = merged(&now.limits, &body.limits)?;
        match effect(&now.limits, &wanted)? {
            Change::None => return Ok(Json(now).into_response()),
            Change::Tightens => {
                app.store.tighten_limits(by, now.version, document(&wanted)).await?
            }
            Change::Loosens => {
                caller.need(Right::LoosenLimits)?;
                app.store.propose_limits(by, now.version, document(&wanted)).await?;
                let view = view(&app, &caller, &*desk).await?;
                return Ok((StatusCode::ACCEPTED, Json(view)).into_response());
            }
        }
    };
    desk.set_limits(read(&kept.document)?, kept.version, caller.person()).await?;
    Ok(Json(view(&app, &caller, &*desk).await?).into_response())
}

/// `now` with `changes` in their places. Only limits that are there can change.
fn merged(now: &[LimitValue], changes: &[LimitValue]) -> Result<Vec<LimitValue>, ApiError> {
    let mut all = now.to_vec();
    for (at, change) in changes.iter().enumerate() {
        let is_same = |limit: &&mut LimitValue| {
            limit.name == change.name
                && limit.level == change.level
                && limit.symbol == change.symbol
        };
        let Some(limit) = all.iter_mut().find(is_same) else {
            let detail = "there is no such limit: GET /risk/limits lists all";
            return Err(ApiError::invalid(format!("limits[{at}]"), detail));
        };
        limit.value = change.value;
    }
    Ok(all)
}

/// What going from `before` to `after` does, by the rules of the risk gate.
fn effect(before: &[LimitValue], after: &[LimitValue]) -> Result<Change, ApiError> {
    let mut so_far = Change::None;
    for (at, (before, after)) in before.iter().zip(after).enumerate() {
        let field = || format!("limits[{at}].value");
        let row = KEYS.iter().find(|row| row.name == after.name);
        let row = row.ok_or_else(|| ApiError::invalid(field(), "the gate has no such limit"))?;
        let set = |limit: &LimitValue| {
            single(row, limit).map_err(|error| ApiError::invalid(field(), error))
        };
        so_far = so_far.max(change(row.holder, &set(before)?, &set(after)?));
    }
    Ok(so_far)
}

fn single(row: &KeyRow, limit: &LimitValue) -> Result<LimitSet, String> {
    let values = BTreeMap::from([(row.name.to_owned(), limit.value.to_string())]);
    let mut set = LimitSet::default();
    let holder: Holder = row.holder;
    set.read(holder, &values).map_err(|error| error.to_string())?;
    Ok(set)
}

#[cfg(test)]
mod tests {
    use qt_risk::Change;

    use super::{effect, merged};
    use qt_trading::LimitValue;

    fn limit(name: &str, value: &str) -> LimitValue {
        LimitValue {
            name: name.to_owned(),
            level: "instrument".to_owned(),
            symbol: None,
            value: serde_json::from_value(value.into()).unwrap(),
            unit: String::new(),
        }
    }

    #[test]
    fn wider_is_looser_and_a_window_is_never_tighter() {
        let now = [limit("order_notional", "20000"), limit("duplicate_window_ms", "1000")];
        let after = |change: LimitValue| effect(&now, &merged(&now, &[change]).unwrap()).unwrap();
        assert_eq!(after(limit("order_notional", "19999.5")), Change::Tightens);
        assert_eq!(after(limit("order_notional", "20000")), Change::None);
        assert_eq!(after(limit("order_notional", "20000.01")), Change::Loosens);
        assert_eq!(after(limit("duplicate_window_ms", "500")), Change::Loosens);
        assert!(merged(&now, &[limit("leverage_bps", "1")]).is_err());
        assert!(effect(&now, &merged(&now, &[limit("order_notional", "-1")]).unwrap()).is_err());
    }
}
