//! What is known of a session outside of its journal, should that be lost.

use qt_trading::ids::{AccountId, TenantId};
use qt_trading::{LimitsNow, Switch};

/// What was written down about a session.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// Kill switches.
    pub switches: Vec<Switch>,
    /// The last version of the limits.
    pub limits: Option<LimitsNow>,
}

/// Remembers sessions. What a journal knows better, it keeps.
pub trait Memory: Send + Sync {
    /// What was written down about the session of `account`. It may wait.
    ///
    /// # Errors
    /// Why it cannot be told now.
    fn recall(&self, tenant: TenantId, account: AccountId) -> Result<Remembered, String>;
}

/// Remembers nothing.
#[derive(Clone, Copy, Debug)]
pub struct Forgetful;

impl Memory for Forgetful {
    fn recall(&self, _tenant: TenantId, _account: AccountId) -> Result<Remembered, String> {
        Ok(Remembered::default())
    }
}
