//! Limits, alerts and the kill switch.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::strategies::actor;
use crate::http::page::{Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Context, Received, Shared};
use qt_auth::Right;
use qt_store::{Actor, AlertRow, ArmProgress, ArmRule, KillRow, PLATFORM};
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;
use qt_trading::{ArmAnswer, Desk, KillAnswer, KillLevel, RiskStatus, SessionState};

/// The longest reason, in characters.
const REASON_LENGTH_MAX: usize = 500;

/// How the account stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RiskView {
    /// The session.
    session: SessionState,
    /// Every limit, how much of it is used, and what it is.
    limits: Vec<RiskStatus>,
    /// The kill switches of the tenant that were ever tripped; none while the store is away.
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
    Ok(Json(RiskView { session: desk.state(), limits: desk.risk_now().await, switches }))
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

/// Which switch, and why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// At which level.
    level: KillLevel,
    /// Which strategy, account or venue. The account and the tenant are the caller's own.
    id: Option<String>,
    /// Why: 1 to 500 characters.
    reason: String,
}

/// A switch that is there.
struct Found {
    strategy: Option<StrategyUid>,
    subject: String,
    tenant: qt_trading::ids::TenantId,
}

impl Switch {
    fn check(&self) -> Result<(), ApiError> {
        let length = self.reason.trim().chars().count();
        if length == 0 || self.reason.chars().count() > REASON_LENGTH_MAX {
            let detail = format!("say why in 1 to {REASON_LENGTH_MAX} characters");
            return Err(ApiError::invalid("reason", detail));
        }
        Ok(())
    }

    /// What the switch belongs to. What is not the caller's is not there.
    fn find(&self, caller: &Caller, desk: Option<&dyn Desk>) -> Result<Found, ApiError> {
        let own = caller.tenant();
        let given = self.id.as_deref();
        let is_own = |id: String| match given {
            Some(given) if given != id => Err(ApiError::not_found()),
            _ => Ok(Found { strategy: None, subject: id, tenant: own }),
        };
        match self.level {
            KillLevel::Strategy => {
                let text = given.ok_or_else(|| ApiError::invalid("id", "name the strategy"))?;
                let id: Uuid = text.parse().map_err(|_| ApiError::not_found())?;
                let strategy = Some(StrategyUid(id));
                Ok(Found { strategy, subject: id.to_string(), tenant: own })
            }
            KillLevel::Account => {
                let account = desk.map(|desk| desk.account().to_string());
                is_own(account.ok_or_else(ApiError::not_found)?)
            }
            KillLevel::Tenant => is_own(own.to_string()),
            KillLevel::Venue => {
                let venue = given.ok_or_else(|| ApiError::invalid("id", "name the venue"))?;
                Ok(Found { strategy: None, subject: venue.to_owned(), tenant: PLATFORM })
            }
            KillLevel::Global => {
                if given.is_some() {
                    return Err(ApiError::invalid("id", "everything has no id: leave it out"));
                }
                Ok(Found { strategy: None, subject: String::new(), tenant: PLATFORM })
            }
        }
    }

    const fn is_of_all(&self) -> bool {
        matches!(self.level, KillLevel::Venue | KillLevel::Global)
    }
}

fn in_tenant(found: &Found, caller: &Caller, context: &Context) -> Actor {
    Actor { tenant: found.tenant, ..actor(caller, context) }
}

