//! The kill switch and the approvals that let trading go on.

use serde::Serialize;
use utoipa::ToSchema;

use super::Kept;
use super::actor::Actor;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use qt_trading::{KillLevel, Switch};

/// How long an approval counts, in seconds.
pub const APPROVAL_SECONDS: i64 = 15 * 60;
/// How long one operator alone must think before the second confirmation, in seconds.
pub const SINGLE_OPERATOR_SECONDS: i64 = 10;

/// One kill switch. Those of a venue and of everything belong to [`super::PLATFORM`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KillRow {
    /// At which level.
    pub level: KillLevel,
    /// Of what: a strategy, an account, a tenant or a venue; empty for everything.
    pub subject: String,
    /// Whether nothing may leave.
    pub is_killed: bool,
    /// Why.
    pub reason: String,
    /// Who changed it last.
    pub person: String,
    /// When it changed last.
    pub changed_at: Time,
    /// When it was tripped last: this names the trip.
    pub tripped_at: Time,
}

/// Who must approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmRule {
    /// Two different people.
    TwoPeople,
    /// One person, twice, 10 seconds or more apart: only where one owner works alone, on paper.
    SingleOperator,
}

/// What an approval is for, and who must approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmTerms {
    /// When the switch was tripped: approvals are for this trip.
    pub trip: Time,
    /// Who must approve.
    pub rule: ArmRule,
}

/// How far re-arming is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArmProgress {
    /// It is not killed, or was tripped again since.
    NotKilled,
    /// One approval is there; another one must come before `expires_at`, and not before
    /// `not_before` where one operator works alone.
    Waiting {
        /// Who has approved.
        people: Vec<String>,
        /// When the oldest of them counts no more.
        expires_at: Time,
        /// For one operator alone: the earliest time of the second confirmation.
        not_before: Option<Time>,
    },
    /// Enough people have approved: let it go on, then call [`Kills::keep_switch`].
    Ready {
        /// Who has approved.
        people: Vec<String>,
    },
}

/// The repository of kill switches.
pub trait Kills: Send + Sync {
    /// All switches of a tenant (with [`super::PLATFORM`]: of venues and of everything).
    fn kills(&self, tenant: TenantId) -> Kept<'_, Vec<KillRow>>;

    /// A switch as it is in force, tripped or armed, by whom `actor` says. What is kept already or
    /// is older changes nothing; a new trip makes approvals void, arming uses them up.
    fn keep_switch(&self, actor: Actor, switch: Switch) -> Kept<'_, KillRow>;

    /// One person with the right to it wants trading to go on after the trip of time `trip`. The
    /// same person twice counts once.
    fn approve_arm(
        &self,
        actor: Actor,
        level: KillLevel,
        subject: String,
        reason: String,
        terms: ArmTerms,
    ) -> Kept<'_, ArmProgress>;
}
