//! `GET` and `PUT /risk/limits`: tighter by one person, looser by two.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use qt_risk::{Change, Holder, KEYS, KeyRow, LimitSet, change};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::once::{Once, OnceHeader};
use super::strategies::actor;
use crate::http::{ApiError, Caller, Context, Received, Shared};
use qt_auth::Right;
use qt_store::{Actor, LimitProposal};
use qt_trading::time::Time;
use qt_trading::{Desk, KillLevel, LimitValue, LimitsNow};

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

/// Limits as the store has them.
pub(crate) fn read(document: &Value) -> Result<Vec<LimitValue>, ApiError> {
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
    Ok(Json(view(&app, &caller, &*in_force(&*desk)?).await?))
}

/// The limits of a session; what is not ready has none to show.
fn in_force(desk: &dyn Desk) -> Result<Arc<LimitsNow>, ApiError> {
    let now = desk.limits();
    if now.version == 0 {
        let detail = "the session is made again from its journal; try again in a moment";
        return Err(ApiError::unavailable("RECONCILING", detail));
    }
    Ok(now)
}

async fn view(app: &Shared, caller: &Caller, now: &LimitsNow) -> Result<LimitView, ApiError> {
    let proposals = app.store.limit_proposals(caller.tenant()).await?;
    Ok(shown(now, proposals))
}

fn shown(now: &LimitsNow, proposals: Vec<LimitProposal>) -> LimitView {
    let LimitsNow { version, people, changed_at, limits } = now.clone();
    LimitView { version, limits, people, changed_at, proposals }
}

/// Limits as the store keeps them.
pub(crate) fn kept(now: &LimitsNow) -> qt_store::LimitSet {
    let LimitsNow { version, people, changed_at, limits } = now.clone();
    let document = document(&limits);
    qt_store::LimitSet { version, document, people, created_at: changed_at }
}

/// Changes limits. What is tighter is in force at once; what is looser waits for a second person.
#[utoipa::path(
    put,
    path = "/risk/limits",
    tag = "risk",
    security(("bearer" = [])),
    params(OnceHeader),
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
    once: Once,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::TightenLimits)?;
    let body: LimitBody = received.json()?;
    once.run(&app, &caller, &received.bytes, async |under| {
        changed(&app, &caller, &context, body, under.is_repeat).await
    })
    .await
}

/// Puts `body` in force, or has it wait. A repetition of what was never answered finds it done.
async fn changed(
    app: &Shared,
    caller: &Caller,
    context: &Context,
    body: LimitBody,
    is_repeat: bool,
) -> Result<Response, ApiError> {
    let desk = app.trading.desk(caller.tenant()).await?;
    let now = in_force(&*desk)?;
    let is_next = body.proposal_id.is_none() && body.version.checked_add(1) == Some(now.version);
    if is_repeat && is_next && merged(&now.limits, &body.limits)? == now.limits {
        return Ok(Json(view(app, caller, &now).await?).into_response());
    }
    if body.version != now.version {
        return Err(other_version(now.version));
    }
    let by = actor(caller, context);
    let (wanted, people) = if let Some(proposal) = body.proposal_id {
        caller.need(Right::LoosenLimits)?;
        if !body.limits.is_empty() {
            return Err(ApiError::invalid("limits", "leave them out when you agree to a proposal"));
        }
        let is_single = caller.identity.is_owner;
        let agreed = app.store.agree_limits(by.clone(), proposal, is_single).await?;
        if agreed.base_version != now.version {
            return Err(other_version(now.version));
        }
        (read(&agreed.document)?, agreed.people)
    } else {
        let wanted = merged(&now.limits, &body.limits)?;
        (wanted, vec![caller.person()])
    };
    let effect = effect(&now.limits, &wanted)?;
    if is_of_all(&now.limits, &wanted) {
        // They are above the tenant's own: who may stop everything may set them.
        caller.need(Right::Kill(KillLevel::Global))?;
    }
    match effect {
        Change::None => return Ok(Json(view(app, caller, &now).await?).into_response()),
        Change::Loosens if body.proposal_id.is_none() => {
            caller.need(Right::LoosenLimits)?;
            app.store.keep_limits(service(caller, &now), kept(&now)).await?;
            app.store.propose_limits(by, now.version, document(&wanted)).await?;
            let view = view(app, caller, &now).await?;
            return Ok((StatusCode::ACCEPTED, Json(view)).into_response());
        }
        Change::Tightens | Change::Loosens => {}
    }
    // In force first, and durable: the store has it written down, now or when it is there again.
    let (before, now) = (now.clone(), desk.set_limits(now.version, wanted, people).await?);
    let written = async {
        app.store.keep_limits(service(caller, &before), kept(&before)).await?;
        app.store.keep_limits(by, kept(&now)).await?;
        app.store.limit_proposals(caller.tenant()).await
    };
    let proposals = written.await.unwrap_or_else(|error| {
        tracing::error!(%error, "limits that are in force are not written down yet");
        Vec::new()
    });
    Ok(Json(shown(&now, proposals)).into_response())
}

fn other_version(version: u64) -> ApiError {
    let detail = format!("version {version} is in force: read it, then change it");
    ApiError::conflict("VERSION_CONFLICT", detail)
}

/// Who has put `now` in force.
fn service(caller: &Caller, now: &LimitsNow) -> Actor {
    let person = match now.people.as_slice() {
        [] => "service".to_owned(),
        people => people.join(" + "),
    };
    Actor { at: now.changed_at, ..Actor::new(caller.tenant(), person, "") }
}

/// Whether limits of all there is differ.
fn is_of_all(before: &[LimitValue], after: &[LimitValue]) -> bool {
    let pairs = before.iter().zip(after);
    pairs.into_iter().any(|(before, after)| after.level == "global" && before != after)
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