/// Trips a kill switch. It is answered when no new or amended order can leave and that is written
/// down in the journal; it needs neither database nor Redis.
#[utoipa::path(
    post,
    path = "/risk/kill",
    tag = "risk",
    security(("bearer" = [])),
    request_body = Switch,
    responses((status = 200, description = "Nothing leaves any more", body = KillAnswer))
)]
pub(crate) async fn kill(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    received: Received,
) -> Result<Json<KillAnswer>, ApiError> {
    let lowest = Right::Kill(KillLevel::Strategy);
    // Who may trip none gets 403 before the body is looked at.
    caller.need(lowest)?;
    let switch: Switch = received.json()?;
    caller.need(Right::Kill(switch.level))?;
    switch.check()?;
    let (reason, person) = (switch.reason.clone(), caller.person());
    let (found, answer) = if switch.is_of_all() {
        let found = switch.find(&caller, None)?;
        (found, app.trading.kill_all(reason, person).await?)
    } else {
        let desk = app.trading.desk(caller.tenant()).await?;
        let found = switch.find(&caller, Some(&*desk))?;
        let answer = desk.kill(switch.level, found.strategy, reason, person).await?;
        (found, answer)
    };
    let by = in_tenant(&found, &caller, &context);
    let noted = app.store.tripped(by, switch.level, found.subject, switch.reason).await;
    if let Err(error) = noted {
        // It holds: the journal has it. The row follows when the switch is armed again.
        tracing::error!(%error, "a kill switch was tripped and could not be noted in the store");
    }
    Ok(Json(answer))
}

/// How far re-arming is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Arming {
    /// `waiting`, `armed` or `was_armed`.
    status: &'static str,
    /// Who has approved.
    people: Vec<String>,
    /// When the oldest approval counts no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
    /// For one operator alone: the earliest time of the second confirmation.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Time>,
}

/// Approves that orders may leave again. Two different people must, within 15 minutes; on a machine
/// with one owner the owner confirms twice, 10 seconds or more apart.
#[utoipa::path(
    post,
    path = "/risk/arm",
    tag = "risk",
    security(("bearer" = [])),
    request_body = Switch,
    responses(
        (status = 200, description = "Orders may leave again", body = Arming),
        (status = 202, description = "One approval is written down", body = Arming)
    )
)]
pub(crate) async fn arm(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::Arm(KillLevel::Strategy))?;
    let switch: Switch = received.json()?;
    caller.need(Right::Arm(switch.level))?;
    switch.check()?;
    let desk = app.trading.desk(caller.tenant()).await?;
    let found = switch.find(&caller, Some(&*desk))?;
    let by = in_tenant(&found, &caller, &context);
    let rule = if caller.identity.is_owner { ArmRule::SingleOperator } else { ArmRule::TwoPeople };
    let approve = async || {
        let (subject, reason) = (found.subject.clone(), switch.reason.clone());
        app.store.approve_arm(by.clone(), switch.level, subject, reason, rule).await
    };
    let mut progress = approve().await?;
    let is_killed = desk.state().is_killed || switch.is_of_all();
    if progress == ArmProgress::NotKilled && is_killed {
        // Tripped while the store was away, or by the machine: noted now, and approved after.
        let reason = "tripped before; noted when arming was asked for".to_owned();
        let machine = Actor { person: "service".to_owned(), ..by.clone() };
        app.store.tripped(machine, switch.level, found.subject.clone(), reason).await?;
        progress = approve().await?;
    }
    let people = match progress {
        ArmProgress::NotKilled => return Ok(armed("was_armed", Vec::new())),
        ArmProgress::Waiting { people, expires_at, not_before } => {
            let expires_at = Some(expires_at);
            let body = Arming { status: "waiting", people, expires_at, not_before };
            return Ok((StatusCode::ACCEPTED, Json(body)).into_response());
        }
        ArmProgress::Ready { people } => people,
    };
    let person = people.join(" + ");
    let answer = if switch.is_of_all() {
        app.trading.arm_all(person).await?
    } else {
        desk.arm(switch.level, found.strategy, person).await?
    };
    app.store.armed(by, switch.level, found.subject, rule).await?;
    let status = if answer == ArmAnswer::Armed { "armed" } else { "was_armed" };
    Ok(armed(status, people))
}

fn armed(status: &'static str, people: Vec<String>) -> Response {
    Json(Arming { status, people, expires_at: None, not_before: None }).into_response()
}
