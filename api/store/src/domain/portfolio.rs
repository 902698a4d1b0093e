//! The aggregate of an account: its orders, its alerts, its kill switch.

use super::event::{DomainEvent, KillSwitchChanged, OrderStateChanged, RiskAlert};
use super::trade::Trade;
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::{Execution, Order};

/// What happens in one account, collected until it is saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Portfolio {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The account.
    pub account_id: AccountId,
    events: Vec<DomainEvent>,
}

impl Portfolio {
    /// An account of a tenant.
    #[must_use]
    pub const fn new(tenant_id: TenantId, account_id: AccountId) -> Self {
        Self { tenant_id, account_id, events: Vec::new() }
    }

    /// An order came into another state.
    pub fn order_changed(&mut self, order: Order) {
        let event = OrderStateChanged { account_id: self.account_id, order };
        self.events.push(DomainEvent::OrderStateChanged(Box::new(event)));
    }

    /// An order was executed.
    pub fn executed(&mut self, execution: Execution) -> Trade {
        let (trade, event) = Trade::executed(self.tenant_id, self.account_id, execution);
        self.events.push(event);
        trade
    }

    /// A limit was reached or passed.
    pub fn alert(&mut self, alert: RiskAlert) {
        self.events.push(DomainEvent::RiskAlert(Box::new(alert)));
    }

    /// Trading was stopped, or let go on.
    pub fn kill_switch(&mut self, change: KillSwitchChanged) {
        self.events.push(DomainEvent::KillSwitchChanged(Box::new(change)));
    }

    /// What has happened since the last call.
    pub fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}
