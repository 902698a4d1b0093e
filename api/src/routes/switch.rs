//! Kill switches: tripped by one person, armed by two. What holds the session knows; the store
//! keeps who approved, and has it written down.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::check::is_plain_text;
use super::once::{Once, OnceHeader};
use super::strategies::actor;
use crate::http::{ApiError, Caller, Context, Received, Shared, Small};
use qt_auth::Right;
use qt_store::{Actor, ArmProgress, ArmRule, ArmTerms, PLATFORM, StoreError};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{ArmAnswer, Desk, KillAnswer, KillLevel, Refusal, Switch};

/// The longest reason, in characters.
const REASON_LENGTH_MAX: usize = 500;
/// So long an answer waits for the store. What it has not taken by then it takes later.
const KEPT_WITHIN: Duration = Duration::from_secs(1);

/// Which switch, and why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchBody {
    /// At which level.
    level: KillLevel,
    /// Which strategy, account or venue. The account and the tenant are the caller's own.
    id: Option<String>,
    /// Why: 1 to 500 characters.
    reason: String,
}

/// The switch that is meant.
struct Found {
    level: KillLevel,
    strategy: Option<StrategyUid>,
    subject: String,
    tenant: TenantId,
}

impl SwitchBody {
    fn check(&self) -> Result<(), ApiError> {
        let length = self.reason.trim().chars().count();
        if length == 0 || self.reason.chars().count() > REASON_LENGTH_MAX {
            let detail = format!("say why in 1 to {REASON_LENGTH_MAX} characters");
            return Err(ApiError::invalid("reason", detail));
        }
        if !is_plain_text(&self.reason) {
            return Err(ApiError::invalid("reason", "say why without control characters"));
        }
        Ok(())
    }

    const fn is_of_all(&self) -> bool {
        matches!(self.level, KillLevel::Venue | KillLevel::Global)
    }

    /// What the switch belongs to. What is not the caller's is not there.
    fn find(&self, caller: &Caller, desk: &dyn Desk) -> Result<Found, ApiError> {
        let (level, tenant) = (self.level, caller.tenant());
        let given = self.id.as_deref();
        if level == KillLevel::Strategy {
            let text = given.ok_or_else(|| ApiError::invalid("id", "name the strategy"))?;
            let id: Uuid = text.parse().map_err(|_| ApiError::not_found())?;
            let strategy = Some(StrategyUid(id));
            return Ok(Found { level, strategy, subject: id.to_string(), tenant });
        }
        let subject = match level {
            KillLevel::Account => desk.account().to_string(),
            _ => tenant.to_string(),
        };
        if given.is_some_and(|given| given != subject) {
            return Err(ApiError::not_found());
        }
        Ok(Found { level, strategy: None, subject, tenant })
    }

    /// The same for a switch of all tenants.
    fn find_of_all(&self, app: &Shared) -> Result<Found, ApiError> {
        let subject = match (self.level, self.id.as_deref()) {
            (KillLevel::Global, Some(_)) => {
                return Err(ApiError::invalid("id", "everything has no id: leave it out"));
            }
            (KillLevel::Global, None) => String::new(),
            (_, None) => return Err(ApiError::invalid("id", "name the venue")),
            (_, Some(venue)) => {
                if !app.market.instruments().iter().any(|it| it.venue == venue) {
                    return Err(ApiError::not_found());
                }
                venue.to_owned()
            }
        };
        Ok(Found { level: self.level, strategy: None, subject, tenant: PLATFORM })
    }
}

impl Found {
    /// It, as it is in force among `all`.
    fn of(&self, all: Vec<Switch>) -> Option<Switch> {
        all.into_iter().find(|it| it.is_of(self.level, &self.subject))
    }

    /// Who has changed it to what `switch` says.
    fn by(&self, switch: &Switch, context: &Context) -> Actor {
        let (person, request_id) = (switch.people.join(" + "), context.request_id.clone());
        Actor { tenant: self.tenant, person, request_id, at: switch.changed_at }
    }

    /// Has the store write down how it is now. An answer does not wait long for that: what cannot
    /// be written now is written when the store is there, from what the session remembers.
    async fn keep(&self, app: &Shared, switch: Option<Switch>, context: &Context) {
        let Some(switch) = switch else { return };
        let (store, by) = (app.store.clone(), self.by(&switch, context));
        let keeping = tokio::spawn(async move {
            if let Err(error) = store.keep_switch(by, switch).await {
                tracing::error!(%error, "a kill switch is not written down yet");
            }
        });
        let _ = tokio::time::timeout(KEPT_WITHIN, keeping).await;
    }
}

/// Trips a kill switch. It is answered when no new or amended order can leave and that is written
/// down in the journal; it needs neither database nor Redis.
#[utoipa::path(
    post,
    path = "/risk/kill",
    tag = "risk",
    security(("bearer" = [])),
    params(OnceHeader),
    request_body = SwitchBody,
    responses((status = 200, description = "Nothing leaves any more", body = KillAnswer))
)]
pub(crate) async fn kill(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    once: Once,
    received: Small,
) -> Result<Response, ApiError> {
    // Who may trip none gets 403 before the body is looked at, and uses up nobody's kills.
    let lowest = Right::Kill(KillLevel::Strategy);
    app.allow_kill(caller.tenant(), &caller.person(), caller.may(lowest)).await?;
    caller.need(lowest)?;
    let body: SwitchBody = received.json()?;
    caller.need(Right::Kill(body.level))?;
    body.check()?;
    once.anyway()
        .run(&app, &caller, &received.bytes, async |_| {
            tripped(&app, &caller, &context, body).await.map(Json)
        })
        .await
}

