//! Who is told what becomes of orders: all of it, in order, and again from the first when a session
//! is made again from its journal.

use std::sync::Arc;

use super::orders::Changed;
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, OrderUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Alert, Execution, Order, Portfolio, Side};

/// What somebody asked for, and the gate has denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedOrder {
    /// The order that was to be, or to be changed.
    pub order: OrderUid,
    /// Whether it was a change of an order that is there.
    pub is_change: bool,
    /// Who asked, where that is known.
    pub person: Option<String>,
    /// Of what.
    pub symbol: String,
    /// Which way, of a new one.
    pub side: Option<Side>,
    /// How much was asked for, in units of the instrument.
    pub quantity: Amount,
    /// The control that denied it.
    pub control: &'static str,
}

/// What a session tells.
#[derive(Clone, Debug)]
pub enum Told {
    /// An order, as it is now.
    Order(Arc<Order>),
    /// An execution.
    Executed(Arc<Execution>),
    /// What somebody asked for, and the gate has denied.
    Denied(Arc<DeniedOrder>),
    /// A denial or a switch that was tripped, told of once for many; a session that is made again
    /// is silent of it.
    Alert(Arc<Alert>),
    /// What the account is worth, once in a while; a session that is made again is silent of it.
    Worth(Arc<Portfolio>),
}

impl Told {
    /// What is told of a change; nothing where it is about memory alone.
    pub(super) fn of(changed: &Changed) -> Option<Self> {
        match changed {
            Changed::Order(_, order) => Some(Self::Order(Arc::clone(order))),
            Changed::Executed(execution, _) => Some(Self::Executed(Arc::clone(execution))),
            Changed::Denied(denied) => Some(Self::Denied(Arc::clone(denied))),
            Changed::Gone(_) => None,
        }
    }
}

/// Who listens to one session. It is called by the thread that runs it and must not wait.
pub trait Listener: std::fmt::Debug + Send + Sync {
    /// The session is about to be made again: what its journal has behind record `told` of all that
    /// it ever told comes next; from the first, where that is zero.
    fn begins(&self, told: u64);

    /// What the event `seq` of the journal changed.
    fn hear(&self, seq: u64, at: Time, told: Told);

    /// All of the journal was heard; its last event is `seq`.
    fn caught_up(&self, seq: u64);

    /// The number of the last record that it was told, by its own count.
    fn told(&self) -> u64 {
        0
    }

    /// The session is about to begin: what was kept when it began here before may not be all that
    /// is kept by now, as another process may have had it. [`Self::kept`] says it anew.
    fn ask_anew(&self) {}

    /// Up to which number all is kept where it outlives the session's journal; `None` while that
    /// is not known. A session is begun with no state in which there is more.
    fn kept(&self) -> Option<u64> {
        Some(u64::MAX)
    }
}

/// Who listens to sessions.
pub trait Listeners: Send + Sync {
    /// The one for a session that begins.
    fn of(&self, tenant: TenantId, account: AccountId) -> Arc<dyn Listener>;
}

/// Nobody listens.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Listener for Nobody {
    fn begins(&self, _: u64) {}

    fn hear(&self, _: u64, _: Time, _: Told) {}

    fn caught_up(&self, _: u64) {}
}

impl Listeners for Nobody {
    fn of(&self, _: TenantId, _: AccountId) -> Arc<dyn Listener> {
        Arc::new(Self)
    }
}
