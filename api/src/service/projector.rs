//! From sessions to the store: orders, executions and equity, in batches, behind the sessions.
//!
//! The journal of a session is the truth; what is here can be late, and may be made again. While
//! the store is away records wait in memory, up to a bound; beyond it, and after a restart, all
//! that the session still has in memory is offered again, and what is kept already stays as it is.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use qt_store::domain::event::RiskAlert;
use qt_store::orders::BATCH_RECORDS_MAX;
use qt_store::{Accounts, EquityPoint, Orders, Projected, Record, Store, StoreError, Stream};
use qt_trading::ids::{AccountId, ExecutionUid, OrderUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{
    Alert, Desk, Execution, Order, Phase, PrivateEvent, PrivateKind, PrivateLog, PrivateReader,
};

/// Records that wait for the store.
const WAITING_MAX: usize = 200_000;
/// Events that are taken at once.
const TAKEN_MAX: usize = 1_000;
/// Pause after the store did not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// The least time between two points of equity (ns).
const EQUITY_EVERY_NS: i64 = 10_000_000_000;

/// Keeps what one desk does, until it is dropped.
pub async fn follow(store: Store, tenant: TenantId, desk: Arc<dyn Desk>) {
    while desk.state().phase == Phase::Reconciling {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let account = desk.account();
    while let Err(error) = store.paper_account(tenant).await {
        tracing::warn!(%error, "the account is not kept yet");
        tokio::time::sleep(PAUSE).await;
    }
    // Each life of a session numbers its records anew.
    let stream = Stream { tenant, account, session: Uuid::now_v7() };
    let log = desk.events();
    let mut follower = Follower {
        account,
        reader: log.reader(0),
        waiting: VecDeque::new(),
        seq: 0,
        equity_ns: i64::MIN,
    };
    follower.offer_all(&store, tenant, &*desk).await;
    loop {
        if follower.waiting.is_empty() {
            follower.reader.ready().await;
        }
        if !follower.take() {
            tracing::warn!(%account, "events were missed; all that is in memory is kept again");
            follower.offer_all(&store, tenant, &*desk).await;
        }
        match follower.hand_over(&store, stream).await {
            Ok(()) => {}
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, waiting = follower.waiting.len(), "records wait");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                // The same batch would fail for ever; the journal has what is in it.
                tracing::error!(%error, "a batch of records is not kept");
                let batch = follower.waiting.len().min(BATCH_RECORDS_MAX);
                follower.waiting.drain(..batch);
            }
        }
    }
}

fn of_order(order: Order) -> Record {
    let person = order.placed_by.clone();
    Record::Order { order: Box::new(order), person }
}

fn of_alert(account: AccountId, alert: &Alert) -> Record {
    let mut message = alert.message.clone();
    if alert.count > 1 {
        let _ = write!(message, " ({} times since the last alert)", alert.count);
    }
    Record::Alert(Box::new(RiskAlert {
        alert_id: alert.id,
        account_id: Some(account),
        severity: alert.severity.clone(),
        control: alert.control.clone(),
        symbol: alert.symbol.clone(),
        limit: alert.limit,
        observed: alert.observed,
        message,
        at: alert.at,
    }))
}

struct Follower {
    account: AccountId,
    reader: PrivateReader,
    waiting: VecDeque<Projected>,
    seq: u64,
    equity_ns: i64,
}

impl Follower {
    fn add(&mut self, at: Time, record: Record) {
        self.seq += 1;
        self.waiting.push_back(Projected { seq: self.seq, at, record });
    }

    /// All that the desk and its log have in memory, oldest first: each order as it is now, and
    /// the executions that are not kept yet, so that their events are not published again. (What
    /// the desk shows can be a moment older than the log.)
    async fn offer_all(&mut self, store: &Store, tenant: TenantId, desk: &dyn Desk) {
        let mut orders: HashMap<OrderUid, Order> =
            desk.orders().iter().map(|order| (order.id, Order::clone(order))).collect();
        let account = self.account;
        let mut executions: HashMap<ExecutionUid, Execution> =
            desk.executions().iter().map(|it| (it.id, Execution::clone(it))).collect();
        for event in self.backlog(&desk.events()) {
            match &event.kind {
                PrivateKind::Order(order) => {
                    let known = orders.entry(order.id).or_insert_with(|| order.clone());
                    if known.updated_at <= order.updated_at {
                        known.clone_from(order);
                    }
                }
                PrivateKind::Executed(execution) => {
                    executions.insert(execution.id, execution.clone());
                }
                PrivateKind::Alert(alert) => self.add(event.at, of_alert(account, alert)),
                _ => {}
            }
        }
        let mut orders: Vec<Order> = orders.into_values().collect();
        orders.sort_by_key(|order| (order.created_at, order.id));
        for order in orders {
            self.add(order.updated_at, of_order(order));
        }
        let mut executions: Vec<Execution> = executions.into_values().collect();
        executions.sort_by_key(|execution| (execution.executed_at, execution.id));
        for execution in executions {
            if store.execution(tenant, execution.id).await.is_err() {
                self.add(execution.executed_at, Record::Execution(Box::new(execution)));
            }
        }
    }

    /// What the log has from where this stands; what is gone is left out.
    fn backlog(&mut self, log: &Arc<PrivateLog>) -> Vec<Arc<PrivateEvent>> {
        let mut backlog = Vec::new();
        loop {
            match self.reader.take(TAKEN_MAX) {
                Ok(events) if events.is_empty() => return backlog,
                Ok(events) => backlog.extend(events),
                Err(missed) => self.reader = log.reader(missed.first.saturating_sub(1)),
            }
        }
    }

    /// Takes what the session has told; false when some of it is gone.
    fn take(&mut self) -> bool {
        while self.waiting.len() < WAITING_MAX {
            let Ok(events) = self.reader.take(TAKEN_MAX) else { return false };
            if events.is_empty() {
                return true;
            }
            for event in &events {
                self.take_event(event);
            }
        }
        true
    }

    fn take_event(&mut self, event: &PrivateEvent) {
        let record = match &event.kind {
            PrivateKind::Order(order) => of_order(order.clone()),
            PrivateKind::Executed(execution) => Record::Execution(Box::new(execution.clone())),
            PrivateKind::Portfolio(portfolio) => {
                if event.at.0 < self.equity_ns.saturating_add(EQUITY_EVERY_NS) {
                    return;
                }
                self.equity_ns = event.at.0;
                Record::Equity(EquityPoint {
                    at: event.at,
                    equity: portfolio.equity,
                    cash: portfolio.cash,
                    realized_pnl: portfolio.realized_pnl,
                    unrealized_pnl: portfolio.unrealized_pnl,
                    fees: portfolio.fees,
                })
            }
            PrivateKind::Alert(alert) => of_alert(self.account, alert),
            // Positions follow from executions; decisions are kept by [`super::decisions`].
            PrivateKind::Position(_) | PrivateKind::Risk(_) => return,
        };
        self.add(event.at, record);
    }

    async fn hand_over(&mut self, store: &Store, stream: Stream) -> Result<(), StoreError> {
        while !self.waiting.is_empty() {
            let count = self.waiting.len().min(BATCH_RECORDS_MAX);
            let batch: Vec<Projected> = self.waiting.iter().take(count).cloned().collect();
            store.project(stream, batch).await?;
            self.waiting.drain(..count);
        }
        Ok(())
    }
}