async fn tripped(
    app: &Shared,
    caller: &Caller,
    context: &Context,
    body: SwitchBody,
) -> Result<KillAnswer, ApiError> {
    let (reason, person) = (body.reason.clone(), caller.person());
    if body.is_of_all() {
        let found = body.find_of_all(app)?;
        let answer = app.trading.kill_all(found.level, found.subject.clone(), reason, person).await;
        // Also where not all of it could be done: what holds must be known.
        found.keep(app, found.of(app.trading.switches()), context).await;
        return Ok(answer?);
    }
    let desk = app.trading.desk(caller.tenant()).await?;
    let found = body.find(caller, &*desk)?;
    let killed = desk.kill(found.level, found.strategy, reason.clone(), person.clone()).await;
    let answer = match (killed, found.strategy) {
        // It has no place in the session: remembered, so that it cannot start.
        (Err(Refusal::NotFound), Some(id)) if is_of_tenant(app, caller, id).await => {
            desk.kill_absent(id, reason, person).await?
        }
        (killed, _) => killed?,
    };
    found.keep(app, found.of(desk.switches()), context).await;
    Ok(answer)
}

/// Whether the caller's tenant has the strategy, or a source under that identifier; while the store
/// is away it may have.
async fn is_of_tenant(app: &Shared, caller: &Caller, id: StrategyUid) -> bool {
    let asked = async {
        let is_strategy = app.store.strategy(caller.tenant(), id).await.map(|_| ());
        match is_strategy {
            Err(StoreError::NotFound) => app.store.source(caller.tenant(), id).await.map(|_| ()),
            other => other,
        }
    };
    let known = tokio::time::timeout(KEPT_WITHIN, asked).await;
    !matches!(known, Ok(Err(StoreError::NotFound)))
}

/// How far re-arming is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Arming {
    /// `waiting`, `armed` or `was_armed`.
    status: &'static str,
    /// Who has approved.
    people: Vec<String>,
    /// The trip that was approved of: another one needs approvals of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    tripped_at: Option<Time>,
    /// When the oldest approval counts no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
    /// For one operator alone: the earliest time of the second confirmation.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Time>,
    /// Switches that still hold orders back, at other levels too.
    still_killed: Vec<Switch>,
}

/// Approves that orders may leave again. Two different people must, within 15 minutes; on a machine
/// with one owner the owner confirms twice, 10 seconds or more apart.
#[utoipa::path(
    post,
    path = "/risk/arm",
    tag = "risk",
    security(("bearer" = [])),
    params(OnceHeader),
    request_body = SwitchBody,
    responses(
        (status = 200, description = "This switch holds nothing back any more", body = Arming),
        (status = 202, description = "One approval is written down", body = Arming),
        (status = 409, description = "It was tripped again", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn arm(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    once: Once,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::Arm(KillLevel::Strategy))?;
    let body: SwitchBody = received.json()?;
    caller.need(Right::Arm(body.level))?;
    body.check()?;
    once.run(&app, &caller, &received.bytes, async |_| {
        approved(&app, &caller, &context, body).await
    })
    .await
}

async fn approved(
    app: &Shared,
    caller: &Caller,
    context: &Context,
    body: SwitchBody,
) -> Result<Response, ApiError> {
    let desk = match body.is_of_all() {
        true => None,
        false => Some(app.trading.desk(caller.tenant()).await?),
    };
    let found = match &desk {
        Some(desk) => body.find(caller, &**desk)?,
        None => body.find_of_all(app)?,
    };
    let all = || desk.as_ref().map_or_else(|| app.trading.switches(), |desk| desk.switches());
    let arming = |status, people, tripped_at| Arming {
        status,
        people,
        tripped_at,
        expires_at: None,
        not_before: None,
        still_killed: all().into_iter().filter(|it| it.is_killed).collect(),
    };
    let Some(switch) = found.of(all()).filter(|it| it.is_killed) else {
        return Ok(Json(arming("was_armed", Vec::new(), None)).into_response());
    };
    let trip = switch.tripped_at;
    // The trip is written down before anybody approves of anything, also one by machine.
    app.store.keep_switch(found.by(&switch, context), switch).await?;
    let rule = if caller.identity.is_owner { ArmRule::SingleOperator } else { ArmRule::TwoPeople };
    let by = Actor { tenant: found.tenant, ..actor(caller, context) };
    let (level, subject) = (found.level, found.subject.clone());
    let terms = ArmTerms { trip, rule };
    let people = match app.store.approve_arm(by, level, subject, body.reason, terms).await? {
        ArmProgress::NotKilled => {
            let detail = "it was tripped again, or armed, just now: look at it and approve anew";
            return Err(ApiError::conflict("TRIPPED_AGAIN", detail));
        }
        ArmProgress::Waiting { people, expires_at, not_before } => {
            let waiting = arming("waiting", people, Some(trip));
            let body = Arming { expires_at: Some(expires_at), not_before, ..waiting };
            return Ok((StatusCode::ACCEPTED, Json(body)).into_response());
        }
        ArmProgress::Ready { people } => people,
    };
    let answer = match &desk {
        Some(desk) => desk.arm(level, found.strategy, trip, people.clone()).await?,
        None => app.trading.arm_all(level, found.subject.clone(), trip, people.clone()).await?,
    };
    found.keep(app, found.of(all()), context).await;
    let status = if answer == ArmAnswer::Armed { "armed" } else { "was_armed" };
    Ok(Json(arming(status, people, Some(trip))).into_response())
}
