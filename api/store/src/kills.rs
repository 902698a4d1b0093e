//! The kill switch and the approvals that let trading go on.

use serde::Serialize;
use utoipa::ToSchema;

use super::Kept;
use super::actor::Actor;
use qt_trading::KillLevel;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

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
}

/// Who must approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmRule {
    /// Two different people.
    TwoPeople,
    /// One person, twice, 10 seconds or more apart: only where one owner works alone, on paper.
    SingleOperator,
}

/// How far re-arming is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArmProgress {
    /// It was not killed.
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
    /// Enough people have approved: let it go on, then call [`Kills::armed`].
    Ready {
        /// Who has approved.
        people: Vec<String>,
    },
}

/// The repository of kill switches.
pub trait Kills: Send + Sync {
    /// All switches of a tenant (with [`super::PLATFORM`]: of venues and of everything).
    fn kills(&self, tenant: TenantId) -> Kept<'_, Vec<KillRow>>;

    /// A switch was tripped. Approvals that were there count no more.
    fn tripped(
        &self,
        actor: Actor,
        level: KillLevel,
        subject: String,
        reason: String,
    ) -> Kept<'_, KillRow>;

    /// One person with the right to it wants trading to go on. The same person twice counts once.
    fn approve_arm(
        &self,
        actor: Actor,
        level: KillLevel,
        subject: String,
        reason: String,
        rule: ArmRule,
    ) -> Kept<'_, ArmProgress>;

    /// Trading goes on: uses the approvals up. Without enough of them it is a conflict.
    fn armed(
        &self,
        actor: Actor,
        level: KillLevel,
        subject: String,
        rule: ArmRule,
    ) -> Kept<'_, KillRow>;
}
