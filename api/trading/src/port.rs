//! The two ports of the routes: trading for a tenant, and market data for everybody.

use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};
use utoipa::ToSchema;

use super::events::PrivateLog;
use super::market::{Book, Candle, Candles, Instrument, Quote, TradePrint};
use super::order::{AmendOrder, Execution, NewOrder, Order};
use super::portfolio::Portfolio;
use super::refusal::Refusal;
use super::signal::{SignalAnswer, SignalIn};
use super::switch::{LimitsNow, Switch};
use super::time::Time;
use crate::amount::Amount;
use crate::ids::{AccountId, ExecutionUid, OrderUid, StrategyUid, TenantId};

/// Something that is being done.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The desks of all tenants.
pub trait Trading: Send + Sync {
    /// The desk of a tenant. At first use it gets a paper account and a session.
    fn desk(&self, tenant: TenantId) -> Doing<'_, Result<Arc<dyn Desk>, Refusal>>;

    /// Takes no more orders, lets sessions end in order, and returns when they have.
    fn stop(&self) -> Doing<'_, ()>;

    /// Trips the kill switch of a venue (`subject`) or of everything, in all sessions, also those
    /// that begin later.
    fn kill_all(
        &self,
        level: KillLevel,
        subject: String,
        reason: String,
        person: String,
    ) -> Doing<'_, Result<KillAnswer, Refusal>>;

    /// Lets orders leave again after [`Trading::kill_all`], as far as what was tripped until `trip`
    /// held them back. That enough `people` want it, the caller has seen to.
    fn arm_all(
        &self,
        level: KillLevel,
        subject: String,
        trip: Time,
        people: Vec<String>,
    ) -> Doing<'_, Result<ArmAnswer, Refusal>>;

    /// The kill switches of venues and of everything.
    fn switches(&self) -> Vec<Switch>;

    /// Every session's state, for health and metrics.
    fn states(&self) -> Vec<SessionState>;
}

/// A session's phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// It is made again from its journal.
    Reconciling,
    /// It trades.
    Ready,
    /// It ends.
    Draining,
    /// It does not run here.
    Stopped,
    /// It could not go on.
    Failed,
    /// Its lease could not be renewed in time: nothing leaves until it is.
    LeaseLost,
    /// Another process has it.
    Elsewhere,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Reconciling,
        Self::Ready,
        Self::Draining,
        Self::Stopped,
        Self::Failed,
        Self::LeaseLost,
        Self::Elsewhere,
    ];
}

impl Phase {
    /// The code and the words of whoever takes no orders in it; none where it trades.
    #[must_use]
    pub const fn refusal(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Ready => return None,
            Self::Reconciling => {
                ("RECONCILING", "the session is made again from its journal; try again in a moment")
            }
            Self::Draining => ("STOPPING", "the service is stopping"),
            Self::Stopped => ("STOPPED", "the session does not run here"),
            Self::Failed => ("FAILED", "the session could not go on"),
            Self::LeaseLost => ("LEASE_LOST", "the lease of the session is not renewed"),
            Self::Elsewhere => ("ELSEWHERE", "the session is held by another process"),
        })
    }
}

/// What a session says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionState {
    /// The account.
    pub account_id: AccountId,
    /// Its phase.
    pub phase: Phase,
    /// Why, where it does not trade.
    pub detail: Option<String>,
    /// Its epoch.
    pub epoch: u64,
    /// Sequenced events.
    pub events: u64,
    /// Whether its kill switch is tripped.
    pub is_killed: bool,
}

/// A level of the kill switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KillLevel {
    /// One strategy.
    Strategy,
    /// One account.
    Account,
    /// All of a tenant.
    Tenant,
    /// A venue.
    Venue,
    /// Everything.
    Global,
}

/// What a kill has done by the time it is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct KillAnswer {
    /// Orders that are gone.
    pub cancelled: Vec<OrderUid>,
    /// Orders whose cancel is on its way.
    pub cancel_pending: Vec<OrderUid>,
    /// Orders whose fate is not known.
    pub unknown: Vec<OrderUid>,
    /// Orders whose cancel could not be sent.
    pub could_not_cancel: Vec<OrderUid>,
    /// When it was tripped: this names the trip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tripped_at: Option<Time>,
}

