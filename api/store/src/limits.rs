//! Versions of the limits of tenants.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Kept;
use super::actor::Actor;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// How long a proposal waits for the second person, in seconds.
pub const PROPOSAL_SECONDS: i64 = 15 * 60;

/// One version of a tenant's limits.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LimitSet {
    /// Rises by one with each change, from 1.
    pub version: u64,
    /// The limits.
    pub document: Value,
    /// Who changed them; two where they were loosened.
    pub people: Vec<String>,
    /// When.
    pub created_at: Time,
}

/// A loosening that waits for a second person.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LimitProposal {
    /// Its identifier.
    pub id: Uuid,
    /// The version that it was made for; another version makes it void.
    pub base_version: u64,
    /// The limits that are wanted.
    pub document: Value,
    /// Who wants them.
    pub person: String,
    /// When.
    pub created_at: Time,
    /// Until when somebody else may agree.
    pub expires_at: Time,
}

/// A loosening that enough people want.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitAgreed {
    /// The version that it was made for.
    pub base_version: u64,
    /// The limits that are wanted.
    pub document: Value,
    /// Who wants them: two people, or one operator twice.
    pub people: Vec<String>,
}

/// The repository of limits. What is in force the session knows; whether a change tightens or
/// loosens, the caller has worked out.
pub trait Limits: Send + Sync {
    /// Keeps limits that a session has put in force; what is kept already stays as it is. They make
    /// proposals for versions before them void.
    fn keep_limits(&self, actor: Actor, set: LimitSet) -> Kept<'_, ()>;

    /// All versions, newest first, at most `limit`.
    fn limit_history(&self, tenant: TenantId, limit: u32) -> Kept<'_, Vec<LimitSet>>;

    /// Asks for looser limits.
    fn propose_limits(&self, actor: Actor, base: u64, document: Value) -> Kept<'_, LimitProposal>;

    /// Proposals that wait, newest first.
    fn limit_proposals(&self, tenant: TenantId) -> Kept<'_, Vec<LimitProposal>>;

    /// Whether `actor`, as the second person, may agree to a proposal; nothing changes. The same
    /// person, a proposal that is too old, or another version is a conflict. With
    /// `is_single_operator` the same person may agree 10 seconds later, and the audit says so.
    fn agree_limits(
        &self,
        actor: Actor,
        proposal: Uuid,
        is_single_operator: bool,
    ) -> Kept<'_, LimitAgreed>;
}
