//! Trading accounts.

use serde::Serialize;
use utoipa::ToSchema;

use super::Kept;
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::time::Time;

/// What a paper account begins with.
pub const PAPER_CAPITAL: i64 = 100_000;

/// A trading account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Account {
    /// Its identifier.
    pub id: AccountId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its name.
    pub name: String,
    /// `paper` or `live`.
    pub account_type: String,
    /// Its currency.
    pub currency: String,
    /// What it began with.
    pub initial_capital: Amount,
    /// When it was made.
    pub created_at: Time,
}

/// The repository of accounts.
pub trait Accounts: Send + Sync {
    /// The tenant's paper account; it is made at first use, once, whoever asks first.
    fn paper_account(&self, tenant: TenantId) -> Kept<'_, Account>;

    /// All accounts of a tenant, oldest first.
    fn accounts(&self, tenant: TenantId) -> Kept<'_, Vec<Account>>;

    /// Every tenant that was ever here: what a start of the service begins with.
    fn tenants(&self) -> Kept<'_, Vec<TenantId>>;
}