/// What re-arming has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmAnswer {
    /// It trades again.
    Armed,
    /// It was not killed.
    WasArmed,
}

/// One limit, how much of it is used, and how much is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RiskStatus {
    /// The control, as a stable code.
    pub control: String,
    /// At which level.
    pub level: String,
    /// For which instrument; none for all.
    pub symbol: Option<String>,
    /// The limit.
    pub limit: Amount,
    /// How much is used.
    pub observed: Amount,
    /// The unit of both.
    pub unit: String,
}

/// One limit of the risk gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitValue {
    /// Its name, as the risk gate has it: `order_notional`.
    pub name: String,
    /// `instrument`, `strategy`, `account` or `tenant`.
    pub level: String,
    /// For which instrument; none for all that have no own.
    #[serde(default)]
    pub symbol: Option<String>,
    /// The limit.
    pub value: Amount,
    /// Its unit; not read.
    #[serde(default)]
    pub unit: String,
}

/// A strategy that a session is to run.
#[derive(Clone, Debug, PartialEq)]
pub struct StrategyRun {
    /// Its identifier.
    pub id: StrategyUid,
    /// The type, as the registry names it.
    pub strategy_type: String,
    /// On which symbols.
    pub symbols: Vec<String>,
    /// Parameters as texts, all of them.
    pub parameters: Vec<(String, String)>,
    /// Limits of its own, of the level `strategy`: they hold where they are tighter than those that
    /// all strategies have.
    pub limits: Vec<LimitValue>,
}

/// A tenant's paper or live account with its session. Reads are of a view that is a moment old;
/// writes go to the session's sequencer and are answered when they are journaled and decided.
pub trait Desk: Send + Sync {
    /// The account.
    fn account(&self) -> AccountId;

    /// How the session is.
    fn state(&self) -> SessionState;

    /// The account's value and positions.
    fn portfolio(&self) -> Arc<Portfolio>;

    /// The latest orders, newest first: all open ones, and of those that are over as many as are
    /// kept in memory (at least 1,000). Older ones are in the store.
    fn orders(&self) -> Vec<Arc<Order>>;

    /// The newest `count` orders of the account, newest first (by time, then identifier), where
    /// all of them are certain to be in memory.
    fn newest_orders(&self, count: usize) -> Option<Vec<Arc<Order>>> {
        let _ = count;
        None
    }

    /// One order.
    fn order(&self, id: OrderUid) -> Option<Arc<Order>>;

    /// The latest executions, newest first (at least 1,000). Older ones are in the store.
    fn executions(&self) -> Vec<Arc<Execution>>;

    /// [`Self::newest_orders`] for executions.
    fn newest_executions(&self, count: usize) -> Option<Vec<Arc<Execution>>> {
        let _ = count;
        None
    }

    /// One execution.
    fn execution(&self, id: ExecutionUid) -> Option<Arc<Execution>>;

    /// Places an order under the identifier that the caller gives it; who asks is written down.
    fn place(
        &self,
        id: OrderUid,
        order: NewOrder,
        person: String,
    ) -> Doing<'_, Result<Arc<Order>, Refusal>>;

    /// What every limit would say of an order that is not placed.
    fn try_out(&self, order: NewOrder) -> Doing<'_, Result<Vec<RiskStatus>, Refusal>>;

    /// Changes an order that rests.
    fn amend(
        &self,
        id: OrderUid,
        change: AmendOrder,
        person: String,
    ) -> Doing<'_, Result<Arc<Order>, Refusal>>;

    /// Asks for an order to be cancelled. An order that is over is a conflict.
    fn cancel(&self, id: OrderUid, person: String) -> Doing<'_, Result<Arc<Order>, Refusal>>;

    /// Lets no order or change leave, and cancels what rests.
    fn kill(
        &self,
        level: KillLevel,
        strategy: Option<StrategyUid>,
        reason: String,
        person: String,
    ) -> Doing<'_, Result<KillAnswer, Refusal>>;

