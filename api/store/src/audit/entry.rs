//! Rows of the audit.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Actor, Kept, Page, Slice};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// What the audit is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its identifier: the same one is written once.
    pub id: Uuid,
    /// When.
    pub at: Time,
    /// Who.
    pub person: String,
    /// What, like `risk.killed`.
    pub action: String,
    /// Of what, like `strategy:{id}`.
    pub subject: String,
    /// The request.
    pub request_id: String,
    /// All else, as JSON text: the hash is over this text.
    pub detail: String,
}

impl AuditEntry {
    /// What `actor` has done.
    #[must_use]
    pub fn new(actor: &Actor, action: &str, subject: impl Into<String>, detail: &Value) -> Self {
        Self {
            id: Uuid::now_v7(),
            at: actor.at,
            person: actor.person.clone(),
            action: action.to_owned(),
            subject: subject.into(),
            request_id: actor.request_id.clone(),
            detail: detail.to_string(),
        }
    }
}

/// A row of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditRow {
    /// Its place in the tenant's chain, from 1.
    pub seq: u64,
    /// Its identifier.
    pub id: Uuid,
    /// When.
    pub at: Time,
    /// Who.
    pub person: String,
    /// What.
    pub action: String,
    /// Of what.
    pub subject: String,
    /// The request.
    pub request_id: String,
    /// All else, as JSON text.
    pub detail: String,
    /// The hash of the row before, in hexadecimal digits.
    pub previous_hash: String,
    /// The hash of this row.
    pub hash: String,
}

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only of this action, or of those that begin with it and a point.
    pub action: Option<String>,
    /// Only by this person.
    pub person: Option<String>,
    /// Only about this.
    pub subject: Option<String>,
}

/// The repository of the audit. Most rows are written with the change that they are about; these
/// calls are for what changes nothing, like a login or a refusal.
pub trait Audits: Send + Sync {
    /// Writes a row.
    fn audit(&self, tenant: TenantId, entry: AuditEntry) -> Kept<'_, ()>;

    /// Rows, newest first.
    fn audit_rows(
        &self,
        tenant: TenantId,
        filter: AuditFilter,
        page: Page,
    ) -> Kept<'_, Slice<AuditRow>>;

    /// Rows from `seq` on, in order: what the verifier reads.
    fn audit_chain(&self, tenant: TenantId, seq: u64, limit: u32) -> Kept<'_, Vec<AuditRow>>;

    /// The last row's place and hash, as the database has counted them.
    fn audit_end(&self, tenant: TenantId) -> Kept<'_, (u64, String)>;
}
