//! What waits for a human: the policy of who is asked when, requests, and decisions about them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Kept;
use super::actor::Actor;
use super::page::{Page, Slice};
use qt_trading::amount::Amount;
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;

/// Confidence below which a human is asked, where nobody has said otherwise, in billionths.
pub const CONFIDENCE_E9: u32 = 850_000_000;
/// Value of an order above which a human is asked, where nobody has said otherwise.
pub const NOTIONAL: i64 = 10_000;
/// With less time left than this a request is urgent, in seconds.
pub const HIGH_SECONDS: i64 = 60;
/// With less time left than this it is not at leisure, in seconds.
pub const MEDIUM_SECONDS: i64 = 300;
/// So many times the notional at which a human is asked makes a request urgent whatever its time.
const HIGH_TIMES: i64 = 5;
const SECOND_NS: i64 = 1_000_000_000;

/// How soon somebody should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Now.
    High,
    /// Soon.
    Medium,
    /// When there is time.
    Low,
}

impl Urgency {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 3] = [Self::High, Self::Medium, Self::Low];

    /// By what is at stake alone: `high` from five times the value at which a human is asked,
    /// `medium` above it.
    #[must_use]
    pub fn of_value(notional: Option<Amount>, asked_above: Option<Amount>) -> Self {
        let (Some(notional), Some(above)) = (notional, asked_above) else { return Self::Low };
        let high = above.0.checked_mul(HIGH_TIMES.into());
        match () {
            () if high.is_some_and(|high| notional.0 >= high) => Self::High,
            () if notional.0 > above.0 => Self::Medium,
            () => Self::Low,
        }
    }

    /// By the time that is left alone: `high` below a minute, `medium` below five.
    #[must_use]
    pub const fn of_time(now: Time, expires_at: Time) -> Self {
        let left_ns = expires_at.0.saturating_sub(now.0);
        match () {
            () if left_ns < HIGH_SECONDS * SECOND_NS => Self::High,
            () if left_ns < MEDIUM_SECONDS * SECOND_NS => Self::Medium,
            () => Self::Low,
        }
    }

    /// The more urgent of the two.
    #[must_use]
    pub fn or_sooner(self, other: Self) -> Self {
        self.min(other)
    }
}

/// A control of the risk gate that asks a human.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskControl {
    /// Its stable code, as `dry_run` of an order tells it.
    pub control: String,
    /// A human is asked from this share of its limit on, in billionths.
    pub share_e9: u32,
}

/// When a human is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitlTerms {
    /// Below this confidence, in billionths; 0 asks never.
    pub confidence_e9: u32,
    /// Above this value, in the account's currency; none asks never.
    pub notional: Option<Amount>,
    /// Until one signal of a source has been approved of.
    pub asks_first: bool,
    /// From a share of a limit on.
    pub controls: Vec<AskControl>,
}

impl Default for HitlTerms {
    fn default() -> Self {
        Self {
            confidence_e9: CONFIDENCE_E9,
            notional: Some(Amount(NOTIONAL.into())),
            asks_first: true,
            controls: Vec::new(),
        }
    }
}

/// One version of a tenant's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitlPolicy {
    /// Rises by one with each change; 0 is what holds before the first.
    pub version: u64,
    /// When a human is asked.
    pub terms: HitlTerms,
    /// Who changed it; empty before the first change.
    pub person: String,
    /// When; none before the first change.
    pub changed_at: Option<Time>,
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HitlStatus {
    /// Nobody has decided.
    Pending,
    /// Approved of, and not in the session yet: it is tried again until it expires.
    Approved,
    /// Approved of, and in the session.
    Released,
    /// Approved of, and refused by the session for good.
    Refused,
    /// Rejected.
    Rejected,
    /// Its signal expired first.
    Expired,
}

/// What a human is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct NewHitlRequest {
    /// The row of the signal: asked about once.
    pub signal: Uuid,
    /// Its source.
    pub source: StrategyUid,
    /// About what.
    pub symbol: String,
    /// By what is at stake.
    pub urgency: Urgency,
    /// Why a human is asked, as codes: without spaces.
    pub triggers: Vec<String>,
    /// The signal as it came.
    pub task_data: Value,
    /// What it comes to.
    pub recommendation: Value,
    /// How sure the source is, in billionths.
    pub confidence_e9: u32,
    /// What the order would be worth at most; none where nobody knows.
    pub notional: Option<Amount>,
    /// What a human should know beside it.
    pub context: Value,
    /// When the signal expires, and the request with it.
    pub expires_at: Time,
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct HitlRequest {
    /// Its identifier.
    pub id: Uuid,
    /// What was asked.
    pub asked: NewHitlRequest,
    /// Where it is.
    pub status: HitlStatus,
    /// What became of it after a decision, or why it is not in the session yet.
    pub outcome: Option<Value>,
    /// When it was made.
    pub created_at: Time,
    /// When it changed last.
    pub updated_at: Time,
}

impl HitlRequest {
    /// How soon somebody should look, by value and time left.
    #[must_use]
    pub fn urgency(&self, now: Time) -> Urgency {
        self.asked.urgency.or_sooner(Urgency::of_time(now, self.asked.expires_at))
    }

    /// Where it is at `now`, also where nobody has looked since it expired.
    #[must_use]
    pub fn status_at(&self, now: Time) -> HitlStatus {
        match self.status {
            HitlStatus::Pending if now >= self.asked.expires_at => HitlStatus::Expired,
            status => status,
        }
    }
}

/// What a human says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Do it.
    Approve,
    /// Do not.
    Reject,
    /// Do less of it.
    Modify,
}

