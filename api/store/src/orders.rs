//! Orders and executions: the projection of what sessions did.
//!
//! A session's journal is the truth; these rows are made from it, in batches, and can be made
//! again. Each record has a number in its session, and the last one that is kept is kept with it:
//! the same batch twice, or a replay that begins too early, changes nothing.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Kept;
use super::history::EquityPoint;
use super::page::{Page, Slice};
use crate::domain::event::{RiskAlert, SignalGenerated};
use qt_trading::ids::{AccountId, ExecutionUid, OrderUid, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Execution, Order, OrderStatus};

/// Most records of one batch.
pub const BATCH_RECORDS_MAX: usize = 2_000;

/// Which session the records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The tenant.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// The session: one journal has one, through all its lives, and numbers its records from 1.
    pub session: Uuid,
}

/// One record of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Projected {
    /// Its number in the session; it rises, and may leave numbers out.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// What.
    pub record: Record,
}

impl Projected {
    /// Whether its number says if it is kept already. What an account was worth, and alerts, are in
    /// no journal.
    #[must_use]
    pub const fn is_numbered(&self) -> bool {
        !matches!(self.record, Record::Equity(_) | Record::Alert(_))
    }
}

/// What a session tells the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An order as it is now, and who asked for it where that is known.
    Order {
        /// The order.
        order: Box<Order>,
        /// Who placed it.
        person: Option<String>,
    },
    /// An execution.
    Execution(Box<Execution>),
    /// What the account was worth.
    Equity(EquityPoint),
    /// A limit was reached or passed.
    Alert(Box<RiskAlert>),
    /// A strategy said what should be done.
    Signal(Box<SignalGenerated>),
    /// What else the audit must know, like a limit that was changed in the session.
    Audit {
        /// Who.
        person: String,
        /// What, like `risk.limit_changed`.
        action: String,
        /// Of what.
        subject: String,
        /// All else.
        detail: Value,
    },
}

/// Which orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Only of this symbol.
    pub symbol: Option<String>,
    /// Only of this status.
    pub status: Option<OrderStatus>,
    /// Only of this strategy.
    pub strategy: Option<StrategyUid>,
    /// Only what the client calls so.
    pub client_order_id: Option<String>,
    /// Placed at this time or later.
    pub from: Option<Time>,
    /// Placed before this time.
    pub to: Option<Time>,
}

/// Which executions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Only of this symbol.
    pub symbol: Option<String>,
    /// Only of this strategy.
    pub strategy: Option<StrategyUid>,
    /// Only of this order.
    pub order: Option<OrderUid>,
    /// At this time or later.
    pub from: Option<Time>,
    /// Before this time.
    pub to: Option<Time>,
}

/// The repository of orders and executions.
pub trait Orders: Send + Sync {
    /// One order.
    fn order(&self, tenant: TenantId, id: OrderUid) -> Kept<'_, Order>;

    /// Orders, newest first.
    fn orders(&self, tenant: TenantId, filter: OrderFilter, page: Page) -> Kept<'_, Slice<Order>>;

    /// One execution.
    fn execution(&self, tenant: TenantId, id: ExecutionUid) -> Kept<'_, Execution>;

    /// Executions, newest first.
    fn executions(
        &self,
        tenant: TenantId,
        filter: ExecutionFilter,
        page: Page,
    ) -> Kept<'_, Slice<Execution>>;

    /// The number of the last record of a session that is kept; 0 before the first.
    fn projected(&self, stream: Stream) -> Kept<'_, u64>;

    /// The journal of a session ends at `seq`, before what is kept of it: its end was lost with the
    /// power. Records after `seq` are new ones.
    fn rewind(&self, stream: Stream, seq: u64) -> Kept<'_, ()>;

    /// Keeps a batch of at most [`BATCH_RECORDS_MAX`] records in rising order, with their events
    /// and audit rows, and returns the number of the last record that is kept now. Records that
    /// are kept already change nothing.
    fn project(&self, stream: Stream, records: Vec<Projected>) -> Kept<'_, u64>;
}