    /// The same for a strategy that the tenant has, also where the session has no place for it:
    /// then it cannot start before the switch is armed.
    fn kill_absent(
        &self,
        _strategy: StrategyUid,
        _reason: String,
        _person: String,
    ) -> Doing<'_, Result<KillAnswer, Refusal>> {
        Box::pin(async { Err(Refusal::NotFound) })
    }

    /// Lets orders leave again, as far as what was tripped until `trip` held them back; a later
    /// trip of the same switch is a conflict. That enough `people` want it, the caller has seen to.
    fn arm(
        &self,
        level: KillLevel,
        strategy: Option<StrategyUid>,
        trip: Time,
        people: Vec<String>,
    ) -> Doing<'_, Result<ArmAnswer, Refusal>>;

    /// The kill switches that were ever tripped in this session, also from above.
    fn switches(&self) -> Vec<Switch>;

    /// The strategies that run; none where that is not known now.
    fn running(&self) -> Option<Vec<StrategyUid>> {
        None
    }

    /// Runs a strategy. One that runs already is changed to the new parameters.
    fn activate(&self, run: StrategyRun, person: String) -> Doing<'_, Result<(), Refusal>>;

    /// Stops a strategy and cancels its orders; its position stays.
    fn deactivate(&self, id: StrategyUid, person: String) -> Doing<'_, Result<(), Refusal>>;

    /// Takes in signals, in this order; one answer each. Answered when they are in the journal. One
    /// that is there already is answered as taken and changes nothing.
    fn signals(&self, signals: Vec<SignalIn>) -> Doing<'_, Result<Vec<SignalAnswer>, Refusal>>;

    /// All limits with their headroom, as they were when they were last asked for, or when the
    /// session began.
    fn risk(&self) -> Vec<RiskStatus>;

    /// The same as it is now, where the session can be asked.
    fn risk_now(&self) -> Doing<'_, Vec<RiskStatus>> {
        Box::pin(async { self.risk() })
    }

    /// The limits in force.
    fn limits(&self) -> Arc<LimitsNow>;

    /// Puts other limits in force, where version `base` is. Those that `limits` does not name stay.
    /// Answered with the version after it once that is durable. That enough `people` want it, the
    /// caller has seen to.
    fn set_limits(
        &self,
        base: u64,
        limits: Vec<LimitValue>,
        people: Vec<String>,
    ) -> Doing<'_, Result<Arc<LimitsNow>, Refusal>>;

    /// Private events, numbered.
    fn events(&self) -> Arc<PrivateLog>;
}

/// How a feed is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeedState {
    /// Its name.
    pub name: String,
    /// Whether data comes.
    pub is_up: bool,
    /// Instruments with a quote, of how many.
    pub quoted: usize,
    /// How many instruments it has.
    pub instruments: usize,
    /// When something was heard last.
    pub last_at: Option<Time>,
}

/// Market data of all configured feeds.
pub trait MarketData: Send + Sync {
    /// What can be traded.
    fn instruments(&self) -> Vec<Instrument>;

    /// One of them.
    fn instrument(&self, symbol: &str) -> Option<Instrument>;

    /// The last of everything; none for a symbol that is not there.
    fn quote(&self, symbol: &str) -> Option<Arc<Quote>>;

    /// The book to a depth of at most 50.
    fn book(&self, symbol: &str, depth: usize) -> Option<Book>;

    /// Candles, oldest first; none for a symbol that is not there.
    fn candles(&self, symbol: &str, which: Candles) -> Option<Vec<Candle>>;

    /// The last quote, again and again: who is slow sees fewer of them.
    fn quotes(&self, symbol: &str) -> Option<watch::Receiver<Arc<Quote>>>;

    /// The last book (20 levels), again and again.
    fn books(&self, symbol: &str) -> Option<watch::Receiver<Arc<Book>>>;

    /// Every trade from now on; who is slow is told how many were missed.
    fn trades(&self, symbol: &str) -> Option<broadcast::Receiver<Arc<TradePrint>>>;

    /// How the feeds are.
    fn feeds(&self) -> Vec<FeedState>;
}
