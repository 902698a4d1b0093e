//! `GET` and `PUT /hitl/policy`: when a human is asked.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::Faults;
use super::once::{Once, OnceHeader};
use super::strategies::actor;
use crate::hitl::shown::share;
use crate::http::{ApiError, Caller, Context, Received, Shared};
use qt_auth::Right;
use qt_store::{AskControl, HitlPolicy, HitlTerms};
use qt_trading::amount::Amount;
use qt_trading::time::Time;
use rust_decimal::Decimal;

/// So many controls may ask.
const CONTROLS_MAX: usize = 32;
const CONTROL_BYTES_MAX: usize = 64;
const ONE_E9: f64 = 1e9;

/// A control of the risk gate that asks.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlShown {
    /// Its code, as `dry_run` of an order and `/risk/status` tell it.
    control: String,
    /// From this share of its limit on: 0 to 1.
    share: f64,
}

/// When a human is asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PolicyShown {
    /// Rises by one with each change; 0 is what holds before the first.
    version: u64,
    /// Below this confidence; 0: never.
    ask_below_confidence: f64,
    /// Above this value, in the account's currency; none: never.
    ask_above_notional: Option<Amount>,
    /// Until one signal of a source was approved of.
    ask_first_of_source: bool,
    /// Where so much of a limit would be used.
    ask_controls: Vec<ControlShown>,
    /// Who changed it; empty before the first change.
    changed_by: String,
    /// When.
    changed_at: Option<Time>,
}

/// Another policy, as a whole.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyBody {
    /// The version that it was made from.
    base_version: u64,
    /// Below this confidence, 0 to 1; 0: never.
    ask_below_confidence: f64,
    /// Above this value, in the account's currency; null: never.
    ask_above_notional: Option<Amount>,
    /// Until one signal of a source was approved of.
    ask_first_of_source: bool,
    /// Where so much of a limit would be used.
    #[serde(default)]
    ask_controls: Vec<ControlShown>,
}

impl From<&HitlPolicy> for PolicyShown {
    fn from(policy: &HitlPolicy) -> Self {
        let terms = &policy.terms;
        let control = |it: &AskControl| ControlShown {
            control: it.control.clone(),
            share: share(it.share_e9),
        };
        Self {
            version: policy.version,
            ask_below_confidence: share(terms.confidence_e9),
            ask_above_notional: terms.notional,
            ask_first_of_source: terms.asks_first,
            ask_controls: terms.controls.iter().map(control).collect(),
            changed_by: policy.person.clone(),
            changed_at: policy.changed_at,
        }
    }
}

fn is_share(share: f64) -> bool {
    (0.0..=1.0).contains(&share)
}

/// A share in billionths; it was looked at before.
fn e9(share: f64) -> u32 {
    (share * ONE_E9).round() as u32
}

impl PolicyBody {
    fn terms(&self) -> Result<HitlTerms, ApiError> {
        let mut faults = Faults::default();
        let detail = "a number from 0 to 1";
        faults.unless(is_share(self.ask_below_confidence), "ask_below_confidence", detail);
        let is_right = self.ask_above_notional.is_none_or(|it| it.0 >= Decimal::ZERO);
        faults.unless(is_right, "ask_above_notional", "zero or more, or null");
        let count = self.ask_controls.len();
        faults.unless(count <= CONTROLS_MAX, "ask_controls", "at most 32 of them");
        for (at, it) in self.ask_controls.iter().enumerate() {
            let is_code = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let is_right = (1..=CONTROL_BYTES_MAX).contains(&it.control.len())
                && it.control.bytes().all(is_code);
            let field = format!("ask_controls[{at}].control");
            faults.unless(is_right, &field, "a code of 1 to 64 of A-Z a-z 0-9 _");
            faults.unless(is_share(it.share), &format!("ask_controls[{at}].share"), detail);
        }
        faults.done()?;
        let control =
            |it: &ControlShown| AskControl { control: it.control.clone(), share_e9: e9(it.share) };
        Ok(HitlTerms {
            confidence_e9: e9(self.ask_below_confidence),
            notional: self.ask_above_notional,
            asks_first: self.ask_first_of_source,
            controls: self.ask_controls.iter().map(control).collect(),
        })
    }
}

/// When a human is asked.
#[utoipa::path(
    get,
    path = "/hitl/policy",
    tag = "hitl",
    security(("bearer" = [])),
    responses((status = 200, body = PolicyShown))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<PolicyShown>, ApiError> {
    caller.need(Right::Read)?;
    let policy = app.store.hitl_policy(caller.tenant()).await?;
    Ok(Json(PolicyShown::from(&policy)))
}

/// Puts another policy in force, for signals from now on; what waits already goes on waiting.
#[utoipa::path(
    put,
    path = "/hitl/policy",
    tag = "hitl",
    security(("bearer" = [])),
    params(OnceHeader),
    request_body = PolicyBody,
    responses(
        (status = 200, body = PolicyShown),
        (status = 409, description = "Another version is in force",
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
    // To be asked less is looser, whichever field it is.
    caller.need(Right::LoosenLimits)?;
    let body: PolicyBody = received.json()?;
    let terms = body.terms()?;
    let work = async |_: super::once::Under| {
        let by = actor(&caller, &context);
        let policy = app.approvals.set_policy(by, body.base_version, terms.clone()).await?;
        Ok(Json(PolicyShown::from(&*policy)))
    };
    once.run(&app, &caller, &received.bytes, work).await.map(IntoResponse::into_response)
}