/// A decision to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct NewHitlDecision {
    /// Its identifier.
    pub id: Uuid,
    /// About which request.
    pub request: Uuid,
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub notes: String,
    /// For `modify`: what is changed.
    pub modified: Option<Value>,
}

/// A decision. It is kept for ever as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct HitlDecision {
    /// What was decided.
    pub decided: NewHitlDecision,
    /// Who.
    pub person: String,
    /// When.
    pub decided_at: Time,
}

/// What a decision has come to.
#[derive(Clone, Debug, PartialEq)]
pub enum Decided {
    /// It is the decision about this request.
    Kept(Box<HitlRequest>, HitlDecision),
    /// Somebody has decided before.
    Before(Box<HitlRequest>, HitlDecision),
    /// The request expired first.
    Expired,
}

/// How it went over the last 24 hours, and what waits now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HitlFigures {
    /// How many wait: high, medium, low.
    pub pending: [u64; 3],
    /// Decisions: approve, reject, modify.
    pub decisions: [u64; 3],
    /// How long all these decisions took together, ms.
    pub response_ms: u64,
    /// Signals about which a human was asked.
    pub asked: u64,
    /// Signals that were taken without asking anybody.
    pub automatic: u64,
    /// Why humans were asked about what they have decided, the most frequent first.
    pub triggers: Vec<(String, u64)>,
}

/// The repository of what waits for a human.
pub trait Hitl: Send + Sync {
    /// The policy in force.
    fn hitl_policy(&self, tenant: TenantId) -> Kept<'_, HitlPolicy>;

    /// Puts another policy in force, where version `base` is; another version is a conflict.
    fn set_hitl_policy(&self, actor: Actor, base: u64, terms: HitlTerms) -> Kept<'_, HitlPolicy>;

    /// Asks about a signal; where that was done before, it is the request of before.
    fn ask_human(&self, actor: Actor, asked: NewHitlRequest) -> Kept<'_, HitlRequest>;

    /// A request and the decision about it.
    fn hitl_request(
        &self,
        tenant: TenantId,
        id: Uuid,
    ) -> Kept<'_, (HitlRequest, Option<HitlDecision>)>;

    /// What waits at `now`, the first to expire first.
    fn hitl_pending(
        &self,
        tenant: TenantId,
        urgency: Option<Urgency>,
        now: Time,
        page: Page,
    ) -> Kept<'_, Slice<HitlRequest>>;

    /// Decides: the first decision about a request is the only one. What is approved of waits for
    /// [`Hitl::note_hitl_outcome`].
    fn decide(&self, actor: Actor, decision: NewHitlDecision) -> Kept<'_, Decided>;

    /// What became of a request that was approved of; whether it still was in that state.
    fn note_hitl_outcome(
        &self,
        actor: Actor,
        id: Uuid,
        status: HitlStatus,
        outcome: Value,
    ) -> Kept<'_, bool>;

    /// Requests that are approved of and not in the session, oldest first.
    fn hitl_unreleased(&self, tenant: TenantId) -> Kept<'_, Vec<(HitlRequest, HitlDecision)>>;

    /// Ends what nobody has decided in time, and returns it.
    fn expire_hitl(&self, actor: Actor) -> Kept<'_, Vec<HitlRequest>>;

    /// Decisions with their requests, newest first.
    fn hitl_decisions(
        &self,
        tenant: TenantId,
        page: Page,
    ) -> Kept<'_, Slice<(HitlRequest, HitlDecision)>>;

    /// Whether anything of this source was ever approved of.
    fn has_approved(&self, tenant: TenantId, source: StrategyUid) -> Kept<'_, bool>;

    /// Figures of the last 24 hours before `now`.
    fn hitl_figures(&self, tenant: TenantId, now: Time) -> Kept<'_, HitlFigures>;

    /// Requests of the last 30 days before `now` whose state the mirror does not show, oldest
    /// change first.
    fn hitl_unmirrored(
        &self,
        tenant: TenantId,
        now: Time,
        limit: u32,
    ) -> Kept<'_, Vec<(HitlRequest, Option<HitlDecision>)>>;

    /// The mirror shows a request as it was when it was read.
    fn hitl_mirrored(&self, tenant: TenantId, shown: HitlRequest) -> Kept<'_, ()>;

    /// What was shown is shown no more: all that waits, and what ended in the last 30 days before
    /// `now`, is to be shown again; how many.
    fn hitl_mirror_lost(&self, tenant: TenantId, now: Time) -> Kept<'_, u64>;
}

#[cfg(test)]
mod tests {
    use super::{SECOND_NS, Urgency};
    use qt_trading::amount::Amount;
    use qt_trading::time::Time;

    #[test]
    fn urgency_is_by_value_and_by_time_left() {
        let amount = |value: i64| Some(Amount(value.into()));
        for (notional, above, wanted) in [
            (amount(10_000), amount(10_000), Urgency::Low),
            (amount(10_001), amount(10_000), Urgency::Medium),
            (amount(49_999), amount(10_000), Urgency::Medium),
            (amount(50_000), amount(10_000), Urgency::High),
            (None, amount(10_000), Urgency::Low),
            (amount(50_000), None, Urgency::Low),
        ] {
            assert_eq!(Urgency::of_value(notional, above), wanted, "{notional:?} {above:?}");
        }
        let left = |seconds: i64| Urgency::of_time(Time(7), Time(7 + seconds * SECOND_NS));
        let wanted = [Urgency::High, Urgency::High, Urgency::Medium, Urgency::Medium, Urgency::Low];
        assert_eq!([-1, 59, 60, 299, 300].map(left), wanted);
        assert_eq!(Urgency::Low.or_sooner(Urgency::Medium), Urgency::Medium);
        assert_eq!(Urgency::High.or_sooner(Urgency::Medium), Urgency::High);
    }
}
