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

/// The repository of limits. Whether a change tightens or loosens, the caller has worked out.
pub trait Limits: Send + Sync {
    /// The limits in force; `default` becomes version 1 at first use.
    fn limits(&self, tenant: TenantId, default: Value) -> Kept<'_, LimitSet>;

    /// All versions, newest first, at most `limit`.
    fn limit_history(&self, tenant: TenantId, limit: u32) -> Kept<'_, Vec<LimitSet>>;

    /// Puts tighter limits in force. `base` is the version that they were made from; another one
    /// in force is a conflict.
    fn tighten_limits(&self, actor: Actor, base: u64, document: Value) -> Kept<'_, LimitSet>;

    /// Asks for looser limits.
    fn propose_limits(&self, actor: Actor, base: u64, document: Value) -> Kept<'_, LimitProposal>;

    /// Proposals that wait, newest first.
    fn limit_proposals(&self, tenant: TenantId) -> Kept<'_, Vec<LimitProposal>>;

    /// A second person agrees, and the limits are in force. The same person, a proposal that is
    /// too old, or another version in force is a conflict. With `is_single_operator` the same
    /// person may agree 10 seconds later, and the audit says so.
    fn approve_limits(
        &self,
        actor: Actor,
        proposal: Uuid,
        is_single_operator: bool,
    ) -> Kept<'_, LimitSet>;
}
