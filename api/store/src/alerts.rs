//! Alerts of the risk gate.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Kept;
use super::page::{Page, Slice};
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::time::Time;

/// An alert. It is written by the projection of sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlertRow {
    /// Its identifier.
    pub id: Uuid,
    /// The account.
    pub account_id: Option<AccountId>,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// The control, as a stable code.
    pub control: String,
    /// For which symbol.
    pub symbol: Option<String>,
    /// The limit.
    pub limit: Option<Amount>,
    /// What it was held against.
    pub observed: Option<Amount>,
    /// In words.
    pub message: String,
    /// When.
    pub created_at: Time,
}

/// The repository of alerts.
pub trait Alerts: Send + Sync {
    /// Alerts, newest first.
    fn alerts(&self, tenant: TenantId, page: Page) -> Kept<'_, Slice<AlertRow>>;
}
