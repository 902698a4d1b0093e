//! The aggregate of one execution.

use super::event::{DomainEvent, TradeExecuted};
use qt_trading::Execution;
use qt_trading::ids::{AccountId, TenantId};

/// One execution of an order. It never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// In which account.
    pub account_id: AccountId,
    /// The execution.
    pub execution: Execution,
}

impl Trade {
    /// What has just been executed, and the event of it.
    #[must_use]
    pub fn executed(
        tenant_id: TenantId,
        account_id: AccountId,
        execution: Execution,
    ) -> (Self, DomainEvent) {
        let event = TradeExecuted { account_id, execution: execution.clone() };
        let trade = Self { tenant_id, account_id, execution };
        (trade, DomainEvent::TradeExecuted(Box::new(event)))
    }
}
